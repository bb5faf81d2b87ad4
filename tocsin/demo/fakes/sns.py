"""A fake Amazon SNS: it signs messages, shows its certificate, and notes who confirmed what.

It answers by TLS for Amazon's own host names, with a certificate of an authority of its own.
"""

from __future__ import annotations

import base64
import datetime
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib import parse

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tocsin.demo.fakes import server
from tocsin.egress import addresses, guard

REGION = "eu-west-1"
HOST = f"sns.{REGION}.amazonaws.com"
TOPIC = f"arn:aws:sns:{REGION}:123456789012:alarms"
CERTIFICATE = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"

#: What Amazon's documentation says is signed, in this order.
_NOTIFICATION = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
_CONFIRMATION = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


class Sns:
    """One topic in one region. ``down`` makes its certificate unavailable."""

    def __init__(self) -> None:
        self._key = rsa.generate_private_key(65537, 2048)
        self._signer = _certificate("sns.amazonaws.com", self._key, self._key, "Fake")
        self._authority = rsa.generate_private_key(65537, 2048)
        self.authority = _certificate("Fake authority", self._authority, self._authority, None)
        self.asked: list[str] = []
        self.confirmed: list[str] = []
        self.down = False
        self._sent = 0

    def door(self) -> server.Server:
        """A server of this topic's region, not started yet."""
        return server.Server(self.handle, context=self._context())

    def client(self, port: int) -> httpx.Client:
        """The guarded way out, in a world where Amazon's hosts are this machine."""
        context = ssl.create_default_context(cadata=_pem(self.authority).decode())
        made = guard.client(
            addresses.networks("127.0.0.0/8"), resolve=lambda *_: ["127.0.0.1"], context=context
        )

        def move(request: httpx.Request) -> None:
            if request.url.host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
                request.url = request.url.copy_with(port=port)

        made.event_hooks = {"request": [move]}
        return made

    async def handle(self, request: server.Request) -> server.Reply:
        """Answer for the certificate and for a confirmation."""
        self.asked.append(request.path)
        if self.down:
            return server.Reply(503)
        if request.path == CERTIFICATE:
            return server.Reply(body=_pem(self._signer))
        asked = parse.parse_qs(request.query)
        if asked.get("Action") == ["ConfirmSubscription"]:
            self.confirmed += asked.get("Token", [])
            return server.Reply(body=b"<ConfirmSubscriptionResponse/>")
        return server.Reply(404)

    def notification(self, message: Any, version: str = "1", **changed: Any) -> dict[str, Any]:
        """A signed message; ``changed`` is signed too, and None leaves a field out."""
        text = message if isinstance(message, str) else json.dumps(message)
        given = self._envelope("Notification", text) | {"Subject": "ALARM: something"}
        return self._signed(given | changed, _NOTIFICATION, version)

    def subscription(
        self, kind: str = "SubscriptionConfirmation", version: str = "1", **changed: Any
    ) -> dict[str, Any]:
        """A signed question whether somebody wants this topic, or still does."""
        token = f"token-{self._sent}"
        query = parse.urlencode(
            {"Action": "ConfirmSubscription", "TopicArn": TOPIC, "Token": token}
        )
        given = self._envelope(kind, "You have chosen to subscribe to the topic.")
        given |= {"Token": token, "SubscribeURL": f"https://{HOST}/?{query}"}
        return self._signed(given | changed, _CONFIRMATION, version)

    def _envelope(self, kind: str, message: str) -> dict[str, Any]:
        self._sent += 1
        return {
            "Type": kind,
            "MessageId": f"message-{self._sent}",
            "TopicArn": TOPIC,
            "Message": message,
            "Timestamp": "2026-03-01T03:14:20.000Z",
            "SigningCertURL": f"https://{HOST}{CERTIFICATE}",
        }

    def _signed(
        self, given: dict[str, Any], names: tuple[str, ...], version: str
    ) -> dict[str, Any]:
        given = {name: value for name, value in given.items() if value is not None}
        text = "".join(f"{name}\n{given[name]}\n" for name in names if name in given)
        digest: hashes.HashAlgorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), digest)
        return given | {
            "SignatureVersion": version,
            "Signature": base64.b64encode(signature).decode(),
        }

    def _context(self) -> ssl.SSLContext:
        key = rsa.generate_private_key(65537, 2048)
        certificate = _certificate(HOST, key, self._authority, "Fake authority")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # The module takes files only.
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            private = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            file.write_bytes(private + _pem(certificate))
            context.load_cert_chain(file)
        return context


def _certificate(
    name: str, key: rsa.RSAPrivateKey, by: rsa.RSAPrivateKey, issuer: str | None
) -> x509.Certificate:
    """A certificate for a name; of an authority where nobody else issued it."""
    now = datetime.datetime.now(datetime.UTC)
    called = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    signer = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer or name)])
    built = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(signer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Tests travel in time, a little to both sides.
        .not_valid_before(now - datetime.timedelta(days=365))
        .not_valid_after(now + datetime.timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False
        )
    )
    if issuer is None:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False,
            key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        built = built.add_extension(usage, critical=True)
    else:
        names = x509.SubjectAlternativeName([x509.DNSName(name)])
        built = built.add_extension(names, critical=False)
    return built.sign(by, hashes.SHA256())


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
