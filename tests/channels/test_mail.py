"""What a letter looks like, in both forms, and its place in a conversation.

The golden files are made anew by ``UPDATE_GOLDEN=1 pytest tests/channels/test_mail.py``; look at
the difference before you commit it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from email import parser as mime
from email import policy
from email.message import EmailMessage
from html import parser
from pathlib import Path
from typing import Any

import httpx
import hypothesis
import pytest
from hypothesis import strategies

import channels
from channels import _mail, _mail_files, _mail_forms, _mail_view, email
from schemas import message as messages_
from schemas.alert import Severity
from tests.channels import messages

GOLDEN = Path(__file__).parent / "golden" / "email"
KEY = "0198c0de-5555-7000-8000-000000000005"
HOUR = timedelta(hours=1)
SETTINGS: dict[str, Any] = {
    "host": "mail.example.org",
    "from": "Tocsin <alerts@example.org>",
    "to": ["ops@example.org"],
}


def settings(**changes: Any) -> email.Settings:
    return email.Settings.model_validate(SETTINGS | changes)


def call(**changes: Any) -> channels.Call:
    made = channels.Call(key=KEY, secrets={}, http=httpx.Client(), now=messages.NOW)
    return replace(made, **changes)


def many() -> messages_.Message:
    """Three kinds of trouble in one region, one of them over."""
    told = (
        ("db-3", "critical", "The primary of orders answers no queries", {"shard": "3"}),
        ("api-2", "error", "37 % of the answers of checkout are errors", {"pod": "checkout-7c9f"}),
        ("api-4", "warning", "Checkout is slow: 2.1 s at p99", {"pod": "checkout-9b1d"}),
    )
    alerts = [
        messages.alert(
            labels={"alertname": "OrdersDown", "instance": name, "region": "eu-1", **labels},
            annotations={"summary": summary},
            severity=severity,
            starts_at=messages.NOW - timedelta(minutes=12 - number),
            status="resolved" if number == 2 else "firing",
            ends_at=messages.NOW if number == 2 else None,
        )
        for number, (name, severity, summary, labels) in enumerate(told)
    ]
    return messages.first(
        title="OrdersDown in eu-1",
        receiver="ops-night",
        alerts=alerts,
        firing=13,
        resolved=1,
        truncated=11,
        owner="Team Orders",
        why="The receiver ops-night is told because the alerts match line 41 of the policy.",
        opened_at=messages.NOW - timedelta(minutes=12),
        common_labels={"alertname": "OrdersDown", "region": "eu-1"},
        notes=["The lookup of the service did not answer in time."],
    )


def over(**changes: Any) -> messages_.Message:
    ended = messages.alert(status="resolved", ends_at=messages.NOW)
    fields = {"reason": "resolved", "state": "resolved", "firing": 0, "resolved": 1,
              "alerts": [ended], "opened_at": messages.NOW - 26 * HOUR}  # fmt: skip
    return messages.first(**(fields | changes))


CASES = {
    "first": messages.first(),
    "new_alerts": messages.first(reason="new_alerts", firing=2),
    "resolved": over(),
    "partly_resolved": messages.first(reason="resolved", firing=1, resolved=1),
    "repeat": messages.first(reason="repeat", opened_at=messages.NOW - 4 * HOUR),
    "reopened": messages.first(reason="reopened"),
    "acknowledged": messages.first(
        reason="acknowledged", state="acknowledged", acknowledged_by="Ada"
    ),
    "many": many(),
    "hostile": messages.hostile('</td><script>alert("x")</script> & <b>\u202e\r\nBcc: a@b\x1b[31m'),
}


@pytest.mark.parametrize("name", CASES)
def test_golden(name: str) -> None:
    letter = _mail.compose(CASES[name], settings(), call(may_repeat=name == "repeat"))
    for form, made in (("txt", f"Subject: {letter.subject}\n\n{letter.text}"),
                       ("html", letter.html)):  # fmt: skip
        file = GOLDEN / f"{name}.{form}"
        if os.environ.get("UPDATE_GOLDEN"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(made, encoding="utf-8", newline="")
        assert made == file.read_bytes().decode(), f"{file.name} has changed"


class Tags(parser.HTMLParser):
    """The tags of a document and where its links lead."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.urls: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.urls += [value or "" for name, value in attrs if name in ("href", "src")]
        assert not any(name.startswith("on") for name, _ in attrs)


