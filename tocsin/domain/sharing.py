"""What an integration heard of an incident by all of its groups, so that it is paged once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from schemas.alert import SEVERITY_RANK, Severity
from tocsin.domain import notifying
from tocsin.domain import severity as ranks

if TYPE_CHECKING:
    from tocsin.domain import flushing

#: A page that stands for other groups is looked after this often until it has arrived.
CONFIRM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Heard:
    """What one integration heard of one incident.

    `severity` is how bad it was when it was last paged, `at` when it last heard of something that
    still fires; `page` whether a page arrived or is on its way: None where none will come.
    """

    severity: Severity | None = None
    at: datetime | None = None
    page: Literal["arrived", "coming"] | None = None


NOTHING = Heard()


def spares(heard: Heard, worst: Severity) -> bool:
    """Whether news of this severity is known well enough by the page that was sent already."""
    if heard.page is None or heard.severity is None:
        return False
    return SEVERITY_RANK[worst] <= SEVERITY_RANK[heard.severity]


def repeated(heard: Heard, interval: timedelta, now: datetime) -> bool:
    """Whether another group of the incident has repeated it within the interval."""
    return heard.at is not None and now < heard.at + interval


def told_since(heard: Heard, incident: flushing.Incident | None) -> bool:
    """Whether another group of the incident has told that it was opened again."""
    since = incident.reopened_at if incident else None
    return since is not None and heard.at is not None and heard.at >= since


def lost(group: flushing.Group, log: flushing.Log, heard: Heard) -> bool:
    """Whether the page that stood for this one never came: then it must be sent after all."""
    is_open = group.incident is not None and group.incident.state == "open"
    return log.carried and is_open and heard.page is None


def page_once(group: flushing.Group, made: flushing.Plan, updates_in_place: frozenset[str]) -> None:
    """Who was paged for the incident already is not paged again for each group that joins it."""
    worst = ranks.worst(m.severity for m in made.firing)
    for integration in group.receiver.integrations:
        key, log = integration.key, group.log.get(integration.key)
        reason, heard = made.reasons.get(key), made.heard.get(key, NOTHING)
        if made.act == "joined":
            if (
                reason in notifying.PAGING
                and integration.channel in updates_in_place
                and heard.page
            ):
                made.reasons[key] = "new_alerts"
            elif reason in notifying.PAGING and spares(heard, worst):
                del made.reasons[key]
                made.carried.add(key)
        elif log is not None and log.carried and reason not in notifying.PAGING:
            made.carried.add(key)
            if reason == "resolved" and made.act != "resolved":
                # It was not told that this part began; it hears of the end of the whole.
                del made.reasons[key]


def carries_news(
    made: flushing.Plan, key: str, log: flushing.Log | None, firing: frozenset[str]
) -> bool:
    """Whether something is to be noted that another group's page stands for."""
    if key not in made.carried:
        return False
    if made.act == "joined" or log is None:
        return True
    return not made.muted and log.told.firing != firing


def confirm(made: flushing.Plan, now: datetime) -> datetime | None:
    """When to look again whether the page that stands for this group has arrived."""
    if made.incident is None or made.incident.state != "open" or not made.firing:
        return None
    # What a storm has only just taken in: its page is planned in a moment.
    wanted = {None, "coming"} if made.storm else {"coming"}
    coming = any(made.heard.get(key, NOTHING).page in wanted for key in made.carried)
    return now + CONFIRM if coming else None
