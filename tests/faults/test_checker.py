"""The checker is green on a tale in which all is well, and red on each that is spoilt."""

from __future__ import annotations

import ast
import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.faults import checker
from tests.faults.checker import model
from tests.faults.checker.story import Window
from tests.faults.tale import BEGAN, Spoil, Tale, at, labels
from tests.faults.verdict import Verdict

Verdicts = Callable[..., dict[str, Verdict]]
FIRES = {"labels": labels("Disk", "a"), "startsAt": at(-5), "endsAt": "", "status": "firing"}
SECRET = "toc_k2Jx93hVbnQe7"


@pytest.fixture
def verdicts(tmp_path: Path) -> Verdicts:
    """What the checker says of a tale that was spoilt so."""

    def found(*spoils: Spoil) -> dict[str, Verdict]:
        tale = Tale()
        for spoil in spoils:
            spoil(tale)
        return {each.id: each for each in checker.check(tale.write(tmp_path / "history"))}

    return found


def red(verdicts: dict[str, Verdict]) -> set[str]:
    return {id for id, verdict in verdicts.items() if not verdict.ok}


def said(verdicts: dict[str, Verdict], id: str) -> str:
    return "\n".join(verdicts[id].details)


def test_a_tale_in_which_all_is_well_is_green(verdicts: Verdicts) -> None:
    found = verdicts()
    assert [f"{v.id}: {v.figure} {v.details}" for v in found.values() if not v.ok] == []
    assert list(found) == [f"I{n}" for n in range(1, 14)]


def change(table: str, wanted: dict[str, Any], **values: Any) -> Spoil:
    """Spoil one row of the record."""
    return lambda tale: tale.only(table, **wanted).update(values)


def drop(table: str, **wanted: Any) -> Spoil:
    return lambda tale: tale.rows(table).remove(tale.only(table, **wanted))


def other(key: str, second: float, **differs: Any) -> Spoil:
    """One more request to a provider."""
    return lambda tale: tale.entry(key, second, **differs)


def all_of(*spoils: Spoil) -> Spoil:
    return lambda tale: [spoil(tale) for spoil in spoils]


def late(tale: Tale) -> None:
    tale.only("escalation_step", tenant=1, step=2).update(done_at=at(30))
    tale.only("timeline", tenant=1, kind="resolved").update(at=at(31))


def fault(begin: float, end: float) -> Spoil:
    return lambda tale: tale.fault("kill", begin, end)


def sms(words: str, fault: str = "none") -> Spoil:
    return lambda tale: by_sms(tale, words=words, fault=fault)


def third_step(tale: Tale) -> None:
    """The second step is left out."""
    tale.only("escalation_step", tenant=1, step=2)["step"] = 4


def another_incident(tale: Tale) -> None:
    tale.rows("incident").append(
        {**tale.only("incident", tenant=1), "id": "twin", "opened_at": at(5)}
    )


def by_sms(tale: Tale, *, words: str, fault: str = "none", second: float = 8) -> None:
    """The first page of `a` goes by a provider that does not know a repeat, twice."""
    for entry in tale.provider:
        if entry["key"] == "a1":
            entry.update(provider="twilio", dest="+15550001", path="/Messages.json", fault=fault)
    tale.entry("a1", second, provider="twilio", dest="+15550001", path="/Messages.json",
               body=f"To=%2B15550001&Body={words}")  # fmt: skip


def tamper(tale: Tale) -> None:
    tale.audit("incident.resolve", "incident-2", 6)
    tale.rows("audit")[0]["actor"] = "carl"


def dead(cause: str | None, shown: int) -> Spoil:
    """A dead letter with this cause; the metrics show so many."""

    def spoil(tale: Tale) -> None:
        tale.told(1, "dead", 40, "new_alerts", [], state="dead", cause=cause)
        tale.provider.pop()
        tale.only("delivery_attempt", delivery_id="dead").update(outcome="dead", error="410")
        tale.metrics += f'tocsin_deadletter_size{{integration="webhook"}} {shown}.0\n'

    return spoil


