"""`tocsin rule`: try the rules of a document on an alert. Needs no installation."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _input, _options, _output

nouns = typer.Typer(help="The rules of a policy document: try them.", no_args_is_help=True)
COLUMNS = ("rule", "holds", "over_time", "effects")
AFTER = ("severity", "labels", "dropped", "receivers")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="rule")


@nouns.command("test")
def rehearse(
    policy: Annotated[Path, typer.Argument(help="The policy document.")],
    alert: Annotated[
        str, typer.Argument(help="JSON with labels, annotations, extra, source, startsAt; - stdin.")
    ],
    output: _options.Output = _options.Format.table,
) -> None:
    """Show which rules an alert meets, which of them hold, and what they make of it."""
    import channels
    from tocsin.config import documents
    from tocsin.domain import rehearsal

    document = documents.parse(_input.read(str(policy)), channels.settings_models())
    now = datetime.now(UTC)
    found = rehearsal.rehearse(document, _change(_input.read(alert), now), now)
    if output is not _options.Format.table:
        _output.document(dataclasses.asdict(found), output)
        return
    _output.say(f"{len(found.asked)} of {found.rules} rules are asked")
    _output.rows([dataclasses.asdict(each) for each in found.asked], COLUMNS, output)
    print()
    _output.one(dataclasses.asdict(found), AFTER, output)


def _change(text: str, now: datetime) -> Any:
    """The alert as it would come out of dedup."""
    import orjson

    from tocsin.domain import fingerprint, severity
    from tocsin.domain.change import Change

    try:
        read = orjson.loads(text)
        parts = {key: _texts(read, key) for key in ("labels", "annotations", "extra")}
        starts = datetime.fromisoformat(read["startsAt"]) if read.get("startsAt") else now
    except (ValueError, TypeError, AttributeError) as error:
        raise errors.BadRequest(
            f"the alert cannot be read ({error}): write JSON such as"
            ' {"labels": {"alertname": "HighCPU", "cpu_usage": "81"}}'
        ) from error
    if starts.tzinfo is None:
        raise errors.BadRequest("startsAt needs a time zone, such as 2026-03-01T03:07:00Z")
    labels = parts["labels"]
    return Change(
        tenant=0, fingerprint=fingerprint.fingerprint(labels), event=1, received_at=now,
        kind="new", status="firing", severity=severity.of(labels), labels=labels,
        starts_at=starts, annotations=parts["annotations"], extra=parts["extra"],
        source=str(read.get("source", "")),
    )  # fmt: skip


def _texts(read: Any, key: str) -> dict[str, str]:
    found = read.get(key, {})
    if not all(isinstance(value, str) for value in found.values()):
        raise ValueError(f"the values of {key} must be texts")
    return dict(found)
