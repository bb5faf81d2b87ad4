"""Why somebody was told of an incident, or was not: from the route down to each attempt."""

from __future__ import annotations

import uuid
from typing import Any

from schemas import delivery as deliveries
from schemas import incident as schema
from tocsin import i18n
from tocsin.storage import search_deliveries, search_incidents
from tocsin.storage.record import Transaction


def explain(
    tx: Transaction, tenant: int, incident: dict[str, Any], groups: list[schema.GroupItem]
) -> schema.Explanation:
    """The explanation of one incident, a row of `search_incidents`, which has these groups."""
    of = [uuid.UUID(group.id) for group in groups]
    decided = search_incidents.notifications(tx, tenant, of, incident["id"])
    sent = search_deliveries.of_notifications(tx, tenant, [row["id"] for row in decided])
    tried = search_deliveries.attempts(tx, tenant, sent)
    routed = {name: incident[name] for name in ("route", "receiver", "policy_version")}
    sentence = i18n.say("why.routed", **routed)
    if not decided:
        sentence += " " + i18n.say("why.nobody_yet")
    return schema.Explanation(
        **routed,
        sentence=sentence,
        groups=[_belongs(group) for group in groups if len(groups) > 1],
        notifications=[
            _notification(
                row,
                [_explained(one, tried[one["id"]]) for one in sent
                 if one["notification_id"] == row["id"]],
            )
            for row in decided
        ],
    )  # fmt: skip


def _belongs(group: schema.GroupItem) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in group.labels.items()) or group.route
    return f"{labels}: {group.sentence}"


def state(row: dict[str, Any]) -> str:
    """The state of a delivery and its cause, for people."""
    words = {name: row[name] for name in ("channel", "destination", "attempts")}
    said = i18n.say(f"delivery.{row['state']}", **words)
    if row["in_doubt"] and row["state"] != "sent":
        said += " " + i18n.say("delivery.in_doubt")
    if not row["cause"]:
        return said
    if row["state"] == "sent":  # who was left out although it arrived
        return f"{said} {row['cause']}"
    return said + " " + i18n.say("delivery.cause", cause=row["cause"])


def attempt(row: dict[str, Any]) -> deliveries.AttemptItem:
    return deliveries.AttemptItem(
        **{name: value for name, value in row.items() if name != "delivery_id"}
    )


def _notification(
    row: dict[str, Any], sent: list[deliveries.DeliveryExplained]
) -> schema.NotificationExplained:
    return schema.NotificationExplained(
        id=str(row["id"]),
        at=row["created_at"],
        reason=row["reason"],
        policy_version=row["policy_version"],
        changes=row["changes"],
        sentence=i18n.say(f"change.{row['reason']}"),
        deliveries=sent,
    )


def _explained(row: dict[str, Any], tried: list[dict[str, Any]]) -> deliveries.DeliveryExplained:
    return deliveries.DeliveryExplained(
        id=str(row["id"]),
        integration=row["integration"],
        channel=row["channel"],
        destination=row["destination"],
        state=row["state"],
        cause=row["cause"],
        sentence=state(row),
        history=[attempt(one) for one in tried],
    )
