"""What every channel keeps, unasked: a new file in channels/ is held by all of this at once."""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest
import yaml

import channels
from channels import _addresses, _egress
from tests.channels import messages
from tocsin import errors
from tocsin.demo.fakes import server

ALL = sorted(channels.REGISTRY)
EVIDENCE = Path(__file__).parent / "channels"
KEY = "0198c0de-1111-7000-8000-00000000abcd"


class Provider:
    """Answers every request with one reply and keeps what it was sent."""

    def __init__(self) -> None:
        self.reply = server.Reply()
        self.requests: list[server.Request] = []

    async def answer(self, request: server.Request) -> server.Reply:
        self.requests.append(request)
        return self.reply


class Sample:
    """A channel with the settings and secrets of its evidence, ready to send."""

    def __init__(self, name: str, base: str) -> None:
        path = EVIDENCE / f"{name}.yml"
        assert path.is_file(), f"channels/{name}.py brings no evidence: write {path.name}"
        text = path.read_text(encoding="utf-8").replace("{base}", base)
        evidence: dict[str, Any] = yaml.safe_load(text)
        self.channel = channels.REGISTRY[name]
        self.raw: dict[str, Any] = evidence["settings"]
        self.settings = self.channel.Settings.model_validate(self.raw)
        self.secrets: dict[str, str] = evidence["secrets"]
        self.accepted = json.dumps(evidence["accepted"]).encode()
        self.hidden: list[str] = [*self.secrets.values(), *evidence.get("hidden", [])]
        self.never: list[str] = evidence.get("never", [])

    def send(self, http: httpx.Client, **changes: Any) -> channels.Receipt:
        message = changes.pop("message", None) or messages.first()
        call = channels.Call(key=KEY, secrets=self.secrets, http=http, now=messages.NOW)
        return self.channel.send(message, self.settings, replace(call, **changes))


@pytest.fixture(scope="module")
def _listening() -> Iterator[tuple[Provider, str]]:
    provider = Provider()
    with server.running(server.Server(provider.answer)) as running:
        yield provider, running.url


@pytest.fixture
def provider(_listening: tuple[Provider, str]) -> Provider:
    _listening[0].reply = server.Reply()
    _listening[0].requests.clear()
    return _listening[0]


@pytest.fixture(params=ALL)
def sample(
    request: pytest.FixtureRequest, provider: Provider, _listening: tuple[Provider, str]
) -> Sample:
    sample = Sample(request.param, _listening[1])
    provider.reply = server.Reply(200, sample.accepted)
    return sample


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with _egress.client(_addresses.networks("127.0.0.0/8")) as client:
        yield client


@pytest.fixture
def impatient() -> Iterator[httpx.Client]:
    with _egress.client(_addresses.networks("127.0.0.0/8"), total=0.3) as client:
        yield client


def test_there_are_channels() -> None:
    assert {"slack", "webhook"} <= set(ALL)
    assert set(channels.settings_models()) == set(ALL)


def test_declares_limits_and_capabilities(sample: Sample) -> None:
    assert isinstance(sample.channel.LIMITS, channels.Limits)
    assert sample.channel.LIMITS.per_second > 0
    assert sample.channel.LIMITS.burst >= 1
    assert isinstance(sample.channel.CAPABILITIES, channels.Capabilities)


def test_settings_are_frozen_strict_and_described(sample: Sample) -> None:
    model = sample.channel.Settings
    assert issubclass(model, channels.ChannelSettings)
    assert model.model_json_schema()["additionalProperties"] is False
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        model.model_validate({**sample.raw, "chanel": "x"})
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        sample.settings.__setattr__(next(iter(model.model_fields)), "x")


def test_a_secret_in_the_policy_is_refused_and_not_repeated(sample: Sample) -> None:
    for name in sample.settings.secrets():
        places = {f"{name}_file", f"{name}_env"}
        if name in type(sample.settings).model_fields:
            continue
        rest = {key: value for key, value in sample.raw.items() if key not in places}
        for key in (name, *places):
            value = "xoxb-canary-inline"
            with pytest.raises(pydantic.ValidationError) as refused:
                sample.channel.Settings.model_validate({**rest, key: value})
            assert value not in str(refused.value)


def test_the_destination_shows_no_secret(sample: Sample) -> None:
    shown = sample.channel.destination(sample.settings)
    assert shown
    assert shown.isprintable()
    _assert_hidden(sample, shown)


def test_two_destinations_have_two_names(sample: Sample) -> None:
    names = set()
    for suffix in ("", "-b"):
        raw = json.loads(json.dumps(sample.raw).replace("canary-in-query", f"canary{suffix}"))
        if "channel" in raw:
            raw["channel"] += suffix
        names.add(sample.channel.destination(sample.channel.Settings.model_validate(raw)))
    assert len(names) == 2


def test_sends_and_gives_a_receipt(sample: Sample, provider: Provider, http: httpx.Client) -> None:
    receipt = sample.send(http)
    assert isinstance(receipt, channels.Receipt)
    assert len(provider.requests) == 1
    assert receipt.ref is None or json.loads(json.dumps(receipt.ref)) == receipt.ref


