"""What the service map says about the alert's service: owner, runbook, tier, what it depends on."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from schemas.parts import Label
from schemas.services import Service
from tocsin.domain import enrichers, service_map

WORDS = tuple(Service.model_fields)


def _word(text: str) -> str:
    if text not in WORDS:
        raise ValueError(f"the service map has {', '.join(WORDS)}")
    return text


class Settings(enrichers.EnricherSettings):
    """The facts `owner`, `runbook`, `tier` and `depends_on`, where the map has them."""

    labels: dict[Label, Annotated[str, AfterValidator(_word)]] = Field(
        {}, max_length=8, description="Which of these become labels too, such as `tier: tier`."
    )


def prepare(settings: Settings, world: enrichers.World) -> enrichers.Enricher:
    said = {name: _facts(service) for name, service in world.services.services.items()}
    label = world.services.label

    def services(known: enrichers.Known) -> enrichers.Given:
        facts = said.get(known.labels.get(label, ""))
        if facts is None:
            return enrichers.Given()
        labels = {name: facts[word] for name, word in settings.labels.items() if word in facts}
        return enrichers.Given(labels, facts)

    return services


def _facts(service: service_map.Service) -> dict[str, str]:
    found = {
        "owner": service.owner, "runbook": service.runbook, "tier": service.tier,
        "depends_on": ", ".join(service.depends_on),
    }  # fmt: skip
    return {word: value for word, value in found.items() if value}
