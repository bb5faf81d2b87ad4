"""The tenant's service map: which service stands on which, and how near they are to each other."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from schemas.services import LABEL


@dataclass(frozen=True, slots=True)
class Service:
    """One service and the services that it needs."""

    name: str
    depends_on: tuple[str, ...] = ()
    owner: str | None = None
    runbook: str | None = None
    tier: str | None = None


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """All services by name; `label` is the label that names the service of an alert."""

    label: str = LABEL
    services: Mapping[str, Service] = field(default_factory=dict)
    #: Who needs a service: `depends_on` read backwards.
    needed_by: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)


def build(services: Iterable[Service], label: str = LABEL) -> ServiceMap:
    """The map of these services; a name in `depends_on` that no service has leads nowhere."""
    known = {service.name: service for service in services}
    needed: dict[str, list[str]] = {}
    for service in known.values():
        for name in dict.fromkeys(service.depends_on):
            if name in known:
                needed.setdefault(name, []).append(service.name)
    return ServiceMap(label, known, {name: tuple(users) for name, users in needed.items()})


def of(map: ServiceMap, labels: Mapping[str, str]) -> Service | None:
    """The service that an alert with these labels is about, if the map has it."""
    return map.services.get(labels.get(map.label, ""))


def depends_on(map: ServiceMap, service: str) -> tuple[str, ...]:
    """What a service needs directly, as it was written; nothing for one that is not known."""
    found = map.services.get(service)
    return found.depends_on if found else ()


def neighbours(map: ServiceMap, service: str, hops: int) -> dict[str, int]:
    """The services at most `hops` steps away and how many steps, the nearest first.

    A step goes either way: to what a service needs or to what needs it, so two users of one
    database are two steps apart. The service itself is not among them.
    """
    if service not in map.services:
        return {}
    steps = {service: 0}
    waiting = deque([service])
    while waiting:
        here = waiting.popleft()
        if steps[here] >= hops:
            break
        for name in (*map.services[here].depends_on, *map.needed_by.get(here, ())):
            if name in map.services and name not in steps:
                steps[name] = steps[here] + 1
                waiting.append(name)
    del steps[service]
    return steps
