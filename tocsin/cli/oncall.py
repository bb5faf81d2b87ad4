"""`tocsin oncall`: who is on call, who stands in, and what is missing. Works over the API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from tocsin import errors
from tocsin.cli import _client, _clocks, _options, _output

nouns = typer.Typer(help="Who is on call, and who stands in.", no_args_is_help=True)
standing_in = typer.Typer(help="Who stands in for a while.", no_args_is_help=True)
NOW = ("schedule", "on_call", "since", "next", "next_at", "there", "awake", "layer")
SHIFTS = ("starts_at", "ends_at", "people", "layer")
OVERRIDES = ("id", "schedule", "person", "state", "starts_at", "ends_at", "created_by", "note")
COVERAGE = ("schedule", "what", "people", "from", "to")
LOAD = ("schedule", "name", "zone", "hours", "night_hours")
TIME = "2026-12-24 03:00, `24 03:00`, `saturday 03:00`, 03:00, or RFC 3339"
NOBODY = "NOBODY"

Schedule = Annotated[str, typer.Argument(help="As in the policy.")]
Schedules = Annotated[list[str] | None, typer.Argument(help="Only these. Default: all.")]


def register(app: typer.Typer) -> None:
    nouns.add_typer(standing_in, name="override")
    app.add_typer(nouns, name="oncall")


@nouns.command("now")
def now(
    schedules: Schedules = None,
    at: Annotated[str, typer.Option(help=f"At another time: {TIME}.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show who is on call now or at another time, and who is next."""
    asked: dict[str, Any] = {"at": at} if at else {}
    if schedules:
        asked["schedule"] = schedules
    found = _client.Client(url, token, home).get("/oncall", **asked)["items"]
    if output is _options.Format.table:
        found = [_now(item) for item in found]
    _output.rows(found, NOW, output)


