"""`tocsin alert`: what fires, and what became of it. Works over the API."""

from __future__ import annotations

import enum
from typing import Annotated, Any

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Alerts: what fires, and what became of it.", no_args_is_help=True)
COLUMNS = ("fingerprint", "status", "severity", "starts_at", "count", "silenced_by", "labels")
EVENTS = ("received_at", "kind", "outcome", "sentence")
FIELDS = ("fingerprint", "status", "severity", "labels", "annotations", "extra", "source",
          "starts_at", "ends_at", "last_seen", "count", "silenced_by",
          "muted_by", "anomaly")  # fmt: skip
VERDICT = ("fingerprint", "verdict", "note", "author", "at")


class Verdict(enum.StrEnum):
    """What a person may say of an alert's score."""

    noise = "noise"
    not_noise = "not_noise"


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="alert")


@nouns.command("list")
def list_(
    matchers: Annotated[
        list[str] | None, typer.Argument(help="Such as severity=critical 'instance=~db-.*'.")
    ] = None,
    status: Annotated[str, typer.Option(help="firing or resolved.")] = "",
    severity: Annotated[str, typer.Option(help="critical, error, warning, info or none.")] = "",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the alerts that match all matchers, those that started last first."""
    chosen = {"status": status, "severity": severity}
    params = {"filter": matchers or [], **{k: v for k, v in chosen.items() if v}}
    found = _client.Client(url, token, home).listed("/alerts", limit, **params)
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    fingerprint: Annotated[str, typer.Argument(help="As in `alert list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show an alert, its changes, and how each of them ended."""
    client = _client.Client(url, token, home)
    found = client.get(f"/alerts/{_client.segment(fingerprint)}")
    if output is _options.Format.table:
        found["anomaly"] = _score(found["score"])
    _output.one(found, FIELDS, output)
    if output is _options.Format.table:
        print()
        _output.rows(found["events"], EVENTS, output)


@nouns.command("feedback")
def feedback(
    fingerprint: Annotated[str, typer.Argument(help="As in `alert list`.")],
    verdict: Annotated[Verdict, typer.Argument(help="noise: this is how it usually is.")],
    note: Annotated[str, typer.Option(help="Why, for whoever asks later.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Say whether an alert was noise; the next training of the model heeds it."""
    client = _client.Client(url, token, home)
    body = {"verdict": verdict.value, **({"note": note} if note else {})}
    found = client.post(f"/alerts/{_client.segment(fingerprint)}/feedback", body)
    _output.one(found, VERDICT, output)


def _score(score: dict[str, Any] | None) -> str:
    """The score and its sentence in one line."""
    if not score:
        return ""
    value = "" if score["value"] is None else f"{score['value']:.2f} "
    return f"{value}{score['sentence']}"
