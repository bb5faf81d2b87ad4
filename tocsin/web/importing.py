"""Policies made from the configuration of other systems, over HTTP. Stores nothing."""

from __future__ import annotations

import dataclasses

from fastapi import APIRouter

import channels
from schemas import policies as schema
from tocsin import errors
from tocsin.i18n import importing
from tocsin.web import access

router = APIRouter(tags=["policy"])


@router.post("/policy/import")
def import_policy(body: schema.ForeignPolicy, caller: access.Admin) -> schema.ImportedPolicy:
    """Make a policy of an alertmanager.yml, and say what became of each thing. Stores nothing."""
    try:
        made = importing.of_alertmanager(
            body.document, channels.settings_models(), channels.parts(), body.templates
        )
    except errors.PolicyError as error:
        raise errors.Invalid(
            [("#/document", f"line {line}: {said}" if line else said)
             for line, said in error.problems]
        ) from error  # fmt: skip
    return schema.ImportedPolicy(
        document=made.document,
        notes=[schema.ImportNote(**dataclasses.asdict(note)) for note in made.notes],
        silent=list(made.silent),
        poorer=list(made.poorer),
        valid=made.valid,
    )
