"""Each figure of a report equals what a slow and simple pass over the rows of events gives."""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest

from scheduler import reports
from schemas.report import Content
from tocsin import ids
from tocsin.domain import cadence
from tocsin.storage import facts_of_reports
from tocsin.storage.record import Record, Transaction

Row = dict[str, Any]

PERIOD = cadence.between(
    datetime(2026, 10, 19).date(), datetime(2026, 10, 26).date(), "Europe/Berlin"
)  # fmt: skip
#: The clock went back on the last day; rows lie before, in and after the week.
FROM = datetime(2026, 10, 16, tzinfo=UTC)
ZONES = {"anna": "Europe/Berlin", "ben": "America/New_York"}
NAMES = ("Disk", "Load", "Quiet", "Flap")


@pytest.fixture
def tenant(make_tenant: Callable[[], int]) -> int:
    return make_tenant()


def moment(chance: random.Random, hours: float = 13 * 24) -> datetime:
    return FROM + timedelta(seconds=chance.randrange(int(hours * 3600)))


def generate(tx: Transaction, tenant: int, seed: int) -> None:
    """A history in which everything happens, also what must not count."""
    chance = random.Random(seed)
    prints = {f"{n:016x}": chance.choice(NAMES) for n in range(9)}
    for fingerprint, name in prints.items():
        _alert(tx, tenant, fingerprint, name)
    events = [_event(tx, tenant, chance, fingerprint) for fingerprint in prints for _ in range(8)]
    for _ in range(40):
        incident, opened = uuid.UUID(int=chance.getrandbits(128)), moment(chance)
        _incident(tx, tenant, chance, incident, opened)
        for _ in range(chance.randrange(3)):
            told = uuid.UUID(int=chance.getrandbits(128))
            reason = chance.choice(["first", "repeat", "resolved", "acknowledged"])
            tx.run(
                "INSERT INTO notification (tenant, id, group_id, incident_id, reason, message,"
                " events, events_since, policy_version, created_at)"
                " VALUES (%s, %s, %s, %s, %s, '', %s, %s, 1, %s)",
                [
                    tenant,
                    told,
                    incident,
                    incident,
                    reason,
                    chance.sample(events, 2),
                    opened,
                    opened,
                ],
            )  # fmt: skip
            for _ in range(chance.randrange(4)):
                _delivery(tx, tenant, chance, told, incident, opened)


def _alert(tx: Transaction, tenant: int, fingerprint: str, name: str) -> None:
    labels = orjson.dumps({"alertname": name, "n": fingerprint}).decode()
    tx.run(
        "INSERT INTO alert (tenant, fingerprint, status, severity, labels, annotations, source,"
        " generator_url, starts_at, count, first_seen, last_seen)"
        " VALUES (%s, %s, 'firing', 'error', %s, '{}', 't', '', %s, 1, %s, %s)",
        [tenant, fingerprint, labels, FROM, FROM, FROM],
    )


def _event(tx: Transaction, tenant: int, chance: random.Random, fingerprint: str) -> int:
    row = tx.row(
        "INSERT INTO alert_event (tenant, received_at, fingerprint, kind, status, severity, posted)"
        " VALUES (%s, %s, %s, %s, 'firing', 'error', true) RETURNING id",
        [tenant, moment(chance), fingerprint,
         chance.choice(["new", "refired", "resolved", "resolved", "stale"])],
    )  # fmt: skip
    assert row is not None
    return int(row["id"])


def _incident(
    tx: Transaction, tenant: int, chance: random.Random, id: uuid.UUID, opened: datetime
) -> None:
    acts = chance.sample(["acknowledged", "resolved", "joined", "split"], chance.randrange(4))
    over = opened + timedelta(minutes=chance.randrange(600)) if "resolved" in acts else None
    merged = ids.new(opened) if chance.random() < 0.1 else None
    tx.run(
        "INSERT INTO incident (tenant, id, group_id, title, severity, state, generation, opened_at,"
        " resolved_at, merged_into) VALUES (%s, %s, %s, 'x', 'error', %s, 0, %s, %s, %s)",
        [tenant, id, id, "resolved" if over else "open", opened, over, merged],
    )
    for kind in acts:
        who = chance.choice(["tocsin", "ann", "the policy changed"])
        if kind == "acknowledged":
            who = "ann"
        for _ in range(chance.randrange(1, 3)):
            tx.run(
                "INSERT INTO timeline (tenant, incident_id, at, kind, actor, detail)"
                " VALUES (%s, %s, %s, %s, %s, '{}')",
                [tenant, id, opened + timedelta(minutes=chance.randrange(300)), kind, who],
            )
    if chance.random() < 0.4:
        tx.run(
            "INSERT INTO service_level (tenant, incident_id, clock, target, services,"
            " policy_version, started_at, breached_at, breaches)"
            " VALUES (%s, %s, 'resolve', 'gold', '{}', 1, %s, %s, 1)",
            [tenant, id, opened, chance.choice([None, moment(chance)])],
        )


