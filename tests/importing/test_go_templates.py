"""Go's templates as ours: each with what comes of it, and what is refused by name."""

from __future__ import annotations

import pytest

from tocsin.config import templates
from tocsin.config.importing import go_pieces, go_templates
from tocsin.i18n import rendering, samples

IF = '{{ if eq .Status "firing" }}a{{ else }}b{{ end }}'
ONE_OF = (
    '{{ if eq .CommonLabels.severity "critical" "page" }}a{{ else if .CommonLabels.x }}b{{ end }}'
)
AT = '{{ range .Alerts }}{{ .EndsAt | tz "Europe/Vienna" | date "15:04 MST" }}{{ end }}'
#: (Go, ours)
SAME = [
    ("no actions at all", "no actions at all"),
    ("{{ .CommonLabels.alertname }}", "{{ labels.alertname }}"),
    ("{{.CommonAnnotations.summary}}", "{{ annotations.summary }}"),
    ("{{ .GroupLabels.items }}", '{{ group_labels["items"] }}'),
    ('{{ index .CommonLabels "service.name" }}', '{{ labels["service.name"] }}'),
    ("{{ .ExternalURL }}", "{{ url }}"),
    ("{{ .Receiver | toUpper }}", "{{ receiver|upper }}"),
    ("{{ toLower .CommonLabels.env }}", "{{ labels.env|lower }}"),
    ("{{ .Status }}", '{{ ("resolved" if over else "firing") }}'),
    ("{{ .Status | toUpper }}", '{{ ("RESOLVED" if over else "FIRING") }}'),
    ("{{ .Status | title }}", '{{ ("Resolved" if over else "Firing") }}'),
    ("{{ len .Alerts.Firing }}", "{{ firing }}"),
    ("{{ .Alerts.Resolved | len }}", "{{ resolved }}"),
    ("{{ .Alerts | len }}", "{{ (firing + resolved) }}"),
    (IF, "{% if (not over) %}a{% else %}b{% endif %}"),
    ('{{ if ne .Status "firing" }}a{{ end }}', "{% if over %}a{% endif %}"),
    (
        ONE_OF,
        '{% if (labels.severity in ["critical", "page"]) %}a{% elif labels.x %}b{% endif %}',
    ),
    ("{{ if gt (len .Alerts.Firing) 1 }}s{{ end }}", "{% if (firing > 1) %}s{% endif %}"),
    (
        "{{ if and .CommonLabels.a (not .CommonLabels.b) }}x{{ end }}",
        "{% if (labels.a and (not labels.b)) %}x{% endif %}",
    ),
    (
        "{{ with .CommonAnnotations.runbook }}see {{ . }}{{ end }}",
        "{% if annotations.runbook %}see {{ annotations.runbook }}{% endif %}",
    ),
    (
        "{{ range .Alerts }}{{ .Labels.instance }} {{ .Status }}{{ end }}",
        "{% for alert in alerts %}{{ alert.labels.instance }} "
        '{{ ("resolved" if alert.status == "resolved" else "firing") }}{% endfor %}',
    ),
    (
        "{{ range .Alerts.Firing }}{{ $.Receiver }}{{ else }}none{{ end }}",
        '{% for alert in alerts if alert.status == "firing" %}{{ receiver }}{% else %}none'
        "{% endfor %}",
    ),
    (
        "{{ range $i, $a := .Alerts }}{{ $i }}{{ $a.Labels.x }}{{ end }}",
        "{% for alert in alerts %}{{ (loop.index - 1) }}{{ alert.labels.x }}{% endfor %}",
    ),
    (
        "{{ range .CommonLabels.SortedPairs }}{{ .Name }}={{ .Value }};{{ end }}",
        "{% for name, value in labels|items %}{{ name }}={{ value }};{% endfor %}",
    ),
    (
        '{{ .GroupLabels.SortedPairs.Values | join ", " }}',
        "{% for name, value in group_labels|items %}{% if not loop.first %}, {% endif %}"
        "{{ value }}{% endfor %}",
    ),
    ("{{ $n := .CommonLabels.a }}{{ $n }}!", "{{ labels.a }}!"),
    ("{{ (index .Alerts 0).Labels.x }}", "{{ alerts[0].labels.x }}"),
    ('{{ printf "%s (%d)" .CommonLabels.a (len .Alerts.Firing) }}',
     '{{ (labels.a ~ " (" ~ firing ~ ")") }}'),
    (
        '{{ range .Alerts }}{{ .StartsAt.Format "2006-01-02 15:04:05" }}{{ end }}',
        '{% for alert in alerts %}{{ alert.starts_at|date("%Y-%m-%d %H:%M:%S") }}{% endfor %}',
    ),
    (
        AT,
        '{% for alert in alerts %}{{ alert.ends_at|date("%H:%M %Z", "Europe/Vienna") }}'
        "{% endfor %}",
    ),
    ("{{ range .Alerts }}{{ since .StartsAt }}{{ end }}",
     "{% for alert in alerts %}{{ alert.starts_at|since }}{% endfor %}"),
    ("a \n {{- /* not seen */ -}} \n b", "ab"),
    ("a {{- .Receiver -}} b", "a{{ receiver }}b"),
    ('{{ "}} in a text" }}', "}} in a text"),
    ('{{ template "slack.default.title" . }}!',
     '[{{ "RESOLVED" if over else "FIRING:" ~ firing }}] {{ title }}!'),
    ('{{ template "__alertmanagerURL" . }}', "{{ url }}"),
    ('{{ template "own" .CommonLabels }}', "<{{ labels.a }}>"),
]  # fmt: skip
#: (Go, what the refusal names)
REFUSED = [
    ("{{ range .Alerts }}{{ range .Labels.SortedPairs }}x{{ end }}{{ end }}", "loop within a loop"),
    ('{{ reReplaceAll "a" "b" .Receiver }}', "reReplaceAll"),
    ("{{ .CommonLabels.Remove .GroupLabels }}", ".Remove"),
    ("{{ .Nothing }}", ".Nothing"),
    ("{{ .CommonLabels }}", "as a whole"),
    ('{{ template "unknown" . }}', "unknown"),
    ('{{ define "x" }}{{ end }}', "define"),
    ("{{ if .Receiver }}", "without an `end`"),
    ("{{ end }}", "belongs to nothing"),
    ("{{ .Receiver", "nothing closes"),
    ('{{ "open }}', "nothing closes"),
    ("{{ }}", "empty"),
    ("{{ $x }}", "$x"),
    ("{{ $x = 1 }}", "changed"),
    ("{{ ((((.Receiver) }}", "bracket"),
    ("{{ | toUpper }}", "empty pipeline"),
    ('{{ (index .Alerts 0).StartsAt.Format "Jan _2 3:04PM" }}', "layout"),
    ("{% raw %}", "`{%`"),
    ("{{ toUpper }}", "toUpper"),
    ('{{ join 1 2 }}', "join"),
    ("{{ " + "(" * 100 + ".Receiver" + ")" * 100 + " }}", "nested too deeply"),
    ("{{ if .Receiver }}" * 100 + "{{ end }}" * 100, "nested too deeply"),
    ("x" * 300_000, "characters"),
]  # fmt: skip
DEFINED = {"own": go_pieces.pieces("<{{ .a }}>")}


