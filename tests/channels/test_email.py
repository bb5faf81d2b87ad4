"""E-mail as the one who gets it sees it, through a fake mail server."""

from __future__ import annotations

import contextlib
import email.message
import smtplib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pydantic
import pytest

import channels
from channels import email as channel
from tests.channels import messages
from tocsin import errors
from tocsin.demo import fakes
from tocsin.demo.fakes import certificates, faults, smtp
from tocsin.egress import addresses, sockets

KEY = "0198c0de-6666-7000-8000-000000000006"
LOOPBACK = addresses.networks("127.0.0.0/8")
ONE, TWO, THREE = "ops@example.org", "night@example.org", "boss@example.org"


@pytest.fixture
def post() -> Iterator[fakes.Fakes]:
    with fakes.serve() as running:
        running.mail.users = {"tocsin": "s3cret-password"}
        yield running


@pytest.fixture
def call(post: fakes.Fakes) -> channels.Call:
    dial = sockets.Dialer(LOOPBACK, context=smtp.trust(post.mail))
    return channels.Call(
        key=KEY, secrets={"password": "s3cret-password"}, http=httpx.Client(), now=messages.NOW,
        dial=dial,
    )  # fmt: skip


def settings(post: fakes.Fakes, **changes: Any) -> channel.Settings:
    given = {
        "host": "127.0.0.1",
        "port": post.mail.port,
        "username": "tocsin",
        "password_file": "mail",
        "from": "Tocsin <alerts@example.org>",
        "to": [ONE, TWO],
        "timeout": 3,
    }
    return channel.Settings.model_validate(given | changes)


def opened(post: fakes.Fakes, address: str = ONE) -> email.message.EmailMessage:
    """The only letter in this mailbox."""
    [received] = post.mail.messages(address)
    return received.parsed()


def test_a_letter_arrives_for_all(post: fakes.Fakes, call: channels.Call) -> None:
    there = settings(post, reply_to="team@example.org", attach=["csv", "json"])
    receipt = channel.send(messages.first(title="Füllstand: 100 %"), there, call)
    [received] = post.mail.messages()
    assert received.sender == "alerts@example.org"
    assert received.to == (ONE, TWO)
    assert received.encrypted
    assert received.raw.isascii()
    assert b"\n" not in received.raw.replace(b"\r\n", b"")
    letter = received.parsed()
    assert not letter.defects
    assert letter["Message-ID"] == f"<{KEY}@example.org>" == receipt.provider_id
    assert letter["From"] == "Tocsin <alerts@example.org>"
    assert letter["To"] == f"{ONE}, {TWO}"
    assert letter["Reply-To"] == "team@example.org"
    assert letter["Subject"] == "[Critical] Füllstand: 100 %"
    assert letter["Date"].datetime == messages.NOW
    assert letter["Auto-Submitted"] == "auto-generated"
    assert letter["Importance"] == "high"
    forms = letter.get_body(("plain",)), letter.get_body(("html",))
    assert [form.get_content_type() for form in forms if form] == ["text/plain", "text/html"]
    assert [file.get_filename() for file in letter.iter_attachments()] == [
        "alerts.csv", "alerts.json",
    ]  # fmt: skip
    assert [entry.key for entry in post.ledger.calls(provider="smtp")] == [KEY]


@pytest.mark.parametrize(
    ("tls", "changes"),
    [
        ("tls", {}),
        ("none", {"username": None, "password_file": None}),
    ],
)
def test_other_ways_in(
    post: fakes.Fakes, call: channels.Call, tls: str, changes: dict[str, Any]
) -> None:
    port = post.mail.tls_port if tls == "tls" else post.mail.port
    post.mail.users = {} if tls == "none" else post.mail.users
    there = settings(post, tls=tls, port=port, **changes)
    channel.send(
        messages.first(), there, replace(call, secrets=call.secrets if not changes else {})
    )
    [received] = post.mail.messages()
    assert received.encrypted is (tls == "tls")


def test_an_incident_is_one_conversation(post: fakes.Fakes, call: channels.Call) -> None:
    first = channel.send(messages.first(), settings(post), call)
    channel.send(messages.first(reason="repeat"), settings(post), replace(
        call, key="later", ref=first.ref))  # fmt: skip
    one, two = (received.parsed() for received in post.mail.messages(TWO))
    assert two["In-Reply-To"] == one["Message-ID"]
    assert str(two["References"]).split() == [one["References"], one["Message-ID"]]
    assert two["Subject"] == f"Re: {one['Subject']}"


