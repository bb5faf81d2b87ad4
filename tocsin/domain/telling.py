"""From a plan to the message that every channel of the receiver gets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from schemas.message import AlertView

#: Alerts that one message carries; the rest are counted.
MAX_ALERTS = 100
MAX_TITLE = 200


def common(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The pairs that all of these have."""
    if not maps:
        return {}
    first, *rest = maps
    return {k: v for k, v in first.items() if all(other.get(k) == v for other in rest)}


def title(group_labels: Mapping[str, str], alerts: Iterable[AlertView]) -> str:
    """One line that says what is wrong: the alert's name, and the shared summary or where."""
    views = list(alerts)
    shared = common([view.labels for view in views])
    name = shared.get("alertname") or group_labels.get("alertname")
    if not name:
        names = sorted({view.labels.get("alertname", "alert") for view in views})
        name = names[0] if len(names) == 1 else f"{len(views)} alerts"
    where = [
        shared.get(key) or group_labels.get(key)
        for key in ("service", "job", "instance", "namespace", "cluster")
    ]
    place = ", ".join([part for part in dict.fromkeys(where) if part][:3])
    summary = common([view.annotations for view in views]).get("summary", "")
    return ": ".join(part for part in (name, summary or place) if part)[:MAX_TITLE]
