"""69: fields that nobody may set: roles, tenants, ids, states."""

from __future__ import annotations

import dataclasses

from tests.hostile import scenes, words

MORE = {
    "role": "admin",
    "tenant_id": 1,
    "tenant": 1,
    "id": "x",
    "created_by": "root",
    "scopes": ["admin"],
}
SILENCE = {"matchers": ["a=b"], "duration": "1h", "comment": "c"}


def cases(scene: scenes.Scene) -> list[words.Case]:
    """Each alone: one that is refused must not hide one that is not."""
    made = scene.tenant.call("POST", "/api/v1/silences", json=SILENCE).json()["id"]
    found = []
    for name, value in MORE.items():
        extra = {name: value}
        found += [
            words.api("POST", "/silences", 422, SILENCE | extra),
            words.api("POST", "/maintenance", 422, SILENCE | {"name": "x"} | extra),
            words.api("POST", "/policy/check", 422, {"document": "route: {}"} | extra),
            words.api("POST", "/analytics/reports", 422, {"kind": "daily"} | extra),
            replaced(made, SILENCE | extra),
        ]
    return found


def replaced(silence: str, body: dict[str, object]) -> words.Case:
    asked = words.api("PUT", f"/silences/{silence}", 422, body)
    return dataclasses.replace(asked, headers={**asked.headers, "If-Match": "*"})


def after(scene: scenes.Scene) -> None:
    """The one that was made is as it was made."""
    [left] = scene.tenant.get("/silences")["items"]
    assert left["comment"] == "c"
    assert scene.other.get("/silences")["items"] == []
