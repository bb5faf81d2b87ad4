"""Languages: each falls back to the next best one, and English says what no other can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contracts import test_sentences
from tocsin import i18n


@pytest.fixture
def catalogues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """English, and next to it what a test writes."""
    english = (i18n._FOLDER / "en.yml").read_text()
    (tmp_path / "en.yml").write_text(english)
    with monkeypatch.context() as patched:
        patched.setattr(i18n, "_FOLDER", tmp_path)
        i18n.catalogue.cache_clear()
        yield tmp_path
    i18n.catalogue.cache_clear()


def test_the_chain_of_languages(catalogues: Path) -> None:
    (catalogues / "de.yml").write_text("link: {runbook: Anleitung, source: Quelle}\n")
    (catalogues / "de-AT.yml").write_text("link: {source: Ursprung}\n")
    (catalogues / "fr.yml").write_text("severity: {error: Erreur}\nlink: {runbook: Guide}\n")
    assert i18n.say("link.source", "de-AT") == "Ursprung"
    assert i18n.say("link.source", "de-CH") == "Quelle"
    assert i18n.say("link.runbook", "de-AT,fr") == "Anleitung"
    assert i18n.say("severity.error", "de-AT,fr") == "Erreur"
    assert i18n.say("link.incident", "de-AT,fr") == "Open the incident"
    assert i18n.say("link.runbook", "it,fr") == "Guide"
    assert i18n.say("link.runbook", "it,,../../x") == "Runbook"


def test_each_language_has_its_own_forms_of_number(catalogues: Path) -> None:
    (catalogues / "de.yml").write_text("message: {firing: {one: $n Alarm, other: $n Alarme}}\n")
    assert i18n.say("message.firing", "de", n=1) == "1 Alarm"
    assert i18n.say("message.firing", "de", n=2) == "2 Alarme"
    assert i18n.say("message.firing", "fr", n=2) == "2 alerts are firing"


def test_a_catalogue_that_lacks_a_sentence_is_noticed(catalogues: Path) -> None:
    (catalogues / "de.yml").write_text("link: {runbook: Anleitung}\n")
    with pytest.raises(AssertionError):
        test_sentences.test_a_language_is_whole("de")
    (catalogues / "de.yml").write_text((catalogues / "en.yml").read_text())
    i18n.catalogue.cache_clear()
    test_sentences.test_a_language_is_whole("de")
