"""Alarms of Amazon CloudWatch, through a topic of SNS or, where the policy allows, EventBridge."""

from __future__ import annotations

import functools
import logging
from datetime import datetime

from ingest import means
from ingest.sources import _alarms, _batch, _json, _sns
from ingest.sources._bad import Bad
from schemas.alert import Rejected
from schemas.mapping import CloudWatch
from tocsin import errors

log = logging.getLogger(__name__)

PATHS = ("/webhooks/cloudwatch",)
OWN_DOCUMENT = True
_DEFAULT = CloudWatch()
#: A message of SNS has 256 kB at most; what is larger is not even looked at.
MAX_BYTES = 1024 * 1024


async def admit(call: means.Call, body: bytes) -> means.Parse:
    """Raises Forbidden for what Amazon did not sign, or for a topic that the policy does not name.

    A subscription is confirmed here: whoever asks for it knows a token of the tenant.
    """
    if len(body) > MAX_BYTES:
        raise errors.TooLarge(f"a message of SNS may have {MAX_BYTES} bytes")
    document = _json.document(body)
    chosen = (await call.means.senders.of(call.tenant)).cloudwatch
    if not _sns.is_envelope(document):
        if chosen.unsigned:
            return functools.partial(parse, chosen=chosen)
        raise errors.Forbidden(
            "only messages with a signature of Amazon SNS are taken: turn raw message delivery off,"
            " or set `cloudwatch.unsigned: true` in the policy"
        )
    envelope = _sns.read(body)
    if chosen.topics and envelope.TopicArn not in chosen.topics:
        raise errors.Forbidden("this topic is not among `cloudwatch.topics` of the policy")
    await _sns.verify(envelope, call.now, call.means.outside)
    if envelope.Type == "Notification":
        return functools.partial(parse, chosen=chosen)
    if envelope.Type == "SubscriptionConfirmation":
        await _sns.confirm(envelope, call.means.outside)
        log.info("tenant %d is subscribed to %s", call.tenant, envelope.TopicArn)
    else:
        log.warning("tenant %d is no longer subscribed to %s", call.tenant, envelope.TopicArn)
    return _nothing


def parse(
    body: bytes, now: datetime, resolve_timeout: float, chosen: CloudWatch = _DEFAULT
) -> _batch.Parsed:
    """One alarm. It never expires: CloudWatch tells each change of state once."""
    document = _json.document(body)
    if not isinstance(document, dict):
        raise _batch.not_alerts("a JSON object was expected")
    try:
        alarm = document
        if _sns.is_envelope(document):
            alarm = _alarms.message(_sns.read(body).Message)
        draft = _alarms.draft(alarm, now, chosen.insufficient_data)
    except Bad as bad:
        return _batch.Parsed([], [Rejected(0, bad.field, bad.reason, body)])
    return _batch.Parsed(_batch.finish_all([draft] if draft else []), [])


def _nothing(body: bytes, now: datetime, resolve_timeout: float) -> _batch.Parsed:
    return _batch.Parsed([], [])
