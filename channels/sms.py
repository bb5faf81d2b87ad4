"""Text messages by Twilio: the page in a few lines, answered by texting back a 1.

Twilio knows no idempotency key. After an attempt that was in doubt, the messages to the number are
searched for one that says the same and is no older than the page; where that cannot be looked
up, the text goes out again and says that it may be a repeat. The key of a delivery stands in the
address of its receipts, so that a receipt finds its delivery even where Twilio's answer was lost.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib import parse
from xml.sax import saxutils

from pydantic import Field, model_validator

import channels
from channels import _sms_text, _text, _twilio
from schemas import heard, people
from schemas import message as messages
from tocsin import errors, i18n
from tocsin.egress import addresses

#: A long code sends one part a second; more than a text in five seconds to one phone is noise that
#: nobody reads, and what waits is replaced by what is newer. Five at once, so that the first ones
#: of a bad night come at once.
LIMITS = channels.Limits(per_second=0.2, burst=5)
CAPABILITIES = channels.Capabilities()
PARTS: dict[str, channels.Form] = {"text": "text"}

#: Up to which attempt a search that fails is a reason to wait.
SEARCH_ATTEMPTS = 4
SEARCHED = 50
CODE = 4
_MESSAGE = re.compile(r"(SM|MM)[0-9a-f]{32}")

_WORDS: dict[str, Literal["acknowledge", "unacknowledge", "resolve"]] = {
    "1": "acknowledge", "ack": "acknowledge", "acknowledge": "acknowledge",
    "2": "resolve", "resolve": "resolve", "resolved": "resolve",
    "0": "unacknowledge", "undo": "unacknowledge", "unack": "unacknowledge",
}  # fmt: skip
#: A word that is meant to name an incident, well or badly written; "1 ok" is no code, and a code
#: that is mistyped must not acknowledge the newest instead.
_CODE = re.compile(r"[0-9]|^[a-f]{4}$")
_STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
_START = frozenset({"start", "unstop", "yes"})
_FINAL = {"delivered": "delivered", "read": "delivered", "undelivered": "undelivered",
          "failed": "undelivered", "canceled": "undelivered"}  # fmt: skip


class Settings(channels.ChannelSettings):
    """One phone, and the Twilio account that texts it."""

    CONTACT = channels.Contact("phone", "to")
    REQUIRED = ("token",)

    account_sid: str = Field(pattern=r"^AC[0-9a-f]{32}$", description="The Twilio account.")
    token_file: channels.SecretFile = None
    token_env: channels.SecretEnv = None
    sender: str | None = Field(
        None, alias="from", max_length=16, pattern=r"^(\+[1-9][0-9]{6,14}|[A-Za-z0-9 ]{3,11})$",
        description="A number of the account, or a name, which nobody can answer.",
    )  # fmt: skip
    messaging_service_sid: str | None = Field(
        None, pattern=r"^MG[0-9a-f]{32}$", description="Instead of `from`."
    )
    to: people.Phone = Field(description="One mobile number, such as `+4915112345678`.")
    callbacks: bool = Field(True, description="Ask for receipts; the text can be answered.")
    max_segments: int = Field(2, ge=1, le=3, description="Parts of one text; each is paid for.")
    api_url: addresses.BaseUrl = Field(
        "https://api.twilio.com", description="Another address that speaks Twilio's API."
    )

    @model_validator(mode="after")
    def _one_sender(self) -> Settings:
        if bool(self.sender) == bool(self.messaging_service_sid):
            raise ValueError("give either from or messaging_service_sid")
        return self


def destination(settings: Settings) -> str:
    """The phone: whoever sends to it, it is one person who is disturbed."""
    return f"sms {settings.to}"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Send the text, unless an attempt before this one has."""
    if settings.to in call.refused:
        raise errors.Permanent(
            f"{settings.to} has answered STOP, so it is not sent anything. Its owner takes that"
            " back by texting START; until then name another way in the policy.",
            reason="clientError",
        )
    answering = _callback(settings, call)
    text, warned = (
        compose(message, settings, call, answered=bool(answering), repeat=repeat)
        for repeat in (False, True)
    )
    if call.may_repeat and call.attempt > 1:
        found, sure = _search(message, settings, call, (text, warned))
        if found:
            return channels.Receipt(None, found)
        text = text if sure else warned
    form = {"To": settings.to, "Body": text}
    if settings.sender:
        form["From"] = settings.sender
    else:
        form["MessagingServiceSid"] = settings.messaging_service_sid or ""
    if answering:
        form["StatusCallback"] = f"{answering}/status?{parse.urlencode({'key': call.key})}"
    data = _checked(_twilio.ask(call, _messages(settings), settings.account_sid, form), settings)
    return channels.Receipt(None, str(data.get("sid") or ""))


