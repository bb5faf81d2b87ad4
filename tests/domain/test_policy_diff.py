"""Two policies are compared by what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from tocsin.config import documents
from tocsin.domain import policy_diff
from tocsin.domain.policy import Policy


class Chat(BaseModel):
    """Where to write."""

    model_config = ConfigDict(extra="forbid")

    to: str


BASE = """
route:
  receiver: team
  group_by: [alertname]
  routes:
    - matchers: [team=db]
      receiver: dba
      group_wait: 0s
    - matchers: [team=web]
receivers:
  - name: team
    chat:
      - to: ops
  - name: dba
enrichment:
  table:
    - matchers: [team=db]
      set: {owner: dba}
people:
  - name: ann
    slack: U0123456
"""


def parse(text: str) -> Policy:
    return documents.parse(text, {"chat": Chat})


def changes(after: str, before: str | None = BASE) -> list[str]:
    """Each change on a line: what section id [path: before -> after]..."""
    old = parse(before) if before is not None else None
    return [
        " ".join([each.what, each.section, each.id,
                  *(f"[{f.path}: {f.before!r} -> {f.after!r}]" for f in each.fields)])
        for each in policy_diff.diff(old, parse(after))
    ]  # fmt: skip


@pytest.mark.parametrize(
    "same",
    [
        BASE,
        "# a comment\n\n" + BASE,
        BASE.replace("group_wait: 0s", "group_wait: 0s\n      group_interval: 5m"),
        BASE.replace("[team=db]", "['team = \"db\"']"),
        BASE + "incidents: {reopen: 300s}\nsilences: {longest: 30d}\n",
    ],
)
def test_what_says_the_same_is_the_same(same: str) -> None:
    assert changes(same) == []


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("group_wait: 0s", "group_wait: 90s",
         ["changed routes {}/{team=\"db\"}#0 [group_wait: '0s' -> '1m30s']"]),
        ("      receiver: dba\n", "      receiver: team\n",
         ["changed routes {}/{team=\"db\"}#0 [receiver: 'dba' -> 'team']"]),
        ("    - matchers: [team=web]\n", "", ['removed routes {}/{team="web"}#0']),
        ("    - matchers: [team=web]\n",
         "    - matchers: [team=web]\n      routes:\n        - matchers: [a=b]\n",
         ['added routes {}/{team="web"}#0/{a="b"}#0']),
        ("- to: ops", "- to: all",
         ["changed receivers team [integrations.team/chat/0.settings.to: 'ops' -> 'all']"]),
        ("  - name: dba\n", "  - name: dba\n  - name: new\n", ["added receivers new"]),
        ("  - name: dba\n", "  - name: dba\n    chat:\n      - to: dba\n",
         ["changed receivers dba [integrations.dba/chat/0: None -> {'key': 'dba/chat/0',"
          " 'channel': 'chat', 'settings': {'to': 'dba'}, 'send_resolved': True}]"]),
        ("owner: dba", "owner: dbs",
         ["changed enrichment {team=\"db\"} [set.owner: 'dba' -> 'dbs']"]),
        ("slack: U0123456", "phone: '+4930123456'",
         ["changed people ann [slack: 'U0123456' -> None] [phone: None -> '+4930123456']"]),
        ("people:", "silences: {broadest: 50}\nincidents: {reopen: 1h}\npeople:",
         ["changed incidents.reopen  [: '5m' -> '1h']",
          "changed silences  [broadest: None -> 50]"]),
        ("    - matchers: [team=web]\n", "    - matchers: [team=web]\n    - matchers: [team=web]\n",
         ['added routes {}/{team="web"}#1']),
    ],
)  # fmt: skip
def test_what_is_different_is_named_by_its_id(old: str, new: str, expected: list[str]) -> None:
    assert old in BASE
    assert changes(BASE.replace(old, new)) == expected
    back = changes(BASE, BASE.replace(old, new))
    mirrored = {"added": "removed", "removed": "added"}
    assert [line.split()[0] for line in back] == [
        mirrored.get(word := line.split()[0], word) for line in expected
    ]


def test_what_a_section_collects_is_named_by_its_name_too() -> None:
    services = "services:\n  orders: {depends_on: [db]}\n  db: {}\n"
    assert changes(BASE + services) == ["added services orders", "added services db"]
    owned = services.replace("db: {}", "db: {owner: dba}")
    assert changes(BASE + owned, BASE + services) == ["changed services db [owner: None -> 'dba']"]
    turned = "services:\n  db: {}\n  orders: {depends_on: [db]}\n"
    assert changes(BASE + turned, BASE + services) == []
    freed = services.replace("[db]", "[]")
    [line] = changes(BASE + freed, BASE + services)
    assert line.startswith("changed services orders [depends_on: ['db'] -> [")


def test_what_is_inherited_changes_with_its_parent() -> None:
    changed = BASE.replace("  group_by: [alertname]\n", "  group_by: [cluster]\n")
    assert len(changes(changed)) == 3


def test_a_route_that_is_asked_earlier_has_moved() -> None:
    web = "    - matchers: [team=web]\n"
    first = BASE.replace(web, "").replace("  routes:\n", "  routes:\n" + web)
    [line] = changes(first)
    assert line.startswith("moved routes {}/{team=")


def test_the_order_of_receivers_says_nothing() -> None:
    dba = "  - name: dba\n"
    assert changes(BASE.replace(dba, "").replace("receivers:\n", "receivers:\n" + dba)) == []


def test_the_first_policy_adds_all_that_it_has_and_nothing_that_is_usual() -> None:
    assert changes(BASE, None) == [
        "added routes {}", 'added routes {}/{team="db"}#0', 'added routes {}/{team="web"}#0',
        "added receivers team", "added receivers dba", 'added enrichment {team="db"}',
        "added people ann",
    ]  # fmt: skip


@given(st.lists(st.integers(0, 9), unique=True), st.lists(st.integers(0, 9), unique=True))
def test_as_few_as_possible_have_moved(old: list[int], new: list[int]) -> None:
    moved = policy_diff._moved(list(map(str, old)), list(map(str, new)))
    stay = [id for id in map(str, new) if id not in moved and int(id) in old]
    assert stay == [id for id in map(str, old) if id in stay]
    assert not moved or len(moved) < len(set(old) & set(new))


def test_a_section_of_tomorrow_is_compared_without_a_word_about_it() -> None:
    @dataclass(frozen=True)
    class Rule:
        name: str
        when: str
        window: timedelta
        line: int
        ask: Callable[[Any], bool]
        cache: Any = field(default=None, compare=False)
        compiled: Any = None

    @dataclass(frozen=True)
    class Expression:
        text: str

        def __call__(self) -> bool:
            return True

    @dataclass(frozen=True)
    class Tomorrow(Policy):
        laws: tuple[Rule, ...] = ()

    def policy(*rules: Rule) -> Tomorrow:
        base = parse(BASE)
        return Tomorrow(base.root, base.receivers, laws=rules)

    def rule(name: str, **fields: Any) -> Rule:
        made = Rule(name, "a == 1", timedelta(minutes=1), 1, lambda labels: True)
        return replace(made, **fields)

    once, again = rule("a", compiled=object()), rule("a", compiled=object())
    same = policy_diff.diff(policy(once), policy(replace(again, line=7, cache=object())))
    assert same == []
    found = policy_diff.diff(
        policy(rule("a"), rule("b")), policy(rule("c"), rule("a", window=timedelta(hours=1)))
    )
    assert [(each.what, each.section, each.id) for each in found] == [
        ("added", "laws", "c"), ("changed", "laws", "a"), ("removed", "laws", "b"),
    ]  # fmt: skip
    assert found[1].fields == (policy_diff.Field("window", "1m", "1h"),)
    [changed] = policy_diff.diff(
        policy(rule("a", compiled=Expression("x"))), policy(rule("a", compiled=Expression("y")))
    )
    assert changed.fields == (policy_diff.Field("compiled.text", "x", "y"),)


def test_a_rule_is_known_by_its_name() -> None:
    rules = "rules:\n  - {name: hot, when: labels.cpu > 80, then: {severity: critical}}\n"
    [line] = changes(BASE + rules, BASE + rules.replace("80", "90"))
    assert line.startswith("changed rules hot [when")


def test_a_sender_is_known_by_its_name() -> None:
    senders = "sources: [{name: kuma, alertname: body.a}]\n"
    [line] = changes(BASE + senders.replace("body.a", "body.b"), BASE + senders)
    assert line == "changed sources kuma [alertname: 'body.a' -> 'body.b']"
