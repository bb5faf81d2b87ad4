"""What a delivery says, part by part, as its channel would say it now; shows no secret."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import psycopg
from fastapi import Request
from pydantic import ValidationError

import channels
from schemas.message import Message
from tocsin import errors
from tocsin.domain import templates
from tocsin.i18n import rendering
from tocsin.security import crypto
from tocsin.storage import deliveries
from tocsin.storage.record import Transaction
from tocsin.web import in_force


def of(
    request: Request, tx: Transaction, tenant: int, row: Mapping[str, Any]
) -> dict[str, str] | None:
    """By the name of the part; None where it cannot be shown, which never hides the rest."""
    try:
        return _parts(request, tx, tenant, row)
    except psycopg.Error:
        raise
    except (errors.TocsinError, ValidationError, rendering.Unusable):
        return None


def _parts(
    request: Request, tx: Transaction, tenant: int, row: Mapping[str, Any]
) -> dict[str, str]:
    found = deliveries.notification(tx, tenant, uuid.UUID(str(row["notification_id"])))
    sealer = crypto.from_file(request.app.state.settings.master_key_file)
    blob = sealer.open(tx, tenant, bytes(found["message"]))
    message = Message.model_validate_json(blob)
    policy = in_force.policy(tx, tenant)
    channel = str(row["channel"])
    if channel not in channels.REGISTRY:
        return _plain(message)
    locale = (policy.locale_for(message.receiver) if policy else "") or "en"
    own = channels.own_words(channel, message, locale) or _plain(message)
    forms = channels.REGISTRY[channel].PARTS
    chosen = templates.choose(
        policy.templates if policy else (), message.receiver, channel, message.reason, forms
    )
    if chosen is None:
        return own
    parts = {name: (forms[name], text) for name, text in chosen.parts.items() if name in forms}
    made = rendering.renderer().render(parts, rendering.context(message), locale)
    return {**own, **{name: text for name, text in made.items() if text.strip()}}


def _plain(message: Message) -> dict[str, str]:
    """For a channel that has no words of its own, such as a webhook: what it hands on."""
    return {"title": message.title, "why": message.why, **message.common_labels}