@nouns.command("show")
def show(
    schedule: Schedule,
    since: Annotated[str, typer.Option("--from", help=f"{TIME}. Default: now.")] = "",
    until: Annotated[str, typer.Option("--to", help="Default: 30 days later.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the shifts of a schedule, and when nobody is on call, in its own time."""
    asked = {name: value for name, value in (("from", since), ("to", until)) if value}
    path = f"/oncall/{_client.segment(schedule)}/shifts"
    found = _client.Client(url, token, home).get(path, **asked)
    if output is not _options.Format.table:
        _output.document(found, output)
        return
    gaps = [{**gap, "people": [NOBODY]} for gap in found["gaps"]]
    line = sorted([*found["items"], *gaps], key=lambda each: str(each["starts_at"]))
    _output.rows([_shift(each, found["zone"]) for each in line], SHIFTS, output)


@nouns.command("coverage")
def coverage(
    schedules: Schedules = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How many days from now on.")] = 30,
    load: Annotated[bool, typer.Option("--load", help="Show how long each person has.")] = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what is missing in the days to come: nobody there, or nobody who can be reached.

    Ends with status 1 if something is.
    """
    asked: dict[str, Any] = {"days": days, **({"schedule": schedules} if schedules else {})}
    found = _client.Client(url, token, home).get("/oncall/coverage", **asked)["items"]
    if output is not _options.Format.table:
        _output.document(found, output)
    elif load:
        each = [{"schedule": item["schedule"], **one} for item in found for one in item["load"]]
        _output.rows(each, LOAD, output)
    else:
        _output.rows([row for item in found for row in _missing(item)], COVERAGE, output)
    if wrong := [item["schedule"] for item in found if not item["whole"]]:
        raise errors.TocsinError(f"not covered in the next {days} days: {', '.join(wrong)}")


@nouns.command("export")
def export(
    schedule: Schedule,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Default: print it.")] = None,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Write the shifts of 180 days as an iCalendar."""
    path = f"/oncall/{_client.segment(schedule)}/calendar.ics"
    text = _client.Client(url, token, home).text(path)
    if file is None:
        print(text, end="")
        return
    try:
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise errors.BadRequest(f"{file} cannot be written: {error.strerror}") from error


@standing_in.command("add")
def add(
    schedule: Schedule,
    person: Annotated[str, typer.Argument(help="Who stands in, as in people of the policy.")],
    start: Annotated[str, typer.Option("--start", help=f"{TIME}. Default: now.")] = "",
    end: Annotated[str, typer.Option("--end", help="Instead of --duration.")] = "",
    duration: Annotated[str, typer.Option("--duration", "-d", help="Such as 8h or 2d.")] = "",
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Let somebody stand in, whatever the layers say; prints the id.

    Times without a zone are what the clocks of the schedule show.
    """
    given = {"starts_at": start, "ends_at": end, "duration": duration, "note": note}
    body = {"schedule": schedule, "person": person}
    body |= {name: value for name, value in given.items() if value}
    client = _client.Client(url, token, home)
    made = client.post("/oncall/overrides", body)
    print(made["id"])
    zone = _zones(client).get(made["schedule"], "UTC")
    since, until = (_clocks.shown(made[name], zone) for name in ("starts_at", "ends_at"))
    _output.say(f"{made['state']}, from {since} to {until}")


@standing_in.command("list")
def list_(
    schedule: Annotated[str, typer.Option(help="Only of this one.")] = "",
    state: Annotated[str, typer.Option(help="active, pending, expired or all.")] = "all",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show overrides, newest first."""
    only = {"schedule": schedule} if schedule else {}
    client = _client.Client(url, token, home)
    found = client.listed("/oncall/overrides", limit, state=state, **only)
    if found and output is _options.Format.table:
        zones = _zones(client)
        found = [_clocks.told(each, ("starts_at", "ends_at"), zones.get(each["schedule"], "UTC"))
                 for each in found]  # fmt: skip
    _output.rows(found, OVERRIDES, output)


@standing_in.command("end")
def end_(
    overrides: Annotated[list[str], typer.Argument(help="One or more, as in `override list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """End overrides now, or call them off before they begin."""
    client = _client.Client(url, token, home)
    for override in overrides:
        done = client.delete(f"/oncall/overrides/{_client.segment(override)}")
        print(f"{done['id']}  {done['state']}")


def _zones(client: _client.Client) -> dict[str, str]:
    """Where the hours of each schedule are; one that is gone from the policy is in none."""
    return {each["schedule"]: each["zone"] for each in client.get("/oncall")["items"]}


def _now(item: Mapping[str, Any]) -> dict[str, Any]:
    following = item["next"] or {}
    people = item["people"]
    return {
        "schedule": item["schedule"],
        "on_call": [person["name"] for person in people] or NOBODY,
        "since": _local(item["since"], item["zone"]),
        "next": (following.get("people") or NOBODY) if following else None,
        "next_at": _local(following.get("starts_at"), item["zone"]),
        "there": [datetime.fromisoformat(person["local"]).strftime("%H:%M") for person in people],
        "awake": ["yes" if person["awake"] else "no" for person in people],
        "layer": item["layer"] or ("override" if item["overrides"] else None),
    }


def _shift(found: Mapping[str, Any], zone: str) -> dict[str, Any]:
    return {
        "starts_at": _local(found["starts_at"], zone), "ends_at": _local(found["ends_at"], zone),
        "people": found["people"],
        "layer": found.get("layer") or ("override" if found.get("overrides") else None),
    }  # fmt: skip


def _missing(item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    kinds: Sequence[tuple[str, str]] = (("gaps", "nobody on call"), ("empty", "not in people"))
    for key, what in kinds:
        for each in item[key]:
            yield {
                "schedule": item["schedule"], "what": what, "people": each.get("people"),
                "from": _local(each["starts_at"], item["zone"]),
                "to": _local(each["ends_at"], item["zone"]),
            }  # fmt: skip
    for each in item["unreachable"]:
        yield {
            "schedule": item["schedule"], "what": "no way to reach", "people": each["name"],
            "from": _local(each["first"], item["zone"]), "to": None,
        }  # fmt: skip


def _local(moment: str | None, zone: str) -> str | None:
    """As the clocks of the schedule show it, with the offset, which tells two apart in autumn."""
    if moment is None:
        return None
    found = datetime.fromisoformat(moment).astimezone(ZoneInfo(zone))
    return found.strftime("%a %Y-%m-%d %H:%M%z")