def own_words(message: messages.Message, locale: str) -> dict[str, str]:
    """The headline; facts and hints follow it as long as there is room, with a template too."""
    return {"text": _headline(message, locale)}


def compose(
    message: messages.Message, settings: Settings, call: channels.Call, *, answered: bool,
    repeat: bool = False,
) -> str:  # fmt: skip
    """The text as it goes out; ``answered`` where a reply would reach us."""
    locale = call.locale
    own = call.texts.get("text", "").strip()
    told = "\n".join(_text.plain(line, 500) for line in own.splitlines()) if own else ""
    told = told or _headline(message, locale)
    if repeat:
        told = f"{i18n.say('sms.repeat', locale)} {told}"
    hint = ""
    if answered and not message.code and message.state == "open":
        hint = i18n.say("sms.hint", locale, code=short_code(message.incident_id))
    lines = _sms_text.Lines(
        told=told,
        facts="" if own else _facts(message, locale),
        why="" if own or message.because else _text.plain(message.why, 200),
        hint=hint,
        link=_link(message.act_url) or _link(message.url),
        acts=bool(_link(message.act_url)),
        because=_text.plain(message.because, 200),
        caution=_text.plain(message.caution, 100),
    )
    return _sms_text.fit(lines, settings.max_segments)


def short_code(incident: str) -> str:
    """How a text calls an incident: the end of its id, which is the random part of it."""
    return incident[-CODE:].upper()


def receive(
    post: heard.Post, settings: Settings, secrets: Mapping[str, str], now: datetime
) -> heard.Received:
    """A receipt (``status``) or what somebody texted back (``reply``)."""
    fields = _twilio.verified(post, secrets["token"])
    # Names and values are signed without anything between them, so the id must look like one: else
    # the same signature would fit another cut of the same letters, under a nonce of its own.
    if not _MESSAGE.fullmatch(fields.get("MessageSid", "")):
        raise errors.NotAuthenticated
    if fields.get("AccountSid") != settings.account_sid:
        raise errors.NotAuthenticated
    if post.kind == "status":
        return _receipt(post, fields)
    if post.kind == "reply":
        return _reply(fields)
    raise errors.NotAuthenticated


def _headline(message: messages.Message, locale: str) -> str:
    if message.code:
        return _text.plain(message.title, 300)
    severity = i18n.say(f"sms.severity.{message.severity}", locale)
    title = _text.plain(message.title, 300)
    return i18n.say(f"sms.headline.{message.state}", locale, severity=severity, title=title)


def _facts(message: messages.Message, locale: str) -> str:
    if message.code:
        return ""
    since = _text.clock(message.opened_at, message.zone, "%H:%M")
    if message.over:
        return i18n.say("sms.over", locale, since=since)
    alone = message.alerts[0] if message.firing == 1 and len(message.alerts) == 1 else None
    what = _text.plain(alone.annotations.get("summary", ""), 160) if alone else ""
    counts = i18n.say("message.firing", locale, n=message.firing)
    return i18n.say("sms.facts", locale, since=since, what=what or counts)


def _link(url: str) -> str:
    """Whole or not at all: half an address leads nowhere."""
    safe = url.isascii() and url.isprintable() and " " not in url
    return url if safe and url.startswith(("http://", "https://")) else ""


def _callback(settings: Settings, call: channels.Call) -> str:
    """Where Twilio can reach us; an address that it cannot reach would make it refuse the text."""
    if not settings.callbacks or not call.callback_url:
        return ""
    public = call.callback_url.startswith("https://")
    return call.callback_url if public or settings.api_url.startswith("http://") else ""


def _messages(settings: Settings) -> str:
    return f"{settings.api_url}/2010-04-01/Accounts/{settings.account_sid}/Messages.json"