def _delivery(
    tx: Transaction, tenant: int, chance: random.Random, told: uuid.UUID, incident: uuid.UUID,
    opened: datetime,
) -> None:  # fmt: skip
    # Pending and sending ones stand in lines of their own.
    state = chance.choice(["sent", "sent", "sent", "dead", "superseded", "pending"])
    took = timedelta(seconds=chance.choice([1, 59, 60, 61, 299, 301, 40_000]))
    done = opened + took if state in ("sent", "dead", "superseded") else None
    integration = chance.choice(["@anna/sms", "@anna/email", "@ben/sms", "ops/slack/0"])
    tx.run(
        "INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation,"
        " integration, channel, destination, queue, state, due_at, created_at, finished_at)"
        " VALUES (%s, %s, %s, %s, %s, 0, %s, 'sms', 'there', %s, %s, %s, %s, %s)",
        [tenant, _id(chance), told, _id(chance), incident, integration,
         chance.choice(["page", "notify"]), state, opened, opened, done],
    )  # fmt: skip


def _id(chance: random.Random) -> uuid.UUID:
    return uuid.UUID(int=chance.getrandbits(128))


def within(at: datetime | None) -> bool:
    return at is not None and PERIOD.starts_at <= at < PERIOD.ends_at


def rank(values: list[float], percent: int) -> float | None:
    """Nearest rank, by the definition: the smallest that so many are not above."""
    for value in sorted(values):
        if sum(each <= value for each in values) >= percent / 100 * len(values):
            return value
    return None


def acted(story: list[Row]) -> bool:
    machines = ("tocsin", "the policy changed", "its alerts moved to other groups")
    return any(
        line["kind"] in ("acknowledged", "merged", "split")
        or (line["kind"] == "resolved" and line["actor"] not in machines)
        for line in story
    )


def naive(tables: dict[str, list[Row]], now: datetime) -> dict[str, Any]:
    """All figures, each by a loop of its own over all rows."""
    stories: dict[Any, list[Row]] = {row["id"]: [] for row in tables["incident"]}
    for line in tables["timeline"]:
        stories[line["incident_id"]].append(line)
    mine = [
        row for row in tables["incident"] if within(row["opened_at"]) and not row["merged_into"]
    ]
    acks, ends = [], []
    for row in mine:
        times = [line["at"] for line in stories[row["id"]] if line["kind"] == "acknowledged"]
        if times:
            acks.append((min(times) - row["opened_at"]).total_seconds())
        if row["resolved_at"]:
            ends.append((row["resolved_at"] - row["opened_at"]).total_seconds())
    sent = [row for row in tables["delivery"]
            if within(row["created_at"]) and row["state"] != "superseded"]  # fmt: skip
    late = 0
    for row in sent:
        seconds = ((row["finished_at"] or now) - row["created_at"]).total_seconds()
        late += row["state"] != "dead" and seconds > (60 if row["queue"] == "page" else 300)
    done = [row for row in mine if acted(stories[row["id"]])]
    return {
        "dead": sum(row["state"] == "dead" for row in sent), "late": late,
        "incidents": len(mine),
        "mtta_p50": rank(acks, 50), "mtta_p90": rank(acks, 90),
        "mtta_mean": math.fsum(acks) / len(acks) if acks else None,
        "mttr_p50": rank(ends, 50), "mttr_p90": rank(ends, 90),
        "mttr_mean": math.fsum(ends) / len(ends) if ends else None,
        "breaches": sum(within(row["breached_at"]) for row in tables["service_level"]),
        "acted": len(done) / len(mine) if mine else None,
        "night": len(nights(tables)),
    }  # fmt: skip


