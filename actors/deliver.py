"""Deliver: one actor a channel, `deliver_<channel>`: lease, limit, send, write down the outcome.

The claim, with lease and fence, is committed before anything goes out; what came of it is written
under that fence. Between the two no connection is held.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import structlog

import channels
from actors import _errands, _fates, _runtime, _texts, _work
from tocsin import errors
from workers import queues

log = structlog.get_logger(__name__)


def _declare(channel: str) -> None:
    @_work.actor(queues.deliver(channel), queues.NOTIFY)
    def deliver(queue: str) -> bool:
        return _run(channel, queue)


# An actor has one home; the same one also answers on the queue of what wakes people.
_runtime.broker().declare_queue(queues.PAGE)
for _channel in channels.REGISTRY:
    _declare(_channel)


def _run(channel: str, queue: str) -> bool:
    """Take one delivery that is due and send it; True where there may be another."""
    here, began = _runtime.here(), time.monotonic()
    taken = _errands.claim(here, channel, queue)
    if taken is None:
        return False
    # Another thread, or process, takes the next one while this one talks to its provider.
    here.bell.ring(queues.deliver(channel), queue)
    well: bool | None = False
    for errand in taken:
        try:
            well = _send(here, errand, began + here.settings.lease_seconds)
        finally:
            _errands.in_flight.done(errand.row, well=well)
    if well is False:
        here.wake("fail_over")
    return True


def _send(here: _runtime.Runtime, errand: _errands.Errand, until: float) -> bool | None:
    """One attempt: whether it arrived; None where nothing was tried.

    `until`: when the lease ends, on the monotonic clock of this process.
    """
    channel = channels.REGISTRY[errand.integration.channel]
    wait = here.limiter.wait(
        f"{_errands.place(errand.row)} {errand.row['channel']}", channel.LIMITS.per_second,
        channel.LIMITS.burst, errand.claimed,
    )  # fmt: skip
    if wait > 0:
        _fates.put_back(here.record, errand.row, wait)
        return None
    try:
        texts, message = _texts.of(here, errand)
        call = _call(here, errand, texts)
        if time.monotonic() >= until:
            # This process stood still: somebody else may be sending it at this moment.
            _fates.put_back(here.record, errand.row, 0)
            return None
        receipt = channel.send(message, errand.integration.settings, call)
    except errors.Retryable as error:
        _fates.try_later(here.record, errand.row, errand.claimed, error)
    except errors.Permanent as error:
        _fates.give_up(here.record, errand.row, errand.claimed, error)
    except Exception as error:
        # A bug in a channel must not lose the page: it is tried again and then shown as dead.
        log.exception("channel failed", channel=errand.row["channel"])
        bug = errors.Retryable(f"{type(error).__name__} in the channel", in_doubt=True)
        _fates.try_later(here.record, errand.row, errand.claimed, bug)
    else:
        _fates.sent(here.record, errand.row, errand.brief, errand.claimed, receipt)
        return True
    return False


def _call(
    here: _runtime.Runtime, errand: _errands.Errand, texts: Mapping[str, str]
) -> channels.Call:
    chosen = here.settings
    return channels.Call(
        key=str(errand.row["id"]),
        secrets=channels.resolve_secrets(
            errand.integration.settings, errand.brief.slug, chosen.secrets_dir
        ),
        http=channels.http_client(chosen.egress_allow),
        now=errand.claimed,
        ref=errand.ref,
        attempt=errand.row["attempts"],
        may_repeat=errand.row["in_doubt"],
        locale=errand.locale,
        texts=texts,
        dial=channels.dialer(chosen.egress_allow),
        callback_url=_callback_url(chosen.public_url, errand),
        refused=frozenset(errand.brief.refused),
    )


def _callback_url(public_url: str, errand: _errands.Errand) -> str:
    """Where the provider may talk to us; the channel judges whether it can reach that."""
    return f"{public_url.rstrip('/')}/t/{errand.brief.slug}/callbacks/{errand.row['channel']}"
