"""CloudWatch through a fake Amazon SNS that signs: what is believed, and what never is."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from ingest import app as ingest_app
from ingest import means
from ingest.sources import _sns
from tests.ingest import batches
from tests.ingest.conftest import Tenant
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.demo.fakes import server, sns
from tocsin.storage import policies
from tocsin.storage.record import Record

Look = Callable[[Tenant], batches.Stored]
ALARM = json.loads(
    json.loads((Path(__file__).parent / "data" / "cloudwatch" / "alarm.json").read_text())[
        "Message"
    ]
)
PATH = "/webhooks/cloudwatch"
#: Where the fake SNS has its certificate.
GOOD = f"https://{sns.HOST}{sns.CERTIFICATE}"


class Amazon(NamedTuple):
    """The topic, and where it serves."""

    sns: sns.Sns
    port: int


@pytest.fixture(scope="module")
def region() -> Iterator[Amazon]:
    topic = sns.Sns()
    with server.running(topic.door()) as running:
        yield Amazon(topic, running.port)


@pytest.fixture
def amazon(region: Amazon) -> Amazon:
    region.sns.down = False
    region.sns.asked.clear()
    region.sns.confirmed.clear()
    return region


Post = Callable[..., list[httpx.Response]]


@pytest.fixture
def post(settings: Settings, tenant: Tenant, amazon: Amazon) -> Post:
    """Posts documents one after the other to one ingest; returns its answers."""

    async def scenario(documents: tuple[Any, ...], path: str) -> list[httpx.Response]:
        http = amazon.sns.client(amazon.port)
        ingest = ingest_app.build(settings, lambda: None, http)
        await ingest.start()
        transport = httpx.ASGITransport(ingest)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://tocsin") as client:
                return [await client.post(path, json=each) for each in documents]
        finally:
            await ingest.stop()

    def posted(*documents: Any, path: str = "") -> list[httpx.Response]:
        return asyncio.run(scenario(documents, path or f"/i/{tenant.token}/cloudwatch"))

    return posted


def policy(record: Record, tenant: Tenant, text: str) -> None:
    with record.session([tenant.id]) as tx:
        policies.apply(tx, tenant.id, f"route: {{}}\ncloudwatch:\n  {text}\n", "test")


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_alarm_fires_and_is_over_again_under_one_fingerprint(
    post: Post, amazon: Amazon, tenant: Tenant, stored: Look, version: str
) -> None:
    firing = amazon.sns.notification(ALARM, version)
    over = amazon.sns.notification(ALARM | {"NewStateValue": "OK"}, version, Subject=None)
    answers = post(firing, over)
    assert [each.json() for each in answers] == [{"accepted": 1, "rejected": []}] * 2
    one, two = [batch.alerts[0] for batch in stored(tenant).batches]
    assert (one.status, two.status) == ("firing", "resolved")
    assert one.fingerprint == two.fingerprint
    assert amazon.sns.asked == [sns.CERTIFICATE], "the certificate is asked for once"


def test_the_text_that_is_signed_is_amazons() -> None:
    plain = {
        "Type": "Notification", "MessageId": "m", "TopicArn": "t", "Message": "two\nlines é",
        "Timestamp": "now", "SignatureVersion": "1", "Signature": "", "SigningCertURL": "u",
    }  # fmt: skip
    envelope = _sns.read(json.dumps(plain).encode())
    said = "Message\ntwo\nlines é\nMessageId\nm\nTimestamp\nnow\nTopicArn\nt\nType\nNotification\n"
    assert _sns.signed(envelope).decode() == said
    with_subject = _sns.read(json.dumps(plain | {"Subject": ""}).encode())
    assert "\nSubject\n\nTimestamp\n" in _sns.signed(with_subject).decode()


def forged(message: dict[str, Any], what: str) -> dict[str, Any]:
    changes: dict[str, dict[str, Any]] = {
        "message": {"Message": json.dumps(ALARM | {"AlarmName": "another"})},
        "topic": {"TopicArn": "arn:aws:sns:eu-west-1:666666666666:alarms"},
        "subject": {"Subject": "nothing to see"},
        "version": {"SignatureVersion": "2"},
        "unknown version": {"SignatureVersion": "3"},
        "no base64": {"Signature": "!!!"},
        "empty": {"Signature": ""},
        "not ours": {"Signature": base64.b64encode(b"x" * 256).decode()},
        "another type": {"Type": "UnsubscribeConfirmation", "Token": "t", "SubscribeURL": GOOD},
    }
    return message | changes[what]


@pytest.mark.parametrize(
    "what",
    [
        "message", "topic", "subject", "version", "unknown version", "no base64", "empty",
        "not ours", "another type",
    ],
)  # fmt: skip
def test_what_amazon_did_not_sign_is_refused_and_kept_nowhere(
    post: Post, amazon: Amazon, tenant: Tenant, stored: Look, what: str
) -> None:
    (answer,) = post(forged(amazon.sns.notification(ALARM), what))
    assert answer.status_code == 403, answer.text
    found = stored(tenant)
    assert (found.batches, found.quarantine) == ([], [])


@pytest.mark.parametrize(
    "url",
    [
        f"http://{sns.HOST}{sns.CERTIFICATE}",
        f"https://{sns.HOST}:8443{sns.CERTIFICATE}",
        f"https://user@{sns.HOST}{sns.CERTIFICATE}",
        f"https://{sns.HOST}.example.org{sns.CERTIFICATE}",
        f"https://sns.eu-west-1.amazonaws.com.evil.cn{sns.CERTIFICATE}",
        f"https://evil.amazonaws.com{sns.CERTIFICATE}",
        f"https://s3.eu-west-1.amazonaws.com{sns.CERTIFICATE}",
        f"https://sns.a.b.amazonaws.com{sns.CERTIFICATE}",
        f"https://{sns.HOST}/bucket/../x.pem",
        f"https://{sns.HOST}/{sns.CERTIFICATE}",
        f"{GOOD}#x",
        f"{GOOD}\n",
        f"https://\u202e{sns.HOST}{sns.CERTIFICATE}",
        "https://[::1]:443/x.pem",
        "https://[",
        "file:///etc/passwd",
        "",
    ],
)
def test_certificates_come_from_amazons_hosts_only(post: Post, amazon: Amazon, url: str) -> None:
    (answer,) = post(amazon.sns.notification(ALARM, SigningCertURL=url))
    assert answer.status_code == 403
    assert amazon.sns.asked == []


def test_where_amazon_cannot_be_asked_the_sender_shall_come_again(
    post: Post, amazon: Amazon, tenant: Tenant, stored: Look
) -> None:
    amazon.sns.down = True
    (answer,) = post(amazon.sns.notification(ALARM))
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    elsewhere = "https://sns.us-east-1.amazonaws.com" + sns.CERTIFICATE
    amazon.sns.down = False
    (refused,) = post(amazon.sns.notification(ALARM, SigningCertURL=elsewhere))
    assert refused.status_code == 503, "its TLS certificate is for another host"
    assert stored(tenant).batches == []


def test_a_subscription_is_confirmed_where_amazon_says(
    post: Post, amazon: Amazon, tenant: Tenant, stored: Look
) -> None:
    asked = amazon.sns.subscription()
    ended = amazon.sns.subscription("UnsubscribeConfirmation")
    answers = post(asked, ended)
    assert [each.json()["accepted"] for each in answers] == [0, 0]
    assert amazon.sns.confirmed == [asked["Token"]]
    assert stored(tenant).batches == []


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/?Action=ConfirmSubscription",
        f"https://{sns.HOST}/?Action=DeleteTopic&TopicArn={sns.TOPIC}",
        f"https://{sns.HOST}/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:eu-west-1:6:other",
        f"https://{sns.HOST}/elsewhere?Action=ConfirmSubscription&TopicArn={sns.TOPIC}",
        "",
    ],
)
def test_no_other_address_is_asked(post: Post, amazon: Amazon, url: str) -> None:
    (answer,) = post(amazon.sns.subscription(SubscribeURL=url))
    assert answer.status_code == 403
    assert amazon.sns.asked == [sns.CERTIFICATE]


def test_without_a_token_nothing_is_looked_at(post: Post, amazon: Amazon) -> None:
    for path in (PATH, "/i/toc_unknown/cloudwatch"):
        (answer,) = post(amazon.sns.subscription(), path=path)
        assert answer.status_code == 401
    assert amazon.sns.asked == []


def test_the_policy_may_name_the_topics(
    post: Post, amazon: Amazon, tenant: Tenant, record: Record
) -> None:
    policy(record, tenant, "topics: ['arn:aws:sns:eu-west-1:123456789012:other']")
    answers = post(amazon.sns.notification(ALARM), amazon.sns.subscription())
    assert [each.status_code for each in answers] == [403, 403]
    policy(record, tenant, f"topics: ['{sns.TOPIC}']")
    assert post(amazon.sns.notification(ALARM))[0].status_code == 200


def test_raw_delivery_needs_the_word_of_the_policy(
    post: Post, tenant: Tenant, record: Record, stored: Look
) -> None:
    (answer,) = post(ALARM)
    assert answer.status_code == 403
    assert "cloudwatch.unsigned" in answer.json()["detail"]
    policy(record, tenant, "unsigned: true")
    assert post(ALARM)[0].json() == {"accepted": 1, "rejected": []}
    assert stored(tenant).names == ["web-cpu-high"]


@pytest.mark.parametrize(("said", "status"), [("firing", "firing"), ("resolved", "resolved")])
def test_what_no_data_means_is_for_the_policy_to_say(
    post: Post, amazon: Amazon, tenant: Tenant, record: Record, stored: Look, said: str, status: str
) -> None:
    silent = amazon.sns.notification(ALARM | {"NewStateValue": "INSUFFICIENT_DATA"})
    assert post(silent)[0].json()["accepted"] == 0
    policy(record, tenant, f"insufficient_data: {said}")
    assert post(silent)[0].json()["accepted"] == 1
    assert stored(tenant).batches[0].alerts[0].status == status


def test_a_signed_message_that_is_no_alarm_waits_whole_in_the_quarantine(
    post: Post, amazon: Amazon, tenant: Tenant, stored: Look
) -> None:
    message = amazon.sns.notification("Budget exceeded")
    (answer,) = post(message)
    assert answer.json()["rejected"][0]["field"] == "Message"
    (held,) = stored(tenant).quarantine
    assert json.loads(held["body"]) == message


def test_too_many_that_wait_for_others_are_sent_away(settings: Settings) -> None:
    async def scenario() -> None:
        outside = means.Outside(settings, None)
        outside._waiting = means._OUTSIDE_AT_ONCE
        with pytest.raises(errors.Busy):
            await outside.get(GOOD)
        outside.close()

    asyncio.run(scenario())
