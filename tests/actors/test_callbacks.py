"""From a button or a text to the record: acts, receipts, STOP, and nothing for strangers."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent import futures
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.actors import callbacks
from tests.actors.callbacks import ANNA, Place
from tests.actors.conftest import Hall, alert
from tocsin.demo.fakes import faults
from tocsin.security import audit
from tocsin.storage import deliveries
from tocsin.web.callbacks import FAILURES, MINUTE, Doorman


@pytest.fixture
def place(hall: Hall) -> Iterator[Place]:
    with callbacks.standing(hall) as made:
        yield made


@pytest.fixture
def line(place: Place) -> callbacks.Line:
    return place.tenant()


def told(line: callbacks.Line, *names: str) -> None:
    for name in names:
        line.tenant.send(alert(name, severity="critical"))
        line.place.hall.settle()


def state(line: callbacks.Line, title: str) -> tuple[Any, ...]:
    [row] = line.tenant.rows(
        "SELECT state, acknowledged_by, resolved_by FROM incident WHERE title LIKE %s", f"{title}%"
    )
    return tuple(row.values())


def sms(line: callbacks.Line) -> dict[str, Any]:
    """The newest delivery by SMS."""
    return line.tenant.rows("SELECT * FROM delivery WHERE channel = 'sms' ORDER BY id DESC")[0]


def test_a_one_acknowledges_the_newest_and_says_so(line: callbacks.Line) -> None:
    told(line, "Disk", "Memory")
    line.place.rings.clear()
    said = line.text("1")
    assert said.startswith("You have it: Memory")
    assert state(line, "Memory") == ("acknowledged", "anna", None)
    assert state(line, "Disk") == ("open", None, None)
    assert ("flush", "pipeline") in line.place.rings
    assert line.text("1").startswith("You have it: Memory") is False
    assert "anna has it already" in line.text("ack")
    [entry] = line.tenant.rows("SELECT * FROM timeline WHERE kind = 'acknowledged'")
    assert entry["actor"] == "anna"
    assert "by way of sms" in entry["detail"]
    with line.place.hall.record.session([line.tenant.id]) as tx:
        assert audit.verify(tx, line.tenant.id) is None
    assert line.tenant.column("SELECT act FROM audit WHERE actor = 'person:anna'") == [
        "incident.acknowledge"
    ]


def test_a_zero_takes_it_back(line: callbacks.Line) -> None:
    told(line, "Disk")
    assert line.text("0").startswith("Nobody has it")
    line.text("1")
    assert line.text("0").startswith("It is open again, and who was told is told again: Disk")
    assert state(line, "Disk") == ("open", None, None)
    acts = line.tenant.column("SELECT act FROM audit WHERE actor = 'person:anna' ORDER BY seq")
    assert acts == ["incident.acknowledge", "incident.unacknowledge"]


def test_of_several_at_once_one_has_it(line: callbacks.Line) -> None:
    told(line, "Disk")
    with futures.ThreadPoolExecutor(4) as pool:
        said = list(pool.map(lambda _: line.text("1"), range(4)))
    assert [text.partition(":")[0] for text in sorted(said)].count("You have it") == 1
    assert len([text for text in said if "anna has it already" in text]) == 3
    assert line.tenant.one("SELECT count(*) FROM timeline WHERE kind = 'acknowledged'") == 1


def test_a_code_names_the_incident_and_a_two_resolves(line: callbacks.Line) -> None:
    told(line, "Disk", "Memory")
    code = line.texts()[0]["body"].split("(1 ")[1][:4]
    assert line.text(f"1 {code.lower()}").startswith("You have it: Disk")
    assert line.text(f"2 {code}").startswith("Resolved: Disk")
    assert state(line, "Disk") == ("resolved", "anna", "anna")
    assert "resolved already, by anna" in line.text(f"1 {code}")
    assert "no open incident" in line.text("1 0000")
    assert "no open incident" in line.text("1 0")
    assert "no open incident" in line.text("1 %%%9")
    assert state(line, "Memory") == ("open", None, None)


def test_a_stranger_changes_nothing(line: callbacks.Line) -> None:
    told(line, "Disk")
    assert "I cannot tell who you are" in line.text("1", sender="+4917099999999")
    assert state(line, "Disk") == ("open", None, None)
    assert line.tenant.column("SELECT act FROM audit") == []


def test_stop_is_honoured_and_seen_until_start(line: callbacks.Line) -> None:
    told(line, "Disk")
    assert line.text("STOP") == ""
    told(line, "Memory")
    assert len(line.texts()) == 1
    dead = sms(line)
    assert dead["state"] == "dead"
    assert "answered STOP" in dead["cause"]
    assert line.text("START") == ""
    told(line, "Network")
    assert len(line.texts()) == 2
    assert line.tenant.column("SELECT act FROM audit ORDER BY seq") == [
        "address.refuse", "address.allow"]  # fmt: skip


def test_receipts_in_any_order(line: callbacks.Line) -> None:
    told(line, "Disk")
    [sent] = line.texts()
    report, base = line.place.hall.providers.twilio.report, line.place.url
    assert report(sent["sid"], "delivered", base=base) == 200
    assert report(sent["sid"], "sent", base=base) == 200
    assert report(sent["sid"], "delivered", base=base) == 200
    row = sms(line)
    assert (row["state"], row["receipt"]) == ("sent", "delivered")
    assert line.tenant.column("SELECT kind FROM timeline WHERE kind = 'undelivered'") == []


def test_what_did_not_arrive_is_a_dead_letter_that_can_be_sent_again(line: callbacks.Line) -> None:
    line.place.hall.providers.script.add(
        faults.Fault("error", error="is_archived"), dest=line.channel
    )
    told(line, "Disk")
    [sent] = line.texts()
    assert line.tenant.outcomes() == ["notified"]
    for _ in range(2):
        line.place.hall.providers.twilio.report(sent["sid"], "undelivered", 30003,
                                                base=line.place.url)  # fmt: skip
    row = sms(line)
    assert (row["state"], row["receipt"]) == ("dead", "undelivered")
    assert "out of reach" in row["cause"]
    assert line.tenant.outcomes() == ["failed"]
    [entry] = line.tenant.rows("SELECT detail FROM timeline WHERE kind = 'undelivered'")
    assert "out of reach" in entry["detail"]
    counted = line.tenant.column("SELECT sum(value) FROM tally WHERE labels = 'sms|undelivered'")
    assert counted == [1]
    with line.place.hall.record.session([line.tenant.id]) as tx:
        deliveries.retry(tx, line.tenant.id, row["id"], "bob")
    line.place.hall.settle()
    assert len(line.texts()) == 2
    assert (sms(line)["state"], sms(line)["receipt"]) == ("sent", None)
    assert line.tenant.outcomes() == ["notified"]


def test_another_channel_that_arrived_keeps_the_explanation(line: callbacks.Line) -> None:
    told(line, "Disk")
    [sent] = line.texts()
    line.place.hall.providers.twilio.report(sent["sid"], "failed", base=line.place.url)
    assert sms(line)["state"] == "dead"
    assert line.tenant.outcomes() == ["notified"]


def test_a_receipt_that_is_quicker_than_the_answer(line: callbacks.Line) -> None:
    hall = line.place.hall
    hall.providers.script.add(faults.Fault("cut_after", times=1), provider="twilio")
    line.tenant.send(alert("Disk"))
    hall.ring("flush")
    hall.ring("deliver_sms", queue="notify")
    [sent] = line.texts()
    assert sms(line)["state"] == "sending"
    hall.providers.twilio.report(sent["sid"], "undelivered", 30005, base=line.place.url)
    assert (sms(line)["state"], sms(line)["provider_id"]) == ("sending", sent["sid"])
    hall.travel(timedelta(minutes=1))
    hall.settle()
    assert len(line.texts()) == 1
    assert (sms(line)["state"], sms(line)["receipt"]) == ("dead", "undelivered")


def test_a_button_acknowledges_and_the_message_shows_it(line: callbacks.Line) -> None:
    told(line, "Disk")
    answer = line.click("tocsin_acknowledge")
    assert (answer.status_code, answer.text) == (200, "")
    assert line.whispered().startswith("You have it: Disk")
    assert state(line, "Disk") == ("acknowledged", "anna", None)
    again = line.click("tocsin_acknowledge")
    assert again.status_code == 200
    assert "anna has it already" in line.whispered()
    line.place.hall.settle()
    [message] = line.place.hall.providers.slack.messages(line.channel)
    shown = [element["action_id"] for element in message["blocks"][-1]["elements"]]
    assert shown == ["tocsin_resolve", "tocsin_undo", "tocsin_silence"]
    line.click("tocsin_undo")
    assert line.whispered().startswith("It is open again")
    assert state(line, "Disk") == ("open", None, None)
    line.place.hall.settle()
    line.click("tocsin_snooze")
    assert line.whispered().startswith("Snoozed until")
    assert state(line, "Disk") == ("acknowledged", "anna", None)
    line.place.hall.settle()
    line.click("tocsin_resolve")
    assert line.whispered().startswith("Resolved: Disk")
    assert state(line, "Disk") == ("resolved", "anna", "anna")


def test_the_same_post_twice_is_once(line: callbacks.Line) -> None:
    told(line, "Disk")
    sent = line.click("tocsin_silence", choice=0).request
    line.whispered()
    again = httpx.post(sent.url, content=sent.content, headers=sent.headers, trust_env=False)
    assert again.status_code == 200
    assert line.whispered() == "This was done already."
    assert line.tenant.one("SELECT count(*) FROM silence") == 1


def test_a_text_that_is_posted_again_is_once(line: callbacks.Line) -> None:
    """Twilio signs no time: its number of the message is what makes a replay harmless."""
    told(line, "Disk")
    twilio, place = line.place.hall.providers.twilio, line.place
    fields = {
        "MessageSid": "SM" + "7" * 32, "From": callbacks.ANNA, "To": "+15005550006", "Body": "1",
        "AccountSid": twilio.account, "NumMedia": "0",
    }  # fmt: skip
    first, again = (twilio.post(line.address("sms/reply"), fields, base=place.url) for _ in "12")
    assert "You have it" in first.text
    assert "This was done already." in again.text
    assert line.text("0").startswith("It is open again")
    later = twilio.post(line.address("sms/reply"), fields, base=place.url)
    assert "This was done already." in later.text
    assert state(line, "Disk") == ("open", None, None)


def test_a_silence_keeps_the_labels_of_the_group_quiet(line: callbacks.Line) -> None:
    told(line, "Disk")
    line.click("tocsin_silence", choice=1)
    assert line.whispered().startswith("Silenced until ")
    [made] = line.tenant.rows("SELECT * FROM silence")
    assert made["matchers"] == ['alertname="Disk"']
    assert made["created_by"] == "anna"
    assert made["ends_at"] - made["starts_at"] == timedelta(hours=4)
    [entry] = line.tenant.rows("SELECT actor FROM timeline WHERE kind = 'silenced'")
    assert entry["actor"] == "anna"
    line.tenant.send(alert("Disk", instance="db-2"))
    line.place.hall.settle()
    assert line.tenant.outcomes()[-1] == "silenced"


def test_a_group_without_labels_is_not_silenced(line: callbacks.Line) -> None:
    document = line.tenant.rows("SELECT document FROM config_version")[0]["document"]
    line.tenant.apply(document.replace("group_by: [alertname]", "group_by: []"))
    line.place.hall.ring("reroute")
    told(line, "Disk")
    line.click("tocsin_silence", choice=0)
    assert "not grouped by any label" in line.whispered()
    assert line.tenant.one("SELECT count(*) FROM silence") == 0


def test_somebody_whom_the_policy_does_not_name(place: Place) -> None:
    line = place.tenant()
    told(line, "Disk")
    line.click("tocsin_acknowledge", user="U0EVE")
    assert "slack U0EVE" in line.whispered()
    assert state(line, "Disk") == ("open", None, None)
    anyone = place.tenant("anyone")
    told(anyone, "Disk")
    anyone.click("tocsin_acknowledge", user="U0EVE")
    assert anyone.whispered().startswith("You have it")
    assert state(anyone, "Disk") == ("acknowledged", "slack:u0eve", None)


def test_all_that_is_not_believed_is_answered_alike(place: Place) -> None:
    line, other = place.tenant(), place.tenant()
    told(line, "Disk")
    mine = f"/t/{line.tenant.slug}/callbacks"
    answers = set()
    for path in (f"{mine}/sms/reply", f"{mine}/sms/nothing", f"{mine}/slack/actions",
                 f"{mine}/webhook/reply", f"{mine}/no-such/reply",
                 "/t/nobody/callbacks/sms/reply", "/t/%00/callbacks/sms/reply"):  # fmt: skip
        for method in ("GET", "POST"):
            got = httpx.request(method, place.url + path, content=b"x" * 100, trust_env=False)
            body = got.json()
            answers.add((got.status_code, body["title"], body["detail"]))
    assert len(answers) == 1
    assert next(iter(answers))[0] == 404
    big = httpx.post(f"{place.url}{mine}/sms/reply", content=b"x" * 1_100_000, trust_env=False)
    assert big.status_code == 413
    assert other.text("1") != ""
    assert state(line, "Disk") == ("open", None, None)


def test_the_signature_of_one_tenant_is_worth_nothing_at_another(place: Place) -> None:
    line, other = place.tenant(), place.tenant()
    told(line, "Disk")
    twilio = place.hall.providers.twilio
    fields = {
        "MessageSid": "SM" + "9" * 32,
        "From": ANNA,
        "Body": "1",
        "AccountSid": twilio.account,
    }
    signed = twilio.post(other.address("sms/reply"), fields, base=place.url).request
    target = f"{place.url}/t/{line.tenant.slug}/callbacks/sms/reply"
    got = httpx.post(target, content=signed.content, headers=signed.headers, trust_env=False)
    assert got.status_code == 404
    assert state(line, "Disk") == ("open", None, None)


def test_posts_that_fail_too_often_are_not_looked_at() -> None:
    doorman, key = Doorman(), ("10.0.0.1", "acme")
    for _ in range(FAILURES):
        assert not doorman.is_weary(key, 5.0)
        doorman.failed(key, 5.0)
    assert doorman.is_weary(key, 5.0)
    assert not doorman.is_weary(("10.0.0.2", "acme"), 5.0)
    assert not doorman.is_weary(key, 5.0 + MINUTE)


def test_posts_are_forgotten_with_the_rest(line: callbacks.Line) -> None:
    line.text("HELP")
    assert line.tenant.one("SELECT count(*) FROM callback_nonce") == 1
    line.place.hall.ring("housekeep", queue="background")
    assert line.tenant.one("SELECT count(*) FROM callback_nonce") == 1
    line.place.hall.travel(timedelta(days=91))
    line.place.hall.ring("housekeep", queue="background")
    assert line.tenant.one("SELECT count(*) FROM callback_nonce") == 0
