"""What a score may do: how an alert becomes an event of a stream, and what rules may make of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from schemas.alert import SEVERITY_RANK
from tocsin.domain import rules
from tocsin.domain.expressions import values
from tocsin.domain.features import Event
from tocsin.domain.rules import Rule, Rules, Subject

#: Where alerts carry their measured value; Grafana's own are `value_<letter>` and come first.
_VALUE = ("value", "current_value")


def event(
    at: datetime,
    status: str,
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    lasted: float | None,
    service_label: str = "service",
) -> Event:
    """A change of an alert as the features see it."""
    service = labels.get(service_label) or labels.get("job", "")
    return Event(
        at=at,
        alertname=labels.get("alertname", ""),
        service=service,
        labels=labels,
        status=status,
        value=value(labels, annotations) if status == "firing" else None,
        duration=lasted if status == "resolved" else None,
    )


def value(labels: Mapping[str, str], annotations: Mapping[str, str]) -> float | None:
    """The number that an alert is about, where it says one."""
    measured = sorted(name for name in annotations if name.startswith("value_"))
    for said in (*(annotations[name] for name in measured if name != "value_string"),
                 *(annotations.get(name, "") for name in _VALUE),
                 *(labels.get(name, "") for name in _VALUE)):  # fmt: skip
        found = values.number(said.strip().removesuffix("%"))
        if found is not None:
            return found
    return None


def asks(rule: Rule) -> bool:
    """Whether a rule looks at the score."""
    asked = rules.SCORE in rule.when.uses
    return asked or (rule.then is not None and rules.SCORE in rule.then.uses)


def matters(own: Rules) -> bool:
    """Whether any of a tenant's rules looks at the score."""
    return any(asks(rule) for rule in own.rules)


def changes(own: Rules, about: Subject, score: float) -> bool:
    """Whether a rule that looks at the score says something else once the score is known."""
    return any(before != after for _, before, after in _both(own, about, score))


def lowers(own: Rules, about: Subject, score: float) -> bool:
    """Whether knowing the score would have the alert dropped or made less severe."""
    for rule, before, after in _both(own, about, score):
        if after and not before and (rule.effects.drop is not None or _rank(rule, about) < 0):
            return True
        if before and not after and _rank(rule, about) > 0:
            return True
    return False


def _both(own: Rules, about: Subject, score: float) -> list[tuple[Rule, bool, bool]]:
    """Each rule that looks at the score, with what it says without and with it."""
    found, known = [], about.score
    for rule in own.candidates(about):
        if not asks(rule):
            continue
        try:
            about.score = None
            before = rule.holds(about) or rule.follows(about)
            about.score = score
            after = rule.holds(about) or rule.follows(about)
        except Exception:  # a rule that fails is told of where it is evaluated
            continue
        finally:
            about.score = known
        found.append((rule, before, after))
    return found


def _rank(rule: Rule, about: Subject) -> int:
    """Above 0: the rule makes the alert worse than it says itself."""
    said = rule.effects.labels.get("severity")
    if said is None:
        return 0
    return SEVERITY_RANK.get(said, 0) - SEVERITY_RANK[about.severity]
