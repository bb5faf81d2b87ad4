"""A letter that SendGrid took and then could not bring: the record says so, and nobody can lie."""

from __future__ import annotations

import os
from collections.abc import Iterator

import httpx
import pytest

from tests.actors import callbacks
from tests.actors.conftest import Hall, Tenant, alert

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
receivers:
  - name: ops
    sendgrid:
      - api_key_env: mail
        from: tocsin@example.org
        to: [ops@example.org]
        api_url: URL
        webhook_public_key: KEY
"""
SENT = "SELECT state, receipt, cause, provider_id FROM delivery"


@pytest.fixture
def place(hall: Hall) -> Iterator[callbacks.Place]:
    with callbacks.standing(hall) as made:
        yield made


@pytest.fixture
def tenant(place: callbacks.Place) -> Tenant:
    made = place.hall.tenant(None)
    os.environ[f"TOCSIN_SECRET_{made.slug.upper()}__MAIL"] = "SG.fake"
    providers = place.hall.providers
    made.apply(POLICY.replace("URL", providers.url).replace("KEY", providers.sendgrid.public_key))
    made.send(alert("Disk", severity="critical"))
    place.hall.settle()
    return made


def post(place: callbacks.Place, tenant: Tenant, event: str, at: float | None = None) -> int:
    """SendGrid tells what became of the letter."""
    [row] = tenant.rows(SENT)
    happened = {
        "event": event, "email": "ops@example.org", "reason": "550 no such user",
        "sg_message_id": f"{row['provider_id']}.recvd-1", "sg_event_id": event,
    }  # fmt: skip
    headers, body = place.hall.providers.sendgrid.signed([happened], at)
    url = f"{place.url}/t/{tenant.slug}/callbacks/sendgrid/events"
    return httpx.post(url, content=body, headers=headers, trust_env=False).status_code


def test_a_bounce_is_a_dead_letter_with_its_reason(place: callbacks.Place, tenant: Tenant) -> None:
    assert tenant.outcomes() == ["notified"]
    assert post(place, tenant, "bounce") == 200
    [row] = tenant.rows(SENT)
    assert (row["state"], row["receipt"]) == ("dead", "bounced")
    assert "550" in row["cause"]
    assert tenant.outcomes() == ["failed"]
    assert post(place, tenant, "bounce") == 200
    assert post(place, tenant, "delivered") == 200
    assert tenant.rows(SENT)[0]["receipt"] == "bounced"


def test_a_letter_that_arrived_stays_told(place: callbacks.Place, tenant: Tenant) -> None:
    assert post(place, tenant, "delivered") == 200
    [row] = tenant.rows(SENT)
    assert (row["state"], row["receipt"]) == ("sent", "delivered")


def test_what_was_signed_long_ago_changes_nothing(place: callbacks.Place, tenant: Tenant) -> None:
    assert post(place, tenant, "bounce", at=1_700_000_000) == 404
    assert tenant.rows(SENT)[0]["state"] == "sent"


def test_another_tenants_address_changes_nothing(place: callbacks.Place, tenant: Tenant) -> None:
    other = place.hall.tenant()
    [row] = tenant.rows(SENT)
    event = {"event": "bounce", "sg_message_id": f"{row['provider_id']}.x", "sg_event_id": "1"}
    headers, body = place.hall.providers.sendgrid.signed([event])
    url = f"{place.url}/t/{other.slug}/callbacks/sendgrid/events"
    assert httpx.post(url, content=body, headers=headers, trust_env=False).status_code == 404
    assert tenant.rows(SENT)[0]["state"] == "sent"
