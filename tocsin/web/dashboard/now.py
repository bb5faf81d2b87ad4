"""What needs somebody now: seven numbers, each a door, and the incidents that nobody has taken."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from tocsin.storage import overview
from tocsin.web import access
from tocsin.web.dashboard import Nav, _beats, _duty, _render, viewers

router = APIRouter()
NAV = Nav(10, "now", "/ui/now", "n")

MOST = 50
#: Name, door, icon, and the class while it is not zero.
NUMBERS = (
    ("unacked", "/ui/incidents?state=open", "bell", "bad"),
    ("acked", "/ui/incidents?state=acknowledged", "check", ""),
    ("firing", "/ui/incidents", "critical", ""),
    ("silenced", "/ui/incidents", "mute", ""),
    ("held", "/ui/deliveries?tab=queued", "hold", ""),
    ("retrying", "/ui/deliveries?tab=retrying", "retry", "warn"),
    ("dead", "/ui/deliveries?tab=dead", "dead", "bad"),
)


@router.get("/now")
def now(request: Request, record: access.Recorded, who: viewers.Seen) -> Response:
    """The first page."""
    with record.session([who.tenant]) as tx:
        counted = overview.numbers(tx, who.tenant)
        rows = overview.unacked(tx, who.tenant, MOST)
        since = None if rows else overview.quiet_since(tx, who.tenant)
        at, duties = tx.now, _duty.now(tx, who.tenant)
        beats = _beats.listed(request, tx, who.caller)
    return _render.page(
        request, who, "now.html", fragment="now_part.html", now=at, here="now",
        numbers=[(name, counted[name], path, icon, kind if counted[name] else "zero")
                 for name, path, icon, kind in NUMBERS],
        unacked=[_card(row) for row in rows], more=max(0, counted["unacked"] - len(rows)),
        quiet_since=since, duties=duties, beats=beats, counted=_beats.counted(beats),
        looks=_beats.LOOKS,
    )  # fmt: skip


def _card(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "labels": orjson.loads(row["labels"])}
