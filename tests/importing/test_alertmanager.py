"""Configurations of Alertmanager as policies; ``UPDATE_GOLDEN=1`` writes what is expected anew."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.config.importing import alertmanager
from tocsin.domain import routing
from tocsin.domain.policy import Policy
from tocsin.i18n import importing

CASES = Path(__file__).parent / "alertmanager"
NAMES = sorted(file.stem for file in CASES.glob("*.yml") if not file.stem.endswith(".policy"))


def imported(text: str, templates: dict[str, str] | None = None) -> alertmanager.Imported:
    return alertmanager.translate(text, channels.settings_models(), templates)


def policy(text: str) -> Policy:
    made = alertmanager.translate(text, channels.settings_models())
    assert made.valid, made.notes
    return documents.parse(made.document, channels.settings_models())


def said(made: alertmanager.Imported, kind: str = "") -> str:
    return "\n".join(str(note) for note in made.notes if kind in ("", note.kind))


def _list(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "-"


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    files = {file.name: file.read_text() for file in CASES.glob(f"{name}.tmpl")}
    made = importing.of_alertmanager(
        (CASES / f"{name}.yml").read_text(), channels.settings_models(), channels.parts(),
        files or None,
    )  # fmt: skip
    report = "\n".join([*map(str, made.notes), f"silent: {_list(made.silent)}",
                        f"poorer: {_list(made.poorer)}", ""])  # fmt: skip
    for suffix, text in (("policy.yml", made.document), ("report.txt", report)):
        file = CASES / f"{name}.{suffix}"
        if os.environ.get("UPDATE_GOLDEN"):
            file.write_text(text)
        assert file.read_text() == text
    assert made.valid
    assert "s3cret" not in made.document + report


@pytest.mark.parametrize("name", NAMES)
def test_each_thing_is_told_of_with_its_line(name: str) -> None:
    text = (CASES / f"{name}.yml").read_text()
    made = imported(text)
    last = text.count("\n")
    assert all(0 <= note.line <= last for note in made.notes)
    routes = [note for note in made.notes if note.said == "a route"]
    lines = [f"line {note.line}" for note in routes]
    assert all(f"# {line}\n" in made.document for line in lines)


def test_windows_line_ends_and_a_mark_in_front_change_nothing() -> None:
    text = (CASES / "small-team.yml").read_text()
    assert imported("\ufeff" + text.replace("\n", "\r\n")) == imported(text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("# nothing\n", "empty"),
        ("route: [\n", "line 2: not valid YAML"),
        ("route:\n\treceiver: a\n", "indent with spaces"),
        ("- a\n", "no configuration of Alertmanager"),
        ("scrape_configs: []\n", "no `route:`"),
        ("route: team\n", "line 1: no `route:`"),
        ("a: &a [*a]\n", "no anchor"),
        ("route: " + "[" * 100, "levels deep"),
    ],
)
def test_what_is_no_configuration_is_refused_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(errors.PolicyError) as refused:
        imported(text)
    assert problem in refused.value.message


def test_without_waits_the_ones_of_alertmanager_hold_and_nothing_is_opened_again() -> None:
    made = policy("route: {receiver: a}\nreceivers: [{name: a}]\n")
    waits = made.root.group_wait, made.root.group_interval, made.root.repeat_interval
    assert [int(each.total_seconds()) for each in waits] == [30, 300, 14400]
    assert made.reopen_window.total_seconds() == 0
    assert made.resolve_timeout
    assert made.resolve_timeout.total_seconds() == 300
    assert made.root.group_by == ()


def test_who_was_told_of_the_end_still_is_and_nobody_else() -> None:
    made = policy(
        "route: {receiver: a}\n"
        "receivers:\n"
        "  - name: a\n"
        "    email_configs: [{to: a@example.org, from: b@example.org, smarthost: 'c.example:25'}]\n"
        "    slack_configs: [{channel: '#a'}, {channel: '#b', send_resolved: true}]\n"
        "    webhook_configs: [{url: 'https://a.example/'},"
        " {url: 'https://b.example/', send_resolved: false}]\n"
    )
    told = {each.key: each.send_resolved for each in made.receivers["a"].integrations}
    assert told == {
        "a/email/0": False, "a/slack/0": False, "a/slack/1": True, "a/webhook/0": True,
        "a/webhook/1": False,
    }  # fmt: skip


def test_a_route_whose_condition_cannot_be_read_takes_nothing_that_was_not_its_own() -> None:
    text = (
        "route:\n  receiver: a\n  routes:\n"
        "    - {matchers: ['x=~\"(\"'], receiver: b}\n"
        "    - {matchers: [y=1], receiver: b}\n"
        "receivers: [{name: a}, {name: b}]\n"
    )
    made = alertmanager.translate(text, channels.settings_models())
    assert "line 4: route.routes[0]: NOT CARRIED OVER: the whole route" in said(made)
    tree = policy(text).root
    assert [each.receiver for each in routing.match(tree, {"x": "("})] == ["a"]
    assert [each.receiver for each in routing.match(tree, {"y": "1"})] == ["b"]


@pytest.mark.parametrize(
    ("path", "secret"),
    [
        ("alerts", False),
        ("v1/hooks/database-team-out-of-hours", False),
        ("t/4fJ2kd93jsK2", True),
        ("x9y8z7w6v5u4", True),
        ("QmFzZVNpeHR5Rm91cg", True),
        ("abcdefghijklmnopqrstuvwxyz", True),
        ("alerts?key=1", True),
    ],
)
def test_what_is_secret_in_an_address_stays_out_of_the_document(path: str, secret: bool) -> None:
    url = f"https://hooks.example.org/{path}"
    made = imported(
        f"route: {{receiver: a}}\nreceivers: [{{name: a, webhook_configs: [{{url: '{url}'}}]}}]\n"
    )
    assert (url in made.document) is not secret
    assert ("url_file: a-webhook" in made.document) is secret
    assert url not in said(made)


def test_nothing_is_an_empty_text_and_says_nothing() -> None:
    made = policy(
        "route:\n  receiver: a\n  group_wait: ~\n  routes:\n"
        "    - {match: {x: }, group_by: [~], continue: ~, routes: }\n"
        "receivers: [{name: a, email_configs: }]\n"
    )
    [child] = made.root.children
    assert [each.receiver for each in routing.match(made.root, {"x": "1"})] == ["a"]
    assert str(child.matchers[0]) == 'x=""'
    assert child.group_by == ()


def test_what_the_policy_itself_refuses_is_to_be_repaired_there() -> None:
    name = "x" * 300
    made = imported(f"route: {{receiver: {name}}}\nreceivers: [{{name: {name}}}]\n")
    assert not made.valid
    assert "the policy, line 10: TO DO: repair it there: " in said(made, "to_do")


def test_an_interval_that_cannot_be_read_lets_the_route_speak() -> None:
    made = policy(
        "route:\n  receiver: a\n  routes:\n"
        "    - {matchers: [x=y], active_time_intervals: [broken]}\n"
        "receivers: [{name: a}]\n"
        "time_intervals: [{name: broken, time_intervals: [{years: [never]}]}]\n"
    )
    assert made.root.children[0].hours.active == ()


def test_a_receiver_of_which_nothing_is_left_is_named() -> None:
    made = imported(
        "route: {receiver: a}\n"
        "receivers:\n  - {name: a, pagerduty_configs: [{routing_key: s3cret}]}\n  - {name: b}\n"
    )
    assert made.silent == ("a",)
    assert "NOBODY IS TOLD HERE" in made.document


def test_one_secret_has_one_name_and_two_have_two() -> None:
    made = imported(
        "global: {smtp_smarthost: 'm.example:25', smtp_from: a@example.org,"
        " smtp_auth_username: u, smtp_auth_password: s3cret-1}\n"
        "route: {receiver: a}\n"
        "receivers:\n"
        "  - name: a\n"
        "    email_configs:\n"
        "      - {to: b@example.org}\n"
        "      - {to: c@example.org, auth_password: s3cret-1}\n"
        "      - {to: d@example.org, auth_password: s3cret-2}\n"
        "      - {to: e@example.org, auth_password_file: /etc/smtp-password}\n"
    )
    files = [line.split()[-1] for line in made.document.splitlines() if "password_file" in line]
    assert files == ["smtp-password", "smtp-password", "smtp-password-2", "smtp-password-3"]


def test_a_definition_that_grows_without_end_is_left_out() -> None:
    bomb = "".join(
        f'{{{{ define "d{n}" }}}}{{{{ template "d{n + 1}" . }}}}{{{{ template "d{n + 1}" . }}}}'
        f"{{{{ end }}}}"
        for n in range(30)
    )
    loop = '{{ define "a" }}{{ template "a" . }}{{ end }}'
    for source, name in ((bomb, "d0"), (loop, "a")):
        made = imported(
            "route: {receiver: a}\nreceivers:\n  - name: a\n    slack_configs:\n"
            f"      - {{channel: '#a', text: '{{{{ template \"{name}\" . }}}}'}}\n",
            {"a.tmpl": source},
        )
        assert "templates:" not in made.document
        assert "our templates have nothing for" in said(made, "left_out")
