"""What another system answers over HTTP, as JSON: a CMDB, an inventory, a directory of teams.

This file makes the question and reads the reply; the actor `lookup` asks.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Annotated, Any, Literal
from urllib import parse as urls

from pydantic import AfterValidator, Field, field_validator, model_validator

from schemas.parts import Span
from tocsin import errors
from tocsin.domain import enrichers
from tocsin.domain.enrichers import _paths, _placeholders
from tocsin.egress import addresses, credentials

MAX_URL = 2000
MAX_BODY = 16 * 1024

_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]{0,1000}[\x21-\x7e])?")
#: Ours to set, or a place for a secret in plain sight.
_HEADERS_KEPT = re.compile(
    r"authorization|connection|content-.*|cookie|expect|host|keep-alive|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|.*(key|token|secret).*",
    re.IGNORECASE,
)
Text = Annotated[str, AfterValidator(_placeholders.checked)]


class Settings(credentials.WithSecrets, enrichers.EnricherSettings):
    """An address to ask, and what of its answer becomes labels and facts."""

    url: Text = Field(description="Placeholders may stand behind the host; values are quoted.")
    method: Literal["GET", "POST"] = Field("GET", description="How it is asked.")
    body: dict[str, Text] | None = Field(None, max_length=64, description="Posted as JSON.")
    headers: dict[str, str] = Field(
        {}, max_length=20, description="Further headers, not secret ones."
    )
    #: Sent as `Authorization: Bearer ...`, or as it is in the header `token_header`.
    token_file: credentials.SecretFile = None
    token_env: credentials.SecretEnv = None
    token_header: Annotated[str, Field(pattern=_HEADER.pattern)] | None = Field(
        None, description="Send the secret as it is in this header."
    )
    timeout: Span = Field(timedelta(seconds=5), description="For the whole exchange; at most 10s.")
    ttl: Span = Field(timedelta(hours=1), description="How long an answer is taken for true.")
    miss_ttl: Span = Field(timedelta(minutes=5), description="The same for: there is no such.")
    labels: enrichers.Labels = Field({}, description="Of each label the path in the reply.")
    facts: enrichers.Facts = Field({}, description="Of each fact the path in the reply.")

    def identity(self) -> str:
        """Patience changes no answer: after an edit of it alone, what was answered stays good."""
        return self.model_dump_json(by_alias=True, exclude={"timeout", "ttl", "miss_ttl"})

    @field_validator("url")
    @classmethod
    def _fixed_host(cls, url: str) -> str:
        text = _placeholders.parse(url)
        # Whoever sends alerts must not choose whom Tocsin talks to.
        if text.head != url and not re.match(r"https?://[^/?#]+[/?#]", text.head):
            raise ValueError("a placeholder may stand behind the host only: https://host/{...}")
        try:
            addresses.check_url("".join(p if isinstance(p, str) else "x" for p in text.parts))
        except errors.Permanent as refused:
            raise ValueError(refused.message) from None
        return url

    @field_validator("headers")
    @classmethod
    def _harmless(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if _HEADERS_KEPT.fullmatch(name):
                raise ValueError(
                    f"the header {name[:100]} does not belong here: a secret goes into"
                    " `token_file`, its header into `token_header`"
                )
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError("a header has a plain name and a value of one line of ASCII")
        return headers

    @field_validator("timeout")
    @classmethod
    def _short(cls, timeout: timedelta) -> timedelta:
        if timeout > timedelta(seconds=10):
            raise ValueError("nobody is waited for longer than 10s")
        return timeout

    @field_validator("labels", "facts")
    @classmethod
    def _readable(cls, wanted: dict[str, str]) -> dict[str, str]:
        for path in wanted.values():
            _paths.parse(path)
        return wanted

    @model_validator(mode="after")
    def _whole(self) -> Settings:
        if not self.labels and not self.facts:
            raise ValueError("say in `labels` or `facts` what is taken from the reply")
        if self.body is not None and self.method != "POST":
            raise ValueError("`body` needs `method: POST`")
        return self


class Http:
    """The prepared source."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._url = _placeholders.parse(settings.url)
        self._body = {
            name: _placeholders.parse(text) for name, text in (settings.body or {}).items()
        }
        self._labels = {name: _paths.parse(path) for name, path in settings.labels.items()}
        self._facts = {name: _paths.parse(path) for name, path in settings.facts.items()}

    def __call__(self, known: enrichers.Known) -> enrichers.Given | enrichers.Ask:
        """The question about this alert; nothing where a value that it needs is not known."""
        try:
            url = self._url.render(known, _quoted)
        except ValueError:
            return enrichers.Given()
        values = {name: text.render(known) for name, text in self._body.items()}
        if url is None or len(url) > MAX_URL or None in values.values():
            return enrichers.Given()
        body = json.dumps(values, sort_keys=True) if self.settings.method == "POST" else ""
        return enrichers.Ask(url, body) if len(body) <= MAX_BODY else enrichers.Given()

    def read(self, body: bytes) -> enrichers.Given:
        """What the reply says. Raises ValueError for what is not JSON, or was cut."""
        try:
            document: Any = json.loads(body)
        except (ValueError, RecursionError):
            raise ValueError("its reply is not JSON, or longer than 64 KB") from None
        return enrichers.Given(_found(self._labels, document), _found(self._facts, document))


def prepare(settings: Settings, world: enrichers.World) -> enrichers.Enricher:
    return Http(settings)


def _quoted(value: str) -> str:
    """One value in an address; it can neither end its segment nor climb out of its folder."""
    if value in (".", ".."):
        raise ValueError("a value that is a folder")
    return urls.quote(value, safe="", errors="replace")


def _found(wanted: dict[str, _paths.Path], document: Any) -> dict[str, str]:
    values = {name: _paths.value(document, path) for name, path in wanted.items()}
    return {name: value for name, value in values.items() if value}
