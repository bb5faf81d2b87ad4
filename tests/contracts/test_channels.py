"""What every channel keeps, unasked: a new file in channels/ is held by all of this at once."""

from __future__ import annotations

import contextlib
import importlib
import json
import logging
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pydantic
import pytest
import yaml

import channels
from tests.channels import messages
from tests.contracts import providers
from tocsin import errors
from tocsin.demo.fakes import server
from tocsin.egress import addresses, guard, sockets

ALL = sorted(channels.REGISTRY)
EVIDENCE = Path(__file__).parent / "channels"
KEY = "0198c0de-1111-7000-8000-00000000abcd"


def evidence(name: str) -> dict[str, Any]:
    """What a channel brings along for this contract."""
    path = EVIDENCE / f"{name}.yml"
    assert path.is_file(), f"channels/{name}.py brings no evidence: write {path.name}"
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


#: Channel -> the file of tests/contracts/providers/ that speaks its protocol.
SPOKEN = {name: evidence(name).get("provider", "http") for name in ALL}
SCRIPTS = {
    name: importlib.import_module(f"tests.contracts.providers.{name}")
    for name in sorted(set(SPOKEN.values()))
}
#: Those that send something: a channel that ends inside of the house says ``provider: nobody``.
WIRED = [name for name in ALL if SPOKEN[name] != "nobody"]
wired = pytest.mark.parametrize("name", WIRED)
OUTCOMES = [
    pytest.param(name, outcome, id=f"{name}-{outcome.name}")
    for name in ALL
    for outcome in SCRIPTS[SPOKEN[name]].OUTCOMES
]


@dataclass(frozen=True)
class Way:
    """A way out of the house, of both kinds."""

    http: httpx.Client
    dial: sockets.Dialer


class Sample:
    """A channel with the settings and secrets of its evidence, ready to send."""

    def __init__(self, name: str, provider: providers.Provider) -> None:
        brought = evidence(name)
        self.channel = channels.REGISTRY[name]
        self.raw: dict[str, Any] = {**brought["settings"], **providers.placed(brought, provider)}
        self.elsewhere: dict[str, Any] = brought.get("elsewhere", {})
        self.settings = self.channel.Settings.model_validate(self.raw)
        self.secrets: dict[str, str] = brought["secrets"]
        self.accepted: Any = brought.get("accepted", {})
        self.hidden: list[str] = [*self.secrets.values(), *brought.get("hidden", [])]
        self.never: list[str] = brought.get("never", [])

    def send(self, way: Way, **changes: Any) -> channels.Receipt:
        message = changes.pop("message", None) or messages.first()
        call = channels.Call(
            key=KEY, secrets=self.secrets, http=way.http, now=messages.NOW, dial=way.dial
        )
        return self.channel.send(message, self.settings, replace(call, **changes))


@pytest.fixture(scope="module")
def _listening() -> Iterator[dict[str, providers.Provider]]:
    with contextlib.ExitStack() as life:
        yield {
            name: life.enter_context(server.running(script.Provider()))
            for name, script in SCRIPTS.items()
        }


@pytest.fixture(params=ALL)
def name(request: pytest.FixtureRequest) -> str:
    chosen: str = request.param
    return chosen


@pytest.fixture
def provider(_listening: dict[str, providers.Provider], name: str) -> providers.Provider:
    found = _listening[SPOKEN[name]]
    found.forget()
    return found


@pytest.fixture
def sample(provider: providers.Provider, name: str) -> Sample:
    sample = Sample(name, provider)
    provider.accept(sample.accepted)
    return sample


def _way(provider: providers.Provider, total: float) -> Iterator[Way]:
    allow = addresses.networks("127.0.0.0/8")
    with guard.client(allow, total=total) as http:
        yield Way(http, sockets.Dialer(allow, context=provider.trust))


@pytest.fixture
def way(provider: providers.Provider) -> Iterator[Way]:
    yield from _way(provider, guard.TOTAL_SECONDS)


@pytest.fixture
def impatient(provider: providers.Provider) -> Iterator[Way]:
    yield from _way(provider, 1.0)


def test_there_are_channels() -> None:
    assert {"slack", "sms", "webhook"} <= set(ALL)
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
    for suffix, other in (("", {}), ("-b", sample.elsewhere)):
        raw = json.loads(json.dumps(sample.raw).replace("canary-in-query", f"canary{suffix}"))
        if "channel" in raw:
            raw["channel"] += suffix
        raw |= other
        names.add(sample.channel.destination(sample.channel.Settings.model_validate(raw)))
    assert len(names) == 2


