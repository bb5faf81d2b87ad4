"""Letters that bring a report: leased, sent by the channel of their account, tried again.

A letter is a row of its own and not a delivery: it belongs to no incident, so that nothing of the
lines, generations and explanations of deliveries holds for it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

import channels
from actors import _runtime
from scheduler import reporting
from schemas.message import Message
from tocsin import errors, i18n
from tocsin.domain import backoff
from tocsin.domain.cadence import Period
from tocsin.domain.reporting import Recipient
from tocsin.storage import callbacks, reports
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

#: Longer than any mail server is waited for.
LEASE = timedelta(minutes=1)

UNDELIVERED = "A report did not reach one of those it is for"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Errand:
    """A claimed letter with all that sending it needs."""

    row: Row
    report: Row
    tenant: _runtime.Tenant
    recipient: Recipient
    refused: frozenset[str]
    order: reporting.Order
    claimed: datetime
    text: str


def send(here: _runtime.Runtime, tenant: int, letter: uuid.UUID) -> None:
    """Try one letter. Between claim and outcome no connection is held."""
    errand = here.record.again(lambda: _claim(here, tenant, letter))
    if errand is None:
        return
    try:
        _hand_over(here, errand)
    except errors.Retryable as error:
        _later(here, errand, error)
    except errors.Permanent as error:
        _end(here, errand, "dead", error.message)
    except Exception as error:
        log.exception("letter failed", channel=errand.row["channel"])
        _later(here, errand, errors.Retryable(type(error).__name__, in_doubt=True))
    else:
        _end(here, errand, "sent", None)


def _claim(here: _runtime.Runtime, tenant: int, letter: uuid.UUID) -> Errand | None:
    with here.record.session([tenant]) as tx:
        row = reports.take(tx, tenant, letter, LEASE)
        if row is None:
            return None
        kept = reports.get(tx, tenant, row["report_id"])
        of = here.tenants(tx, [tenant])[tenant]
        recipient = _recipient(here, tx, of, row, kept)
        if kept is None or recipient is None:
            cause = "the policy sends it to nobody of this address any more"
            _over(tx, row, "dead", cause)
            return None
        order = _order(here, of, kept)
        head = reporting.header(tx, order, kept["id"], made=kept["created_at"])
        text = reporting.letter(reporting.content(kept["content"]), head)
        refused = callbacks.refused(tx, tenant, row["channel"])
        return Errand(row, kept, of, recipient, refused, order, tx.now, text)


def _recipient(
    here: _runtime.Runtime, tx: Transaction, of: _runtime.Tenant, row: Row, kept: Row | None
) -> Recipient | None:
    """As the policy has it now, so that a repaired account is used; else as it had it then."""
    if kept is None:
        return None
    for policy in (of.policy, here.policy(tx, of.id, kept["policy_version"])):
        for each in policy.reports if policy else ():
            for recipient in each.recipients if each.name == kept["schedule"] else ():
                if (recipient.address, recipient.channel) == (row["address"], row["channel"]):
                    return recipient
    return None


def _order(here: _runtime.Runtime, of: _runtime.Tenant, kept: Row) -> reporting.Order:
    period = Period(kept["starts_at"], kept["ends_at"], kept["zone"])
    return reporting.Order(
        of.id, of.slug, kept["kind"], period, of.policy, kept["policy_version"],
        here.settings.public_url, schedule=kept["schedule"], locale=kept["locale"],
    )  # fmt: skip


def _hand_over(here: _runtime.Runtime, errand: Errand) -> None:
    row, settings = errand.row, errand.recipient.settings
    channel = channels.REGISTRY[row["channel"]]
    place = f"{row['tenant']} {channel.destination(settings)} {row['channel']}"
    limits = channel.LIMITS
    wait = here.limiter.wait(place, limits.per_second, limits.burst, errand.claimed)
    if wait > 0:
        raise errors.Retryable("waiting for the rate limit", after=wait)
    chosen, locale = here.settings, errand.report["locale"]
    subject = reporting.subject(errand.order.kind, errand.tenant.slug, errand.order.period, locale)
    call = channels.Call(
        key=str(row["id"]),
        secrets=channels.resolve_secrets(settings, errand.tenant.slug, chosen.secrets_dir),
        http=channels.http_client(chosen.egress_allow),
        now=errand.claimed,
        attempt=row["attempts"],
        may_repeat=row["in_doubt"],
        locale=locale,
        texts={"subject": subject, **_texts(errand, locale)},
        dial=channels.dialer(chosen.egress_allow),
        refused=errand.refused,
        whole=True,
    )
    channel.send(_message(errand, subject), settings, call)


def _texts(errand: Errand, locale: str) -> dict[str, str]:
    html, text = reporting.unpacked(errand.report["html"]), errand.text
    if errand.row["in_doubt"]:
        text = f"{i18n.say('report.may_be_repeat', locale)}\n\n{text}"
    return {"html": html, "text": text}


def _message(errand: Errand, subject: str) -> Message:
    """What every channel wants to know; the words are in the texts."""
    report = errand.report
    return Message(
        tenant=errand.tenant.slug, receiver=report["schedule"] or report["kind"],
        group_key=str(report["id"]), incident_id=str(report["id"]), state="open", reason="first",
        title=subject, severity="none", why="", opened_at=report["created_at"], at=errand.claimed,
    )  # fmt: skip


def _later(here: _runtime.Runtime, errand: Errand, error: errors.Retryable) -> None:
    with here.record.session([errand.row["tenant"]]) as tx:
        pause = backoff.delay(errand.row["attempts"], tx.now - errand.row["created_at"])
        if pause is None:
            said = f"given up after {errand.row['attempts']} attempts: {error.message}"
            _over(tx, errand.row, "dead", said)
            return
        doubt = errand.row["in_doubt"] or error.in_doubt
        wait = timedelta(seconds=max(pause, error.after or 0))
        reports.later(tx, errand.row, error.message, wait, in_doubt=doubt)


def _end(here: _runtime.Runtime, errand: Errand, state: str, cause: str | None) -> None:
    with here.record.session([errand.row["tenant"]]) as tx:
        _over(tx, errand.row, state, cause)


def _over(tx: Transaction, row: Row, state: str, cause: str | None) -> None:
    if reports.end(tx, row, state, cause) and state == "dead":
        said = f"to {row['address']}: {cause} (tocsin report show {row['report_id']})"
        reports.warn(tx, row["tenant"], "TocsinReportUndelivered", UNDELIVERED, said)
