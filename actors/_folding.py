"""Deliveries that are planned together for one line: the last of them tells for the others."""

from __future__ import annotations

from typing import Any

from workers import queues

Row = dict[str, Any]


def fold(notifications: list[Row], planned: list[Row]) -> tuple[list[Row], list[Row]]:
    """Of the deliveries of one line the last, which tells for the others, and those others."""
    last: dict[tuple[Any, ...], Row] = {}
    folded = []
    events = {row["id"]: row for row in notifications}
    for row in planned:
        line = (row["tenant"], row["group_id"], row["integration"])
        if (before := last.get(line)) is not None:
            if queues.PAGE in (row["queue"], before["queue"]):
                row["queue"] = queues.PAGE
            if row.get("due_at") and before.get("due_at"):
                row["due_at"] = min(row["due_at"], before["due_at"])
            mine, earlier = events[row["notification_id"]], events[before["notification_id"]]
            mine["events"] = sorted({*mine["events"], *earlier["events"]})
            mine["events_since"] = min(mine["events_since"], earlier["events_since"])
            folded.append(before)
        last[line] = row
    for row in folded:
        winner = last[row["tenant"], row["group_id"], row["integration"]]
        row["cause"], row["successor"] = str(winner["id"]), str(winner["notification_id"])
    return list(last.values()), folded
