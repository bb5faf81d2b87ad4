"""The next way to somebody: their rules, then the rest, what is doubtful last, none twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

import channels
from schemas.people import Person
from tocsin import errors
from tocsin.config import documents
from tocsin.domain import failover
from tocsin.domain.policy import Integration, Policy, Receiver, contact_key
from tocsin.domain.routing import Route

NOW = datetime(2026, 3, 1, 3, 7, tzinfo=UTC)
CHANNELS = ("email", "push", "slack", "sms", "voice")


def person(*rules: str) -> Person:
    return Person.model_validate({
        "name": "anna", "email": "anna@example.org",
        "notify": {"important": [{"by": by} for by in rules]},
    })  # fmt: skip


def ways(*names: str) -> dict[str, Integration]:
    return {
        contact_key("anna", name): Integration(contact_key("anna", name), name, None)
        for name in names
    }


def test_rules_come_first_then_the_other_ways_and_none_twice() -> None:
    anna, contacts = person("sms", "slack"), ways("email", "slack", "sms")
    used: list[str] = []
    while way := failover.next_way(anna, "important", contacts, used, lambda _: 0):
        used.append(way.key)
    assert [key.rsplit("/")[1] for key in used] == ["sms", "slack", "email"]


def test_a_second_use_of_a_way_is_that_way() -> None:
    used = ["@anna/sms/2"]
    assert failover.next_way(person(), "important", ways("sms"), used, lambda _: 0) is None


def test_what_is_doubtful_comes_last_but_it_comes() -> None:
    contacts = ways("email", "slack")
    way = failover.next_way(
        person("email"), "important", contacts, (), lambda one: one.channel == "email"
    )
    assert way is contacts["@anna/slack"]
    way = failover.next_way(person("email"), "important", ways("email"), (), lambda _: 3)
    assert way is not None


@given(
    st.lists(st.sampled_from(CHANNELS), unique=True),
    st.lists(st.sampled_from(CHANNELS), unique=True),
    st.sets(st.sampled_from(CHANNELS)),
    st.dictionaries(st.sampled_from(CHANNELS), st.integers(0, 3)),
)
def test_every_way_is_taken_once_and_the_least_doubtful_first(
    rules: list[str], there: list[str], used: set[str], doubts: dict[str, int]
) -> None:
    contacts = ways(*there)
    taken = [contact_key("anna", name) for name in used]
    found: list[str] = []

    def doubt(one: Integration) -> int:
        return doubts.get(one.channel, 0)

    while way := failover.next_way(person(*rules), "important", contacts, taken, doubt):
        assert way.key not in taken
        taken.append(way.key)
        found.append(way.channel)
    assert set(found) == set(there) - used
    assert [doubts.get(name, 0) for name in found] == sorted(doubts.get(n, 0) for n in found)
    sure = [name for name in found if not doubts.get(name, 0)]
    named = [name for name in rules if name in sure]
    assert sure[: len(named)] == named


def test_a_page_has_a_part_of_its_step_or_of_five_minutes() -> None:
    minute = timedelta(minutes=1)
    assert failover.deadline(NOW, NOW + 4 * minute) == NOW + minute
    assert failover.deadline(NOW, None) == NOW + timedelta(seconds=75)
    # The night held it until its step was over.
    assert failover.deadline(NOW, NOW - minute) == NOW + timedelta(seconds=75)


def receiver(name: str, fallback: str | None, *channels: str) -> Receiver:
    own = tuple(Integration(f"{name}/{one}/0", one, None) for one in channels)
    return Receiver(name, own, fallback=fallback)


def test_a_fallback_that_was_told_gives_over_to_its_own() -> None:
    chain = [
        receiver("ops", "spare", "slack"), receiver("spare", "last", "sms", "email"),
        receiver("last", None, "webhook"),
    ]  # fmt: skip
    none = timedelta(0)
    root = Route("r", "ops", (), False, (), none, none, none)
    policy = Policy(root, {one.name: one for one in chain})
    first = failover.stand_ins(policy, "ops/slack/0", ["ops/slack/0"])
    assert [one.key for one in first] == ["spare/sms/0", "spare/email/0"]
    used = ["ops/slack/0", *(one.key for one in first)]
    assert [one.key for one in failover.stand_ins(policy, "ops/slack/0", used)] == [
        "last/webhook/0"
    ]
    assert failover.stand_ins(policy, "last/webhook/0", used) == []


FALLBACKS = """
route: {receiver: a}
receivers:
  - {name: a, fallback: %s, webhook: [{url: "https://a.example"}]}
  - {name: b, fallback: a, webhook: [{url: "https://b.example"}]}
  - {name: quiet}
"""


@pytest.mark.parametrize(
    ("to", "said"),
    [("b", "leads back to `a`"), ("a", "leads back to `a`"), ("bb", "no `bb` in receivers"),
     ("quiet", "has no channel of its own")],
)  # fmt: skip
def test_a_fallback_leads_somewhere_and_not_back(to: str, said: str) -> None:
    with pytest.raises(errors.PolicyError, match=said):
        documents.parse(FALLBACKS % to, channels.settings_models())
