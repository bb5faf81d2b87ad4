"""11: more names than anybody reads, and more values than fit into memory."""

from __future__ import annotations

import json

from tests.hostile import scenes, words

MANY = {f"l{n}": "x" for n in range(200_000)}
CASES = [
    words.hook(words.of(labels=MANY), 200, 0), words.hook(words.of(annotations=MANY), 200, 0),
    words.native(json.dumps({"title": "a", "labels": MANY}).encode(), 200, 0),
    words.hook(words.of(labels={f"l{n}": "x" for n in range(5000)}), 200, 1),
    words.hook(words.of(labels={f"l{n}": "x" for n in range(600_000)}), 413),
    words.hook(words.of(status="weird", v=[[]] * 2_000_000), 413),
    words.Case(words.GRAFANA, words.of(values={f"v{n}": 1 for n in range(50_000)}), 200, 1),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """Of five thousand labels as many stay as are looked at."""
    stored = scene.tenant.rows("SELECT labels FROM alert ORDER BY length(labels) DESC LIMIT 1")
    assert len(json.loads(stored[0]["labels"])) == 64
