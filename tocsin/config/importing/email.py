"""E-mail: what stands in the global section and in the entry, as one entry."""

from __future__ import annotations

import re
from typing import Any

from tocsin.config.importing import wording
from tocsin.config.importing.secrets import Files
from tocsin.config.importing.source import Part

#: So many addresses one of our letters has at most.
_RECIPIENTS = 20
_GLOBAL = ("smtp_from", "smtp_smarthost", "smtp_auth_username", "smtp_require_tls",
           "smtp_auth_password", "smtp_auth_password_file", "smtp_hello", "smtp_auth_identity",
           "smtp_auth_secret", "smtp_auth_secret_file", "smtp_tls_config",
           "smtp_force_implicit_tls")  # fmt: skip
_HELLO = "Tocsin greets the mail server with the domain of `from`"
_IDENTITY = "Tocsin logs in with username and password alone"
_TLS = (
    "certificates are checked against the trust store of the machine: add a private authority"
    " there; there is no client certificate, and checks cannot be switched off"
)
_PLAIN_LOG_IN = (
    "Tocsin sends no password unencrypted: `tls: starttls` was written; where the server has"
    " none, take username and password out and write `tls: none`"
)
_NO_PASSWORD = "put the password for {user}, which the configuration does not have, as one line,"


def made(part: Part, general: Part, receiver: str, files: Files) -> tuple[list[Any], wording.Texts]:
    """One integration for each twenty recipients; none where it cannot be carried over."""
    for key in _GLOBAL:
        general.get(key)
    settings: dict[str, Any] = {}
    host, port = _smarthost(_or(part, "smarthost", general))
    if not host:
        part.note("left_out", "there is no smarthost: write the mail server as `host`")
        return [], {}
    settings["host"] = host
    if port:
        settings["port"] = port
    settings["tls"] = _tls(part, general, port)
    _log_in(part, general, settings, files)
    settings["from"] = (_text(_or(part, "from", general)) or "").strip()
    texts = _words(part, settings)
    settings["send_resolved"] = part.flag("send_resolved", False)
    _left_out(part, general)
    recipients = [each.strip() for each in (part.said("to") or "").split(",") if each.strip()]
    if any("{{" in each for each in [*recipients, str(settings["from"])]):
        part.note("left_out", "addresses made by a template: write the addresses, or one receiver"
                  " for each")  # fmt: skip
        return [], {}
    if not recipients:
        part.note("left_out", "it has no recipients: Alertmanager refuses this")
    if len(recipients) > _RECIPIENTS:
        part.note("changed", f"a letter has {_RECIPIENTS} recipients at most: several integrations")
    parts = range(0, len(recipients), _RECIPIENTS)
    return [_to(settings, recipients[at : at + _RECIPIENTS]) for at in parts], texts


def _to(settings: dict[str, Any], recipients: list[str]) -> dict[str, Any]:
    plain = [re.sub(r"^.*<([^<>]+)>$", r"\1", each) for each in recipients]
    made = {key: value for key, value in settings.items() if key != "send_resolved"}
    return {**made, "to": plain, "send_resolved": settings["send_resolved"]}


def _or(part: Part, key: str, general: Part) -> Part | None:
    return part.get(key) or general.get(f"smtp_{key}")


def _text(part: Part | None) -> str | None:
    return part.text() if part else None


def _smarthost(part: Part | None) -> tuple[str, int | None]:
    host, _, port = (_text(part) or "").rpartition(":")
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else None
    return (host.strip("[]"), number) if host else (port, None)


def _tls(part: Part, general: Part, port: int | None) -> str:
    own, shared = part.has("require_tls"), general.flag("smtp_require_tls", True)
    required = part.flag("require_tls", True) if own else shared
    implicit = _or(part, "force_implicit_tls", general)
    if port == 465 or (implicit and (implicit.text() or "").lower() == "true"):
        return "tls"
    return "starttls" if required else "none"


def _log_in(part: Part, general: Part, settings: dict[str, Any], files: Files) -> None:
    user = _or(part, "auth_username", general)
    name = _text(user)
    file = (
        files.either(part, "auth_password", "smtp-password")
        or files.either(general, "smtp_auth_password", "smtp-password")
        or files.either(part, "auth_secret", "smtp-password")
        or files.either(general, "smtp_auth_secret", "smtp-password")
    )
    if not user or not name:
        if file:
            part.note("left_out", "the password: there is no auth_username to go with it")
        return
    settings["username"] = name
    settings["password_file"] = file or files.missing(
        user, "smtp-password", _NO_PASSWORD.format(user=name)
    )
    if settings["tls"] == "none":
        settings["tls"] = "starttls"
        part.note("changed", _PLAIN_LOG_IN)


def _words(part: Part, settings: dict[str, Any]) -> wording.Texts:
    """Subject and bodies; of the headers only the subject and Reply-To are ours to set."""
    texts: wording.Texts = {}
    headers = part.get("headers")
    for name, value in headers.pairs() if headers else ():
        text = value.text()
        if text is None:
            continue
        if name.lower() == "subject":
            texts["subject"] = value
        elif name.lower() == "reply-to" and "{{" not in text:
            settings["reply_to"] = text
        else:
            value.note("left_out", f"the header {name}: Tocsin writes the headers itself")
    for key in ("text", "html"):
        if (written := part.get(key)) and written.text():
            texts[key] = written
    return texts


def _left_out(part: Part, general: Part) -> None:
    for key, said in (("hello", _HELLO), ("auth_identity", _IDENTITY), ("tls_config", _TLS)):
        if found := _or(part, key, general):
            found.note("left_out", said)
