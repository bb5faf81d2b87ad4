"""`tocsin person`: by what people can be told, what would happen, and whether it really works."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin.cli import _client, _clocks, _options, _output

nouns = typer.Typer(help="People: how each is told, and whether that works.", no_args_is_help=True)
COLUMNS = ("name", "local_time", "quiet_until", "ways", "warnings")
SHOWN = ("name", "shown", "zone", "local_time", "locale", "quiet_until", "important_quiet_until")
WAYS = ("by", "destination", "state", "verified_at", "seen_at", "refused_at")
PAGES = ("by", "destination", "local_time", "held_until")
#: Of these columns, the moments.
TIMES = ("local_time", "held_until", "quiet_until", "important_quiet_until")
SEEN = ("verified_at", "seen_at", "refused_at")
SENT = ("by", "destination", "delivery")
Name = Annotated[str, typer.Argument(help="As in `people` of the policy.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="person")


@nouns.command("list")
def people(
    output: _options.Output = _options.Format.table,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """List everybody: ways, which were confirmed, who is quiet now, and what is wrong."""
    found = _client.Client(url, token, home).get("/people")["items"]
    if output is _options.Format.table:
        found = [
            {**_clocks.told(each, TIMES, each["zone"]), "ways": _ways(each),
             "warnings": len(each["warnings"])}
            for each in found
        ]  # fmt: skip
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    name: Name,
    output: _options.Output = _options.Format.table,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Show one person, and what would happen if a page began now."""
    found = _client.Client(url, token, home).get(_path(name))
    if output is not _options.Format.table:
        _output.one(found, SHOWN, output)
        return
    zone = found["zone"]
    _output.one(_clocks.told(found, TIMES, zone), SHOWN, output)
    print()
    _output.rows([_clocks.told(each, SEEN, zone) for each in found["ways"]], WAYS, output)
    for urgency in ("default", "important"):
        print(f"\nIf a page began now ({urgency}):")
        _output.rows([_clocks.told(each, TIMES, zone) for each in found[urgency]], PAGES, output)
    _warn(found)


@nouns.command("preview")
def preview(
    name: Name,
    urgency: Annotated[str, typer.Option(help="default or important.")] = "important",
    at: Annotated[str, typer.Option(help="When it begins, such as 2026-03-07T03:07:00Z.")] = "",
    output: _options.Output = _options.Format.table,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Show what would happen: by what this person is told, when, and held until when."""
    body = {"urgency": urgency, **({"at": at} if at else {})}
    found = _client.Client(url, token, home).post(f"{_path(name)}/preview", body)
    if output is not _options.Format.table:
        _output.document(found, output)
        return
    pages = [_clocks.told(each, TIMES, found["zone"]) for each in found["pages"]]
    _output.rows(pages, PAGES, output)
    _warn(found)


@nouns.command("test")
def send_test(
    name: Name,
    by: Annotated[str, typer.Option(help="One way, such as sms. Default: every way.")] = "",
    output: _options.Output = _options.Format.table,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Send a test page with a code; `tocsin person verify` takes it."""
    body = {"by": by} if by else {}
    done = _client.Client(url, token, home).post(f"{_path(name)}/test", body)
    _output.rows(done["sent"], SENT, output)
    for way in done["resting"]:
        _output.say(f"! {way} was tested less than a minute ago and is left out")
    _output.say(f"confirm with: tocsin person verify {name} WAY CODE, until {done['expires_at']}")


@nouns.command("verify")
def verify(
    name: Name,
    by: Annotated[str, typer.Argument(help="The way over which the code came, such as sms.")],
    code: Annotated[str, typer.Argument(help="The six digits.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Confirm that a test page arrived."""
    body = {"by": by, "code": code}
    done = _client.Client(url, token, home).post(f"{_path(name)}/verify", body)
    _output.line(f"{done['destination']}  {done['state']}")


def _path(name: str) -> str:
    return f"/people/{_client.segment(name)}"


def _ways(person: dict[str, Any]) -> list[str]:
    """`sms:verified`; what its owner has stopped is said first of all."""
    return [f"{each['by']}:{'refused' if each['refused_at'] else each['state']}"
            for each in person["ways"]]  # fmt: skip


def _warn(found: dict[str, Any]) -> None:
    for said in found["warnings"]:
        _output.say(f"! {said}")
