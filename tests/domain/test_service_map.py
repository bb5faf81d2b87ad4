"""The service map: what is how near to what, and what is said of a map that leads nowhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.domain import service_map

#: web -> api -> db <- jobs; db and cache need each other.
MAP = service_map.build([
    service_map.Service("web", ("api",)),
    service_map.Service("api", ("db",), owner="core", runbook="https://run/api", tier="1"),
    service_map.Service("jobs", ("db",)),
    service_map.Service("db", ("cache",)),
    service_map.Service("cache", ("db",)),
    service_map.Service("alone"),
])  # fmt: skip
NAMES = "abcdef"


def parse(text: str) -> service_map.ServiceMap:
    return documents.parse(f"route: {{}}\n{text}", channels.settings_models()).services


@pytest.mark.parametrize(
    ("service", "hops", "near"),
    [
        ("api", 0, {}),
        ("api", 1, {"db": 1, "web": 1}),
        ("api", 2, {"db": 1, "web": 1, "cache": 2, "jobs": 2}),
        ("cache", 3, {"db": 1, "api": 2, "jobs": 2, "web": 3}),
        ("alone", 9, {}),
        ("not there", 9, {}),
    ],
)
def test_steps_go_both_ways(service: str, hops: int, near: dict[str, int]) -> None:
    found = service_map.neighbours(MAP, service, hops)
    assert found == near
    assert list(found.values()) == sorted(found.values()), "the nearest first"


@given(
    st.dictionaries(st.sampled_from(NAMES), st.lists(st.sampled_from(NAMES), max_size=4)),
    st.integers(0, 7),
)
def test_nearness_is_mutual(needs: dict[str, list[str]], hops: int) -> None:
    found = service_map.build(service_map.Service(k, tuple(v)) for k, v in needs.items())
    for one in needs:
        near = service_map.neighbours(found, one, hops)
        assert one not in near
        assert set(near) <= set(needs)
        assert all(1 <= steps <= hops for steps in near.values())
        for other, steps in near.items():
            assert service_map.neighbours(found, other, hops)[one] == steps


def test_the_service_of_an_alert_stands_in_the_label() -> None:
    found = service_map.of(MAP, {"service": "api"})
    assert found is not None
    assert (found.owner, found.runbook, found.tier) == ("core", "https://run/api", "1")
    assert service_map.of(MAP, {"service": "other"}) is None
    assert service_map.of(MAP, {}) is None
    assert service_map.depends_on(MAP, "web") == ("api",)
    assert service_map.depends_on(MAP, "not there") == ()


def test_a_document_has_a_map_with_circles_and_a_label_of_its_own() -> None:
    found = parse(
        "service_label: app\n"
        "services:\n"
        "  db: {depends_on: [disk], owner: data, tier: gold}\n"
        "  disk: {depends_on: [db]}\n"
    )
    assert found.label == "app"
    assert service_map.of(found, {"app": "db"}) == found.services["db"]
    assert service_map.neighbours(found, "db", 5) == {"disk": 1}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("services:\n  api: {depends_on: [dbb]}\n  db: {}\n", 3,
         "there is no service `dbb`: did you mean `db`?"),
        ("services:\n  api: {depends_on: [api]}\n", 3, "cannot depend on itself"),
        ("services:\n  api: {owners: me}\n", 3, "did you mean `owner`?"),
        ("services: [api]\n", 2, "`services` must be a mapping"),
        ("services:\n  api:\n", 3, "is empty"),
        ("service_label: ''\n", 2, "service_label"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_map_is_said(text: str, line: int, said: str) -> None:
    with pytest.raises(errors.PolicyError) as caught:
        parse(text)
    assert [line] == [found for found, _ in caught.value.problems]
    assert said in str(caught.value)
