"""Posts of providers: buttons, replies, receipts. No token: the provider's signature vouches.

Every integration of the channel in the tenant's policy is tried with its own secrets; the first
whose secrets fit the signature is the one. All that is not believed gets one and the same answer,
so that nobody learns which tenants and channels there are.
"""

from __future__ import annotations

import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import cast
from xml.sax import saxutils

import structlog
from fastapi import APIRouter, BackgroundTasks, Request, Response
from starlette.concurrency import run_in_threadpool

import channels
from schemas import heard
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.domain.policy import Integration, Policy
from tocsin.egress import exchange
from tocsin.storage import callbacks, tenants
from tocsin.storage.record import Record
from tocsin.web import access, acting, hearing, in_force

router = APIRouter(tags=["callbacks"])
log = structlog.get_logger(__name__)

#: Posts from one address to one tenant that may fail in a minute; more are not logged.
FAILURES, MINUTE = 60, 60.0
_REMEMBERED = 2048
REFUSED = (
    "Nothing here takes this post, or it is not signed with a secret that this tenant's policy"
    " names. Check the address and the secret at the provider and in the policy."
)


class Doorman:
    """Counts the posts that were not believed."""

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def is_weary(self, key: tuple[str, str], now: float) -> bool:
        """Whether so many from there failed in this minute that the next is not logged."""
        began, count = self._failed.get(key, (now, 0))
        return now - began < MINUTE and count >= FAILURES

    def failed(self, key: tuple[str, str], now: float) -> None:
        began, count = self._failed.pop(key, (now, 0))
        self._failed[key] = (began, count + 1) if now - began < MINUTE else (now, 1)
        while len(self._failed) > _REMEMBERED:
            self._failed.popitem(last=False)


@router.api_route(
    "/t/{tenant}/callbacks/{channel}/{kind}", methods=["GET", "POST"], include_in_schema=False
)
async def hear_provider(
    request: Request, tenant: str, channel: str, kind: str, later: BackgroundTasks
) -> Response:
    """Believe a signed post, apply what it says, and answer as the provider wants it."""
    settings = cast(Settings, request.app.state.settings)
    query = f"?{request.url.query}" if request.url.query else ""
    post = heard.Post(
        kind=kind,
        # Providers sign the address that they were given, not the one behind a proxy.
        url=settings.public_url.rstrip("/") + request.url.path + query,
        headers={name.lower(): value for name, value in request.headers.items()},
        body=await request.body(),
    )
    answer = await run_in_threadpool(_heard, request, settings, tenant, channel, post)
    if answer.tell_url:
        later.add_task(_tell, settings, answer)
    return Response(answer.body, answer.status, media_type=answer.content_type)


def _heard(
    request: Request, settings: Settings, tenant: str, channel: str, post: heard.Post
) -> heard.Answer:
    doorman = cast(Doorman, request.app.state.doorman)
    record = access.record(request)
    believed = _believed(record, settings, tenant, channel, post)
    if believed is None:
        _note_refusal(doorman, request, (tenant, channel, post.kind))
        raise errors.NotFound(REFUSED)
    line, received = believed

    def work() -> str:
        with record.session([line.tenant]) as tx:
            return hearing.take(tx, line, received)

    said = record.again(work)
    acting.ring(request)
    return _filled(received.answer, said)


def _note_refusal(doorman: Doorman, request: Request, what: tuple[str, str, str]) -> None:
    """A flood of forged posts fills no log. It keeps nobody out: behind a proxy all are one."""
    slug, channel, kind = (each[:64] for each in what)
    key, now = (request.client.host if request.client else "", slug), time.monotonic()
    if not doorman.is_weary(key, now):
        log.info("callback refused", channel=channel, kind=kind)
    doorman.failed(key, now)


def _believed(
    record: Record, settings: Settings, slug: str, channel: str, post: heard.Post
) -> tuple[hearing.Line, heard.Received] | None:
    """The integration that this post belongs to, and what it says; None: nobody vouches for it."""
    if channels.receiver(channel) is None or not tenants.SLUG.fullmatch(slug):
        return None
    with record.claims() as tx:
        tenant, now = callbacks.tenant_of(tx, slug), tx.now
        if tenant is None:
            return None
        tx.scope([tenant])
        policy = in_force.policy(tx, tenant)
    if policy is None:
        return None
    for integration in _lines(policy, channel):
        received = _received(integration, slug, settings, post, now)
        if received is not None:
            return hearing.Line(tenant, policy, integration), received
    return None


def _lines(policy: Policy, channel: str) -> Iterator[Integration]:
    """Every integration of the channel whose secrets may fit."""
    for receiver in policy.receivers.values():
        yield from (each for each in receiver.integrations if each.channel == channel)
    # All people are told by one account: any of them has its secrets.
    yield from islice((each for each in policy.contacts.values() if each.channel == channel), 1)


def _received(
    integration: Integration, slug: str, settings: Settings, post: heard.Post, now: datetime
) -> heard.Received | None:
    """What the post says if it is signed with the secrets of this integration."""
    receive = channels.receiver(integration.channel)
    assert receive is not None
    try:
        secrets = channels.resolve_secrets(integration.settings, slug, settings.secrets_dir)
        return receive(post, integration.settings, secrets, now)
    except (errors.NotAuthenticated, errors.Permanent):
        return None
    except Exception:
        # Whoever sends it, it must not keep the integrations that follow from being asked.
        log.exception("callback could not be read", channel=integration.channel)
        return None


def _filled(answer: heard.Answer, said: str) -> heard.Answer:
    """The answer with what became of it, written as its type wants it."""
    return heard.Answer(
        answer.status,
        answer.body.replace("{said}", _written(said, answer.content_type)),
        answer.content_type,
        answer.tell_url,
        # What is told apart goes to Slack, which reads < and > as marks of its own.
        answer.tell.replace("{said}", _written(saxutils.escape(said), "application/json")),
    )


def _written(said: str, content_type: str) -> str:
    if "xml" in content_type:
        return saxutils.escape("".join(char for char in said if char.isprintable()))
    return json.dumps(said)[1:-1] if "json" in content_type else said


def _tell(settings: Settings, answer: heard.Answer) -> None:
    """Tell the one who acted; that it was done is in the record all the same."""
    http = channels.http_client(settings.egress_allow)
    headers = {"Content-Type": "application/json"}
    try:
        exchange.post(http, answer.tell_url, answer.tell.encode(), headers, now=datetime.now(UTC))
    except errors.TocsinError as error:
        log.info("callback answer not told", error=error.message)
