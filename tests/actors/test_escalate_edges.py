"""Escalations where several things happen at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.actors import escalating
from tests.actors.conftest import Hall
from tests.actors.escalating import begin, fire, policy, who

Travel = Callable[..., None]


def test_news_that_came_after_the_last_step_is_explained(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("notify: [{person: anna}]"))
    travel(minutes=1)
    fire(tenant, disk="b")
    hall.settle()
    assert who(tenant) == ["anna"]
    travel(minutes=5)
    hall.settle()
    assert escalating.state(tenant) == "exhausted"
    rows = tenant.rows("SELECT * FROM alert_event ORDER BY id LIMIT 2")
    assert [row["outcome"] for row in rows] == ["notified", "grouped"]


def test_whose_turn_it_is_goes_on_within_one_drain(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(policy("{notify: [{person: anna}, {person: ben}], round_robin: true}"))
    fire(tenant, "Disk")
    fire(tenant, "Net")
    # Not one by one, as after a failure.
    monkeypatch.setattr(hall.module("escalate"), "_one_by_one", lambda here: False)
    hall.settle()
    assert sorted(who(tenant)) == ["anna", "ben"]
