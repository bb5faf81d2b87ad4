"""E-mail by SMTP: one letter per message, to all recipients, in one conversation per incident.

Nothing in SMTP knows a repeat. Its ``Message-ID`` is made from the key of the delivery, so that the
mail programs that look at it show a repeat once; the letter says that it may be one.
"""

from __future__ import annotations

import email.message
import email.policy
import email.utils
from datetime import datetime
from typing import Literal

from pydantic import Field, field_validator, model_validator

import channels
from channels import _mail, _smtp
from schemas import message as messages
from tocsin import errors, i18n
from tocsin.egress import addresses

LIMITS = _mail.LIMITS
CAPABILITIES = channels.Capabilities(threads=True)
PARTS = _mail.PARTS
own_words = _mail.own_words

_USUAL_PORT: dict[_smtp.Tls, int] = {"starttls": 587, "tls": 465, "none": 25}
#: Our own texts have short lines; what is long are ids, which may not be folded.
_POLICY = email.policy.SMTP.clone(cte_type="7bit")
_IDS = ("Message-ID", "In-Reply-To", "References", "List-Id")


class Settings(channels.ChannelSettings):
    """A mail server, a sender and those who get the letter; all of them see each other."""

    CONTACT = channels.Contact("email", "to")

    host: str = Field(max_length=253, description="The mail server.")
    port: int | None = Field(
        default=None, ge=1, le=65535, description="Default: 587, 465 or 25, by `tls`."
    )
    tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="When it is encrypted: after the greeting, from the start, never."
    )
    username: str | None = Field(
        default=None, pattern=r"^[\x21-\x7e]{1,200}$", description="For the log-in."
    )
    password_file: channels.SecretFile = None
    password_env: channels.SecretEnv = None
    sender: _mail.Sender = Field(alias="from", description="Such as `Tocsin <alerts@example.org>`.")
    to: _mail.Recipients = Field(description="Up to 20 addresses, which see each other.")
    reply_to: _mail.Address | None = Field(None, description="Where answers go.")
    attach: _mail.Attach = Field((), description="Alerts as files: `csv`, `json`.")
    # Shorter than the lease of a delivery.
    timeout: float = Field(
        default=10.0, gt=0, le=15, description="Seconds for the whole conversation."
    )

    @field_validator("host")
    @classmethod
    def _plainly_spelled(cls, host: str) -> str:
        try:
            addresses.literal(host)
        except errors.Permanent as refused:
            raise ValueError(refused.message) from None
        return host

    @model_validator(mode="after")
    def _log_in(self) -> Settings:
        if bool(self.username) != bool(self.password_file or self.password_env):
            raise ValueError("give username and password_file (or password_env) together")
        if self.username and self.tls == "none":
            raise ValueError("a password is not sent unencrypted: use tls: starttls or tls: tls")
        return self


def destination(settings: Settings) -> str:
    """The recipients and the server that brings it to them."""
    who = f"{settings.username}@" if settings.username else ""
    return f"email {', '.join(settings.to)} ({who}{settings.host}:{_port(settings)})"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Hand the letter over to the mail server.

    Where it takes some recipients only, those get the letter at once; it names the others, and so
    does the receipt.
    """
    letters: list[_mail.Letter] = []

    def content(refused: tuple[_smtp.Refused, ...]) -> bytes:
        letters.append(_mail.compose(message, settings, call, _notes(settings, refused, call)))
        return written(letters[-1], settings, call.now)

    sender = _mail.parted(settings.sender)[1]
    refused = _smtp.send(_server(settings, call), call.dial, sender, settings.to, content)
    letter = letters[-1]
    return channels.Receipt(letter.ref, letter.message_id, _left_out(settings, refused))


def written(letter: _mail.Letter, settings: Settings, now: datetime) -> bytes:
    """The letter as it goes over the wire, with CR LF and nothing but ASCII."""
    made = email.message.EmailMessage(policy=_POLICY)
    made["From"] = _mail.sender_header(settings.sender)
    made["To"] = ", ".join(settings.to)
    if settings.reply_to:
        made["Reply-To"] = settings.reply_to
    made["Subject"] = letter.subject
    made["Date"] = email.utils.format_datetime(now)
    ids = {name: value for name, value in letter.headers.items() if name in _IDS}
    for name, value in letter.headers.items():
        if name not in _IDS:
            made[name] = value
    made.set_content(letter.text, cte="quoted-printable")
    made.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    for file in letter.files:
        kind, _, subtype = file.kind.partition(";")[0].partition("/")
        made.add_attachment(file.content, kind, subtype, filename=file.name)
    # Python folds a long id in the middle, and then it is another one.
    whole = {"Message-ID": letter.message_id, **ids}
    head = "".join(f"{name}: {value}\r\n" for name, value in whole.items())
    return head.encode("ascii") + made.as_bytes()


def _server(settings: Settings, call: channels.Call) -> _smtp.Server:
    password = call.secrets.get("password")
    if password is not None and not (password.isascii() and password.isprintable()):
        raise errors.Permanent(
            "The password of this mail server holds characters that cannot be sent. Store it as one"
            " line of plain ASCII characters.",
            reason="configError",
        )
    hello = _mail.parted(settings.sender)[1].rpartition("@")[2]
    return _smtp.Server(
        settings.host, _port(settings), settings.tls, hello, settings.timeout, settings.username,
        password,
    )  # fmt: skip


def _port(settings: Settings) -> int:
    return settings.port or _USUAL_PORT[settings.tls]


def _notes(
    settings: Settings, refused: tuple[_smtp.Refused, ...], call: channels.Call
) -> list[str]:
    """For those who get it: who does not."""
    if not refused:
        return []
    who = ", ".join(f"{settings.to[each.place - 1]} ({each})" for each in refused)
    return [i18n.say("mail.refused", call.locale, who=who)]


def _left_out(settings: Settings, refused: tuple[_smtp.Refused, ...]) -> str:
    """For the record: which of the recipients the server did not take, without their addresses."""
    if not refused:
        return ""
    which = ", ".join(f"number {each.place} ({each})" for each in refused)
    return f"The mail server did not take {which} of the {len(settings.to)} addresses of `to`."
