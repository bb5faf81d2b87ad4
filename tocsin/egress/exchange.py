"""One request that goes out for a tenant, and what each way in which it can end means."""

from __future__ import annotations

import email.utils
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib import parse

import httpx

from tocsin import errors
from tocsin.egress import addresses, guard

#: No provider is waited for longer than this, whatever it asks for. Seconds.
RETRY_AFTER_MOST = 3600.0

#: Statuses after which the same request may well succeed.
_AGAIN = frozenset({408, 425, 429})
#: The receiver or something in front of it failed half-way: it may have arrived all the same.
_IN_DOUBT = frozenset({500, 502, 504})
_ADVICE = {
    401: "It does not accept our token or signature. Check the secret.",
    403: "It does not accept our token or signature. Check the secret.",
    410: "This receiver is gone for good. Take it out of the policy.",
}
_UNIX_TIME = re.compile(r"[1-9][0-9]{9}")
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@dataclass(frozen=True)
class Reply:
    """A reply with a status of 2xx. ``body`` is at most as long as the request allowed."""

    status: int
    headers: httpx.Headers
    body: bytes


def post(
    http: httpx.Client,
    url: str,
    content: bytes,
    headers: dict[str, str],
    *,
    now: datetime,
    body_needed: bool = False,
    reply_bytes: int = guard.REPLY_BYTES,
) -> Reply:
    """Post ``content``; raise ``Retryable`` or ``Permanent`` for all but a status of 2xx.

    Where the receipt stands in the reply, ask for it with ``body_needed``; otherwise a reply that
    breaks off after its status still counts as accepted.
    """
    limits: dict[str, float] = {"reply_bytes": reply_bytes}
    return _request(http, "POST", url, content, headers, limits, now, body_needed)


def ask(
    http: httpx.Client,
    url: str,
    content: bytes | None,
    headers: dict[str, str],
    *,
    now: datetime,
    seconds: float = guard.TOTAL_SECONDS,
    reply_bytes: int = guard.REPLY_BYTES,
) -> Reply:
    """Ask for what the reply says: by GET, or by POST where there is ``content``.

    Raises as `post` does. The whole takes at most so many ``seconds``; a reply that is longer than
    ``reply_bytes`` is cut.
    """
    limits = {"reply_bytes": reply_bytes, "total_seconds": seconds}
    method = "GET" if content is None else "POST"
    return _request(http, method, url, content, headers, limits, now, body_needed=True)


def _request(
    http: httpx.Client, method: str, url: str, content: bytes | None, headers: dict[str, str],
    limits: dict[str, float], now: datetime, body_needed: bool,
) -> Reply:  # fmt: skip
    addresses.check_url(url)
    host = parse.urlsplit(url).hostname or ""
    try:
        with http.stream(
            method,
            url,
            content=content,
            headers=headers,
            follow_redirects=False,
            timeout=_timeout(limits.get("total_seconds")),
            extensions=limits,
        ) as response:
            check_status(response.status_code, response.headers, host, now)
            return Reply(response.status_code, response.headers, _body(response, body_needed))
    except httpx.HTTPError as problem:
        raise transport_problem(problem, host) from None
    except (httpx.InvalidURL, ValueError):
        # The text of these repeats the address or the header that was wrong.
        raise errors.Permanent(
            f"The request to {host} could not be written down: an address, header or secret holds"
            " characters that do not belong there.",
            reason="clientError",
        ) from None


def _timeout(seconds: float | None) -> Any:
    if seconds is None:
        return httpx.USE_CLIENT_DEFAULT
    connect = min(seconds, guard.CONNECT_SECONDS)
    return httpx.Timeout(seconds, connect=connect, pool=connect)


def _body(response: httpx.Response, needed: bool) -> bytes:
    try:
        return response.read()
    except httpx.HTTPError:
        if needed:
            raise
        return b""


def check_status(status: int, headers: httpx.Headers, host: str, now: datetime) -> None:
    """Raise what a status other than 2xx means."""
    if 200 <= status < 300:
        return
    if status in _AGAIN or status >= 500:
        raise errors.Retryable(
            f"{host} answered {status}.",
            reason="rateLimited" if status == 429 else "serverError",
            after=_asked_for(headers, now),
            in_doubt=status in _IN_DOUBT,
            status_code=status,
        )
    advice = _ADVICE.get(status, "Check the address and what the receiver expects.")
    if 300 <= status < 400:
        advice = "That is a redirect, which is never followed: give the address it leads to."
    raise errors.Permanent(
        f"{host} answered {status}. {advice}",
        reason="authError" if status in (401, 403) else "clientError",
        status_code=status,
    )


def retry_after(value: str | None, now: datetime) -> float | None:
    """Seconds to wait as a Retry-After header says (RFC 9110 10.2.3), at most an hour.

    None for what cannot be read, is negative or has passed.
    """
    text = (value or "").strip()
    if _SECONDS.fullmatch(text):
        return min(float(text), RETRY_AFTER_MOST)
    try:
        until = email.utils.parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    seconds = (until - now).total_seconds()
    return min(seconds, RETRY_AFTER_MOST) if seconds > 0 else None


def _asked_for(headers: httpx.Headers, now: datetime) -> float | None:
    """Retry-After, or else the moment at which a rate limit ends (SendGrid, GitHub)."""
    after = retry_after(headers.get("retry-after"), now)
    reset = headers.get("x-ratelimit-reset", "").strip()
    # Only a Unix time has ten digits; some write the seconds that are left.
    if after is not None or not _UNIX_TIME.fullmatch(reset):
        return after
    seconds = int(reset) - now.timestamp()
    return min(seconds, RETRY_AFTER_MOST) if seconds > 0 else None


def transport_problem(problem: httpx.HTTPError, host: str) -> errors.TocsinError:
    """What an error below HTTP means. The text of ``problem`` is only used where it is ours."""
    if isinstance(problem, httpx.ConnectError):
        return errors.Retryable(
            f"{host} could not be reached: {_cause(problem)}.", reason="connectError"
        )
    if isinstance(problem, (httpx.ConnectTimeout, httpx.PoolTimeout)):
        return errors.Retryable(f"{host} did not answer in time.", reason="timeout")
    if isinstance(problem, (httpx.LocalProtocolError, httpx.UnsupportedProtocol)):
        return errors.Permanent(
            f"The request to {host} could not be written down: a header or a secret holds"
            " characters that do not belong there.",
            reason="clientError",
        )
    if isinstance(problem, httpx.TimeoutException):
        text = f"{host} took the message but did not answer in time; it may have arrived."
        return errors.Retryable(text, reason="timeout", in_doubt=True)
    text = f"{host} broke off after the message was sent; it may have arrived."
    return errors.Retryable(text, reason="connectError", in_doubt=True)


def _cause(problem: httpx.ConnectError) -> str:
    text = str(problem)
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not trusted"
    if "SSL" in text:
        return "TLS could not be set up"
    if "resolved" in text:
        return "its name could not be resolved"
    return "nothing answers there"
