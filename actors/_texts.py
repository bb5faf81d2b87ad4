"""The words of a delivery: those of a template of the tenant, or none, which the channel finds.

Nothing here can stop a page: whatever goes wrong with a template, the channel's own words go out
with a note that says so, after ``rendering.SECONDS`` at the latest.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import structlog

import channels
from actors import _errands, _runtime
from schemas.message import Message
from tocsin import i18n
from tocsin.domain import templates
from tocsin.i18n import forms, rendering
from tocsin.storage.tallies import Tallies

#: After so many failures in a row a template is left alone for a while: a storm must not wait for
#: it with each of its messages.
FAILURES = 3
PAUSE = timedelta(minutes=1)

log = structlog.get_logger(__name__)


@dataclass
class Breaker:
    """Which templates failed in a row, and until when they are not tried.

    A template that is changed is another one: its repair counts at once.
    """

    _failed: dict[Any, tuple[int, datetime, str]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stopped(self, key: Any, now: datetime) -> str | None:
        """Why it is not tried now; None: it is."""
        count, until, cause = self._failed.get(key, (0, now, ""))
        return cause if count >= FAILURES and now < until else None

    def failed(self, key: Any, now: datetime, cause: str) -> None:
        with self._lock:
            count = self._failed.get(key, (0,))[0] + 1
            if len(self._failed) > 1000:
                self._failed.clear()
            self._failed[key] = (count, now + PAUSE, cause)

    def worked(self, key: Any) -> None:
        if key in self._failed:
            with self._lock:
                self._failed.pop(key, None)


breaker = Breaker()


def of(here: _runtime.Runtime, errand: _errands.Errand) -> tuple[dict[str, str], Message]:
    """The parts that templates write, and the message, which has a note where one failed."""
    forms_of = channels.REGISTRY[errand.integration.channel].PARTS
    message = errand.message
    chosen = templates.choose(
        errand.policy.templates, message.receiver, errand.integration.channel, message.reason,
        forms_of,
    )  # fmt: skip
    if chosen is None or message.code:  # a test page is never in other words
        return {}, message
    locale = errand.locale
    key = (errand.row["tenant"], chosen.name, hash(tuple(sorted(chosen.parts.items()))))
    if cause := breaker.stopped(key, errand.claimed):
        return {}, _without(here, errand, chosen.name, cause, "bypassed")
    try:
        texts = _rendered(chosen, forms_of, message, locale)
    except rendering.Unusable as error:
        cause = _cause(error)
        if error.kind != "busy":
            breaker.failed(key, errand.claimed, cause)
        return {}, _without(here, errand, chosen.name, cause, error.kind)
    except Exception as error:
        # A bug of ours is no reason to keep a page back either.
        log.exception("template failed", template=chosen.name)
        return {}, _without(here, errand, chosen.name, type(error).__name__, "other")
    breaker.worked(key)
    return texts, message


def _rendered(
    chosen: templates.Template, forms_of: Mapping[str, str], message: Message, locale: str
) -> dict[str, str]:
    """The parts; one that comes out empty is left to the channel, which has something to say."""
    parts = {
        name: (forms_of[name], source) for name, source in chosen.parts.items() if name in forms_of
    }
    made = rendering.renderer().render(parts, rendering.context(message), locale)
    return {name: text for name, text in made.items() if text.strip()}


def _cause(error: rendering.Unusable) -> str:
    place = f"part {error.part}" if error.part else ""
    place += f", line {error.line}" if error.line else ""
    return forms.visible(f"{place}: {error.message}" if place else error.message, 300)


def _without(
    here: _runtime.Runtime, errand: _errands.Errand, name: str, cause: str, kind: str
) -> Message:
    """The message with a note that its template could not be used, which is counted too."""
    log.warning("template not used", template=name, cause=cause, tenant=errand.brief.slug)
    try:
        with here.record.session([errand.row["tenant"]]) as tx:
            tallies = Tallies()
            channel = errand.integration.channel
            tallies.add(errand.row["tenant"], "template_failures_total", channel, kind)
            tallies.write(tx)
    except Exception:
        log.exception("a failure of a template was not counted")
    note = i18n.say(
        "message.template_failed", errand.locale, name=forms.visible(name, 100), cause=cause
    )
    return errand.message.model_copy(update={"notes": [*errand.message.notes, note]})
