"""`tocsin enrich`: what a document would add to an alert. Asks nobody and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _input, _options, _output

if TYPE_CHECKING:
    from tocsin.domain import enrichment

COLUMNS = ("labels", "facts", "missing", "asks")


def register(app: typer.Typer) -> None:
    app.command("enrich")(enrich)


def enrich(
    file: Annotated[str, typer.Argument(help="The policy document; - reads it from stdin.")],
    labels: Annotated[list[str], typer.Argument(help="The alert, such as service=api host=db-1.")],
    annotation: Annotated[
        list[str] | None, typer.Option("--annotation", "-a", help="Such as summary=full.")
    ] = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the labels and facts that a policy document gives to an alert, and what it would ask."""
    import channels
    from tocsin.config import documents
    from tocsin.domain import enrichers, enrichment, severity

    policy = documents.parse(_input.read(file), channels.settings_models())
    given = _pairs(labels)
    known = enrichers.Known(given, _pairs(annotation or []), severity.of(given), "cli")
    found = enrichment.enrich(policy.enrichment, policy.steps, known, {})
    _output.one(_shown(found, enrichment.facts(found.extra)), COLUMNS, output)


def _shown(found: enrichment.Found, facts: dict[str, str]) -> dict[str, Any]:
    return {
        "labels": found.added,
        "facts": facts,
        "missing": [f"{gap.name} ({gap.why})" for gap in found.gaps],
        "asks": [ask.url for _, ask in found.asks.values()],
    }


def _pairs(words: list[str]) -> dict[str, str]:
    found = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not name or not equals:
            raise errors.BadRequest(f"{word!r} is not name=value")
        found[name] = value
    return found
