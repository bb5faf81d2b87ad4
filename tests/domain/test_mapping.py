"""Foreign JSON becomes alerts: states, moments, and what an expression may and may not give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.mapping import MappedSource
from tocsin.domain import mapping, moments

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
THEN = datetime(2026, 3, 1, 3, 14, 2, tzinfo=UTC)


def source(**fields: Any) -> mapping.Source:
    return mapping.compiled(MappedSource(name="x", **{"alertname": "'a'"} | fields))


def one(document: Any, **fields: Any) -> mapping.Made:
    reading = mapping.read(source(**fields), document, NOW)
    assert not reading.refused, reading.refused
    (made,) = reading.alerts
    return made


@pytest.mark.parametrize(
    ("said", "status"),
    [
        (True, "firing"), (False, "resolved"), ("DOWN", "firing"), (" Ok ", "resolved"),
        ("triggered", "firing"), ("recovered", "resolved"),
    ],
)  # fmt: skip
def test_a_state_is_a_condition_or_a_word(said: Any, status: str) -> None:
    assert one({"s": said}, status="body.s").status == status


@pytest.mark.parametrize("said", [None, 1, "unknown", "", [], {"a": 1}])
def test_a_state_that_says_nothing_is_refused(said: Any) -> None:
    (bad,) = mapping.read(source(status="body.s"), {"s": said}, NOW).refused
    assert bad.field == "status"
    assert bad.reason.isprintable()


def test_without_a_state_the_end_decides() -> None:
    document = {"past": "2026-03-01T03:14:59Z", "future": "2026-03-01T03:15:01Z"}
    assert one(document, ends_at="body.past").status == "resolved"
    assert one(document, ends_at="body.future").status == "firing"
    assert one(document).status == "firing"


@pytest.mark.parametrize(
    "said",
    [
        "2026-03-01T03:14:02Z", "2026-03-01T04:14:02+01:00", "2026-03-01T03:14:02.000+0000",
        "2026-03-01 03:14:02", "2026-03-01T03:14:02.000000000Z", "20260301T031402Z",
        1772334842, 1772334842.0, 1772334842000, "1772334842", " 1772334842000 ",
    ],
)  # fmt: skip
def test_moments_are_read_as_the_world_writes_them(said: Any) -> None:
    assert moments.read(said) == THEN
    assert one({"t": said}, starts_at="body.t").starts_at == THEN


@pytest.mark.parametrize("said", [None, "", 0])
def test_no_moment_is_no_error(said: Any) -> None:
    assert moments.read(said) is None


@pytest.mark.parametrize(
    "said",
    ["now", "2026-03-01", "2026-02-30T00:00:00Z", "12:00", True, [], {}, 1e300, -1e300,
     float("inf"), float("nan"), "0001-01-01T00:00:00+14:00"],
)  # fmt: skip
def test_what_is_no_moment_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match=r"moment|date and time"):
        moments.read(said)


@given(said=st.text(max_size=40) | st.floats() | st.integers())
def test_any_moment_is_read_in_utc_or_refused(said: Any) -> None:
    try:
        found = moments.read(said)
    except ValueError:
        return
    assert found is None or found.utcoffset() == timedelta(0)


def test_a_condition_leaves_alerts_out_without_a_word() -> None:
    reading = mapping.read(
        source(alerts="body", when="alert > 1", labels={"n": "alert"}), [1, 2, 3], NOW
    )
    assert [made.labels["n"] for made in reading.alerts] == ["2", "3"]
    assert (reading.skipped, reading.refused) == (1, [])


def test_a_name_and_a_severity_stand_above_the_labels() -> None:
    made = one(
        {}, severity="'P1'", labels={"alertname": "'x'", "severity": "'y'", "none": "body.z"}
    )
    assert made.labels == {"alertname": "a", "severity": "P1"}
    graded = one({"v": 85}, severity="threshold(body.v, 60, 80)")
    assert graded.labels["severity"] == "critical"


def test_what_is_kept_for_another_try_is_enough_to_read_it_again() -> None:
    document = {"site": "Kiel", "deep": {"list": [{"n": 1}, {"n": []}]}}
    made = source(alerts="body.deep.list", labels={"n": "alert.n", "site": "body.site"})
    reading = mapping.read(made, document, NOW)
    (bad,) = reading.refused
    assert reading.around == {"site": "Kiel", "deep": {"list": []}}
    better = source(alerts="body.deep.list", labels={"site": "body.site"})
    again = mapping.read(better, mapping.again(bad.alert, reading.around), NOW)
    assert [each.labels["site"] for each in again.alerts] == ["Kiel"]


def test_a_document_that_is_one_alert_is_tried_again_as_it_was() -> None:
    document: dict[str, Any] = {"n": []}
    (bad,) = mapping.read(source(labels={"n": "body.n"}), document, NOW).refused
    again = mapping.read(
        source(annotations={"n": "body.n[0]"}), mapping.again(bad.alert, None), NOW
    )
    assert len(again.alerts) == 1


@pytest.mark.parametrize(
    ("text", "given", "value"),
    [
        ("choose(body.x == 1, 'a', body.y)", {"x": 1}, "a"),
        ("choose(body.x == 1, 'a', body.y)", {"x": 2, "y": "b"}, "b"),
        ("choose(body.x == 1, 'a', body.y)", {"x": 2}, None),
        ("concat('https://x/', body.id)", {"id": 17}, "https://x/17"),
        ("concat('https://x/', body.id)", {}, None),
        ("part(body.t, ':', 1)", {"t": "host: db-1 :x"}, "db-1"),
        ("part(body.t, ':', -1)", {"t": "a:b:c"}, "c"),
        ("part(body.t, ':', -3)", {"t": "a:b:c"}, "a"),
        ("part(body.t, ':', 3)", {"t": "a:b:c"}, None),
        ("part(body.t, ':', -4)", {"t": "a:b:c"}, None),
        ("part(body.t, '', 0)", {"t": "a"}, None),
        ("part(body.t, ':', 0.5)", {"t": "a:b"}, None),
        ("part(body.t, ':', 1e300)", {"t": "a:b"}, None),
    ],
)
def test_functions_for_mappings(text: str, given: Any, value: Any) -> None:
    found = mapping.expression("labels", text).run(mapping.Subject(given, given))
    assert found == value


def test_functions_with_a_memory_are_not_for_mappings() -> None:
    with pytest.raises(ValueError, match="unknown function `rate`"):
        mapping.expression("when", "rate(5m) > 3")


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(document=st.fixed_dictionaries({"l": st.lists(JSON, max_size=4), "s": JSON, "t": JSON}))
def test_any_document_is_read_or_refused_alert_by_alert(document: Any) -> None:
    made = source(
        alerts="body.l", alertname="concat('a', alert)", status="body.s", starts_at="body.t",
        severity="threshold(alert, 1, 2)", annotations={"x": "part(alert, 'a', 0)"},
    )  # fmt: skip
    reading = mapping.read(made, document, NOW)
    assert len(reading.alerts) + len(reading.refused) == len(document["l"])
    for each in reading.alerts:
        for text in (*each.labels.values(), *each.annotations.values()):
            assert "\0" not in text
            text.encode()
