"""JSON of any shape by a mapping in the policy: at once in force, for its tenant alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from ingest import means, routes
from ingest.sources import mapped
from schemas.mapping import MappedSource
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tests.ingest.test_sources import DATA, parser
from tocsin import errors
from tocsin.domain import mapping, previewing
from tocsin.storage import policies
from tocsin.storage.record import Record

Look = Callable[[Tenant], batches.Stored]
NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
BASE = "route: {}\n"
CHECKS = """
route: {}
sources:
  - name: checks
    alerts: body.items
    alertname: alert.name
    labels: {site: body.site}
    status: alert.state
"""
BODY = {
    "site": "Kiel",
    "items": [
        {"name": "a", "state": "down"},
        {"name": "b", "state": "sideways"},
        {"name": "c", "state": "ok"},
    ],
}


def apply(record: Record, tenant: Tenant, text: str) -> None:
    with record.session([tenant.id]) as tx:
        policies.apply(tx, tenant.id, text, "test")


def post(run: Run, *requests: tuple[str, Any, dict[str, str]]) -> list[httpx.Response]:
    async def scenario() -> list[httpx.Response]:
        async with run() as (_, client):
            return [
                await client.post(path, json=document, headers=headers)
                for path, document, headers in requests
            ]

    return asyncio.run(scenario())


def test_good_alerts_are_taken_and_bad_ones_wait_for_a_better_mapping(
    run: Run, record: Record, tenant: Tenant, stored: Look
) -> None:
    apply(record, tenant, CHECKS)
    (answer,) = post(run, ("/webhooks/mapped/checks", BODY, tenant.bearer))
    assert answer.status_code == 200
    assert answer.json()["accepted"] == 2
    (bad,) = answer.json()["rejected"]
    assert (bad["index"], bad["field"]) == (1, "status")
    found = stored(tenant)
    assert found.names == ["a", "c"]
    assert [each.status for each in found.batches[0].alerts] == ["firing", "resolved"]
    (held,) = found.quarantine
    assert held["source"] == "mapped/checks"
    assert json.loads(held["body"])[mapping.REPLAY]["alert"] == BODY["items"][1]
    assert found.tally["alerts_accepted_total", "mapped/checks"] == 3
    # The mapping is repaired, and what was kept is posted as it lies there.
    better = CHECKS.replace("alert.state", 'alert.state != "ok"')
    apply(record, tenant, better)
    again = json.loads(held["body"])
    (answer,) = post(run, (f"/i/{tenant.token}/{held['source']}", again, {}))
    assert answer.json() == {"accepted": 1, "rejected": []}
    alert = stored(tenant).batches[1].alerts[0]
    assert alert.labels == {"alertname": "b", "site": "Kiel"}, "what stood around it is there too"


def test_every_way_to_the_address_is_open(run: Run, record: Record, tenant: Tenant) -> None:
    apply(record, tenant, CHECKS)
    answers = post(
        run,
        ("/webhooks/mapped/checks", BODY, tenant.bearer),
        (f"/t/{tenant.slug}/webhooks/mapped/checks", BODY, tenant.bearer),
        (f"/i/{tenant.token}/mapped/checks", BODY, {}),
        (f"/t/{tenant.slug}/i/{tenant.token}/mapped/checks", BODY, {}),
        (f"/i/{tenant.token}/webhooks/mapped/checks", BODY, {}),
    )
    assert [each.status_code for each in answers] == [200] * 5


def test_an_unknown_name_is_told_what_there_is(
    run: Run, record: Record, tenant: Tenant, neighbour: Tenant
) -> None:
    apply(record, tenant, CHECKS)
    unknown, unnamed, other = post(
        run,
        ("/webhooks/mapped/cheks", BODY, tenant.bearer),
        ("/webhooks/mapped", BODY, tenant.bearer),
        ("/webhooks/mapped/checks", BODY, neighbour.bearer),
    )
    assert [each.status_code for each in (unknown, unnamed, other)] == [404] * 3
    assert "checks" in unknown.json()["detail"]
    assert "checks" in unnamed.json()["detail"]
    assert "checks" not in other.json()["detail"], "the neighbour's mappings are nobody's business"


@pytest.mark.parametrize(
    "path",
    [
        "/webhooks/mapped/",
        "/webhooks/mapped/a/b",
        "/webhooks/alertmanager/a",
        "/i/toc_x/alertmanager/a",
        "/mapped/a",
        "/i/toc_x/mapped/",
    ],
)
def test_only_sources_that_want_a_name_have_one(path: str) -> None:
    with pytest.raises(errors.NotFound):
        routes.find(routes.table(), path)


def test_a_changed_mapping_is_in_force_within_a_second(
    run: Run, record: Record, tenant: Tenant
) -> None:
    assert means.FRESH_SECONDS < 1

    async def scenario() -> None:
        async with run() as (_, client):
            path = f"/i/{tenant.token}/mapped/checks"
            assert (await client.post(path, json=BODY)).status_code == 404
            await asyncio.to_thread(apply, record, tenant, CHECKS)
            await asyncio.sleep(means.FRESH_SECONDS)
            assert (await client.post(path, json=BODY)).json()["accepted"] == 2
            await asyncio.to_thread(apply, record, tenant, BASE)
            await asyncio.sleep(means.FRESH_SECONDS)
            assert (await client.post(path, json=BODY)).status_code == 404

    asyncio.run(scenario())


def test_the_mapping_is_looked_up_once_for_many_at_a_time(
    run: Run, record: Record, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply(record, tenant, CHECKS)
    looked: list[int] = []
    row = means.Senders._row

    async def counted(self: means.Senders, tenant: int, version: int | None) -> Any:
        looked.append(tenant)
        return await row(self, tenant, version)

    monkeypatch.setattr(means.Senders, "_row", counted)
    monkeypatch.setattr(means, "FRESH_SECONDS", 100)
    post(run, *[("/webhooks/mapped/checks", BODY, tenant.bearer)] * 3)
    assert looked == [tenant.id]

    async def scenario() -> None:
        async with run() as (_, client):
            path = f"/i/{tenant.token}/mapped/checks"
            answers = await asyncio.gather(*(client.post(path, json=BODY) for _ in range(20)))
            assert {each.status_code for each in answers} == {200}

    asyncio.run(scenario())
    assert looked == [tenant.id] * 2


@pytest.mark.parametrize("file", sorted((DATA / "mapped").glob("*.yml")), ids=lambda f: f.stem)
def test_the_preview_shows_what_the_ingest_makes(file: Path) -> None:
    body = file.with_suffix(".json").read_bytes()
    source = mapping.compiled(MappedSource.model_validate(yaml.safe_load(file.read_text())))
    shown = previewing.preview(source, json.loads(body), NOW)
    made = mapped.parse(body, NOW, 300.0, source)
    assert [
        (each.fingerprint, each.status, each.labels, each.annotations, each.severity)
        for each in shown.alerts
    ] == [
        (each.fingerprint, each.status, each.labels, each.annotations, each.severity)
        for each in made.alerts
    ]
    assert [(each.index, each.field, each.reason) for each in shown.rejected] == [
        (each.index, each.field, each.reason) for each in made.rejected
    ]


def source(**fields: Any) -> mapping.Source:
    return mapping.compiled(MappedSource(name="x", **{"alertname": "alert.n"} | fields))


@pytest.mark.timeout(60)  # read row by row it would never end
def test_hostile_documents_are_bounded() -> None:
    many = source(alerts="body.l", labels={f"l{n}": "alert.n" for n in range(60)})
    items = [{"n": f"{n}"} for n in range(10_000)]
    assert len(mapped.parse(json.dumps({"l": items}).encode(), NOW, 1.0, many).alerts) == 10_000
    with pytest.raises(errors.TooLarge):
        mapped.parse(json.dumps({"l": [*items, 1]}).encode(), NOW, 1.0, many)


def test_what_stands_around_refused_alerts_is_not_kept_ten_thousand_times() -> None:
    document = {"l": [{} for _ in range(10_000)], "large": "x" * 1_000_000}
    parsed = mapped.parse(json.dumps(document).encode(), NOW, 1.0, source(alerts="body.l"))
    assert len(parsed.rejected) == 10_000
    assert sum(len(each.raw) for each in parsed.rejected) < 1_000_000


@pytest.mark.parametrize(
    ("n", "field"),
    [("\0", "alertname"), ("\ud800", "alertname"), ({"a": 1}, "alertname"), ("", "alertname")],
)
def test_what_no_record_could_hold_is_refused_beside_its_neighbours(n: Any, field: str) -> None:
    body = json.dumps({"l": [{"n": "good"}, {"n": n}, {"n": 7}]}).encode()
    parsed = mapped.parse(body, NOW, 1.0, source(alerts="body.l"))
    assert [each.labels["alertname"] for each in parsed.alerts] == ["good", "7"]
    (bad,) = parsed.rejected
    assert (bad.index, bad.field) == (1, field)
    again = mapped.parse(bad.raw, NOW, 1.0, source(alerts="body.l"))
    assert [each.field for each in again.rejected] == [field], "it can be tried again"


def test_control_characters_and_nan_do_not_take_the_document_down() -> None:
    body = b'{"l": [{"n": "a", "v": NaN}, {"n": "b\xff"}, {"n": "c\nd"}, {"n": 1e999}]}'
    parsed = mapped.parse(body, NOW, 1.0, source(alerts="body.l"))
    assert [each.labels["alertname"] for each in parsed.alerts] == ["a", "c\nd"]
    assert [each.index for each in parsed.rejected] == [1, 3]


def test_a_sender_that_never_says_resolved_is_over_by_itself() -> None:
    made = source(resolve_after="10m")
    (alert,) = mapped.parse(b'{"n": "a"}', NOW, 1.0, made).alerts
    assert alert.ends_at is not None
    assert (alert.ends_at - NOW).total_seconds() == 600


def test_without_a_mapping_nothing_is_read() -> None:
    with pytest.raises(errors.NotFound):
        mapped.parse(b"{}", NOW, 1.0)
    assert parser("mapped")(b'{"status": "ok", "labels": {"alertname": "a"}}', NOW, 1.0).alerts