def quarantined(tale: Tale, *, alarm: bool) -> None:
    """The drain put the batch of `a` aside."""
    tale.rows("quarantine").append({"tenant": 1, "id": "q", "field": "drain", "reason": "crashed",
                                    "alerts": 3})  # fmt: skip
    for table in ("alert", "alert_event", "escalation_step", "incident", "timeline", "escalation",
                  "incident_group", "notification", "delivery", "delivery_attempt"):  # fmt: skip
        tale.tables[table] = [row for row in tale.rows(table) if row["tenant"] != 1]
    tale.rows("counter").remove(tale.only("counter", tenant=1, labels="critical|repeat"))
    if alarm:
        own = {"alertname": "TocsinQuarantined", "job": "tocsin"}
        tale.opened(1, "TocsinQuarantined", "resolved", resolved_at=at(9))
        tale.only("alert", tenant=1).update(labels=str(own).replace("'", '"'))


def fires_alone(tale: Tale, *, silenced: bool = False) -> None:
    """An alert of `a` that fires to the end, of which there is no incident."""
    alone = labels("Alone", "a")
    mark = model.fingerprint(alone)
    tale.post(1, 10, {**FIRES, "labels": alone})
    tale.rows("alert").append({**tale.only("alert", tenant=2), "tenant": 1, "fingerprint": mark,
                               "count": 1})  # fmt: skip
    tale.rows("group_member").append({"tenant": 1, "group_id": "g", "fingerprint": mark,
                                      "muted_by": ["s1"] if silenced else None})  # fmt: skip


def log(line: str) -> Spoil:
    return lambda tale: tale.logs.update({"page.log": line})