def _checked(data: dict[str, Any], settings: Settings) -> dict[str, Any]:
    if data["_status"] >= 300:
        raise _twilio.problem(data, settings.account_sid, settings.to)
    if data.get("status") in ("failed", "undelivered", "canceled"):
        why = _twilio.why_unreached(str(data.get("error_code") or ""))
        raise errors.Permanent(f"{settings.to} was not reached: {why}.", reason="clientError")
    return data


def _search(
    message: messages.Message, settings: Settings, call: channels.Call, texts: tuple[str, str]
) -> tuple[str, bool]:
    """The sid of the message that says one of these, and whether we could look at all."""
    day = message.at.date().isoformat()
    query = parse.urlencode({"To": settings.to, "DateSent>": day, "PageSize": SEARCHED})
    try:
        url = f"{_messages(settings)}?{query}"
        data = _checked(_twilio.ask(call, url, settings.account_sid), settings)
    except errors.Permanent:
        return "", False
    except errors.Retryable:
        # Looking again in a moment beats sending twice, but sending twice beats not sending.
        if call.attempt <= SEARCH_ATTEMPTS:
            raise
        return "", False
    for found in data.get("messages") or ():
        made = email.utils.parsedate_to_datetime(found.get("date_created") or "")
        body = found.get("body") or ""
        if _says(body, message, texts) and made >= message.at.replace(microsecond=0):
            return str(found.get("sid") or ""), True
    return "", not data.get("next_page_uri")


def _says(body: str, message: messages.Message, texts: tuple[str, str]) -> bool:
    """Whether a text is one of these, although words may have changed since.

    As when the reader has confirmed this phone: then the caution goes, and there is room for more.
    The link of a delivery never changes; where it has none to act by, its incident's and what is
    said first do not.
    """
    act, url = _link(message.act_url), _link(message.url)
    if body in texts or (act and act in body):
        return True
    heads = {text[: _sms_text.LEAST] for text in texts}
    return not act and bool(url and url in body) and body[: _sms_text.LEAST] in heads


def _receipt(post: heard.Post, fields: dict[str, str]) -> heard.Received:
    told = fields.get("MessageStatus", "")
    query = dict(parse.parse_qsl(parse.urlsplit(post.url).query))
    final = _FINAL.get(told)
    reason = _twilio.why_unreached(fields.get("ErrorCode", "")) if final == "undelivered" else ""
    receipt = heard.Receipt(
        provider_id=fields["MessageSid"],
        state="undelivered" if final == "undelivered" else "delivered" if final else "queued",
        final=final is not None,
        reason=reason,
        key=query.get("key", ""),
    )
    return heard.Received(f"{fields['MessageSid']} {told[:40]}", (receipt,))


def _reply(fields: dict[str, str]) -> heard.Received:
    number = fields.get("From", "")
    words = [*fields.get("Body", "").lower().split(), "", ""]
    word = words[0].strip(".!")
    # With its own opt-out Twilio answers these itself; a second answer would be one too many.
    opted = fields.get("OptOutType", "").lower()
    if opted == "stop" or word in _STOP or opted == "start" or word in _START:
        refused = opted == "stop" or (not opted and word in _STOP)
        silent = heard.Answer(body=_twiml(""), content_type="text/xml; charset=utf-8")
        return heard.Received(fields["MessageSid"], (heard.Refusal(number, refused),), silent)
    answer = heard.Answer(body=_twiml("{said}"), content_type="text/xml; charset=utf-8")
    act = _WORDS.get(word)
    if act is None:
        said = _twiml("" if opted == "help" else i18n.say("sms.help"))
        return heard.Received(fields["MessageSid"], (), heard.Answer(
            body=said, content_type="text/xml; charset=utf-8"))  # fmt: skip
    code = words[1] if _CODE.search(words[1]) else ""
    meant = heard.Act(
        user=number, act=act, incident=code[:36] or None, told_at=f"sms {number}",
    )  # fmt: skip
    return heard.Received(fields["MessageSid"], (meant,), answer)


def _twiml(said: str) -> str:
    inner = f"<Message>{said if said == '{said}' else saxutils.escape(said)}</Message>"
    return f'<?xml version="1.0" encoding="UTF-8"?><Response>{inner if said else ""}</Response>'
