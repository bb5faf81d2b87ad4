"""What each source makes of recorded bodies; a new source is held by this unasked."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ingest.means import Parse
from ingest.sources import _labels
from schemas.alert import Alert
from schemas.mapping import MappedSource
from tocsin import errors, plugins
from tocsin.domain import fingerprint, mapping

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
DATA = Path(__file__).parent / "data"
SOURCES = plugins.load("ingest.sources", required=("PATHS", "parse"))
BODIES = sorted(file for file in DATA.glob("*/*.json") if not file.match("*.expected.json"))
LABELS = {"alertname": "foo", "severity": "critical"}
#: Sources that take lists of alerts; the others have documents of their own.
LISTS = [name for name, source in SOURCES.items() if not hasattr(source, "OWN_DOCUMENT")]
MAPPING = MappedSource(name="any", alertname="body.labels.alertname", status="body.status")


def parser(name: str, file: Path | None = None) -> Parse:
    """How a source reads; a source that wants a mapping reads by the one beside the file."""
    read: Any = SOURCES[name].parse
    if not hasattr(SOURCES[name], "NAMED"):
        parse: Parse = read
        return parse
    written = file.with_suffix(".yml") if file else None
    plain = yaml.safe_load(written.read_text()) if written else MAPPING.model_dump()
    return functools.partial(read, source=mapping.compiled(MappedSource.model_validate(plain)))


def reading(parse: Parse, body: bytes) -> dict[str, Any]:
    """What a source makes of a body, as JSON: so it stands in the files beside the bodies."""
    try:
        parsed = parse(body, NOW, 300.0)
    except errors.TocsinError as error:
        return {"status": error.status, "error": error.message}
    read = {
        "alerts": [
            {
                key: value
                for key, value in msgspec.structs.asdict(alert).items()
                if key != "open_ended" or value
            }
            for alert in parsed.alerts
        ],
        "rejected": [
            {"index": bad.index, "field": bad.field, "reason": bad.reason}
            for bad in parsed.rejected
        ],
    }
    plain: dict[str, Any] = json.loads(msgspec.json.encode(read))
    return plain


@pytest.mark.parametrize("name", SOURCES)
def test_each_source_has_recorded_bodies(name: str) -> None:
    assert any(file.parent.name == name for file in BODIES)
    assert all(path.startswith("/") for path in SOURCES[name].PATHS)


@pytest.mark.parametrize("file", BODIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_recorded_body_is_read_as_expected(file: Path) -> None:
    expected = json.loads(file.with_suffix(".expected.json").read_text())
    assert reading(parser(file.parent.name, file), file.read_bytes()) == expected


@pytest.mark.parametrize("file", BODIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_the_quick_way_and_the_careful_way_agree(file: Path) -> None:
    """A byte order mark is nothing that the quick way takes."""
    parse, body = parser(file.parent.name, file), file.read_bytes()
    assert reading(parse, b"\xef\xbb\xbf" + body) == reading(parse, body)


def webhook(**alert: Any) -> bytes:
    return json.dumps({"alerts": [{"status": "firing", "labels": LABELS} | alert]}).encode()


def one(body: bytes, source: str = "alertmanager") -> Alert:
    (alert,) = SOURCES[source].parse(body, NOW, 300.0).alerts
    assert isinstance(alert, Alert)
    return alert


def test_the_fingerprint_is_alertmanagers_whatever_the_sender_says() -> None:
    assert one(webhook(fingerprint="1234")).fingerprint == "8fa107ec8feba4bc"


def test_an_alert_without_end_expires_after_the_resolve_timeout() -> None:
    alert = one(json.dumps([{"labels": LABELS}]).encode(), "prometheus")
    assert (alert.status, alert.starts_at) == ("firing", None)
    assert alert.ends_at == NOW + timedelta(minutes=5)


def test_surplus_labels_and_long_values_are_cut_and_marked_but_identify_the_original() -> None:
    labels = {f"label_{n:03}": "x" for n in range(100)} | LABELS | {"long": "é" * 4000}
    labels = dict(reversed(labels.items()))
    notes = {f"note_{n:03}": "x" for n in range(100)} | {"note_000": "y" * 5000}
    alert = one(webhook(labels=labels, annotations=notes))
    assert alert.fingerprint == fingerprint.fingerprint(labels)
    assert alert.severity == "critical"
    assert len(alert.labels) == 64
    assert {"alertname", "severity", "long"} <= set(alert.labels)
    assert alert.labels["long"] == "é" * 2048
    assert len(alert.annotations) == 64
    assert alert.annotations["note_000"] == "y" * 4096
    assert alert.cut == ("labels", "labels.long", "annotations", "annotations.note_000")


def test_a_label_name_without_end_goes() -> None:
    alert = one(webhook(labels=LABELS | {"n" * 2000: "x"}))
    assert alert.labels == LABELS
    assert alert.cut == ("labels",)


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("http://a.example/x?y=1&z", True),
        ("HTTPS://a.example", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("file:///etc/passwd", False),
        ("http://a.example/\u202etxt", False),
        ("http://a.example/ x", False),
        ("http://" + "a" * 5000, False),
    ],
)
def test_only_links_that_are_safe_to_follow_are_kept(url: str, kept: bool) -> None:
    alert = one(webhook(generatorURL=url))
    assert alert.generator_url == (url if kept else "")
    assert alert.cut == (() if kept else ("generatorURL",))


def test_remembered_labels_are_the_same_as_fresh_ones() -> None:
    labels = {"alertname": "remembered", "empty": "", "priority": "P1"}
    first, second = one(webhook(labels=labels)), one(webhook(labels=labels))
    assert first == second
    assert first.labels == {"alertname": "remembered", "priority": "P1"}


def test_the_memory_of_labels_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_labels, "_GENERATION", 10)
    memory = _labels._Memory()
    known = _labels.judge([LABELS])[0]
    for number in range(100):
        memory.put(b"%d" % number, known)
    memory.put(b"x" * 5000, known)
    assert memory.get(b"85") is not None
    assert memory.get(b"99") is not None
    assert memory.get(b"5") is None
    assert len(memory._young) + len(memory._old) <= 20


@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.parametrize(
    "unreadable",
    [
        b"",
        b"  \n",
        b"null",
        b"true",
        b"7",
        b'"text"',
        b"[",
        b'{"alerts": [{"labels": {"a": "b"}}',
        b"[] []",
        b'[{"labels": {"a": "b"}},]',
        b'[{"labels": {"a": "b"}} // comment',
        b"[" * 100_000,
        b'[{"labels":' + b"[" * 100_000,
        b"\x1f\x8b\x08",
        '[{"labels": {"a": "b"}}]'.encode("utf-16"),
        '[{"labels": {"a": "b"}}]'.encode("utf-32-le"),
        b'{"alerts": [], "alerts": []}',
        b"{7: 8}",
        b'{"alerts": [],}',
        b"]",
        b'{"alerts" []}',
    ],
)
def test_what_cannot_be_read_at_all_is_refused_as_a_whole(name: str, unreadable: bytes) -> None:
    json_of_its_own = hasattr(SOURCES[name], "OWN_DOCUMENT") and is_json(unreadable)
    if json_of_its_own:
        # A document may be anything; what cannot be made of it waits in the quarantine, whole.
        assert (
            "alerts" not in reading(parser(name), unreadable)
            or not parser(name)(unreadable, NOW, 300.0).alerts
        )
    else:
        with pytest.raises(errors.BadRequest):
            parser(name)(unreadable, NOW, 300.0)


def is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("name", LISTS)
def test_no_alerts_are_fine(name: str) -> None:
    assert SOURCES[name].parse(b" [ ] ", NOW, 300.0) == ([], [])


@pytest.mark.parametrize("name", LISTS)
def test_a_byte_order_mark_is_forgiven(name: str) -> None:
    body = b'\xef\xbb\xbf[{"status": "firing", "labels": {"a": "b"}}]'
    assert one(body, name).labels == {"a": "b"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("alert", [b'{"labels":{"a":"b"},"status":"firing"}', b"{}", b"1"])
def test_more_alerts_than_allowed_are_refused_without_reading_them_all(
    name: str, alert: bytes
) -> None:
    body = b"[" + b",".join([alert] * (10 * 1024 * 1024 // (len(alert) + 1))) + b"]"
    with pytest.raises(errors.TooLarge):
        SOURCES[name].parse(body, NOW, 300.0)


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    "alert",
    [
        b'{"status":"firing","labels":{"a":"b"},"annotations":' + b'{"a":' * 64 + b"1" + b"}" * 65,
        b'{"status":"firing","labels":{"a":null}}',
        b'{"status":"firing","labels":{"a":true}}',
        b'{"status":"firing","labels":{"a":["b"]}}',
        b'{"status":"firing","labels":"a"}',
        b'{"status":"firing","labels":{"a":"\xff"}}',
        b'{"status":"firing","labels":{"a":"\\udc00x"}}',
        b'{"status":"firing","labels":{"\\u0000":"x"}}',
        b'{"status":"firing","labels":{"a":"b"},"annotations":{"a":"\\u0000"}}',
        b'{"status":"firing","labels":{"a":"b"},"lab\\u0065ls":{"a":"c"}}',
        b'{"status":"firing","labels":{"a":"b","\\u0061":"c"}}',
        b'{"status":"firing","labels":{"a":"b"},"x":-Infinity}',
        b'{"labels":{"a":"b"},"status":1}',
        b"[]",
        b"null",
    ],
)
def test_a_bad_alert_never_takes_its_neighbours_down(name: str, alert: bytes) -> None:
    good = b'{"status":"firing","labels":{"alertname":"good"}}'
    parsed = SOURCES[name].parse(b"[%s,%s,%s]" % (good, alert, good), NOW, 300.0)
    ignored = name == "prometheus" and b'"status":1' in alert
    assert len(parsed.alerts) == (3 if ignored else 2)
    for bad in parsed.rejected:
        assert (bad.index, bad.raw) == (1, alert)
        assert bad.reason
        bad.reason.encode()
        bad.field.encode()
        assert "\0" not in bad.field + bad.reason


@pytest.mark.timeout(60)  # what grows faster than its size would take hours
@pytest.mark.parametrize(
    "make",
    [
        lambda: webhook(labels={f"l{n}": "x" for n in range(200_000)}),
        lambda: webhook(labels={f"l{n}\\": "x" for n in range(200_000)}),
        lambda: webhook(annotations={"a": "x" * 10_000_000}),
        lambda: webhook(x=[[["y"] * 10] * 10] * 5000),
        lambda: json.dumps({"alerts": [json.loads(webhook())["alerts"][0]] * 10_000}).encode(),
        lambda: b'{"alerts":[{' + b'"a":1,' * 1_400_000 + b'"status":"firing"}]}',
        lambda: b" " * 10_000_000 + b"[]",
        lambda: b'{"alerts":[{"labels":{"a":"' + b"\\" * 10_000_000 + b'"}}]}',
    ],
)
def test_large_bodies_are_read_at_all(make: Callable[[], bytes]) -> None:
    body = make()
    reading(parser("alertmanager"), body)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text() | st.sampled_from(["firing", "resolved"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["labels", "annotations", "status", "startsAt", "endsAt", "alerts"])
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


#: Where (modulo the length), how many bytes, and what stands there instead.
DAMAGE = st.tuples(st.integers(0, 1 << 16), st.integers(0, 3), st.binary(max_size=3))


@pytest.mark.parametrize("name", SOURCES)
@given(document=JSON)
def test_any_json_is_read_or_refused(name: str, document: Any) -> None:
    reading(parser(name), json.dumps(document).encode())


@pytest.mark.parametrize("file", BODIES, ids=lambda file: f"{file.parent.name}-{file.stem}")
@given(damage=st.lists(DAMAGE, min_size=1, max_size=4))
def test_any_damage_to_a_recorded_body_is_read_or_refused(
    file: Path, damage: list[tuple[int, int, bytes]]
) -> None:
    body = bytearray(file.read_bytes())
    for place, length, instead in damage:
        at = place % len(body)
        body[at : at + length] = instead
    read = reading(parser(file.parent.name, file), bytes(body))
    text = json.dumps(read.get("alerts", [])) + json.dumps(read.get("rejected", []))
    assert "\\u0000" not in text
    assert "\\ud8" not in text
