"""From the people of a document and the accounts to the ways in which each can be told."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from schemas.people import Person, Urgency
from tocsin.config import plain, problems
from tocsin.domain import people as reaching
from tocsin.domain.policy import Integration, contact_key

Problem = tuple[problems.Path, str]
Channels = Mapping[str, type[BaseModel]]

URGENCIES: tuple[Urgency, ...] = get_args(Urgency)
#: Quiet hours are the same each week, so any day will do.
_ANY_DAY = datetime(2026, 1, 1, tzinfo=UTC)

#: An address of each kind, with which an account is tried that nobody uses yet.
_SAMPLES = {
    "phone": "+15550100000", "email": "somebody@example.org", "slack": "U0123456789",
    "webhook": "https://example.org/",
}  # fmt: skip


def contacts(
    people: Sequence[Person], accounts: Mapping[str, Any], channels: Channels
) -> dict[str, Integration]:
    """How each person can be told, by `contact_key`, in the order in which accounts are written."""
    found = {}
    for person in people:
        for channel, account in accounts.items():
            if settings := _settings(channels[channel], account, person):
                key = contact_key(person.name, channel)
                found[key] = Integration(key=key, channel=channel, settings=settings)
    return found


def problems_of(document: Any, channels: Channels) -> Iterator[Problem]:
    """What is wrong with people, teams and accounts beyond their form."""
    if not isinstance(document, dict):
        return
    people = list(plain.dicts(document, "people"))
    yield from plain.twice(document, "people", "name", "slack", "phone", "email", "webhook")
    yield from plain.twice(document, "teams", "name")
    yield from plain.twice(document, "holidays", "name")
    names = plain.names(document, "people")
    for at, team in plain.dicts(document, "teams"):
        for index, name in enumerate(plain.listed(team, "people")):
            if isinstance(name, str) and name not in names:
                said = f"there is nobody called `{name}` in people" + problems.suggest(name, names)
                yield ("teams", at, "people", index), said
    accounts = document.get("accounts")
    accounts = accounts if isinstance(accounts, dict) else {}
    yield from _accounts(accounts, channels)
    sound = dict(_sound(accounts, channels))
    for at, person in people:
        yield from _ways(person, ("people", at), accounts, channels)
        yield from _addresses(person, ("people", at), sound)
        yield from _hours(person, ("people", at))


def _settings(model: type[BaseModel], account: Any, person: Person) -> BaseModel | None:
    """The channel's settings with the person's address; None: the person has none of the kind."""
    contact = getattr(model, "CONTACT", None)
    if contact is None or not (address := getattr(person, contact.kind)):
        return None
    return model.model_validate({**account, contact.field: address})


def _accounts(accounts: dict[Any, Any], channels: Channels) -> Iterator[Problem]:
    for name, account in accounts.items():
        contact = getattr(channels.get(name), "CONTACT", None)
        if contact is None or not isinstance(account, dict):
            continue  # the form says so
        try:
            channels[name].model_validate({**account, contact.field: _SAMPLES[contact.kind]})
        except ValidationError as error:
            yield from problems.of(channels[name], error, ("accounts", name))


def _sound(accounts: dict[Any, Any], channels: Channels) -> Iterator[tuple[str, Any]]:
    """The accounts without problems of their own, with the model of each."""
    for name, account in accounts.items():
        if getattr(channels.get(name), "CONTACT", None) is None or not isinstance(account, dict):
            continue
        if not any(_accounts({name: account}, channels)):
            yield name, (channels[name], account)


def _addresses(
    person: dict[str, Any], path: problems.Path, sound: dict[str, Any]
) -> Iterator[Problem]:
    """Addresses that look right and that the channel does not take all the same, each once."""
    refused: set[str] = set()
    for name, (model, account) in sound.items():
        contact = model.CONTACT
        address = person.get(contact.kind)
        if not isinstance(address, str) or contact.kind in refused:
            continue
        try:
            model.model_validate({**account, contact.field: address})
        except ValidationError as error:
            said = problems.in_words(error.errors(include_url=False)[0])
            refused.add(contact.kind)
            yield (*path, contact.kind), f"{name} does not take `{address}`: {said}"


def _hours(person: dict[str, Any], path: problems.Path) -> Iterator[Problem]:
    """Quiet hours that leave no time to tell anything."""
    try:
        checked = Person.model_validate({"name": "x", "quiet": person.get("quiet") or []})
    except ValidationError:
        return  # the form says so
    for urgency in URGENCIES:
        if reaching.endless(checked, urgency, _ANY_DAY):
            yield (
                (*path, "quiet"),
                f"the quiet hours of {person.get('name')} never end for {urgency} pages, so that"
                " nothing could be held until then: leave a time free",
            )


def _ways(
    person: dict[str, Any], path: problems.Path, accounts: dict[Any, Any], channels: Channels
) -> Iterator[Problem]:
    notify = person.get("notify")
    for urgency in URGENCIES:
        for index, way in plain.dicts(notify, urgency):
            by = way.get("by")
            if not isinstance(by, str):
                continue
            where = (*path, "notify", urgency, index, "by")
            if by not in accounts:
                yield where, f"there is no account `{by}`" + problems.suggest(by, accounts)
                continue
            contact = getattr(channels.get(by), "CONTACT", None)
            if contact is not None and not person.get(contact.kind):
                yield where, f"{person.get('name')} has no `{contact.kind}`, which {by} needs"
