"""`tocsin quarantine`: alerts that could not be read or processed. Works on the record itself.

An alert that was refused at the door is posted again, as it was, by the same door: after an update
it may be read. A batch that crashed its workers is put back into the inbox, without the door.
"""

from __future__ import annotations

import sys
import uuid
from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _options, _output, _place, _replay
from tocsin.storage.record import Transaction

nouns = typer.Typer(help="Alerts that could not be read or processed.", no_args_is_help=True)
COLUMNS = ("id", "received_at", "source", "alerts", "field", "reason", "replayed_at")
MOST = 1000
Row = Annotated[str, typer.Argument(help="The id, as in `quarantine list`.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="quarantine")


@nouns.command("list")
def list_(
    tenant: _options.Tenant,
    limit: _options.Limit = 100,
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what lies there, newest first."""
    from tocsin.storage import intake

    with _place.tenant(home, tenant) as (tx, found):
        _output.rows(intake.quarantined(tx, found, limit), COLUMNS, output)


@nouns.command("show")
def show(row: Row, tenant: _options.Tenant, home: _options.Home = None) -> None:
    """Print the original, byte for byte; of a batch that was read, its alerts as JSON."""
    with _place.tenant(home, tenant) as (tx, found):
        held = _held(tx, found, row)
        content = _replay.content(tx, held, _place.master_key(home))
    sys.stdout.buffer.write(content)
    if sys.stdout.isatty():
        print()


@nouns.command("replay")
def replay(
    tenant: _options.Tenant,
    row: Annotated[str, typer.Argument(help="The id, as in `quarantine list`.")] = "",
    everything: Annotated[
        bool, typer.Option("--all", help="All that was not replayed yet.")
    ] = False,
    url: _options.Url = "",
    home: _options.Home = None,
) -> None:
    """Try again. Noted as replayed only if it was accepted; what is refused again stays."""
    if bool(row) == everything:
        raise errors.BadRequest("name one id, or give --all")
    chosen = [row] if row else _waiting(home, tenant)
    refused = 0
    for one in chosen:
        try:
            _one(home, tenant, one, url)
            _output.line(f"{one}  replayed")
        except errors.BadRequest as error:
            refused += 1
            _output.line(f"{one}  refused again: {error.message}")
    if refused:
        raise errors.BadRequest(f"{refused} of {len(chosen)} were refused again and stay")


def _waiting(home: Path | None, tenant: str) -> list[str]:
    from tocsin.storage import intake

    with _place.tenant(home, tenant) as (tx, found):
        rows = intake.quarantined(tx, found, MOST)
    return [str(row["id"]) for row in reversed(rows) if row["replayed_at"] is None]


def _one(home: Path | None, tenant: str, row: str, url: str) -> None:
    from tocsin.storage import intake

    with _place.tenant(home, tenant) as (tx, found):
        held = _held(tx, found, row)
        if held["replayed_at"] is not None:
            raise errors.Conflict(f"{row} was replayed at {held['replayed_at']:%F %T} already")
        if held["field"] == _replay.DRAINED:
            _replay.put_back(tx, held)
            intake.mark_replayed(tx, found, held["id"])
            return
        content = _replay.content(tx, held, _place.master_key(home))
    with _place.record(home) as record:
        address = url or str(_place.environment(home).get("url", ""))
        folder = _place.secrets_dir(home)
        _replay.post(
            record, found, address, held["source"], content, _place.operator(),
            folder / tenant if folder else None,
        )  # fmt: skip
        with record.session([found]) as tx:
            intake.mark_replayed(tx, found, held["id"])


def _held(tx: Transaction, tenant: int, row: str) -> dict[str, Any]:
    from tocsin.storage import intake

    try:
        key = uuid.UUID(row)
    except ValueError as error:
        raise errors.BadRequest(f"{row!r} is no id; see `tocsin quarantine list`") from error
    found = intake.quarantined_body(tx, tenant, key)
    if found is None:
        raise errors.NotFound(f"there is no {row} in the quarantine of this tenant")
    return found
