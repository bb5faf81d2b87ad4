"""Which rules an alert meets, and what conditions see of it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas import rules as written
from tocsin.config import rules as config
from tocsin.domain import judging, rules
from tocsin.domain.change import Change, effective

NOW = datetime(2026, 3, 1, 3, 7, tzinfo=UTC)


def change(**what: Any) -> Change:
    labels = what.pop("labels", {"alertname": "Disk", "service": "a"})
    return Change(**{
        "tenant": 1, "fingerprint": "f", "event": 1, "received_at": NOW, "kind": "new",
        "status": "firing", "severity": "warning", "labels": labels,
        "starts_at": NOW - timedelta(minutes=5), **what,
    })  # fmt: skip


def compiled(*conditions: str, **then: Any) -> rules.Rules:
    return config.compiled(
        [
            written.Rule.model_validate(
                {"name": f"r{n}", "when": when, "then": then or {"labels": {f"r{n}": "1"}}}
            )
            for n, when in enumerate(conditions)
        ]
    )


def held(all_rules: rules.Rules, about: Change) -> list[str]:
    met = judging.of_change(all_rules, about, NOW, _raised)
    return [rule.name for rule in met.candidates if met.holds[rule.id]]


def _raised(rule: rules.Rule, error: Exception) -> None:
    raise error


@pytest.mark.parametrize(
    ("when", "what", "holds"),
    [
        ('severity == "warning"', {}, True),
        ('labels.team == "db" and labels.x == ""', {"added": {"team": "db"}}, True),
        ('labels.team == "web"', {"ruled": {"team": "web"}}, False),
        ('severity == "critical"', {"added": {"severity": "critical"}}, True),
        ('severity == "none"', {"kind": "judged", "severity": "critical"}, True),
        ("age == 5m", {}, True),
        ('source == "grafana"', {"source": "grafana"}, True),
        ('annotations.a matches "b+"', {"annotations": {"a": "bb"}}, True),
        ("extra.tier < 2", {"extra": {"tier": "1"}}, True),
        ("anomaly_score > 0.8", {"extra": {"anomaly_score": "0.9"}}, True),
        ("anomaly_score > 0.8", {"extra": {"anomaly_score": "high"}}, False),
        ("anomaly_score <= 0.8", {}, False),
    ],
)
def test_what_conditions_see(when: str, what: dict[str, Any], holds: bool) -> None:
    assert held(compiled(when), change(**what)) == (["r0"] if holds else [])


def test_without_a_score_a_number_may_stand_for_it() -> None:
    rule = {"name": "s", "when": "anomaly_score < 1", "without_score": 0.5, "then": {"route": "x"}}
    assert held(config.compiled([written.Rule.model_validate(rule)]), change()) == ["s"]


def test_an_alert_meets_only_the_rules_that_can_mean_it() -> None:
    texts = [f'alertname == "A{n}" and labels.x > 1' for n in range(1000)]
    texts += ['labels.service in ["a", "b"]', 'source == "s" or source == "t"', "age > 1m"]
    found = compiled(*texts)
    assert [rule.name for rule in found.candidates(subject())] == ["r1000", "r1002"]
    named = subject(labels={"alertname": "A7"}, source="t")
    assert [rule.name for rule in found.candidates(named)] == ["r7", "r1001", "r1002"]


def subject(**what: Any) -> rules.Subject:
    return rules.subject(change(**what), NOW)


@pytest.mark.parametrize("number", range(40))
def test_the_index_leaves_out_no_rule_that_holds(number: int) -> None:
    """Whatever the condition: a rule that is not a candidate does not hold."""
    found = _all_conditions()
    about = subject(
        labels={"alertname": "AB"[number % 2], "x": ["", "1", "2", "3"][number % 4], "y": "z"},
        source=["", "s"][number % 2],
    )
    candidates = {rule.id for rule in found.candidates(about)}
    for rule in found.rules:
        assert rule.id in candidates or not rule.holds(about), rule.when.text


@functools.cache
def _all_conditions() -> rules.Rules:
    return compiled(*_conditions())


def _conditions() -> Iterator[str]:
    simple = [
        'alertname == "A"', 'labels.x == "1"', 'labels.x == ""', 'labels.x in ["2", "3"]',
        'source == "s"', "labels.x > 1", 'severity == "warning"', 'annotations.q == ""',
    ]  # fmt: skip
    for one in simple:
        yield one
        yield f"not {one}"
        for other in simple:
            yield f"{one} and {other}"
            yield f"{one} or {other}"
            yield f"({one} or {other}) and labels.y == 'z'"


def test_raised_alerts_meet_no_rule_that_raises() -> None:
    found = compiled("true", **{"raise": {"alertname": "R"}})
    assert found.candidates(subject(source="prometheus"))
    assert found.candidates(subject(source=rules.RAISED)) == []


def test_later_rules_override_and_a_drop_wins() -> None:
    def rule(name: str, **then: Any) -> written.Rule:
        return written.Rule.model_validate({"name": name, "when": "true", "then": then})

    found = config.compiled(
        [
            rule("a", severity="critical", labels={"x": "1", "service": ""}),
            rule("b", drop="noise"),
            rule("c", severity="info", labels={"x": "2"}),
        ]
    )
    about = change()
    said = judging.judged(judging.of_change(found, about, NOW, _raised), {})
    assert effective(about.labels, {}, said.ruled) == {
        "alertname": "Disk", "severity": "info", "x": "2",
    }  # fmt: skip
    assert (said.severity, said.drop) == ("info", "b: noise")


def test_a_changed_rule_is_another_one() -> None:
    one, other = compiled("true").rules[0], compiled("true ").rules[0]
    assert one.id == compiled("true").rules[0].id != other.id


def test_a_thousand_rules_cost_little_more_than_ten() -> None:
    """Not the time, which machines differ in, but the conditions that are asked."""
    asked = []
    for total in (10, 1000):
        found = compiled(*[f'alertname == "A{n}" and labels.x > 1' for n in range(total)])
        about = subject(labels={"alertname": "A5", "x": "2"})
        asked.append(len(found.candidates(about)))
        assert len(found.index) == 1
    assert asked == [1, 1]
