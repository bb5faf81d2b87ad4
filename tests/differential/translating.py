"""From an alertmanager.yml of the scenarios to a policy, as `tocsin import` does it."""

from __future__ import annotations

import channels
from tocsin.config.importing import alertmanager as importing


def policy(alertmanager: str) -> str:
    """The policy that says the same, of which the importer has left nothing out."""
    made = importing.translate(alertmanager, channels.settings_models())
    lost = [str(note) for note in made.notes if note.kind == "left_out"]
    assert made.valid
    assert not lost, lost
    return made.document