def test_the_key_is_the_same_on_every_attempt(
    sample: Sample, provider: Provider, http: httpx.Client
) -> None:
    for attempt in (1, 2, 3):
        sample.send(http, attempt=attempt)
        asked = provider.requests[-1]
        assert KEY in f"{asked.headers} {asked.body.decode()}"


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (408, errors.Retryable, "serverError"),
        (425, errors.Retryable, "serverError"),
        (429, errors.Retryable, "rateLimited"),
        (500, errors.Retryable, "serverError"),
        (502, errors.Retryable, "serverError"),
        (503, errors.Retryable, "serverError"),
        (504, errors.Retryable, "serverError"),
        (301, errors.Permanent, "clientError"),
        (302, errors.Permanent, "clientError"),
        (304, errors.Permanent, "clientError"),
        (307, errors.Permanent, "clientError"),
        (400, errors.Permanent, "clientError"),
        (401, errors.Permanent, "authError"),
        (403, errors.Permanent, "authError"),
        (404, errors.Permanent, "clientError"),
        (410, errors.Permanent, "clientError"),
        (418, errors.Permanent, "clientError"),
    ],
)
def test_statuses(
    sample: Sample,
    provider: Provider,
    http: httpx.Client,
    status: int,
    kind: type[errors.Retryable] | type[errors.Permanent],
    reason: str,
) -> None:
    provider.reply = server.Reply(status, b"canary-in-reply", {"location": "http://127.0.0.1:1/"})
    with pytest.raises(kind) as raised:
        sample.send(http)
    assert isinstance(raised.value, errors.Retryable | errors.Permanent)
    assert raised.value.reason == reason
    assert raised.value.status_code == status
    assert len(provider.requests) == 1
    _assert_silent(sample, raised.value)


@pytest.mark.parametrize(
    ("header", "after"),
    [
        ("1", 1.0),
        ("60", 60.0),
        ("86400", 3600.0),
        ("Sat, 07 Mar 2026 03:09:00 GMT", 120.0),
        ("Sat, 07 Mar 2026 03:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("1e400", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after(
    sample: Sample, provider: Provider, http: httpx.Client, header: str, after: float | None
) -> None:
    raw = header.encode().decode("latin-1")
    provider.reply = server.Reply(429, b"", {"retry-after": raw})
    with pytest.raises(errors.Retryable) as raised:
        sample.send(http)
    assert raised.value.after == after
    assert not raised.value.in_doubt


def test_nothing_listens_is_not_in_doubt(sample: Sample, http: httpx.Client) -> None:
    closed = json.loads(json.dumps(sample.raw).replace(_port(sample), "9"))
    sample.settings = sample.channel.Settings.model_validate(closed)
    with pytest.raises(errors.Retryable) as raised:
        sample.send(http)
    assert not raised.value.in_doubt
    _assert_silent(sample, raised.value)


@pytest.mark.parametrize("manner", ["cut", "hang"])
def test_no_answer_after_sending_is_in_doubt(
    sample: Sample, provider: Provider, impatient: httpx.Client, manner: server.Manner
) -> None:
    provider.reply = server.Reply(200, sample.accepted, {}, manner)
    with pytest.raises(errors.Retryable) as raised:
        sample.send(impatient)
    assert raised.value.in_doubt
    assert len(provider.requests) == 1
    _assert_silent(sample, raised.value)


@pytest.mark.parametrize("manner", ["drip", "huge", "short"])
def test_an_answer_without_a_proper_end(
    sample: Sample, provider: Provider, impatient: httpx.Client, manner: server.Manner
) -> None:
    """It may count as sent or as in doubt; it must not hold the thread or fill the memory."""
    provider.reply = server.Reply(200, sample.accepted, {}, manner)
    problem: errors.Retryable | None = None
    try:
        sample.send(impatient)
    except errors.Retryable as raised:
        problem = raised
    assert problem is None or problem.in_doubt


def test_private_networks_are_out_of_reach(sample: Sample, provider: Provider) -> None:
    with _egress.client() as guarded, pytest.raises(errors.Permanent) as raised:
        sample.send(guarded)
    assert raised.value.reason == "clientError"
    assert provider.requests == []
    _assert_silent(sample, raised.value)


@pytest.mark.parametrize("text", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_hostile_data_is_only_data(
    sample: Sample, provider: Provider, http: httpx.Client, text: str
) -> None:
    sample.send(http)
    usual = provider.requests[-1]
    sample.send(http, message=messages.hostile(text))
    asked = provider.requests[-1]
    assert len(provider.requests) == 2
    assert asked.target == usual.target
    assert asked.headers.keys() == usual.headers.keys()
    assert "x-evil" not in asked.headers
    json.loads(asked.body)
    for bad in sample.never:
        assert bad not in asked.body.decode()


def test_a_secret_that_cannot_be_a_header_is_a_plain_error(
    sample: Sample, http: httpx.Client
) -> None:
    sample.secrets = {name: f"{value}\r\nX: \u00fc" for name, value in sample.secrets.items()}
    with pytest.raises(errors.Permanent) as raised:
        sample.send(http)
    _assert_silent(sample, raised.value)


def test_nothing_secret_is_logged(
    sample: Sample, provider: Provider, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sample.send(http)
    provider.reply = server.Reply(500)
    with pytest.raises(errors.Retryable):
        sample.send(http, key=str(uuid.UUID(int=7)))
    _assert_hidden(sample, caplog.text)


def _port(sample: Sample) -> str:
    text = json.dumps(sample.raw)
    return text.partition("127.0.0.1:")[2].partition("/")[0]


def _assert_silent(sample: Sample, problem: BaseException) -> None:
    """Neither the error nor those it came from, which a traceback would show, tell a secret."""
    told: list[str] = []
    at: BaseException | None = problem
    while at is not None:
        told.append(f"{at} {at!r}")
        at = at.__cause__ or (None if at.__suppress_context__ else at.__context__)
    _assert_hidden(sample, " ".join(told))
    assert "canary" not in " ".join(told)


def _assert_hidden(sample: Sample, text: str) -> None:
    for secret in sample.hidden:
        for line in secret.split():
            assert line not in text
