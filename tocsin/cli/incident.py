"""`tocsin incident`: what needs somebody, and who was told why. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin import i18n
from tocsin.cli import _chains, _client, _options, _output

nouns = typer.Typer(help="Incidents: what needs somebody.", no_args_is_help=True)
COLUMNS = ("id", "state", "severity", "opened_at", "acknowledged_by", "receiver",
           "groups_total", "title")  # fmt: skip
FIELDS = ("id", "state", "severity", "title", "receiver", "route", "group_labels", "opened_at",
          "acknowledged_at", "acknowledged_by", "handed_by", "snoozed", "reopens_at",
          "resolved_at", "resolved_by", "merged_into")  # fmt: skip
GROUPS = ("id", "active", "joined_at", "receiver", "labels", "sentence")
ALERTS = ("fingerprint", "status", "severity", "starts_at", "labels")
Ids = Annotated[list[str], typer.Argument(help="One or more, as in `incident list`.")]
Id = Annotated[str, typer.Argument(help="As in `incident list`.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="incident")


@nouns.command("list")
def list_(
    state: Annotated[
        list[str] | None, typer.Option(help="open, acknowledged or resolved; may be repeated.")
    ] = None,
    order: Annotated[str, typer.Option(help="severity (the worst first), newest or oldest.")] = "",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show incidents, newest first; without --state those that are not resolved, worst first."""
    states = state or ["open", "acknowledged"]
    by = order or ("newest" if state else "severity")
    client = _client.Client(url, token, home)
    found = client.listed("/incidents", limit, state=states, order=by)
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    incident: Id,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show an incident with its alerts and its story."""
    found = _get(_client.Client(url, token, home), incident)
    _output.one(found, FIELDS, output)
    if output is _options.Format.table:
        print()
        _output.rows(found["groups"], GROUPS, output)
        print()
        _output.rows(found["alerts"], ALERTS, output)
        for chain in found["escalations"]:
            print()
            _output.line(chain["sentence"])
            _output.rows(_chains.table(chain["steps"]), _chains.COLUMNS, output)
        print()
        _output.rows(found["timeline"], ("at", "actor", "sentence"), output)


@nouns.command("ack")
def ack(
    incidents: Ids,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Say that you have it: nobody else is paged. Twice is harmless."""
    _act(_client.Client(url, token, home), incidents, "ack", note)


@nouns.command("resolve")
def resolve(
    incidents: Ids,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Say that it is over. Twice is harmless."""
    _act(_client.Client(url, token, home), incidents, "resolve", note)


@nouns.command("unack")
def unack(
    incidents: Ids,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take an acknowledgement back: it is open, and who was told is told again."""
    _act(_client.Client(url, token, home), incidents, "unack", note)


@nouns.command("reopen")
def reopen(
    incidents: Ids,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Open again what was resolved by mistake; refused where nothing of it fires."""
    _act(_client.Client(url, token, home), incidents, "reopen", note)


@nouns.command("handover")
def handover(
    incident: Id,
    to: Annotated[str, typer.Option("--to", help="A person of the policy, who is paged.")],
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Let another person have it. Twice is harmless."""
    _do(_client.Client(url, token, home), incident, "handover", {"to": to}, note)


@nouns.command("snooze")
def snooze(
    incidents: Ids,
    lasts: Annotated[str, typer.Option("--for", help="How long, such as 30m; 1m to 7d.")] = "30m",
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Acknowledge for a while; then it is open again unless somebody acts before."""
    client = _client.Client(url, token, home)
    for incident in incidents:
        _do(client, incident, "snooze", {"for": lasts}, note)


@nouns.command("merge")
def merge(
    incident: Annotated[str, typer.Argument(help="The one that goes on, as in `incident list`.")],
    others: Annotated[list[str], typer.Argument(help="Those that are the same thing; they end.")],
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take the groups of other incidents into one, which keeps its state."""
    body: dict[str, Any] = {"from": others}
    _do(_client.Client(url, token, home), incident, "merge", body, note)


@nouns.command("split")
def split(
    incident: Id,
    groups: Annotated[list[str], typer.Argument(help="Ids of groups, as in `incident show`.")],
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take groups out into an open incident of their own and print that; nobody is paged."""
    _do(_client.Client(url, token, home), incident, "split", {"groups": groups}, note)


@nouns.command("why")
def why(
    incident: Id,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Say why somebody was, or was not, told: from the route down to each attempt."""
    explanation = _get(_client.Client(url, token, home), incident)["explanation"]
    if output is not _options.Format.table:
        _output.document(explanation, output)
        return
    _output.line(explanation["sentence"])
    for belongs in explanation["groups"]:
        _output.line(belongs, 1)
    for told in explanation["notifications"]:
        _output.line(f"{told['at']}  {told['sentence']} Changes told: {told['changes']}.", 1)
        for sent in told["deliveries"]:
            _output.line(f"{sent['channel']}: {sent['sentence']}", 2)
            for tried in sent["history"]:
                _output.line(_attempt(tried), 3)


def _attempt(tried: dict[str, Any]) -> str:
    parts = (tried["reason"], tried["status_code"], tried["error"])
    said = ", ".join(str(part) for part in parts if part is not None)
    whole = f"{tried['finished_at']}  attempt {tried['attempt']}: {tried['outcome']}"
    return f"{whole} ({said})" if said else whole


def _get(client: _client.Client, incident: str) -> dict[str, Any]:
    return client.get(f"/incidents/{_client.segment(incident)}")


def _act(client: _client.Client, incidents: list[str], act: str, note: str) -> None:
    for incident in incidents:
        _do(client, incident, act, None, note)


def _do(
    client: _client.Client, incident: str, act: str, body: dict[str, Any] | None, note: str
) -> None:
    if note:
        body = {**(body or {}), "note": note}
    done = client.post(f"/incidents/{_client.segment(incident)}/{act}", body)
    _output.line(f"{done['id']}  {done['state']}  {done['title']}")
    if done["reopens_at"] is not None:
        _output.line(i18n.say("acts.reopens", at=done["reopens_at"]), 1)
