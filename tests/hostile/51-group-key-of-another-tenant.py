"""51: two tenants post the same group and the same alert."""

from __future__ import annotations

import json

from tests.hostile import scenes, words

BODY = json.dumps({
    "version": "4", "groupKey": '{}:{alertname="Same"}', "receiver": "ops", "status": "firing",
    "alerts": [{"status": "firing", "labels": {"alertname": "Same"}, "fingerprint": "a" * 16}],
}).encode()  # fmt: skip
CASES = [words.hook(BODY, 200, 1)]


def after(scene: scenes.Scene) -> None:
    """One ends; the other goes on."""
    assert scene.other.call("POST", words.HOOK, content=BODY).status_code == 200
    scene.other.quiet()
    over = BODY.replace(b"firing", b"resolved")
    assert scene.send(words.hook(over, 200, 1)).status_code == 200
    scene.tenant.quiet()
    assert [each["status"] for each in scene.alerts()] == ["resolved"]
    [theirs] = scene.other.get("/alerts")["items"]
    assert (theirs["status"], theirs["count"]) == ("firing", 1)