@pytest.mark.parametrize("text", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_hostile_data_stays_text(text: str) -> None:
    usual, made = Tags(), Tags()
    usual.feed(_mail.compose(messages.first(), settings(), call()).html)
    letter = _mail.compose(messages.hostile(text), settings(), call())
    made.feed(letter.html)
    assert set(made.tags) <= set(usual.tags)
    assert all(url.startswith(("https://tocsin.example/", "https://ok.example/"))
               for url in made.urls)  # fmt: skip
    assert len(letter.html.encode()) <= _mail_forms.HTML_BYTES
    assert letter.subject.isprintable()
    assert all(line.isprintable() for line in letter.text.splitlines())
    assert len(letter.text) < 50_000


@hypothesis.given(text=strategies.text(max_size=300), more=strategies.text(max_size=300))
@hypothesis.settings(max_examples=60, deadline=None)
def test_whatever_an_alert_says_the_letter_keeps_its_shape(text: str, more: str) -> None:
    message = messages.first(
        title=text,
        receiver=more,
        alerts=[messages.alert(labels={"alertname": more, text: more}, generator_url=text)],
    )
    letter = _mail.compose(message, settings(attach=["csv"]), call(texts={"subject": more}))
    raw = email.written(letter, settings(), messages.NOW)
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    parsed = mime.BytesParser(_class=EmailMessage, policy=policy.SMTP).parsebytes(raw)
    usual = _mail.compose(messages.first(), settings(), call())
    shape = mime.BytesParser(_class=EmailMessage, policy=policy.SMTP).parsebytes(
        email.written(usual, settings(), messages.NOW)
    )
    assert sorted(parsed.keys()) == sorted(shape.keys())
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "text/html", "text/csv",
    ]  # fmt: skip
    tags, plain = Tags(), Tags()
    tags.feed(letter.html)
    plain.feed(usual.html)
    assert set(tags.tags) <= set(plain.tags)


def test_nothing_is_fetched_and_nothing_runs() -> None:
    made = Tags()
    made.feed(_mail.compose(many(), settings(), call()).html)
    assert not {"img", "script", "link", "iframe", "form", "object"} & set(made.tags)
    assert "url(" not in _mail.compose(many(), settings(), call()).html


def test_a_hundred_alerts_keep_the_letter_small_and_are_counted() -> None:
    alerts = [messages.alert(annotations={"summary": "&" * 300})] * 100
    message = messages.first(alerts=alerts, firing=250, truncated=150)
    letter = _mail.compose(message, settings(), call())
    assert len(letter.html.encode()) <= _mail_forms.HTML_BYTES
    shown = letter.html.count("<strong>")
    assert shown
    assert f"and {250 - shown} more" in letter.html
    assert "and 230 more" in letter.text


def test_a_conversation_keeps_its_subject_until_it_gets_worse() -> None:
    first = _mail.compose(messages.first(severity="warning"), settings(), call())
    assert first.subject == "[Warning] DiskFull on db-1"
    assert first.message_id == f"<{KEY}@example.org>"
    root = "<incident-0198c0de-0000-7000-8000-000000000001@example.org>"
    assert first.headers["References"] == root
    assert "In-Reply-To" not in first.headers

    later = messages.first(severity="warning", title="DiskFull on 2 machines", reason="new_alerts")
    second = _mail.compose(later, settings(), call(key="k2", ref=first.ref))
    assert second.subject == "Re: [Warning] DiskFull on db-1"
    assert second.message_id == "<k2@example.org>"
    assert second.headers["In-Reply-To"] == first.message_id
    assert second.headers["References"] == f"{root} {first.message_id}"

    worse = _mail.compose(messages.first(), settings(), call(key="k3", ref=second.ref))
    assert worse.subject == "[Critical] DiskFull on db-1"
    assert worse.headers["In-Reply-To"] == first.message_id
    end = _mail.compose(over(), settings(), call(key="k4", ref=worse.ref))
    assert end.subject == "Re: [Critical] DiskFull on db-1"
    assert end.ref["id"] == first.message_id


def test_a_repeat_has_the_same_id_and_says_so() -> None:
    once = _mail.compose(messages.first(), settings(), call())
    again = _mail.compose(messages.first(), settings(), call(attempt=2, may_repeat=True))
    assert (again.message_id, again.subject) == (once.message_id, once.subject)
    assert "This may be a repeat" in again.text
    assert "This may be a repeat" in again.html
    assert "repeat" not in once.text


def test_after_a_letter_that_may_be_lost_the_next_one_names_it() -> None:
    letter = _mail.compose(messages.first(), settings(), call(ref={"doubt": "lost-key"}))
    assert letter.headers["In-Reply-To"] == "<lost-key@example.org>"
    assert letter.subject == "Re: [Critical] DiskFull on db-1"


@pytest.mark.parametrize(
    ("state", "severity", "urgent"),
    [
        ("open", "critical", True),
        ("open", "warning", False),
        ("acknowledged", "critical", False),
        ("resolved", "critical", False),
    ],
)
def test_what_machines_read(state: str, severity: Severity, urgent: bool) -> None:
    message = messages.first(state=state, severity=severity, receiver="Ops Night\r\nX: y")
    headers = _mail.compose(message, settings(), call()).headers
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Auto-Response-Suppress"] == "All"
    assert headers["List-Id"] == "<ops-night-x-y.acme.example.org>"
    assert (headers["X-Tocsin-State"], headers["X-Tocsin-Severity"]) == (state, severity)
    assert (headers.get("Importance") == "high") is urgent


