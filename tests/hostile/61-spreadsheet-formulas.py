"""61: cells that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
import re

from tests.hostile import scenes, words

CELLS = ("=cmd|'/c calc'!A0", "+1+1", "-1+1", "@SUM(1)", "\t=1", "\r=1", ";=1", '"=1', "\uff1d1")
POLICY = scenes.POLICY
CASES = [
    words.hook(words.of(
        labels={"alertname": "Cells", "host": cell, cell.strip() or "x": "name"},
        annotations={"summary": cell}), 200, 1)
    for cell in CELLS
]  # fmt: skip
START = re.compile(r"^[=+\-@\t\r\0\uff1d\uff0b\uff0d\uff20]")


def after(scene: scenes.Scene) -> None:
    """No cell of an attachment begins with what begins a formula, whatever parts the columns."""
    sheets = [
        bytes(part.get_payload(decode=True)).decode("utf-8-sig")
        for letter in scene.letters() for part in letter.iter_attachments()
        if part.get_content_type() == "text/csv"
    ]  # fmt: skip
    assert sheets
    assert any("'=cmd" in sheet for sheet in sheets)
    for sheet in sheets:
        for row in csv.reader(io.StringIO(sheet)):
            assert [cell for cell in row if START.search(cell)] == []