@wired
def test_sends_and_gives_a_receipt(sample: Sample, provider: providers.Provider, way: Way) -> None:
    receipt = sample.send(way)
    assert isinstance(receipt, channels.Receipt)
    assert len(provider.requests) == 1
    assert receipt.ref is None or json.loads(json.dumps(receipt.ref)) == receipt.ref


@wired
def test_the_key_is_the_same_on_every_attempt(
    sample: Sample, provider: providers.Provider, way: Way
) -> None:
    for attempt in (1, 2, 3):
        sample.send(way, attempt=attempt)
        asked = provider.requests[-1]
        assert KEY in f"{asked.headers} {asked.text}"


@pytest.mark.parametrize(("name", "outcome"), OUTCOMES)
def test_every_refusal_has_its_meaning(
    sample: Sample, provider: providers.Provider, way: Way, outcome: providers.Outcome
) -> None:
    provider.answer(outcome.reply)
    with pytest.raises(outcome.kind) as raised:
        sample.send(way)
    assert isinstance(raised.value, errors.Retryable | errors.Permanent)
    assert raised.value.reason == outcome.reason
    assert raised.value.status_code == outcome.status
    assert isinstance(raised.value, errors.Permanent) or raised.value.in_doubt == outcome.in_doubt
    assert len(provider.requests) == outcome.asked
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
@pytest.mark.parametrize("name", [name for name in ALL if SPOKEN[name] == "http"])
def test_retry_after(
    sample: Sample, provider: providers.Provider, way: Way, header: str, after: float | None
) -> None:
    raw = header.encode().decode("latin-1")
    provider.answer(server.Reply(429, b"", {"retry-after": raw}))
    with pytest.raises(errors.Retryable) as raised:
        sample.send(way)
    assert raised.value.after == after
    assert not raised.value.in_doubt


@wired
def test_nothing_listens_is_not_in_doubt(
    sample: Sample, provider: providers.Provider, way: Way
) -> None:
    closed = json.loads(json.dumps(sample.raw).replace(str(provider.port), "9"))
    sample.settings = sample.channel.Settings.model_validate(closed)
    with pytest.raises(errors.Retryable) as raised:
        sample.send(way)
    assert not raised.value.in_doubt
    _assert_silent(sample, raised.value)


@wired
@pytest.mark.parametrize("manner", ["cut", "hang"])
def test_no_answer_after_sending_is_in_doubt(
    sample: Sample, provider: providers.Provider, impatient: Way, manner: server.Manner
) -> None:
    provider.misbehave(manner)
    with pytest.raises(errors.Retryable) as raised:
        sample.send(impatient)
    assert raised.value.in_doubt
    assert len(provider.requests) == 1
    _assert_silent(sample, raised.value)


@wired
@pytest.mark.parametrize("manner", ["drip", "huge", "short"])
def test_an_answer_without_a_proper_end(
    sample: Sample, provider: providers.Provider, impatient: Way, manner: server.Manner
) -> None:
    """It may count as sent or as in doubt; it must not hold the thread or fill the memory."""
    provider.misbehave(manner)
    problem: errors.Retryable | None = None
    try:
        sample.send(impatient)
    except errors.Retryable as raised:
        problem = raised
    assert problem is None or problem.in_doubt


@wired
def test_private_networks_are_out_of_reach(sample: Sample, provider: providers.Provider) -> None:
    with guard.client() as http, pytest.raises(errors.Permanent) as raised:
        sample.send(Way(http, sockets.Dialer(context=provider.trust)))
    assert raised.value.reason == "clientError"
    assert provider.requests == []
    _assert_silent(sample, raised.value)


@wired
@pytest.mark.parametrize("text", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_hostile_data_is_only_data(
    sample: Sample, provider: providers.Provider, way: Way, text: str
) -> None:
    sample.send(way)
    usual = provider.requests[-1]
    sample.send(way, message=messages.hostile(text))
    asked = provider.requests[-1]
    assert len(provider.requests) == 2
    assert asked.target == usual.target
    assert asked.headers.keys() == usual.headers.keys()
    assert "x-evil" not in asked.headers
    for bad in sample.never:
        assert bad not in asked.text


@wired
def test_a_secret_that_cannot_be_a_header_is_a_plain_error(sample: Sample, way: Way) -> None:
    sample.secrets = {name: f"{value}\r\nX: \u00fc" for name, value in sample.secrets.items()}
    with pytest.raises(errors.Permanent) as raised:
        sample.send(way)
    _assert_silent(sample, raised.value)


@wired
def test_nothing_secret_is_logged(
    sample: Sample, provider: providers.Provider, way: Way, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sample.send(way)
    provider.answer(provider.trouble)
    with pytest.raises(errors.Retryable):
        sample.send(way, key=str(uuid.UUID(int=7)))
    _assert_hidden(sample, caplog.text)


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
