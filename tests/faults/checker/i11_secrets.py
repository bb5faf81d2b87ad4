"""I11: no secret stands in clear in the record, in the logs or in the metrics."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from urllib import parse

from tests.faults.checker import judged
from tests.faults.checker.story import Story
from tests.faults.history import AUDIT, DUMP, METRICS
from tests.faults.verdict import Verdict


def check(story: Story) -> Verdict:
    secrets = {str(each["name"]): str(each["value"]) for each in story.run.get("secrets", [])}
    wrong = [] if secrets else ["the run names no secrets, so nothing was looked for"]
    for path in _places(story):
        content = path.read_bytes()
        for name, value in secrets.items():
            for how, form in forms(value):
                if form in content:
                    wrong.append(f"{path.name} has {name} {how}")
    of = f"{len(secrets)} secrets, in clear and encoded"
    return judged("I11", "No secret in clear", wrong, of=of, limit="0 found")


def forms(secret: str) -> Iterator[tuple[str, bytes]]:
    """The secret as it may stand somewhere; base64 has three forms, by what stands before."""
    raw = secret.encode()
    found = {raw: "in clear", parse.quote(secret, safe="").encode(): "url-encoded"}
    found[raw.hex().encode()] = "in hexadecimal"
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            # What a neighbour's bits could reach is cut off on both sides.
            core = encode(b"\0" * shift + raw)[(0, 2, 3)[shift] :].rstrip(b"=")[:-1]
            found.setdefault(core, "in base64")
    for form, how in found.items():
        yield how, form


def _places(story: Story) -> Iterator[Path]:
    yield from sorted((story.folder / DUMP).glob("*.jsonl"))
    yield from story.logs()
    for name in (METRICS, AUDIT):
        if (story.folder / name).exists():
            yield story.folder / name