SPOILT: list[tuple[str, str, Spoil]] = [
    ("I1", "an accepted alert is not there", drop("alert", tenant=2)),
    ("I1", "a repeat was swallowed", change("alert", {"tenant": 1}, count=2)),
    ("I1", "a resolve was lost", change("alert", {"tenant": 1}, status="firing")),
    ("I1", "nobody ended it", change("alert", {"tenant": 2}, status="resolved")),
    ("I1", "another start", change("alert", {"tenant": 2}, starts_at=at(-3))),
    ("I2", "stored once too often", change("alert", {"tenant": 2}, count=3)),
    ("I2", "nobody posted it", change("alert", {"tenant": 2}, fingerprint="0" * 16)),
    ("I2", "a late firing opened it again",
     lambda t: t.event(1, model.fingerprint(labels("Disk", "a")), 9, "refired", "grouped", "")),
    ("I2", "two incidents of one group", another_incident),
    ("I2", "a group in two incidents", lambda t: t.rows("incident_group").append(
        {**t.only("incident_group", tenant=1), "incident_id": "twin"})),
    ("I3", "a step early", change("escalation_step", {"tenant": 1, "step": 2}, done_at=at(5))),
    ("I3", "a timer set too early",
     change("escalation_step", {"tenant": 1, "step": 2}, due_at=at(4), done_at=at(4))),
    ("I3", "a step late", late),
    ("I3", "a step left out", third_step),
    ("I3", "a step that never came", lambda t: (drop("escalation_step", tenant=1, step=2)(t),
                                                drop("timeline", tenant=1, kind="resolved")(t))),
    ("I3", "a step twice", lambda t: t.step(1, 2, 6, 6, "n-a2")),
    ("I3", "a step that told nobody", drop("delivery", id="a2")),
    ("I3", "a step that told somebody else", change("delivery", {"id": "a2"}, person="anna")),
    ("I3", "a step that was passed by",
     change("escalation_step", {"tenant": 1, "step": 2}, outcome="skipped")),
    ("I3", "no incident of what fires", fires_alone),
    ("I3", "no escalation of an incident", drop("escalation", tenant=2)),
    ("I3", "an escalation without a timer",
     change("escalation", {"tenant": 1}, state="running", ended_at=None)),
    ("I3", "an open incident without a timer", lambda t: (
        drop("escalation", tenant=2)(t), change("incident", {"tenant": 2}, state="open")(t))),
    ("I4", "sent and never arrived", lambda t: t.provider.pop(0)),
    ("I4", "called sent on an error", lambda t: t.provider[0].update(effect=False, status=500)),
    ("I4", "a key that nobody knows", other("stranger", 3)),
    ("I4", "no key", other("", 3)),
    ("I4", "a new key for the same", lambda t: (
        t.told(1, "a9", 3, "first", []), t.rows("notification").pop(),
        change("delivery", {"id": "a9"}, notification_id="n-a1")(t))),
    ("I4", "somebody else got it", lambda t: t.provider[1].update(dest="/hook/a/anna")),
    ("I4", "another receiver got it", change("delivery", {"id": "a1"}, person=None,
                                             destination="http://127.0.0.1/hook/a/ops")),
    ("I4", "a double that does not say so", sms("Disk", "cut_after")),
    ("I4", "a double for no reason", sms("(May+be+a+repeat)+Disk")),
    ("I5", "no outcome", change("alert_event", {"id": 1}, outcome=None)),
    ("I5", "an unknown outcome", change("alert_event", {"id": 1}, outcome="lost")),
    ("I5", "no cause", change("alert_event", {"id": 1}, cause=None)),
    ("I5", "notified by what was not sent", change("delivery", {"id": "a1"}, state="superseded")),
    ("I5", "silenced by nothing", change("alert_event", {"id": 1}, outcome="silenced")),
    ("I5", "a dead letter without a cause", dead(None, 1)),
    ("I5", "a dead letter that is not shown", dead("410 Gone", 0)),
    ("I5", "put aside in silence", lambda t: quarantined(t, alarm=False)),
    ("I5", "an incident that is gone", drop("incident", tenant=1)),
    ("I6", "planned before, begun after", lambda t: t.told(
        2, "b2", 3.5, "escalated", []) and t.provider[-1].update(t=BEGAN + 6)),
    ("I6", "asked again after", lambda t: t.told(2, "b2", 8, "escalated", [])),
    ("I6", "a step after", lambda t: t.step(2, 2, 6, 6, "n-b2")),
    ("I6", "a step after the end", lambda t: t.step(1, 4, 12, 12, "n-a4")),
    ("I6", "an act that left no trace", drop("timeline", kind="acknowledged")),
    ("I7", "a row of another", change("alert", {"tenant": 1}, labels='{"x": "canary-b-5b1e"}')),
    ("I7", "a row of another, as bytes", lambda t: t.rows("intake").append(
        {"tenant": 1, "body": b"canary-b-5b1e".hex()})),
    ("I7", "a message of another", lambda t: t.provider[0].update(body="x canary-b-5b1e")),
    ("I7", "a message to another", lambda t: t.provider[0].update(dest="/hook/b/anna")),
    ("I7", "a log", log("alert canary-a-5b1e")),
    ("I7", "the metrics", lambda t: setattr(t, "metrics", t.metrics + "x canary-a-5b1e 1\n")),
    ("I9", "nobody heard of the end", lambda t: (
        change("notification", {"id": "n-a3"}, reason="acknowledged")(t))),
    ("I9", "the end is still waiting", change("delivery", {"id": "a3"}, state="pending")),
    ("I10", "somebody changed a row", tamper),
    ("I10", "an act that is not there", drop("audit", seq=1)),
    ("I10", "an act in another commit", all_of(
        drop("audit", seq=1), lambda t: t.audit("incident.ack", "incident-2", 4.2))),
    ("I11", "a token in a log", log(f"GET / {SECRET}")),
    ("I11", "a token in base64", log(base64.b64encode(f"x:{SECRET}".encode()).decode())),
    ("I11", "a token in the record", change("alert", {"tenant": 1}, source=SECRET)),
    ("I11", "a token as bytes", change("alert", {"tenant": 1}, source=SECRET.encode().hex())),
    ("I11", "nothing to look for", lambda t: t.run.update(secrets=[])),
    ("I12", "more accepted than ended", lambda t: t.rows("tally")[0].update(value=2.0)),
    ("I12", "fewer counted than answered", lambda t: [
        t.post(1, 60 + n, FIRES) for n in range(3)]),
    ("I12", "not kept in the intake", drop("intake", tenant=1)),
    ("I12", "the metrics say something else", lambda t: setattr(t, "metrics", "")),
    ("I13", "a lease", change("delivery", {"id": "a1"}, state="sending")),
    ("I13", "a timer that is due", lambda t: t.rows("timer").append(
        {"tenant": 1, "kind": "flush", "subject": "group-1", "due_at": at(10)})),
    ("I13", "a delivery that is due", change("delivery", {"id": "a3"}, state="pending")),
    ("I13", "an inbox", lambda t: t.rows("inbox").append(
        {"tenant": 1, "alerts": 5, "stage": "dedup"})),
    ("I13", "a note", lambda t: t.rows("drain_note").append({"worker": "w", "ids": [1]})),
    ("I13", "a process", lambda t: t.run.update(left_over=["dramatiq 412"])),
    ("I13", "no quiet", lambda t: t.run.update(settled=False)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("id", "spoil"), [(id, spoil) for id, _, spoil in SPOILT],
    ids=[f"{id} {what}".replace(" ", "-") for id, what, _ in SPOILT],
)  # fmt: skip
def test_what_is_wrong_is_seen(verdicts: Verdicts, id: str, spoil: Spoil) -> None:
    assert id in red(verdicts(spoil))


def test_every_invariant_but_the_one_of_time_is_spoilt_somewhere() -> None:
    assert {id for id, _, _ in SPOILT} | {"I8"} == {f"I{n}" for n in range(1, 14)}


def test_slow_pages_are_seen_where_nothing_was_in_the_way(verdicts: Verdicts) -> None:
    def slow(tale: Tale) -> None:
        for n in range(30):
            tale.told(1, f"slow{n}", 8, "first", [1])
            tale.provider[-1]["t"] = BEGAN + 8

    assert "p95" in said(verdicts(slow), "I8")


def test_slow_answers_are_seen(verdicts: Verdicts) -> None:
    def slow(tale: Tale) -> None:
        for n in range(200):
            tale.post(1, 20 + n / 10, FIRES)["t"] = BEGAN + 21 + n / 10

    assert "accepting" in said(verdicts(slow), "I8")


def test_what_was_slow_under_a_fault_is_not_held_against_it(verdicts: Verdicts) -> None:
    def slow(tale: Tale) -> None:
        for n in range(200):
            tale.post(1, 20 + n / 10, FIRES)["t"] = BEGAN + 21 + n / 10
        tale.fault("redis away", 15, 45)

    assert "I8" not in red(verdicts(slow))


@pytest.mark.parametrize("spoil", [
    all_of(late, fault(3, 20)),
    all_of(sms("Disk"), lambda t: t.provider[-1].update(body="")),
    sms("(May+be+a+repeat)+Disk", "cut_after"),
    all_of(sms("(May+be+a+repeat)+Disk"), fault(1, 4), lambda t: t.run.update(crashes=1)),
    lambda t: fires_alone(t, silenced=True),
    all_of(
        change("escalation_step", {"tenant": 1, "step": 2}, done_at=at(5), due_at=at(5)),
        lambda t: t.rows("timeline").append(
            {**t.rows("timeline")[0], "tenant": 1, "id": 900, "at": at(5),
             "kind": "failover_hurried"}
        ),
    ),
    lambda t: (t.told(2, "b2", 3.5, "escalated", []), t.provider[-1].update(t=BEGAN + 6),
               change("delivery_attempt", {"delivery_id": "b2"}, finished_at=at(7))(t)),
    lambda t: (change("delivery", {"id": "a3"}, state="dead", cause="410 Gone")(t),
               t.rows("delivery_attempt")[2].update(outcome="dead", error="410 Gone")),
], ids=["late after a fault", "looked whether it arrived",
        "a lost reply", "a crash while sending", "silenced", "hurried",
        "begun before the act", "told why not"])  # fmt: skip
def test_what_a_fault_or_a_word_explains_is_no_wrong(verdicts: Verdicts, spoil: Spoil) -> None:
    assert red(verdicts(spoil)) & {"I3", "I4", "I6", "I9"} == set()


def test_redis_is_no_excuse_for_a_late_step(verdicts: Verdicts) -> None:
    found = verdicts(late, lambda tale: tale.fault("redis_dead", 3, 29))
    assert "late" in said(found, "I3")


def test_what_was_put_aside_is_not_lost_if_somebody_was_told(verdicts: Verdicts) -> None:
    found = verdicts(lambda tale: quarantined(tale, alarm=True))
    assert red(found) & {"I1", "I5", "I12"} == set()


def test_a_check_that_breaks_is_red(verdicts: Verdicts) -> None:
    found = verdicts(lambda tale: tale.rows("audit")[0].pop("hash"))
    assert "KeyError" in found["I10"].figure
    assert not found["I10"].ok


@pytest.mark.parametrize("table", ["alert", "alert_event", "audit", "delivery", "inbox", "timer"])
def test_a_table_that_was_not_dumped_is_not_an_empty_one(verdicts: Verdicts, table: str) -> None:
    assert "FileNotFoundError" in str(verdicts(lambda tale: tale.tables.pop(table)))


def test_the_checker_knows_nothing_of_what_it_judges() -> None:
    for path in sorted(Path(checker.__file__).parent.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.split(".")[0]
                assert top not in {"tocsin", "actors", "schemas", "channels", "workers", "ingest",
                                   "scheduler"}, f"{path.name} imports {name}"  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), [
    # Measured with amtool and Alertmanager 0.25.
    ({"alertname": "foo", "severity": "critical"}, "8fa107ec8feba4bc"),
    ({"alertname": "bar", "severity": "critical", "empty": ""}, "94cc0a56ee0159eb"),
    ({}, "cbf29ce484222325"),
])  # fmt: skip
def test_the_model_has_fingerprints_of_its_own(given: dict[str, str], expected: str) -> None:
    assert model.fingerprint(given) == expected


