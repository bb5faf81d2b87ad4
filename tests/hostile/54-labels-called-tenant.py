"""54: labels that look as if they said whose alert it is."""

from __future__ import annotations

from tests.hostile import scenes, words

LABELS = {
    "alertname": "a",
    "tenant": "1",
    "tenant_id": "1",
    "__tenant__": "1",
    "tocsin.tenants": "1",
}
HEADERS = {"X-Scope-OrgID": "1", "X-Tenant": "1", "X-Tocsin-Tenant": "1"}
CASES = [
    words.hook(words.of(labels=LABELS), 200, 1),
    words.Case(words.HOOK, words.FINE, 200, headers=HEADERS),
    words.Case(words.HOOK + "?tenant=1", words.of(labels={"a": "b"}, tenant=1), 200),
]


def after(scene: scenes.Scene) -> None:
    """It is the tenant of the token, and of no other."""
    assert len(scene.alerts()) == 3
    assert scene.other.get("/alerts")["items"] == []
