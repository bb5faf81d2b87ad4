"""68: a name of a machine that would be a path where the attachment is stored."""

from __future__ import annotations

from tests.hostile import scenes, words

TEXT = "../../etc/cron.d/x\x00.csv"
POLICY = scenes.POLICY
CASES = [
    words.hook(words.literal(TEXT.replace("\0", "")), 200, 1),
    words.hook(words.of(labels={"alertname": "/etc/passwd", "file": "C:\\x\\..\\y"}), 200, 1),
    words.hook(words.of(labels={"alertname": TEXT}), 200, 0),
]


def after(scene: scenes.Scene) -> None:
    """What is attached has our name and no other."""
    names = {
        part.get_filename()
        for letter in scene.letters() for part in letter.iter_attachments() if part.get_filename()
    }  # fmt: skip
    assert names == {"alerts.csv", "alerts.json"}
