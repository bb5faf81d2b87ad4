"""One installation for all hostile inputs, with its log, and a fresh tenant for each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests.e2e import conftest as e2e
from tests.hostile import scenes

numbers = itertools.count(1)


@pytest.fixture(scope="module")
def log() -> scenes.Log:
    return scenes.Log()


@pytest.fixture(scope="module")
def stack(log: scenes.Log) -> Iterator[e2e.Stack]:
    with e2e.launched(env={"TOCSIN_LOG_LEVEL": "info"}, stream=log) as running:
        yield running


@pytest.fixture
def scene(stack: e2e.Stack, log: scenes.Log) -> Callable[[str], scenes.Scene]:
    """Makes a scene, in which this policy is in force."""

    def make(policy: str) -> scenes.Scene:
        tenant, other = stack.tenant(), stack.tenant()
        providers, phone = stack.providers, f"+49151{next(numbers):08d}"
        folder = stack.supervisor.options.home / "secrets" / "tenants" / tenant.slug
        (folder / "slack-signing").write_text(providers.slack.signing_secret)
        (folder / "twilio").write_text(providers.twilio.token)
        for word, value in {
            "{mail}": str(providers.mail.port), "{address}": f"{tenant.slug}@example.org",
            "{account}": providers.twilio.account, "{twilio}": providers.twilio_api,
            "{phone}": phone,
        }.items():  # fmt: skip
            policy = policy.replace(word, value)
        tenant.apply(policy)
        return scenes.Scene(stack, tenant, other, log, phone)

    return make