def test_what_ends_by_itself_is_over_without_a_word(verdicts: Verdicts) -> None:
    def faded(tale: Tale) -> None:
        change("alert", {"tenant": 2}, status="resolved")(tale)
        begun = [line for line in tale.client if line["phase"] == "begin"]
        next(each for each in begun if each["tenant"] == 2)["source"] = "prometheus"

    assert "I1" in red(verdicts(faded))


def test_what_ended_by_itself_may_be_over(verdicts: Verdicts) -> None:
    def faded(tale: Tale) -> None:
        change("alert", {"tenant": 2}, status="resolved")(tale)
        for line in tale.client:
            if line["phase"] == "begin" and line["kind"] == "post":
                line["source"] = "prometheus"
        tale.run["ended"] += model.FADES

    assert "I1" not in red(verdicts(faded))


def test_travelled_time_is_a_window_before_its_line(verdicts: Verdicts) -> None:
    def late_by_travel(tale: Tale) -> None:
        late(tale)
        for phase in ("begin", "end"):
            tale.nemesis.append({"t": BEGAN + 29, "fault": "travel", "target": "", "note": "",
                                 "phase": phase, "seconds": 22})  # fmt: skip

    assert "I3" not in red(verdicts(late_by_travel))


def test_a_chain_is_walked_with_its_rounds_and_its_patience() -> None:
    steps = [{"wait": 2}, {"notify": ["a"]}, {"wait": 3}, {"wait": 1}, {"notify": ["b"]}]
    found = [(due.round, due.step, due.after) for due in model.chain({"repeat": 1, "steps": steps})]
    # At the end of a round the last step has as long to be answered as the chain last waited.
    assert found == [(1, 1, 2), (1, 4, 4), (2, 1, 1 + 2), (2, 4, 4)]
    trailing = model.chain({"repeat": 1, "steps": [{"notify": ["a"]}, {"wait": 7}]})
    assert [(due.round, due.after) for due in trailing] == [(1, 0), (2, 7)]
    assert model.chain({"repeat": 1, "steps": [{"notify": ["a"]}]})[1].after == model.PATIENCE


def test_one_fault_after_another_puts_off_what_is_due() -> None:
    windows = [Window(9, 12, "a", ""), Window(20, 30, "b", ""), Window(100, 200, "c", "")]
    assert model.excused(10, windows, 15) == 45
    assert model.excused(50, windows, 15) == 65