def test_templates_take_the_place_of_our_words() -> None:
    texts = {
        "subject": "Own\r\nBcc: x@y",
        "text": "own text\u202e",
        "html": "<p>own &amp; html</p>",
    }
    letter = _mail.compose(messages.first(), settings(), call(texts=texts, may_repeat=True))
    assert letter.subject == "Own Bcc: x@y"
    assert letter.text.startswith("own text\n\nThis may be a repeat")
    assert "<p>own &amp; html</p>" in letter.html
    assert "Why you see this" not in letter.html
    assert "Sent by Tocsin" in letter.html


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r\n=1", "\0=1", "\u200b=1", "\uff1d1")


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    """ASVS 1.2.10."""
    message = messages.first(alerts=[messages.alert(
        labels={"alertname": text, text: text}, annotations={"summary": text})])  # fmt: skip
    [file] = _mail_files.files(message, ["csv"])
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 2
    for row in rows:
        assert not any(cell[:1] in set("=+-@\t\r\n\0\uff1d") for cell in row if cell)
    assert rows[1][2].startswith("'")


def test_files() -> None:
    csv_file, json_file = _mail_files.files(many(), ["csv", "json"])
    assert (csv_file.name, json_file.name) == ("alerts.csv", "alerts.json")
    rows = list(csv.DictReader(io.StringIO(csv_file.content.decode("utf-8-sig"), newline="")))
    assert [row["label_instance"] for row in rows] == ["db-3", "api-2", "api-4"]
    assert rows[2]["ends_at"] == "2026-03-07T03:07:00Z"
    assert csv_file.content.count(b"\r\n") == csv_file.content.count(b"\n") == 4
    kept = json.loads(json_file.content)
    assert [each["labels"]["instance"] for each in kept["alerts"]] == ["db-3", "api-2", "api-4"]
    assert _mail_files.cut([csv_file], many(), "en") == [
        "The attachment alerts.csv holds 3 of 14 alerts."
    ]


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_file_is_cut_and_the_letter_says_so(kind: str) -> None:
    labels = {f"l{number}": "x" * 1900 for number in range(20)}
    message = messages.first(alerts=[messages.alert(labels=labels)] * 100, firing=100)
    letter = _mail.compose(message, settings(attach=[kind]), call())
    [file] = letter.files
    assert 0 < file.alerts < 100
    assert len(file.content) <= _mail_files.BYTES
    assert f"holds {file.alerts} of 100 alerts" in letter.text


def test_even_monstrous_labels_keep_a_file_in_bounds() -> None:
    for text in messages.HOSTILE:
        for file in _mail_files.files(messages.hostile(text), ["csv", "json"]):
            assert len(file.content) <= _mail_files.BYTES or file.alerts == 0


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (timedelta(0), ""),
        (timedelta(seconds=59), ""),
        (timedelta(minutes=12), "12m"),
        (timedelta(hours=1, minutes=5), "1h 5m"),
        (timedelta(days=2, hours=3, minutes=4), "2d 3h"),
        (-HOUR, ""),
    ],
)
def test_how_long_it_lasted(span: timedelta, said: str) -> None:
    assert _mail_view.lasted(span) == said


@pytest.mark.parametrize("tone", _mail_forms.COLOURS)
def test_colours_can_be_read(tone: str) -> None:
    """WCAG 2.2, 1.4.3: white letters on the colour, and the bright one on the dark card."""
    assert contrast("#ffffff", _mail_forms.COLOURS[tone]) >= 4.5
    assert contrast(_mail_forms.BRIGHT[tone], "#171b21") >= 4.5


def contrast(one: str, two: str) -> float:
    light, dark = sorted(map(_luminance, (one, two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(part, 16) / 255 for part in re.findall(r"[0-9a-f]{2}", colour))
    red, green, blue = (c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_the_way_to_act_is_the_big_button_and_stands_in_the_text() -> None:
    url = "https://tocsin.example/t/acme/a/x"
    text, html = _mail_forms.bodies(messages.first(act_url=url), call(), ())
    assert f"Acknowledge without signing in: {url}" in text
    first = html.index('class="go"')
    assert url in html[first : first + 80]
    over = messages.first(act_url=url, state="resolved", firing=0)
    assert all(url not in body for body in _mail_forms.bodies(over, call(), ()))


def test_until_when_somebody_has_it() -> None:
    later = messages.NOW + HOUR
    page = messages.first(state="acknowledged", acknowledged_by="ann", acknowledged_until=later)
    text, _ = _mail_forms.bodies(page, call(), ())
    assert "Acknowledged by ann until 2026-03-07 04:07 UTC" in text
