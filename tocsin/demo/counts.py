"""The figures of a demo: what the record says now, and what the providers were really told."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field

from psycopg.rows import DictRow

from tocsin import i18n
from tocsin.demo.fakes import ledger
from tocsin.demo.play import Player

#: One statement, so that nothing moves from one table to another between two looks.
_RECORD = """
SELECT
  (SELECT count(*) FROM alert WHERE last_seen >= %(began)s) AS unique,
  (SELECT coalesce(sum(value), 0)::bigint FROM (
     SELECT name, labels, value FROM counter UNION ALL SELECT name, labels, value FROM tally) c
   WHERE name = 'alerts_processed_total' AND labels LIKE '%%|repeat') AS repeats,
  (SELECT count(*) FROM alert_event WHERE posted AND received_at >= %(began)s) AS events,
  (SELECT count(*) FROM alert_event WHERE posted AND outcome IS NULL) AS undecided,
  (SELECT coalesce(sum(alerts), 0)::bigint FROM quarantine) AS quarantined,
  (SELECT coalesce(sum(alerts), 0)::bigint FROM inbox WHERE stage = 'dedup') AS inbox,
  (SELECT count(*) FROM inbox) AS batches,
  (SELECT count(*) FROM incident WHERE state = 'open') AS open,
  (SELECT count(*) FROM incident WHERE state = 'acknowledged') AS acknowledged,
  (SELECT count(*) FROM incident WHERE state = 'resolved') AS resolved,
  (SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending')) AS waiting,
  (SELECT count(*) FROM delivery WHERE state = 'dead') AS dead,
  (SELECT count(*) FROM delivery WHERE person IS NOT NULL AND state = 'sent') AS pages,
  (SELECT count(*) FROM alert_score WHERE value IS NOT NULL) AS scored,
  (SELECT count(*) FROM alert_score WHERE anomaly) AS unusual
"""
_QUIET = """
SELECT DISTINCT ON (e.outcome) e.outcome, e.cause, a.labels, s.comment,
  count(*) OVER (PARTITION BY e.outcome) AS n
FROM alert_event e JOIN alert a ON a.tenant = e.tenant AND a.fingerprint = e.fingerprint
LEFT JOIN silence s ON s.tenant = e.tenant AND s.id::text = split_part(e.cause, ' ', 1)
WHERE e.posted AND e.outcome NOT IN ('notified', 'failed') ORDER BY e.outcome, e.id DESC
"""
_REFUSED = "SELECT field, reason FROM quarantine ORDER BY received_at DESC LIMIT 1"
_POSTED = "/api/chat.postMessage"
_SHOWN = (_POSTED, "/api/chat.update")
#: What people call the channel of a provider.
_CHANNELS = {"smtp": "email", "twilio": "sms"}
_INCIDENT = re.compile(r"/incidents/([0-9a-f]{8}-[0-9a-f-]{27})")


@dataclass(frozen=True)
class Counts:
    """All figures at one moment.

    ``sent`` counts by channel what people see, each delivery once; ``twice`` those that they see
    twice. ``quiet`` is why nobody was told: how many alerts, a sentence, an example.
    """

    accepted: int = 0
    unique: int = 0
    repeats: int = 0
    events: int = 0
    undecided: int = 0
    quarantined: int = 0
    inbox: int = 0
    batches: int = 0
    open: int = 0
    acknowledged: int = 0
    resolved: int = 0
    waiting: int = 0
    dead: int = 0
    pages: int = 0
    scored: int = 0
    unusual: int = 0
    sent: dict[str, int] = field(default_factory=dict)
    twice: int = 0
    quiet: tuple[tuple[int, str, str], ...] = ()

    @property
    def incidents(self) -> int:
        return self.open + self.acknowledged + self.resolved

    @property
    def stored(self) -> int:
        """Accepted alerts of which the record knows, decided or waiting."""
        return self.repeats + self.events + self.quarantined + self.inbox

    @property
    def explained(self) -> int:
        """Accepted alerts that have ended in a stored explanation."""
        return self.repeats + self.events - self.undecided + self.quarantined

    @property
    def missing(self) -> int:
        """Accepted alerts that the record does not know. It must stay 0 at all times."""
        return max(0, self.accepted - self.stored)

    @property
    def settled(self) -> bool:
        """Whether nothing waits any more."""
        return not (self.batches or self.undecided or self.waiting)


def take(player: Player) -> Counts:
    """Count now."""
    accepted = player.accepted  # before the record is read: it may know more, never less
    with player.stage.record.session(tenants(player)) as tx:
        row = tx.row(_RECORD, {"began": player.stage.began})
        quiet = tx.rows(_QUIET)
        refused = tx.row(_REFUSED)
    assert row is not None
    calls = player.stage.providers.ledger.calls()
    why = [_why(each) for each in quiet]
    if row["repeats"]:
        why.append((row["repeats"], i18n.say("outcome.repeat"), ""))
    if refused is not None:
        reason = f"{refused['field']} {refused['reason']}"
        why.append((row["quarantined"], i18n.say("outcome.quarantined"), reason))
    return Counts(accepted, **row, sent=sent(calls), twice=_twice(calls),
                  quiet=tuple(sorted(why, reverse=True)))  # fmt: skip


def tenants(player: Player) -> list[int]:
    """Those of the stage: Tocsin posts alerts to itself as well, in a tenant of its own."""
    return [tenant.id for tenant in player.stage.tenants.values()]


def incidents(player: Player) -> list[DictRow]:
    """Every incident and how many different alerts its notifications told of."""
    with player.stage.record.session(tenants(player)) as tx:
        return tx.rows(
            "SELECT i.id::text AS id, i.title, (SELECT count(DISTINCT e.fingerprint)"
            "  FROM notification n JOIN alert_event e ON e.tenant = n.tenant"
            "  AND e.id = ANY(n.events) AND e.status = 'firing'"
            "  WHERE n.tenant = i.tenant AND n.incident_id = i.id) AS alerts FROM incident i"
        )


def sent(calls: list[ledger.Entry]) -> dict[str, int]:
    """How many deliveries had an effect that people see, by channel."""
    seen = {(call.provider, call.dest if call.provider == "webhook" else "", call.key)
            for call in calls if call.effect and _shows(call)}  # fmt: skip
    found = Counter(_CHANNELS.get(provider, provider) for provider, _, _ in seen)
    return dict(sorted(found.items()))


def shown(calls: list[ledger.Entry]) -> set[str]:
    """The incidents that some provider has shown to somebody."""
    texts = (json.dumps(call.body) for call in calls if call.effect and _shows(call))
    return {id for text in texts for id in _INCIDENT.findall(text)}


def _shows(call: ledger.Entry) -> bool:
    return call.provider != "slack" or call.path in _SHOWN


def _twice(calls: list[ledger.Entry]) -> int:
    """Slack messages that stand there twice. (A receiver of webhooks knows a repeat by its id.)"""
    posts = Counter(call.key for call in calls if call.effect and call.path == _POSTED)
    return sum(1 for n in posts.values() if n > 1)


def _why(row: DictRow) -> tuple[int, str, str]:
    labels = json.loads(row["labels"])
    parts = (labels.get(name) for name in ("alertname", "instance", "pod", "machine"))
    example = " ".join(part for part in parts if part)
    if row["comment"]:
        example += f": {row['comment']}"
    return row["n"], i18n.say(f"outcome.{row['outcome']}"), example
