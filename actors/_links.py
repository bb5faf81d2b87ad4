"""The link by which a person can act without signing in, put into a page when it is sent."""

from __future__ import annotations

from typing import Any

import structlog

from actors import _runtime
from schemas.message import Message
from tocsin.domain import notifying
from tocsin.security import links

log = structlog.get_logger(__name__)


def with_link(here: _runtime.Runtime, row: dict[str, Any], slug: str, message: Message) -> Message:
    """The message of a delivery to a person, with the link; a page goes out without it too."""
    # A test page is about nothing that could be acknowledged.
    silent = message.over or message.code or message.reason not in notifying.PAGING
    if silent or not row["person"]:
        return message
    try:
        signer = links.signer(here.settings.master_key_file)
        url = links.address(signer, here.settings.public_url, slug, row["id"])
    except Exception:
        log.exception("a page goes out without its link", delivery=str(row["id"]))
        return message
    return message.model_copy(update={"act_url": url})