def test_long_ids_are_not_folded(post: fakes.Fakes, call: channels.Call) -> None:
    """Python would fold, or encode, what is longer than a line; then nothing finds it."""
    domain = ".".join(["very-long-name-of-a-company"] * 5) + ".example"
    there = settings(post, **{"from": f"alerts@{domain}"})
    channel.send(messages.first(), there, replace(call, ref={"doubt": "lost"}))
    letter = opened(post)
    assert letter["Message-ID"] == f"<{KEY}@{domain}>"
    assert letter["In-Reply-To"] == f"<lost@{domain}>"
    assert str(letter["References"]).endswith(f" <lost@{domain}>")


@pytest.mark.parametrize("text", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_no_header_comes_from_an_alert(post: fakes.Fakes, call: channels.Call, text: str) -> None:
    texts = {"subject": text}
    channel.send(messages.hostile(text), settings(post), replace(call, texts=texts))
    letter = opened(post)
    assert not letter.defects
    assert letter["To"] == f"{ONE}, {TWO}"
    assert letter["From"] == "Tocsin <alerts@example.org>"
    assert not {"bcc", "cc", "x-evil", "sender"} & {name.lower() for name in letter}
    assert len(letter.get_all("Subject", [])) == 1


def test_some_are_not_taken(post: fakes.Fakes, call: channels.Call) -> None:
    """The others get it at once and are told; so is the record, but without addresses."""
    post.script.add(faults.Fault("status", status=550, headers={"text": "5.1.1 no"}), dest=TWO)
    there = settings(post, to=[ONE, TWO, THREE])
    receipt = channel.send(messages.first(), there, call)
    assert receipt.note == (
        "The mail server did not take number 2 (550 5.1.1) of the 3 addresses of `to`."
    )
    [received] = post.mail.messages()
    assert received.to == (ONE, THREE)
    body = received.parsed().get_body(("plain",))
    assert body
    assert f"did not take this message for {TWO} (550 5.1.1)" in body.get_content()


@pytest.mark.parametrize(
    ("statuses", "kind"),
    [
        ((451, 451), errors.Retryable),
        ((550, 451), errors.Retryable),
        ((550, 551), errors.Permanent),
    ],
)
def test_nobody_is_taken(
    post: fakes.Fakes, call: channels.Call, statuses: tuple[int, int], kind: type[Exception]
) -> None:
    for address, status in zip((ONE, TWO), statuses, strict=True):
        post.script.add(faults.Fault("status", status=status), dest=address)
    with pytest.raises(kind) as refused:
        channel.send(messages.first(), settings(post), call)
    assert not getattr(refused.value, "in_doubt", False)
    assert post.mail.messages() == []
    assert "@" not in str(refused.value)


def test_greylisting_goes_by(post: fakes.Fakes, call: channels.Call) -> None:
    for address in (ONE, TWO):
        post.script.add(faults.Fault("status", status=451, times=1), dest=address)
    with pytest.raises(errors.Retryable):
        channel.send(messages.first(), settings(post), call)
    channel.send(messages.first(), settings(post), replace(call, attempt=2))
    body = opened(post).get_body(("plain",))
    assert body
    assert "may be a repeat" not in body.get_content()


@pytest.mark.parametrize("kind", ["cut_after", "hang_after", "cut_before", "hang"])
def test_silence_after_the_message_is_in_doubt(
    post: fakes.Fakes, call: channels.Call, kind: faults.Kind
) -> None:
    post.script.add(faults.Fault(kind, times=1), dest=ONE)
    there = settings(post, timeout=1)
    with pytest.raises(errors.Retryable) as lost:
        channel.send(messages.first(), there, call)
    assert lost.value.in_doubt
    assert lost.value.reason == ("timeout" if "hang" in kind else "connectError")
    channel.send(messages.first(), there, replace(call, attempt=2, may_repeat=True))
    ids = {str(each.parsed()["Message-ID"]) for each in post.mail.messages()}
    assert ids == {f"<{KEY}@example.org>"}
    assert len(post.mail.messages()) == (2 if "after" in kind else 1)


@pytest.mark.parametrize(("status", "kind"), [(451, errors.Retryable), (554, errors.Permanent)])
def test_the_message_is_refused(
    post: fakes.Fakes, call: channels.Call, status: int, kind: type[Exception]
) -> None:
    post.script.add(faults.Fault("status", status=status, at="data"))
    with pytest.raises(kind) as refused:
        channel.send(messages.first(), settings(post), call)
    assert not getattr(refused.value, "in_doubt", False)
    assert post.mail.messages() == []


def test_without_starttls_nothing_is_said(post: fakes.Fakes, call: channels.Call) -> None:
    post.mail.starttls = False
    with pytest.raises(errors.Permanent, match="no STARTTLS") as refused:
        channel.send(messages.first(), settings(post), call)
    assert refused.value.reason == "configError"


def test_a_certificate_of_somebody_else(post: fakes.Fakes, call: channels.Call) -> None:
    _, other = certificates.make(["other.example"])
    dial = sockets.Dialer(LOOPBACK, context=certificates.trust(other))
    with pytest.raises(errors.Retryable, match="certificate is not trusted"):
        channel.send(messages.first(), settings(post), replace(call, dial=dial))


def test_a_trusted_certificate_for_another_name(post: fakes.Fakes, call: channels.Call) -> None:
    dial = sockets.Dialer(
        LOOPBACK, resolve=lambda host, port: ["127.0.0.1"], context=smtp.trust(post.mail)
    )
    there = settings(post, host="mail.example.org")
    with pytest.raises(errors.Retryable, match="certificate is not trusted"):
        channel.send(messages.first(), there, replace(call, dial=dial))


@pytest.mark.parametrize(
    ("secret", "reason"), [("wrong", "authError"), ("s3cret\r\nX", "configError")]
)
def test_a_wrong_password(post: fakes.Fakes, call: channels.Call, secret: str, reason: str) -> None:
    with pytest.raises(errors.Permanent) as refused:
        channel.send(messages.first(), settings(post), replace(call, secrets={"password": secret}))
    assert refused.value.reason == reason
    assert secret not in refused.value.message


def test_a_log_in_is_wanted(post: fakes.Fakes, call: channels.Call) -> None:
    there = settings(post, username=None, password_file=None)
    with pytest.raises(errors.Permanent, match="username and password_file") as refused:
        channel.send(messages.first(), there, replace(call, secrets={}))
    assert refused.value.reason == "authError"


def test_a_line_that_begins_with_a_dot(post: fakes.Fakes, call: channels.Call) -> None:
    texts = {"text": ".\n.hidden\n..two\n" + "." * 200}
    channel.send(messages.first(), settings(post), replace(call, texts=texts))
    body = opened(post).get_body(("plain",))
    assert body
    told = body.get_content().replace("\r\n", "\n")
    assert told.startswith(".\n.hidden\n..two\n" + "." * 200 + "\n")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"to": []}, "at least 1"),
        ({"to": ["ops"]}, "not an e-mail address"),
        ({"to": ["ops@exa mple.org"]}, "not an e-mail address"),
        ({"to": ["a@b.c\r\nBcc: x@y.z"]}, "not an e-mail address"),
        ({"to": ["ops@büro.example"]}, "xn--"),
        ({"to": [f"a{n}@b.org" for n in range(21)]}, "at most 20"),
        ({"from": "Tocsin\r\nX: y <alerts@example.org>"}, "one line"),
        ({"from": "Tocsin <alerts>"}, "not an e-mail address"),
        ({"username": None}, "together"),
        ({"password_file": None}, "together"),
        ({"tls": "none"}, "not sent unencrypted"),
        ({"tls": "maybe"}, "starttls"),
        ({"host": "0x7f000001"}, "spelled plainly"),
        ({"host": "mail example"}, "not a valid name"),
        ({"password": "s3cret"}, "password_file"),
        ({"attach": ["exe"]}, "csv"),
        ({"timeout": 60}, "15"),
    ],
)
def test_settings_that_are_wrong(changes: dict[str, Any], told: str) -> None:
    given = {"host": "mail.example.org", "username": "u", "password_file": "p",
             "from": "a@example.org", "to": ONE}  # fmt: skip
    with pytest.raises(pydantic.ValidationError, match=told) as refused:
        channel.Settings.model_validate(given | changes)
    assert "s3cret" not in str(refused.value)


def test_settings_that_are_right() -> None:
    plain = {"host": "mail.example.org", "from": '"Tocsin, the hub" <a@example.org>'}
    made = channel.Settings.model_validate(plain | {"to": f"{ONE}, {TWO}, {ONE}"})
    assert made.to == (ONE, TWO)
    assert channel.destination(made) == f"email {ONE}, {TWO} (mail.example.org:587)"
    for tls, port in (("tls", 465), ("none", 25)):
        other = channel.Settings.model_validate(plain | {"to": ONE, "tls": tls})
        assert channel.destination(other).endswith(f":{port})")


def test_the_fake_is_a_mail_server_for_others_too(post: fakes.Fakes) -> None:
    with contextlib.closing(smtplib.SMTP("127.0.0.1", post.mail.port)) as client:
        client.starttls(context=smtp.trust(post.mail))
        client.login("tocsin", "s3cret-password")
        client.sendmail("a@b.org", [ONE], "Subject: hello\r\n\r\nbody\r\n")
        client.quit()
    assert opened(post)["Subject"] == "hello"
    assert httpx.get(f"{post.url}/_mail", params={"address": ONE}, trust_env=False).json() == [
        "Subject: hello\r\n\r\nbody\r\n"
    ]
