"""How the installation does: ready or why not, queues, processes, what is due. Only numbers."""

from __future__ import annotations

import redis
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from psycopg.rows import DictRow

from scheduler import watch_tenant
from tocsin import errors
from tocsin.security import audit
from tocsin.storage import due, progress, synthetic, tenants
from tocsin.storage.record import Record
from tocsin.web import access, health
from tocsin.web.dashboard import Nav, _render, viewers
from workers import gauge, queues

router = APIRouter()
NAV = Nav(50, "system", "/ui/system", "s")

#: A process that was not heard of for so many seconds is taken for dead.
LATE = 10.0


@router.get("/system")
def system(request: Request, record: access.Recorded, who: viewers.Seen) -> Response:
    """The view of the workers."""
    with record.session([who.tenant]) as tx:
        [tenant] = tenants.listed(tx)
        late, loops, at = due.late(tx), progress.ages(tx), tx.now
    watch = _watched(record, request.app.state.settings.watch_tenant)
    found = gauge.read(request.app.state.settings.redis_url, _names(request))
    return _render.page(
        request, who, "system.html", fragment="system_part.html", now=at, here="system",
        reasons=health.why_not(record, request.app.state.revision),
        problem=tenant["policy_problem"], policy_version=tenant["policy_version"], gauge=found,
        late=LATE,
        due=sorted(late, key=lambda item: item.oldest), may_put_back=who.may("admin"),
        loops=loops, silent=health.MAX_SILENT, watch=watch,
    )  # fmt: skip


def _watched(record: Record, slug: str) -> DictRow | None:
    """The last alert of Tocsin's own that arrived: when it was posted, and when it arrived."""
    with record.claims() as tx:
        tenant = watch_tenant.find(tx, slug)
        if tenant is None:
            return None
        tx.scope([tenant])
        return synthetic.newest_arrived(tx, [tenant])


@router.post("/system/requeue")
def requeue(request: Request, record: access.Recorded, form: viewers.AdminAct) -> Response:
    """Put the dead messages of one queue back."""
    name = form.text("queue")
    if name not in _names(request):
        raise errors.NotFound("there is no such queue in this installation")
    try:
        moved = gauge.put_back(request.app.state.settings.redis_url, name)
    except redis.RedisError as error:
        raise errors.RecordAway("Redis does not answer, so nothing was put back") from error

    def note() -> None:
        with record.session([form.tenant]) as tx:
            detail = {"name": form.caller.name, "number": moved}
            audit.record(tx, form.tenant, access.actor(form.caller), "queue.requeue", name, detail)

    if moved:
        record.again(note)
    said = "requeued" if moved else "nothing_left"
    return RedirectResponse(f"/ui/system?said={said}&n={moved}", 303)


def _names(request: Request) -> set[str]:
    stages = set(request.app.state.queues.values())
    return stages | {queues.PAGE, queues.NOTIFY, queues.BACKGROUND}
