"""Dedup: which arrivals change something? The rest is counted and goes no further."""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import msgspec
import orjson

from actors import _batches, _floods, _line, _pulses, _runtime
from schemas.alert import Alert
from tocsin.domain import floods, freshness, lifecycle
from tocsin.domain.change import Change, Repeat
from tocsin.domain.policy import Policy
from tocsin.storage import alerts, events, labels, timers
from workers.drain import Rows

Key = tuple[int, str]
#: How many of (tenant, severity, kind, received_at): thousands of alerts, a few rows.
Counts = Counter[tuple[int, str, str, datetime]]


@dataclass(slots=True)
class Again:
    """So many repeats between the first and the last."""

    times: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, moment: datetime) -> None:
        self.times += 1
        self.first = min(self.first or moment, moment)
        self.last = max(self.last or moment, moment)


@dataclass(slots=True)
class Track:
    """One alert through the arrivals of a drain."""

    known: lifecycle.Known | None
    stored: dict[str, Any] | None
    count: int = 0
    last: _batches.Arrival | None = None
    changed: bool = False
    sooner: bool = False
    #: How often it was repeated while it fires, for tenants whose rules count; None: nobody does.
    again: Again | None = None

    @property
    def unknown(self) -> bool:
        return self.stored is None


@dataclass(slots=True)
class Happened:
    """An arrival that changed its alert, or came too late to."""

    arrival: _batches.Arrival
    kind: str
    verdict: lifecycle.Verdict


@_line.stage
def dedup(load: _line.Load, rows: Rows) -> list[Change]:
    """Lock what the arrivals touch, judge each in order, write alerts, events and repeats."""
    came = [_ending(load, arrival) for arrival in _batches.arrivals(load.tx, rows)]
    tracks = _lock(load, came)
    _pulses.hear(load, came)
    now, counts = load.tx.now, Counts()
    happened = [event for arrival in came if (event := _judge(now, tracks, counts, arrival))]
    _count(load, counts)
    _store(load, tracks)
    load.repeats = [_repeat(key, track) for key, track in tracks.items() if track.again
                    and track.again.times]  # fmt: skip
    folding = _floods.open_(load, rows, [event for event in happened if _foldable(event)])
    return _events(load, tracks, happened, folding)


def _foldable(each: Happened) -> bool:
    alert = each.arrival.alert
    return floods.foldable(
        each.kind, each.verdict.status, alert.severity, posted=each.arrival.posted
    )


def _ending(load: _line.Load, arrival: _batches.Arrival) -> _batches.Arrival:
    """With the end that we give to what its sender gave none, by the clock of the record.

    The ingest gave it one by its own, which may be wrong: the alert would be over when it comes.
    """
    policy, alert = load.tenants[arrival.tenant].policy, arrival.alert
    named = alert.ends_at is not None and not alert.open_ended
    if named or alert.status != "firing" or not arrival.posted:
        return arrival
    fades = freshness.stale_after(policy.freshness, alert.labels) if policy else None
    lasts = fades or (_timeout(policy) if alert.open_ended else None)
    if lasts is None:
        return arrival
    ends = arrival.received_at + lasts
    alert = msgspec.structs.replace(alert, ends_at=ends)
    return replace(arrival, alert=alert, fades=fades is not None)


def _timeout(policy: Policy | None) -> timedelta:
    chosen = policy.resolve_timeout if policy else None
    return chosen or timedelta(seconds=_runtime.configured().resolve_timeout_seconds)


def _lock(load: _line.Load, came: list[_batches.Arrival]) -> dict[Key, Track]:
    keys = sorted({(arrival.tenant, arrival.alert.fingerprint) for arrival in came})
    found = alerts.lock(load.tx, keys)
    return {
        key: Track(
            lifecycle.Known(row["status"], row["starts_at"], row["ends_at"], row["expires_at"])
            if (row := found.get(key))
            else None,
            stored=row,
            again=Again() if _counts(load, key[0]) else None,
        )
        for key in keys
    }


def _counts(load: _line.Load, tenant: int) -> bool:
    policy = load.tenants[tenant].policy
    return policy is not None and policy.rules.counts


def _judge(
    now: datetime, tracks: dict[Key, Track], counts: Counts, arrival: _batches.Arrival
) -> Happened | None:
    alert = lifecycle.unaged(arrival.alert, arrival.received_at, now)
    track = tracks[arrival.tenant, alert.fingerprint]
    before = track.known
    verdict = lifecycle.judge(_fading(before, arrival, alert), alert, now)
    track.known = verdict.known()
    track.count += 1
    if verdict.kind != "stale" or track.last is None:
        track.last = arrival
    # An unknown alert that arrives resolved is stored, but there is nobody to tell anything.
    kind = "stale" if before is None and verdict.kind == "resolved" else verdict.kind
    if arrival.posted:
        counts[arrival.tenant, alert.severity, kind, arrival.received_at] += 1
    if verdict.kind == "repeat":
        assert before is not None
        track.sooner |= _earlier(verdict.expires_at, before.expires_at)
        # Two senders that overlap: the start may move back, an end may become later.
        moved = (verdict.starts_at, verdict.ends_at) != (before.starts_at, before.ends_at)
        track.changed = track.changed or moved
        if track.again is not None and verdict.status == "firing":
            track.again.add(arrival.received_at)
        return None
    track.changed = track.changed or verdict.kind != "stale"
    return Happened(arrival, kind, verdict)


