"""59: line ends in what becomes a subject, a header, an address."""

from __future__ import annotations

import json

from tests.hostile import scenes, words

TEXT = "x\r\nBcc: evil@example.org\r\nX-Evil: 1\r\n\r\nbody"
POLICY = scenes.POLICY


def mail(**changed: object) -> str:
    settings = {
        "host": "mail.example.org",
        "from": "t@example.org",
        "to": ["a@example.org"],
        **changed,
    }
    return json.dumps(
        {"route": {"receiver": "a"}, "receivers": [{"name": "a", "email": [settings]}]}
    )


def hook(**headers: str) -> str:
    settings = {"url": "https://x.example.org/", "headers": headers}
    return json.dumps(
        {"route": {"receiver": "a"}, "receivers": [{"name": "a", "webhook": [settings]}]}
    )


CASES = [
    words.hook(words.literal(TEXT), 200, 1),
    words.packed(words.FINE, 200, traceparent="00-" + "0" * 32 + "-x-01"),
    words.api("POST", "/policy/check", 200, {"document": mail()}, '"valid":true'),
    words.refused(mail(to=["a@b.example\r\nBcc: evil@example.org"])),
    words.refused(mail(**{"from": "t@example.org\nX-Evil: 1"})),
    words.refused(mail(host="mail.example.org\r\nRCPT TO:<x>")),
    words.refused(hook(**{"X-A": "b\r\nX-Evil: 1"})),
    words.refused(hook(**{"X-A\r\nX-Evil": "1"})),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """The letter has the headers that we write, and went to whom we wrote it."""
    for letter in scene.letters():
        assert "evil" not in [name.lower() for name in letter]
        assert not {"Bcc", "X-Evil"} & set(letter.keys())
        assert letter.get_all("To") == [f"{scene.tenant.slug}@example.org"]
    received = scene.stack.providers.mail.messages("evil@example.org")
    assert received == []
    calls = scene.stack.providers.ledger.calls(
        provider="webhook", dest=f"/hook/{scene.tenant.slug}"
    )
    assert len([call for call in calls if call.effect]) == 2
