"""Every sentence that a page asks for is in the catalogue, and no page has a script in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tocsin import i18n
from tocsin.web import dashboard

FOLDER = Path(dashboard.__file__).parents[1] / "templates" / "dashboard"
#: say("a.b") and say("a.b." ~ name); the rest of a key that is put together may be anything.
ASKED = re.compile(r'say\("([\w.]+)"(\s*~)?')


@pytest.mark.parametrize("template", sorted(FOLDER.glob("*.html")), ids=lambda path: path.stem)
def test_sentences_are_there(template: Path) -> None:
    known = i18n.catalogue("en")
    for key, goes_on in ASKED.findall(template.read_text(encoding="utf-8")):
        if goes_on:
            assert any(name.startswith(key) for name in known), key
        else:
            assert i18n.knows(key), key


@pytest.mark.parametrize("template", sorted(FOLDER.glob("*.html")), ids=lambda path: path.stem)
def test_no_script_stands_in_a_page(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"<[^>]*\s(on\w+|style|hx-on\S*)=", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert "|safe" not in text
