"""Which routes an alert takes: Alertmanager's tree, with what each node inherits filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from tocsin.domain import matchers, time_intervals

#: The id of the root; a child's id begins with its parent's.
ROOT_ID = "{}"
#: A tree that asks for a label that each alert has for itself must not fill the memory.
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Route:
    """One node of the routing tree.

    ``id`` is stable as long as the matchers of the node and of its parents are; see `child_id`.
    ``receiver`` is None where nobody is to be told. ``group_by`` None means by all labels (`...`).
    ``line`` is where the node stands in the policy document.
    """

    id: str
    receiver: str | None
    matchers: tuple[matchers.Matcher, ...]
    continue_: bool
    group_by: tuple[str, ...] | None
    group_wait: timedelta
    group_interval: timedelta
    repeat_interval: timedelta
    children: tuple[Route, ...] = ()
    line: int = 0
    #: When it speaks.
    hours: time_intervals.Hours = time_intervals.ALWAYS


def child_id(parent_id: str, conditions: tuple[matchers.Matcher, ...], index: int) -> str:
    """The id of a child: `index` counts the siblings before it that have the same matchers."""
    return f"{parent_id}/{matchers.render(conditions)}#{index}"


def match(route: Route, labels: Mapping[str, str]) -> list[Route]:
    """The nodes that take an alert with these labels, in the order of the document.

    Depth first. The first child that matches wins, unless it says `continue`; a node takes the
    alert itself if none of its children does. Empty only if the root does not match.
    """
    if not matchers.matches(route.matchers, labels):
        return []
    found: list[Route] = []
    for child in route.children:
        taken = match(child, labels)
        found += taken
        if taken and not child.continue_:
            break
    return found or [route]


class Filed:
    """A node whose children are filed under a label that an alert must have to be theirs.

    Of ten thousand children an alert then asks the few that may take it, in their order.
    """

    __slots__ = ("_by_label", "_others", "children", "route")

    def __init__(self, route: Route) -> None:
        self.route = route
        self.children = [Filed(child) for child in route.children]
        self._others: list[int] = []
        self._by_label: dict[tuple[str, str], list[int]] = {}
        for place, child in enumerate(route.children):
            key = matchers.pinned(child.matchers)
            (self._by_label.setdefault(key, []) if key else self._others).append(place)

    def match(self, labels: Mapping[str, str]) -> list[Route]:
        """As `match` says for the route."""
        if not matchers.matches(self.route.matchers, labels):
            return []
        found: list[Route] = []
        for child in self._candidates(labels):
            taken = child.match(labels)
            found += taken
            if taken and not child.route.continue_:
                break
        return found or [self.route]

    def _candidates(self, labels: Mapping[str, str]) -> list[Filed]:
        places = [*self._others]
        if self._by_label:
            for item in labels.items():
                places += self._by_label.get(item, ())
        return [self.children[place] for place in sorted(places)]


class Router:
    """`match` for one tree, remembered by the labels that the tree asks for.

    These are few, and most alerts have the same values there: what a tree of many routes costs is
    paid once for each kind of alert. Threads may share one.
    """

    def __init__(self, root: Route) -> None:
        self._root = Filed(root)
        self._asked = tuple(sorted(_asked(root)))
        self._known: dict[tuple[str | None, ...], tuple[Route, ...]] = {}

    def match(self, labels: Mapping[str, str]) -> tuple[Route, ...]:
        key = tuple(map(labels.get, self._asked))
        found = self._known.get(key)
        if found is None:
            found = tuple(self._root.match(labels))
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = found
        return found


def _asked(route: Route) -> set[str]:
    """The labels that decide between this node and those below it."""
    names = {matcher.name for matcher in route.matchers}
    return names.union(*map(_asked, route.children))


def find(root: Route, id: str) -> Route | None:
    """The node with this id, or None if the tree has none (any more)."""
    waiting = [root]
    while waiting:
        route = waiting.pop()
        if route.id == id:
            return route
        waiting += [child for child in route.children if id.startswith(child.id)]
    return None


def group_labels(route: Route, labels: Mapping[str, str]) -> dict[str, str]:
    """The labels that name the group of an alert on this route; those it lacks are left out."""
    if route.group_by is None:
        return dict(labels)
    return {name: labels[name] for name in route.group_by if name in labels}