@pytest.mark.parametrize(("go", "ours"), SAME)
def test_what_is_common_is_said_in_our_words(go: str, ours: str) -> None:
    made = go_templates.translated(go, "text", DEFINED)
    assert made == ours
    assert list(templates.check(made, ["text"])) == []


@pytest.mark.parametrize(("go", "named"), REFUSED)
def test_what_has_no_counterpart_is_named(go: str, named: str) -> None:
    with pytest.raises(go_pieces.Unsupported) as refused:
        go_templates.translated(go, "text", DEFINED)
    assert named in str(refused.value)


def test_an_address_in_a_link_is_surely_one() -> None:
    slack = go_templates.translated("<{{ .ExternalURL }}|{{ .Receiver }}>", "mrkdwn", {})
    assert slack == "<{{ url|url }}|{{ receiver }}>"
    html = go_templates.translated('<a href="{{ .ExternalURL }}">x</a>', "html", {})
    assert html == '<a href="{{ url|url }}">x</a>'


def test_the_own_templates_of_alertmanager_are_our_own_words() -> None:
    assert go_templates.is_default('{{ template "slack.default.title" . }}', {})
    assert not go_templates.is_default('{{ template "slack.default.title" . }}',
                                       {"slack.default.title": ()})  # fmt: skip
    assert not go_templates.is_default('{{ template "acme.title" . }}', {})


def test_a_hostile_text_takes_no_time() -> None:
    for text in ('{{ "' * 40_000, "{{" + '"a"' * 60_000, "{{/*" * 40_000, "{{ (" + ".a" * 50_000):
        with pytest.raises(go_pieces.Unsupported):
            go_templates.translated(text, "text", {})


def test_translations_speak_of_the_same_alerts() -> None:
    renderer = rendering.Renderer(10)
    renderer.start()
    try:
        message = next(iter(samples.of("first")))
        source = go_templates.translated(
            "{{ .Status | toUpper }} {{ .Alerts.Firing | len }}:"
            "{{ range .Alerts }} {{ .Labels.alertname }}{{ end }}", "text", {},
        )  # fmt: skip
        parts = renderer.render({"text": ("text", source)}, rendering.context(message), "en")
    finally:
        renderer.stop()
    names = "".join(f" {alert.labels['alertname']}" for alert in message.alerts)
    assert parts["text"].strip() == f"FIRING {message.firing}:{names}"