def _fading(
    known: lifecycle.Known | None, arrival: _batches.Arrival, alert: Alert
) -> lifecycle.Known | None:
    """What never ended by itself does so from now on, if the policy says so."""
    if known is None or not arrival.fades or known.expires_at or known.status != "firing":
        return known
    return msgspec.structs.replace(known, expires_at=alert.ends_at)


def _count(load: _line.Load, counts: Counts) -> None:
    for (tenant, severity, kind, received_at), times in counts.items():
        load.tallies.add(tenant, "alerts_processed_total", severity, kind, value=times)
        load.tallies.took(tenant, severity, load.tx.now - received_at, times)


def _earlier(new: datetime | None, old: datetime | None) -> bool:
    return new is not None and (old is None or new < old)


def _store(load: _line.Load, tracks: dict[Key, Track]) -> None:
    fresh, changed, repeats, expiring = [], [], [], []
    for key, track in tracks.items():
        assert track.known is not None
        assert track.last is not None
        if track.unknown:
            fresh.append(_row(key, track, track.last.alert))
        elif track.changed:
            changed.append(_row(key, track, track.last.alert))
        else:
            repeats.append((*key, track.count, track.last.received_at, track.known.expires_at))
        if track.known.expires_at and (track.unknown or track.changed or track.sooner):
            expiring.append({"tenant": key[0], "subject": key[1], "due_at": track.known.expires_at})
    alerts.insert(load.tx, fresh)
    alerts.change(load.tx, changed)
    alerts.repeat(load.tx, repeats)
    timers.earlier(load.tx, "expire", expiring)


def _row(key: Key, track: Track, alert: Alert) -> dict[str, Any]:
    known, arrival = track.known, track.last
    assert known is not None
    assert arrival is not None
    return {
        "tenant": key[0],
        "fingerprint": key[1],
        "status": known.status,
        "severity": alert.severity,
        "labels": orjson.dumps(alert.labels, option=orjson.OPT_SORT_KEYS).decode(),
        "annotations": orjson.dumps(alert.annotations).decode(),
        "source": arrival.source,
        "generator_url": alert.generator_url,
        "starts_at": known.starts_at,
        "ends_at": known.ends_at,
        "expires_at": known.expires_at,
        "count": track.count,
        "first_seen": arrival.received_at,
        "last_seen": arrival.received_at,
    }


def _events(
    load: _line.Load, tracks: dict[Key, Track], happened: list[Happened],
    folding: dict[int, uuid.UUID],
) -> list[Change]:  # fmt: skip
    """Write what happened; what goes on is neither too late nor folded."""
    rows = [_event(load, each, folding) for each in happened]
    ids = events.insert(load.tx, rows)
    return [
        _change(load, tracks, each, id)
        for id, row, each in zip(ids, rows, happened, strict=True)
        if row["outcome"] is None
    ]


def _repeat(key: Key, track: Track) -> Repeat:
    known, arrival, again, stored = track.known, track.last, track.again, track.stored or {}
    assert known is not None
    assert arrival is not None
    assert again is not None
    assert again.first is not None
    assert again.last is not None
    change = Change(
        tenant=key[0], fingerprint=key[1], event=0, received_at=arrival.received_at,
        kind="repeat", status="firing", severity=arrival.alert.severity,
        labels=arrival.alert.labels, starts_at=known.starts_at,
        annotations=arrival.alert.annotations, source=arrival.source,
        extra=labels.pairs(stored.get("extra")), added=labels.pairs(stored.get("added")),
    )  # fmt: skip
    return Repeat(change, again.times, again.first, again.last)


def _change(load: _line.Load, tracks: dict[Key, Track], each: Happened, id: int) -> Change:
    tenant, alert = each.arrival.tenant, each.arrival.alert
    stored = tracks[tenant, alert.fingerprint].stored or {}
    return Change(
        tenant=tenant,
        fingerprint=alert.fingerprint,
        event=id,
        received_at=each.arrival.received_at,
        kind=each.kind,
        status=each.verdict.status,
        severity=alert.severity,
        labels=alert.labels,
        starts_at=each.verdict.starts_at,
        annotations=alert.annotations,
        source=each.arrival.source,
        extra=labels.pairs(stored.get("extra")),
        added=labels.pairs(stored.get("added")),
        ruled=labels.pairs(stored.get("ruled")),
        policy_version=load.tenants[tenant].version,
    )


def _event(load: _line.Load, each: Happened, folding: dict[int, uuid.UUID]) -> dict[str, Any]:
    late = each.kind == "stale"
    fold = folding.get(each.arrival.tenant) if _foldable(each) else None
    return {
        "tenant": each.arrival.tenant,
        "received_at": each.arrival.received_at,
        "fingerprint": each.arrival.alert.fingerprint,
        "kind": each.kind,
        "status": each.arrival.alert.status if late else each.verdict.status,
        "severity": each.arrival.alert.severity,
        "posted": each.arrival.posted,
        "policy_version": load.tenants[each.arrival.tenant].version,
        "outcome": "stale" if late else "folded" if fold else None,
        "cause": str(fold) if fold else None,
    }