def nights(tables: dict[str, list[Row]]) -> list[tuple[str, Any]]:
    reasons = {row["id"]: row["reason"] for row in tables["notification"]}
    first: dict[tuple[str, Any], datetime] = {}
    for row in tables["delivery"]:
        if row["state"] != "sent" or not row["integration"].startswith("@"):
            continue
        if not within(row["finished_at"]):
            continue
        if reasons[row["notification_id"]] in ("resolved", "acknowledged"):
            continue
        key = (row["integration"][1:].split("/")[0], row["notification_id"])
        first[key] = min(first.get(key, row["finished_at"]), row["finished_at"])
    return [key for key, at in first.items()
            if not 7 <= at.astimezone(ZoneInfo(ZONES[key[0]])).hour < 22]  # fmt: skip


def loud(tables: dict[str, list[Row]]) -> dict[str, tuple[int, int, float, bool]]:
    """By name: fired, ended, the seconds they lasted together, acted on."""
    names = {
        row["fingerprint"]: orjson.loads(row["labels"])["alertname"] for row in tables["alert"]
    }
    stories: dict[Any, list[Row]] = {}
    for line in tables["timeline"]:
        stories.setdefault(line["incident_id"], []).append(line)
    helped = {event for row in tables["notification"] for event in row["events"]
              if row["created_at"] >= PERIOD.starts_at
              and acted(stories.get(row["incident_id"], []))}  # fmt: skip
    found: dict[str, tuple[int, int, float, bool]] = {}
    for fingerprint, name in names.items():
        mine = [row for row in tables["alert_event"] if row["fingerprint"] == fingerprint
                and within(row["received_at"]) and row["kind"] != "stale"]  # fmt: skip
        mine.sort(key=lambda row: row["id"])
        for number, row in enumerate(mine):
            if row["kind"] == "resolved":
                continue
            after = mine[number + 1] if number + 1 < len(mine) else None
            over, lasted = False, 0.0
            if after is not None and after["kind"] == "resolved":
                over, lasted = True, (after["received_at"] - row["received_at"]).total_seconds()
            fired, ended, seconds, act = found.get(name, (0, 0, 0.0, False))
            found[name] = (fired + 1, ended + over, seconds + lasted, act or row["id"] in helped)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_every_figure_equals_what_the_raw_rows_say(
    record: Record, tenant: int, seed: int
) -> None:  # fmt: skip
    with record.session([tenant]) as tx:
        generate(tx, tenant, seed)
        tables = {name: tx.rows(f"SELECT * FROM {name}") for name in (
            "incident", "timeline", "delivery", "notification", "service_level", "alert",
            "alert_event",
        )}  # fmt: skip
        facts = facts_of_reports.read(tx, tenant, PERIOD, ZONES)
        now = tx.now
    content: Content = reports.registry()["weekly"].build(facts, PERIOD)
    expected = naive(tables, now)
    figures = {each.key: each.value for each in content.figures}
    assert figures == {key: pytest.approx(value) for key, value in expected.items()}
    assert figures["dead"]
    alerts = {each.name: (each.fired, each.ended, round(each.seconds, 3), each.acted)
              for each in facts.alerts}  # fmt: skip
    assert alerts == loud(tables)
    days: dict[str, int] = {day.isoformat(): 0 for day in cadence.days(PERIOD)}
    for row in tables["alert_event"]:
        if within(row["received_at"]) and row["kind"] in ("new", "refired"):
            local = row["received_at"].astimezone(ZoneInfo("Europe/Berlin")).date()
            days[local.isoformat()] += 1
    assert {point.label: point.value for point in content.charts[0].points} == days


def test_what_is_anothers_is_in_no_report(record: Record, make_tenant: Callable[[], int]) -> None:
    one, two = make_tenant(), make_tenant()
    with record.session([one]) as tx:
        generate(tx, one, 1)
    with record.session([two]) as tx:
        facts = facts_of_reports.read(tx, two, PERIOD, {})
    assert (facts.incidents, facts.failures, facts.alerts, facts.volume) == ((), (), (), {})
