"""From the parts of a policy document that say what is known of alerts to what is looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from schemas import enrichment as written
from schemas.services import Service
from tocsin.config import problems
from tocsin.domain import enrichers, enrichment, matchers, service_map

Problem = tuple[problems.Path, str]


def table(section: written.Enrichment) -> tuple[enrichment.Lookup, ...]:
    """The short table of a checked document."""
    return tuple(enrichment.Lookup(_conditions(row.matchers), row.set) for row in section.table)


def steps(
    section: written.Enrichment, services: service_map.ServiceMap
) -> tuple[enrichment.Step, ...]:
    """The steps of a checked document, prepared."""
    world = enrichers.World(services)
    return tuple(_step(step, world) for step in section.steps)


def _step(step: written.Step, world: enrichers.World) -> enrichment.Step:
    enricher, settings = step.chosen()
    assert isinstance(settings, enrichers.EnricherSettings)
    said = settings.identity()
    return enrichment.Step(
        digest=hashlib.sha256(f"{enricher} {said}".encode()).hexdigest()[:16],
        name=step.name or enricher,
        matchers=_conditions(step.matchers),
        settings=settings,
        overwrite=step.overwrite,
        enricher=enrichers.REGISTRY[enricher].prepare(settings, world),
    )


def _conditions(texts: Iterable[str]) -> tuple[matchers.Matcher, ...]:
    return tuple(matcher for text in texts for matcher in matchers.parse_list(text))


def services(written: Mapping[str, Service], label: str) -> service_map.ServiceMap:
    """The service map of a checked document."""
    return service_map.build(
        (
            service_map.Service(name, tuple(each.depends_on), each.owner, each.runbook, each.tier)
            for name, each in written.items()
        ),
        label,
    )


def service_problems(plain: Any) -> Iterator[Problem]:
    """Names in the map that lead nowhere."""
    found = plain.get("services") if isinstance(plain, dict) else None
    if not isinstance(found, dict):
        return
    names = [name for name in found if isinstance(name, str)]
    known = frozenset(names)
    for name, each in found.items():
        needs = each.get("depends_on") if isinstance(each, dict) else None
        for at, other in enumerate(needs if isinstance(needs, list) else ()):
            path = ("services", str(name), "depends_on", at)
            if isinstance(other, str) and other not in known:
                yield path, f"there is no service `{other}`" + problems.suggest(other, names)
            elif other == name:
                yield path, f"the service `{name}` cannot depend on itself: leave it out"
