"""People and accounts in documents, with the channels that there really are."""

from __future__ import annotations

import pytest

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.domain.policy import Policy

SMS = "sms: {account_sid: AC00000000000000000000000000000000, token_env: tw"
HOST = "email: {host: mail.example.org"


def read(accounts: str, people: str = "") -> Policy:
    text = f"route: {{}}\naccounts:\n  {accounts}\npeople:\n  {people or '[]'}\n"
    return documents.parse(text, channels.settings_models())


def refused(accounts: str, people: str = "") -> list[str]:
    with pytest.raises(errors.PolicyError) as caught:
        read(accounts, people)
    return caught.value.message.splitlines()


@pytest.mark.parametrize(
    ("accounts", "said"),
    [
        (f"{SMS}}}", "`accounts.sms`: give either from or messaging_service_sid"),
        (f"{HOST}}}", "`accounts.email.from` is missing"),
        (f"{HOST}, from: a@b.example, fromm: x}}", "unknown key `fromm` in `accounts.email`"),
        ("slack: {token_env: bot, timezone: Mars}", "`accounts.slack.timezone`: not a time zone"),
    ],
)
def test_a_mistake_in_an_account_is_said_once_and_names_it(accounts: str, said: str) -> None:
    for people in ("", "[{name: anna, phone: '+4915112345678', email: a@example.org}]"):
        [line] = refused(accounts, people)
        assert line.startswith(f"line 3: {said}")


def test_an_address_that_the_channel_does_not_take() -> None:
    person = '[{name: anna, webhook: "https://user:password@push.example.org/"}]'
    [line] = refused("webhook: {}", person)
    assert line.startswith(
        "line 5: webhook does not take `https://user:password@push.example.org/`"
    )


def test_rules_that_lead_nowhere() -> None:
    person = "[{name: anna, phone: '+4915112345678', notify: {default: [{by: sns}], important:"
    lines = refused(
        f"{SMS}, from: '+15550100001'}}\n  {HOST}, from: a@example.org}}",
        f"{person} [{{by: email, after: 2m}}]}}}}]",
    )
    assert "line 6: there is no account `sns`: did you mean `sms`?" in lines
    assert "line 6: anna has no `email`, which email needs" in lines


def test_each_way_of_each_person() -> None:
    policy = read(
        f"{SMS}, from: '+15550100001'}}\n  {HOST}, from: a@example.org}}",
        "[{name: anna, phone: '+4915112345678', email: a@example.org}, {name: ben}]",
    )
    assert list(policy.contacts) == ["@anna/sms", "@anna/email"]
    assert policy.contacts["@anna/sms"].settings.to == "+4915112345678"
