"""What providers tell us after a message went out: buttons pressed, replies, receipts, refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True)
class Post:
    """What was posted to ``/t/<tenant>/callbacks/<channel>/<kind>``.

    ``url`` is the address under which the provider knows it: some sign it. Header names are in
    lower case.
    """

    kind: str
    url: str
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Act:
    """A person wants something done about an incident.

    ``user`` is the provider's own name of the person (a Slack user id, a telephone number), which
    ``people`` of the policy map to a name. ``incident`` None: the one this person was last told of
    by this channel that is still open; else its id, or the end of that as the message showed it.
    ``lasts`` is how long a snooze or a silence is to be.
    ``told_at`` is the destination at which this person was told, where that limits what is meant.
    ``name`` is only for showing, it proves nothing.
    """

    user: str
    act: Literal["acknowledge", "unacknowledge", "resolve", "snooze", "silence"]
    incident: str | None = None
    lasts: timedelta | None = None
    name: str = ""
    told_at: str = ""


@dataclass(frozen=True)
class Receipt:
    """What became of a message: ``provider_id`` is that of the ``channels.Receipt``.

    ``key`` is that of the ``channels.Call``, where the provider gives it back: it finds the
    delivery even where the answer to the attempt was lost. ``final`` receipts are not overwritten
    by later ones that are not. ``reason`` is for people.
    """

    provider_id: str
    state: Literal["queued", "delivered", "undelivered", "bounced"]
    final: bool
    reason: str = ""
    key: str = ""


@dataclass(frozen=True)
class Refusal:
    """An address asked not to be sent anything any more (``refused`` False: it takes that back)."""

    address: str
    refused: bool


Heard = Act | Receipt | Refusal


@dataclass(frozen=True)
class Answer:
    """What the provider is answered at once. ``body`` may hold ``{said}``: what became of acts.

    ``tell_url`` is posted ``tell`` afterwards, for providers that show nobody their answer; the
    channel has made sure that it is the provider's. ``{said}`` is written as the type wants it.
    """

    status: int = 200
    body: str = ""
    content_type: str = "text/plain; charset=utf-8"
    tell_url: str = field(default="", repr=False)
    tell: str = ""


@dataclass(frozen=True)
class Received:
    """A verified post. ``nonce`` names it: one that comes again with the same nonce is no news."""

    nonce: str
    heard: tuple[Heard, ...] = ()
    answer: Answer = Answer()
