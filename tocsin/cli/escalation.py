"""`tocsin escalation`: who would be told when, if nobody acts. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin.cli import _chains, _client, _clocks, _options, _output

nouns = typer.Typer(help="Escalations: who is told when nobody acts.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="escalation")


@nouns.command("preview")
def preview(
    name: Annotated[str, typer.Argument(help="One of `escalations` of the policy.")],
    at: Annotated[
        str, typer.Option(help="When it begins, as 2026-03-01T03:07:00Z; else now.")
    ] = "",
    severity: Annotated[str, typer.Option(help="How bad it is.")] = "critical",
    alerts: Annotated[int, typer.Option(help="How many alerts fire.", min=1)] = 1,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show who would be told when by what, until somebody acts. Sends nothing."""
    body: dict[str, Any] = {"severity": severity, "alerts": alerts}
    if at:
        body["at"] = at
    client = _client.Client(url, token, home)
    found = client.post(f"/escalations/{_client.segment(name)}/preview", body)
    if output is not _options.Format.table:
        _output.document(found, output)
        return
    _output.rows(_chains.table(found["steps"]), _chains.COLUMNS, output)
    if found["exhausted_at"]:
        ends = _clocks.shown(found["exhausted_at"], "UTC")
        _output.say(f"nobody acted: it is at its end at {ends}")
    if found["more"]:
        _output.say("there are more steps than are shown")
