"""Scheduled reports of a document: their recipients, and what no schema can say of them."""

from __future__ import annotations

import importlib.util
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from schemas import reporting as written
from schemas.people import Person
from tocsin.config import plain, problems
from tocsin.domain.reporting import Recipient, Report

Problem = tuple[problems.Path, str]
Channels = Mapping[str, type[BaseModel]]


def reports(
    listed: Sequence[written.ScheduledReport],
    people: Sequence[Person],
    accounts: Mapping[str, Any],
    channels: Channels,
) -> tuple[Report, ...]:
    """The reports with whom each goes to."""
    addresses = {person.name: person.email for person in people}
    made = []
    for each in listed:
        found = dict.fromkeys(to if "@" in to else addresses.get(to) or "" for to in each.to)
        recipients = tuple(
            Recipient(to, each.account, _settings(each.account, accounts, channels, to))
            for to in found
        )
        made.append(Report(each.name, each, recipients))
    return tuple(made)


def problems_of(document: Any, channels: Channels) -> Iterator[Problem]:
    """Each problem with its path; parts that have not the right form are passed over."""
    if not isinstance(document, dict):
        return
    yield from plain.twice(document, "reports", "name")
    people = {each.get("name"): each for _, each in plain.dicts(document, "people")}
    accounts = document.get("accounts")
    accounts = accounts if isinstance(accounts, dict) else {}
    known = kinds()
    for at, each in plain.dicts(document, "reports"):
        kind = each.get("kind")
        if isinstance(kind, str) and kind not in known:
            said = f"there is no report `{kind}`" + problems.suggest(kind, known)
            yield ("reports", at, "kind"), said
        yield from _recipients(each, ("reports", at), people, accounts, channels)


def kinds() -> list[str]:
    """The reports that there are: the files of their folder. None of them is imported here."""
    found = importlib.util.find_spec("scheduler.reports")
    places = found.submodule_search_locations if found else None
    names = (info.name for info in pkgutil.iter_modules(places or []))
    return sorted(name for name in names if not name.startswith("_"))


def _recipients(
    report: dict[str, Any],
    path: problems.Path,
    people: Mapping[Any, dict[str, Any]],
    accounts: Mapping[Any, Any],
    channels: Channels,
) -> Iterator[Problem]:
    listed = [(index, to) for index, to in enumerate(plain.listed(report, "to"))
              if isinstance(to, str)]  # fmt: skip
    for index, to in listed:
        if "@" not in to and (said := _nobody(to, people)):
            yield (*path, "to", index), said
    account = report.get("account", "email")
    if not listed or not isinstance(account, str):
        return
    if said := _no_mail(account, accounts, channels):
        yield (*path, "account"), said
        return
    for index, to in listed:
        yield from _address((*path, "to", index), to, account, accounts, channels)


def _nobody(name: str, people: Mapping[Any, dict[str, Any]]) -> str:
    if name not in people:
        names = [each for each in people if isinstance(each, str)]
        return f"there is nobody called `{name}` in people" + problems.suggest(name, names)
    return "" if people[name].get("email") else f"{name} has no `email`"


def _no_mail(account: str, accounts: Mapping[Any, Any], channels: Channels) -> str:
    if account not in accounts:
        return f"there is no account `{account}`" + problems.suggest(account, map(str, accounts))
    contact = getattr(channels.get(account), "CONTACT", None)
    if contact is None or contact.kind != "email":
        return f"`{account}` sends no mail: name an account such as email"
    return ""


def _address(
    path: problems.Path, to: str, account: str, accounts: Mapping[Any, Any], channels: Channels
) -> Iterator[Problem]:
    """What the channel itself says against an address."""
    if "@" not in to or not isinstance(accounts[account], dict):
        return
    try:
        _settings(account, accounts, channels, to)
    except ValidationError as error:
        field = getattr(channels[account], "CONTACT").field  # noqa: B009
        said = [item["msg"] for item in error.errors(include_url=False)
                if item["loc"][:1] == (field,)]  # fmt: skip
        yield from ((path, each.removeprefix("Value error, ")) for each in said[:1])


def _settings(account: str, accounts: Mapping[str, Any], channels: Channels, to: str) -> BaseModel:
    model = channels[account]
    contact = getattr(model, "CONTACT")  # noqa: B009
    return model.model_validate({**accounts[account], contact.field: to})
