"""An alert takes the routes that it takes in Alertmanager."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import matchers, routing
from tocsin.domain.routing import Route


def node(
    id: str,
    conditions: str = "{}",
    *children: Route,
    go_on: bool = False,
    group_by: tuple[str, ...] | None = (),
) -> Route:
    zero = timedelta(0)
    conditions_ = matchers.parse_list(conditions)
    return Route(id, id, conditions_, go_on, group_by, zero, zero, zero, children)


TREE = node(
    "{}",
    "{}",
    node("{}/a", "owner=a", node("{}/a/x", "env=x"), node("{}/a/y", "env=y", go_on=True)),
    node("{}/b", "owner=b", node("{}/b/1", "env=~x|y", go_on=True), node("{}/b/2", "env=x")),
    node("{}/c", "owner=~c|d", go_on=True),
    node("{}/d", "owner=d"),
)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({}, ["{}"]),
        ({"owner": "a"}, ["{}/a"]),
        ({"owner": "a", "env": "x"}, ["{}/a/x"]),
        ({"owner": "a", "env": "y"}, ["{}/a/y"]),
        ({"owner": "b"}, ["{}/b"]),
        ({"owner": "b", "env": "x"}, ["{}/b/1", "{}/b/2"]),
        ({"owner": "b", "env": "y"}, ["{}/b/1"]),
        ({"owner": "c"}, ["{}/c"]),
        ({"owner": "d"}, ["{}/c", "{}/d"]),
    ],
)
def test_match(labels: dict[str, str], expected: list[str]) -> None:
    assert [route.id for route in routing.match(TREE, labels)] == expected


LABELS = st.dictionaries(
    st.sampled_from(["owner", "env", "other"]), st.sampled_from(["", "a", "b", "c", "d", "x", "y"])
)


CONDITIONS = st.sampled_from(
    ["{}", "owner=a", "owner=b", "owner=", "env=x", "env=~x|y", "owner!=a", "{owner=a,env=y}"]
)


@st.composite
def trees(draw: st.DrawFn, depth: int = 2) -> Route:
    count = draw(st.integers(0, 5 if depth else 0))
    children = [draw(trees(depth - 1)) for _ in range(count)]
    return node(str(draw(st.uuids())), draw(CONDITIONS), *children, go_on=draw(st.booleans()))


@given(trees(), st.lists(LABELS, max_size=10))
def test_children_that_are_filed_are_asked_in_their_order(
    tree: Route, asked: list[dict[str, str]]
) -> None:
    filed = routing.Filed(tree)
    for labels in asked:
        assert filed.match(labels) == routing.match(tree, labels)


@given(st.lists(LABELS, max_size=20))
def test_what_is_remembered_is_what_it_would_say(asked: list[dict[str, str]]) -> None:
    router = routing.Router(TREE)
    for labels in asked:
        assert router.match(labels) == tuple(routing.match(TREE, labels))


def test_it_does_not_remember_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "REMEMBERED", 3)
    router = routing.Router(TREE)
    for number in range(10):
        assert [route.id for route in router.match({"owner": "b", "env": f"{number}"})] == ["{}/b"]
    assert len(router._known) <= 3


def test_a_root_that_does_not_match_takes_nothing() -> None:
    assert routing.match(node("{}", "a=b"), {}) == []


def test_find() -> None:
    found = routing.find(TREE, "{}/b/2")
    assert found is not None
    assert found.id == "{}/b/2"
    assert routing.find(TREE, "{}") is TREE
    assert routing.find(TREE, "{}/gone") is None


def test_group_labels() -> None:
    labels = {"a": "1", "b": "2"}
    assert routing.group_labels(node("{}", group_by=("b", "missing")), labels) == {"b": "2"}
    assert routing.group_labels(node("{}", group_by=()), labels) == {}
    assert routing.group_labels(node("{}", group_by=None), labels) == labels


def test_ids_of_children() -> None:
    conditions = matchers.parse_list('b=~"x|y",a=1')
    assert routing.child_id("{}", conditions, 2) == '{}/{a="1",b=~"x|y"}#2'
