"""Words for the tests of Alertmanager's API: a policy, what fires under it, and how to ask."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import httpx
import orjson

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.domain import fingerprint, grouping, inhibition, routing
from tocsin.storage import groups, inhibitors, policies
from tocsin.storage.record import Record, Transaction
from tocsin.web import in_force

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  routes:
    - matchers: [severity="critical"]
      receiver: pager
    - matchers: [team=~"db|web"]
      receiver: team
      group_by: [team]
      mute_time_intervals: [always]
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="warning"],
     equal: [alertname]}
time_intervals:
  - {name: always, time_intervals: [{}]}
receivers: [{name: ops}, {name: pager}, {name: team}]
"""


def apply(record: Record, who: Someone, policy: str = POLICY) -> None:
    with record.session([who.tenant]) as tx:
        policies.apply(tx, who.tenant, policy, "test")


def fire(record: Record, who: Someone, *some: dict[str, str], **fields: Any) -> list[str]:
    """Alerts with these labels as the pipeline leaves them: in their groups, and as sources."""
    with record.session([who.tenant]) as tx:
        return [_fire(tx, who.tenant, labels, fields) for labels in some]


def _fire(tx: Transaction, tenant: int, labels: dict[str, str], fields: dict[str, Any]) -> str:
    mark = fingerprint.fingerprint(labels)
    ends = {"expires_at": tx.now + timedelta(minutes=5), **fields}
    seeds.alert(tx, tenant, labels, fingerprint=mark, **ends)
    policy = in_force.policy(tx, tenant)
    if policy is None:
        return mark
    for route in routing.match(policy.root, labels):
        _join(tx, tenant, route, labels, mark)
    inhibitors.add(tx, [
        {"tenant": tenant, "fingerprint": mark, **source._asdict()}
        for source in inhibition.sources(policy.inhibit_rules, labels)
    ])  # fmt: skip
    return mark


def _join(
    tx: Transaction, tenant: int, route: routing.Route, labels: dict[str, str], mark: str
) -> None:
    named = routing.group_labels(route, labels)
    group = grouping.group_id(tenant, route.id, named)
    row = {"tenant": tenant, "id": group, "route": route.id, "receiver": route.receiver,
           "labels": orjson.dumps(named).decode(), "policy_version": 1}  # fmt: skip
    groups.ensure(tx, [row])
    member = {"tenant": tenant, "group_id": group, "fingerprint": mark, "event_id": None,
              "event_at": None}  # fmt: skip
    groups.join(tx, [member])


def ask(web: Web, who: Someone, path: str, scope: str = "read", **params: Any) -> httpx.Response:
    return web.client.get(f"/api/v2/{path}", params=params, headers=who.as_(scope))


def got(web: Web, who: Someone, path: str, **params: Any) -> Any:
    reply = ask(web, who, path, **params)
    assert reply.status_code == 200, reply.text
    return reply.json()


def names(found: Sequence[dict[str, Any]]) -> list[str]:
    """The label `n` of alerts, sorted."""
    return sorted(each["labels"]["n"] for each in found)
