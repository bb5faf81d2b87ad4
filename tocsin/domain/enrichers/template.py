"""Labels and facts made of what is known: `{labels.service}-team`."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from schemas.parts import Label
from tocsin.domain import enrichers
from tocsin.domain.enrichers import _placeholders

Text = Annotated[str, AfterValidator(_placeholders.checked)]


class Settings(enrichers.EnricherSettings):
    """Texts with placeholders; one whose value is not known, and has no default, sets nothing."""

    labels: dict[Label, Text] = Field(
        {}, max_length=enrichers.MAX_NAMES, description="Of each label its text."
    )
    facts: dict[enrichers.Fact, Text] = Field(
        {}, max_length=enrichers.MAX_NAMES, description="Of each fact its text."
    )

    @model_validator(mode="after")
    def _something(self) -> Settings:
        if not self.labels and not self.facts:
            raise ValueError("give `labels` or `facts`")
        return self


def prepare(settings: Settings, world: enrichers.World) -> enrichers.Enricher:
    labels = {name: _placeholders.parse(text) for name, text in settings.labels.items()}
    facts = {name: _placeholders.parse(text) for name, text in settings.facts.items()}

    def template(known: enrichers.Known) -> enrichers.Given:
        return enrichers.Given(_rendered(labels, known), _rendered(facts, known))

    return template


def _rendered(texts: dict[str, _placeholders.Text], known: enrichers.Known) -> dict[str, str]:
    made = {name: text.render(known) for name, text in texts.items()}
    return {name: value for name, value in made.items() if value}
