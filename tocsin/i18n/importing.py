"""Imported policies, with their templates tried on samples as those that come into force are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tocsin import errors
from tocsin.config import documents
from tocsin.config.importing import alertmanager
from tocsin.config.importing.notes import Note
from tocsin.i18n import trial


def of_alertmanager(
    text: str,
    channels: documents.Channels,
    parts: trial.Parts,
    templates: Mapping[str, str] | None = None,
) -> alertmanager.Imported:
    """As `alertmanager.translate`; what is wrong when the templates are tried is in the notes."""
    made = alertmanager.translate(text, channels, templates)
    if not made.valid:
        return made
    try:
        trial.check(documents.parse(made.document, channels), parts)
    except errors.PolicyError as error:
        wrong = [
            Note("to_do", 0, f"the policy, line {line}", f"repair it there: {said}")
            for line, said in error.problems
        ]
        return replace(made, notes=(*made.notes, *wrong), valid=False)
    return made
