"""Webhooks: the body is the same; what stands in the address or beside it may be secret."""

from __future__ import annotations

import re
from typing import Any
from urllib import parse

from tocsin.config.importing import wording
from tocsin.config.importing.secrets import Files
from tocsin.config.importing.source import Part
from tocsin.egress import addresses

#: A part of a path that a random generator made, or that is no row of words and long enough.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{12,}|(?=.*[a-z])(?=.*[A-Z])[^/]{16,}|[^-_.]{24,}")
_PRIVATE = re.compile(
    r"(localhost|[^.]*|.*\.(local|internal|lan|svc|home)|10\..*|127\..*"
    r"|192\.168\..*|172\.(1[6-9]|2\d|3[01])\..*|.*:.*)",
    re.IGNORECASE,
)
_KEPT = re.compile(r"authorization|connection|content-.*|cookie|expect|host|keep-alive|proxy-.*|te"
                   r"|trailer|transfer-encoding|upgrade|webhook-.*", re.IGNORECASE)  # fmt: skip
_HTTP = {
    "tls_config": "certificates are checked against the trust store of the machine",
    "proxy_url": "how to get out of your network is an affair of the installation",
    "proxy_from_environment": "how to get out of your network is an affair of the installation",
    "no_proxy": "how to get out of your network is an affair of the installation",
    "proxy_connect_header": "how to get out of your network is an affair of the installation",
    "follow_redirects": "redirects are refused: name the last address",
    "enable_http2": "it makes no difference to the receiver",
    "oauth2": "Tocsin has bearer tokens only: let a proxy of yours log in",
}
_BASIC = (
    "Tocsin has bearer tokens only, so the receiver will refuse it: let it take a token"
    " (`token_file`), or let a proxy of yours log in"
)


def made(part: Part, general: Part, receiver: str, files: Files) -> tuple[list[Any], wording.Texts]:
    """One integration; none where the address cannot be used."""
    settings: dict[str, Any] = {}
    _address(part, receiver, settings, files)
    _http(part.get("http_config") or general.get("http_config"), receiver, settings, files)
    most = part.said("max_alerts") or "0"
    if most.isascii() and most.isdecimal() and int(most[:9]):
        settings["max_alerts"] = int(most[:9])
    if timeout := part.get("timeout"):
        timeout.note("left_out", "Tocsin has a timeout of its own")
    if payload := part.get("payload"):
        payload.note("left_out", "write a template for the part `body` (docs/templates.md)")
    settings["send_resolved"] = part.flag("send_resolved", True)
    return ([settings] if settings.keys() & {"url", "url_file"} else []), {}


def _address(part: Part, receiver: str, settings: dict[str, Any], files: Files) -> None:
    url, file = part.get("url"), part.get("url_file")
    text = (url.text() or "").strip() if url else ""
    wanted = f"{receiver}-webhook"
    if file and file.text():
        settings["url_file"] = files.file(file, wanted)
    elif not url or not text:
        part.note("left_out", "it has no url: Alertmanager refuses this")
    elif "{{" in text:
        url.note("left_out", "the address is made by a template: write a receiver for each address")
    elif _usable(url, text) and _secret(text):
        settings["url_file"] = files.inline(url, wanted)
        url.note("changed", "the address looks like a secret, so that it goes into a file")
    elif _usable(url, text):
        settings["url"] = text


def _usable(part: Part, text: str) -> bool:
    try:
        addresses.plain(text)
    except ValueError as error:
        part.note("left_out", f"the address cannot be used: {error}")
        return False
    host = parse.urlsplit(text).hostname or ""
    if _PRIVATE.fullmatch(host):
        part.note("to_do", f"{host} is not public: let TOCSIN_EGRESS_ALLOW name its network")
    return True


def _secret(url: str) -> bool:
    parts = parse.urlsplit(url)
    return (
        bool(parts.query)
        or "@" in parts.netloc
        or any(_RANDOM.fullmatch(each) for each in parts.path.split("/"))
    )


def _http(part: Part | None, receiver: str, settings: dict[str, Any], files: Files) -> None:
    if part is None:
        return
    wanted = f"{receiver}-token"
    token = files.either(part, "bearer_token", wanted)
    if authorization := part.get("authorization"):
        kind = authorization.said("type") or "Bearer"
        if kind.lower() == "bearer":
            token = files.either(authorization, "credentials", wanted) or token
        else:
            authorization.note("left_out", _BASIC)
        authorization.asked |= {"credentials", "credentials_file"}
        authorization.rest("Tocsin has nothing for this")
    if token:
        settings["token_file"] = token
    if basic := part.get("basic_auth"):
        basic.note("left_out", _BASIC)
    for key, said in _HTTP.items():
        if found := part.get(key):
            found.note("left_out", said)
    _headers(part, settings)
    part.rest("Tocsin has nothing for this")


def _headers(part: Part, settings: dict[str, Any]) -> None:
    found = part.get("http_headers")
    made: dict[str, str] = {}
    for name, value in found.pairs() if found else ():
        values = value.texts("values")
        if _KEPT.fullmatch(name):
            value.note("left_out", f"the header {name} is not yours to set: a bearer token goes"
                       " into `token_file`")  # fmt: skip
        elif value.has("secrets") or value.has("files"):
            value.note("left_out", "a secret header: use `token_file` or `signing_secret_file`")
        elif len(values) == 1:
            made[name] = values[0]
        else:
            value.note("left_out", "a header has one value")
    if made:
        settings["headers"] = made
