"""A fake of the part of Twilio that Tocsin uses, with phones one can look into and text from."""

from __future__ import annotations

import base64
import copy
import email.utils
import hashlib
import hmac
import json
import re
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib import parse

import httpx

from tocsin.demo.fakes import server

_PREFIX = "/twilio/"
_PATH = re.compile(r"/twilio/2010-04-01/Accounts/(AC[0-9a-f]{32})/Messages\.json")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
#: Twilio's longest body.
_LONGEST = 1600


class Twilio:
    """One account. Phones that texted STOP get nothing until they text START."""

    provider = "twilio"

    def __init__(
        self,
        clock: Callable[[], float],
        account: str = "AC" + "0" * 32,
        token: str = "f" * 32,
    ) -> None:
        self._clock = clock
        self.account, self.token = account, token
        self._lock = threading.Lock()
        self._sent: list[dict[str, Any]] = []
        self._texted = 0
        self.stopped: set[str] = set()
        #: Numbers that Twilio answers with this code of its own.
        self.bad: dict[str, int] = {}

    def owns(self, path: str) -> bool:
        """Whether this provider answers on ``path``."""
        return path.startswith(_PREFIX)

    def address(self, request: server.Request) -> tuple[str, str]:
        """The phone, and the key that Tocsin sends along."""
        given = dict(parse.parse_qsl(request.body.decode() or request.query))
        return given.get("To", ""), request.headers.get("idempotency-key", "")

    def refuse(self, request: server.Request) -> server.Reply | None:
        """What Twilio answers to a token that it does not know."""
        wanted = base64.b64encode(f"{self.account}:{self.token}".encode()).decode()
        if request.headers.get("authorization") == f"Basic {wanted}":
            return None
        return _problem(401, 20003, "Authenticate")

    def act(self, request: server.Request) -> server.Reply:
        """Take a message, or list those of one phone."""
        found = _PATH.fullmatch(request.path)
        if found is None or found[1] != self.account:
            return _problem(404, 20404, "The requested resource was not found")
        with self._lock:
            if request.method == "GET":
                return self._list(dict(parse.parse_qsl(request.query)))
            return self._create(dict(parse.parse_qsl(request.body.decode())))

    def messages(self, to: str) -> list[dict[str, Any]]:
        """What this phone got, oldest first."""
        with self._lock:
            return copy.deepcopy([each for each in self._sent if each["to"] == to])

    def report(self, sid: str, status: str, error: int | None = None, **changed: str) -> int:
        """Post a receipt to where the message asked for it; the status it is answered with."""
        with self._lock:
            message = next(each for each in self._sent if each["sid"] == sid)
            message["status"] = status
            url = message["status_callback"]
        fields = {"MessageSid": sid, "MessageStatus": status, "To": message["to"],
                  "From": message["from"] or "", "AccountSid": self.account}  # fmt: skip
        if error:
            fields["ErrorCode"] = str(error)
        return self.post(url, fields, **changed).status_code

    def text(
        self, url: str, sender: str, body: str, to: str = "+15005550006", **changed: str
    ) -> str:
        """Somebody texts us; what they are answered, "" for nothing."""
        with self._lock:
            self._texted += 1
            sid = f"SM{self._texted:032x}"
            if body.strip().upper() in ("STOP", "START"):
                (self.stopped.add if body.strip().upper() == "STOP" else self.stopped.discard)(
                    sender
                )
        fields = {"MessageSid": sid, "From": sender, "To": to, "Body": body,
                  "AccountSid": self.account, "NumMedia": "0"}  # fmt: skip
        answer = self.post(url, fields, **changed)
        answer.raise_for_status()
        said = re.search(r"<Message>(.*)</Message>", answer.text, re.DOTALL)
        return said[1] if said else ""

    def post(self, url: str, fields: dict[str, str], **changed: str) -> httpx.Response:
        """A post signed as Twilio signs; ``base`` sends it elsewhere than the address signed."""
        signed = url + "".join(name + value for name, value in sorted(fields.items()))
        digest = hmac.new(self.token.encode(), signed.encode(), hashlib.sha1).digest()
        headers = {"X-Twilio-Signature": base64.b64encode(digest).decode()}
        target = url
        if base := changed.get("base"):
            scheme, netloc = parse.urlsplit(base)[:2]
            target = parse.urlsplit(url)._replace(scheme=scheme, netloc=netloc).geturl()
        return httpx.post(target, data=fields, headers=headers, trust_env=False, timeout=10)

    def _create(self, given: dict[str, str]) -> server.Reply:
        to, body = given.get("To", ""), given.get("Body", "")
        if code := self._refusal(to, body, given):
            return _problem(400, code, "refused as the real one does")
        now = email.utils.format_datetime(datetime.fromtimestamp(self._clock(), UTC))
        message = {
            "sid": f"SM{len(self._sent) + 1:030x}aa", "status": "queued", "to": to, "body": body,
            "from": given.get("From"), "error_code": None, "date_created": now, "date_sent": now,
            "messaging_service_sid": given.get("MessagingServiceSid"),
            "status_callback": given.get("StatusCallback", ""),
        }  # fmt: skip
        self._sent.append(message)
        return server.Reply(201, json.dumps(message).encode())

    def _refusal(self, to: str, body: str, given: dict[str, str]) -> int:
        callback = given.get("StatusCallback", "http://x")
        wrong = (
            (not _NUMBER.fullmatch(to), 21211),
            (not body, 21602),
            (len(body) > _LONGEST, 21617),
            (not given.get("From") and not given.get("MessagingServiceSid"), 21603),
            (not callback.startswith(("http://", "https://")), 21609),
            (to in self.stopped, 21610),
        )
        return self.bad.get(to) or next((code for is_so, code in wrong if is_so), 0)

    def _list(self, given: dict[str, str]) -> server.Reply:
        since = given.get("DateSent>", "")
        found = [
            each
            for each in reversed(self._sent)
            if each["to"] == given.get("To")
            and email.utils.parsedate_to_datetime(each["date_sent"]).date().isoformat() >= since
        ]
        size = int(given.get("PageSize", 50))
        more = "/next" if len(found) > size else None
        answer = {"messages": found[:size], "next_page_uri": more}
        return server.Reply(200, json.dumps(answer).encode())


def _problem(status: int, code: int, text: str) -> server.Reply:
    said = {"code": code, "message": text, "status": status, "more_info": "https://twilio.test"}
    return server.Reply(status, json.dumps(said).encode())
