"""Fingerprints are Alertmanager's, and the fast way gives the same as the plain one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.domain import fingerprint

LABELS = st.dictionaries(st.text(min_size=1, max_size=12), st.text(max_size=40), max_size=8)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # Measured with amtool and Alertmanager 0.25.
        ({"alertname": "foo", "severity": "critical"}, "8fa107ec8feba4bc"),
        ({"alertname": "bar", "severity": "critical"}, "94cc0a56ee0159eb"),
        # The offset basis of FNV-1a.
        ({}, "cbf29ce484222325"),
    ],
)
def test_golden(labels: dict[str, str], expected: str) -> None:
    assert fingerprint.fingerprint(labels) == expected
    assert fingerprint.fingerprints([labels] * 40) == [expected] * 40


def test_order_of_labels_does_not_matter() -> None:
    assert fingerprint.fingerprint({"a": "1", "b": "2"}) == fingerprint.fingerprint(
        {"b": "2", "a": "1"}
    )


def test_names_and_values_do_not_run_together() -> None:
    assert fingerprint.fingerprint({"a": "bc"}) != fingerprint.fingerprint({"ab": "c"})


@pytest.mark.parametrize(
    "labels",
    [
        {"%s": "100%"},
        {"a": ""},
        {"é": "ü", "z": "ä", "\U0001f525": "x"},
        {"a": "\ud800"},
        {"a": "\0"},
    ],
)
def test_odd_labels_have_the_fingerprint_of_their_bytes(labels: dict[str, str]) -> None:
    state = 0xCBF29CE484222325
    for name in sorted(labels, key=lambda text: text.encode("utf-8", "surrogatepass")):
        for text in (name, labels[name]):
            for byte in text.encode("utf-8", "surrogatepass") + b"\xff":
                state = ((state ^ byte) * 0x100000001B3) % 2**64
    assert fingerprint.fingerprint(labels) == f"{state:016x}"


@settings(max_examples=60)
@given(st.lists(LABELS, min_size=0, max_size=60))
def test_fast_equals_plain(label_sets: list[dict[str, str]]) -> None:
    assert fingerprint.fingerprints(label_sets) == [fingerprint.fingerprint(x) for x in label_sets]


@given(st.lists(st.integers(0, 9000), min_size=16, max_size=40))
@settings(max_examples=20, deadline=None)
def test_fast_equals_plain_for_very_different_lengths(lengths: list[int]) -> None:
    label_sets = [{"a": "x" * length, "b": str(length)} for length in lengths]
    assert fingerprint.fingerprints(label_sets) == [fingerprint.fingerprint(x) for x in label_sets]


def test_more_alerts_than_one_chunk() -> None:
    label_sets = [{"alertname": "x", "instance": str(at)} for at in range(3000)]
    found = fingerprint.fingerprints(label_sets)
    assert len(set(found)) == 3000
    assert found[2999] == fingerprint.fingerprint(label_sets[2999])


@pytest.mark.parametrize("labels", [{"a": "x" * 20_000}, {f"l{n}": "x" for n in range(20_000)}])
def test_a_monster_has_a_fingerprint_of_its_own_whatever_its_neighbours(
    labels: dict[str, str],
) -> None:
    alone = fingerprint.fingerprint(labels)
    crowd = [labels, *({"a": str(at)} for at in range(30))]
    assert fingerprint.fingerprints(crowd)[0] == alone
    assert fingerprint.fingerprint(dict(reversed(labels.items()))) == alone
    last = list(labels)[-1]
    assert fingerprint.fingerprint({**labels, last: f"{labels[last]}y"}) != alone
