"""What all channels that send e-mail share: addresses, the letter, its place in a conversation.

Mail programs put letters into one conversation by ``References`` and, some of them, by the subject
too. So each letter about an incident names a root that is made from the incident, later ones also
the first letter, and the subject stays as it was until the incident gets worse: that is worth a
conversation of its own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email import headerregistry
from typing import Annotated, Any, Literal, Protocol

from pydantic import AfterValidator, BeforeValidator, Field

import channels
from channels import _mail_files, _mail_forms, _mail_view, _text
from schemas import alert
from schemas import message as messages
from tocsin import i18n

#: Parts of a letter that a template may write.
PARTS: dict[str, channels.Form] = {"subject": "line", "text": "text", "html": "html"}
#: Mail providers slow down who sends more than about one a second to the same mailbox.
LIMITS = channels.Limits(per_second=1, burst=10)
RECIPIENTS = 20

_SUBJECT = 200
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_DOMAIN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9-]{1,63})*(?<!-)")
_NAMED = re.compile(r'"?([^"<>\\]*?)"?\s*<([^<>]*)>')
_LIST_ID = re.compile(r"[^a-z0-9-]+")


def _address(text: str) -> str:
    local, _, domain = text.rpartition("@")
    if len(local) > 64 or not _LOCAL.fullmatch(local):
        raise ValueError("not an e-mail address: write it like ops@example.org")
    if len(domain) > 253 or not _DOMAIN.fullmatch(domain):
        raise ValueError(
            "not an e-mail address: what stands behind the @ must be the name of a domain, an"
            " international one in its xn-- form"
        )
    return text


def _sender(text: str) -> str:
    name, address = parted(text)
    _address(address)
    if not name.isprintable() or len(name) > 100:
        raise ValueError("the name in front of the address must be one line of up to 100 letters")
    return text


def _listed(given: Any) -> Any:
    """One address, or several with commas between, as Alertmanager writes them."""
    return [part.strip() for part in given.split(",")] if isinstance(given, str) else given


def _once(addresses: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(addresses))


Address = Annotated[str, AfterValidator(_address)]
#: An address, or a name and the address: ``Tocsin <alerts@example.org>``.
Sender = Annotated[str, Field(max_length=400), AfterValidator(_sender)]
Recipients = Annotated[
    tuple[Address, ...],
    Field(min_length=1, max_length=RECIPIENTS),
    BeforeValidator(_listed, json_schema_input_type=str | list[str]),
    AfterValidator(_once),
]
Attach = tuple[Literal["csv", "json"], ...]


class Envelope(Protocol):
    """What the settings of each channel of mail have."""

    @property
    def sender(self) -> str: ...
    @property
    def to(self) -> tuple[str, ...]: ...
    @property
    def reply_to(self) -> str | None: ...
    @property
    def attach(self) -> Attach: ...


@dataclass(frozen=True)
class Letter:
    """A letter ready to be sent, whichever way. ``ref`` is for the next one about the incident.

    ``headers`` are all that a relay need not understand; sender, recipients and subject are apart.
    """

    message_id: str
    subject: str
    headers: dict[str, str]
    text: str
    html: str
    files: tuple[_mail_files.File, ...]
    ref: dict[str, str]


def parted(sender: str) -> tuple[str, str]:
    """Name and address of a sender; the name is empty where there is none."""
    named = _NAMED.fullmatch(sender.strip())
    return (named[1].strip(), named[2].strip()) if named else ("", sender.strip())


def sender_header(sender: str) -> headerregistry.Address:
    """The same, for a header."""
    name, address = parted(sender)
    return headerregistry.Address(name, addr_spec=address)


def compose(
    message: messages.Message,
    envelope: Envelope,
    call: channels.Call,
    notes: Sequence[str] = (),
) -> Letter:
    """The letter for this call; ``notes`` are sentences to put below it."""
    domain = parted(envelope.sender)[1].rpartition("@")[2].lower()
    # Made from the key, so that a repeat has it too and mail programs show the two as one.
    own = f"<{call.key}@{domain}>"
    subject, ref = _subject(message, call, own, domain)
    files = _mail_files.files(message, envelope.attach)
    told = [*notes, *_mail_files.cut(files, message, call.locale)]
    if call.may_repeat:
        told.append(i18n.say("message.may_be_repeat", call.locale))
    text, html = _mail_forms.bodies(message, call, told)
    return Letter(
        message_id=own,
        subject=subject,
        headers=_conversation(message, ref["id"], own, domain) | _marks(message, domain),
        text=text,
        html=html,
        files=files,
        ref=ref,
    )


def own_words(message: messages.Message, locale: str) -> dict[str, str]:
    """The parts of a first letter as they are without a template."""
    return {"subject": _fresh(message, locale), **_mail_forms.own_words(message, locale)}


def _subject(
    message: messages.Message, call: channels.Call, own: str, domain: str
) -> tuple[str, dict[str, str]]:
    """The subject, and what the next letter must know: the first one's id, subject, severity."""
    earlier = call.ref or {}
    first = earlier.get("id") or (f"<{earlier['doubt']}@{domain}>" if "doubt" in earlier else own)
    rank = alert.SEVERITY_RANK
    kept, was = earlier.get("subject"), earlier.get("severity", "none")
    worse = rank[message.severity] > rank.get(was, 0)
    if kept and (message.over or not worse):
        subject, severity = kept, was
    else:
        subject, severity = _fresh(message, call.locale), message.severity
    ref = {"id": first, "subject": subject, "severity": severity}
    if written := _text.plain(call.texts.get("subject", ""), _SUBJECT):
        return written, ref
    if first == own or (kept and subject != kept):
        return subject, ref
    return i18n.say("mail.reply", call.locale, subject=subject), ref


def _fresh(message: messages.Message, locale: str) -> str:
    title = _text.plain(message.title, _mail_view.TITLE)
    if message.severity == "none":
        return title
    severity = i18n.say(f"severity.{message.severity}", locale)
    return i18n.say("mail.subject", locale, severity=severity, title=title)


def _conversation(message: messages.Message, first: str, own: str, domain: str) -> dict[str, str]:
    incident = _LIST_ID.sub("-", message.incident_id.lower())[:64]
    # A relay may put an id of its own in place of ours; the root stays what it is.
    root = f"<incident-{incident}@{domain}>"
    if first == own:
        return {"References": root}
    return {"In-Reply-To": first, "References": f"{root} {first}"}


def _marks(message: messages.Message, domain: str) -> dict[str, str]:
    """That a machine wrote it, so that no machine answers, and what filters may sort it by."""
    name = ".".join(
        _LIST_ID.sub("-", part.lower())[:60].strip("-") or "x"
        for part in (message.receiver, message.tenant)
    )
    marks = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": f"<{name}.{domain}>",
        "X-Tocsin-Severity": message.severity,
        "X-Tocsin-State": message.state,
    }
    if message.severity == "critical" and message.state == "open":
        marks |= {"Importance": "high", "X-Priority": "1"}
    return marks
