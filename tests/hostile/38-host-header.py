"""38: a request that says it came to another host: no link may lead there."""

from __future__ import annotations

from tests.hostile import scenes, words

EVIL = "evil.example"
CASES = [
    words.hook(words.many("one", "two"), 200, 2),
    *(
        words.Case(path, b"", status, method="GET", headers={name: EVIL})
        for name in ("Host", "X-Forwarded-Host", "X-Forwarded-Server", "X-Original-URL")
        for path, status in (
            ("/api/v1/alerts?limit=1", 200), ("/", 200), ("/ui/now", 303), ("/ui/login", 200),
            ("/api/v1/nothing", 404), ("/t/x/a/y", frozenset((404, 410))), ("/docs", 200),
        )
    ),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """Neither what was answered nor what was sent names it."""
    for answer in scene.answers:
        assert EVIL not in answer.text
        assert EVIL not in str(answer.headers), answer.request.url
    told = str(scene.tenant.hooks())
    assert EVIL not in told
    assert scene.stack.url in told
