"""What a policy document says about enrichment: the short table, then steps in their order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field, create_model, model_validator

from schemas.parts import Label, Written

#: Steps of one policy.
MAX_STEPS = 100


class Lookup(Written):
    """A row of the enrichment table."""

    matchers: list[str] = Field([], description="The alerts that it is for; none: all.")
    set: dict[Label, str] = Field(description="What it adds, such as runbook and owner.")


class Step(Written):
    """A step; beside these keys, one under the name of its enricher."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,49}$")] | None = Field(
        None, description="How messages call it; left out: the name of its enricher."
    )
    matchers: list[str] = Field([], description="The alerts that it is for; none: all.")
    overwrite: bool = Field(False, description="Whether it may replace what is known already.")

    @classmethod
    def enrichers(cls) -> tuple[str, ...]:
        """The names under which a step of this model may have its settings."""
        return tuple(field.alias for field in cls.model_fields.values() if field.alias is not None)

    def chosen(self) -> tuple[str, BaseModel]:
        """The enricher's name and its settings."""
        for name, field in type(self).model_fields.items():
            settings = getattr(self, name)
            if field.alias is not None and settings is not None:
                return field.alias, settings
        raise AssertionError("a step without an enricher was let through")

    @model_validator(mode="after")
    def _one(self) -> Step:
        known = self.enrichers()
        given = sum(
            getattr(self, name) is not None
            for name, field in type(self).model_fields.items()
            if field.alias is not None
        )
        if known and given != 1:
            raise ValueError(f"a step has exactly one of {', '.join(known)}")
        return self


class Enrichment(Written):
    """What is added to alerts."""

    table: list[Lookup] = Field([], description="For each key the first row that matches decides.")
    steps: list[Step] = Field([], max_length=MAX_STEPS, description="Asked in this order.")


def section(enrichers: Mapping[str, type[BaseModel]]) -> type[Enrichment]:
    """The model in which steps may use these enrichers (name -> its settings)."""
    fields: dict[str, Any] = {
        f"{name}_settings": (
            settings | None,
            Field(None, alias=name, description=(settings.__doc__ or "").strip().split("\n")[0]),
        )
        for name, settings in enrichers.items()
    }
    step = create_model("EnrichmentStep", __base__=Step, **fields)
    steps: Any = Field([], max_length=MAX_STEPS, description="Asked in this order.")
    return create_model("Enrichment", __base__=Enrichment, steps=(list[step], steps))
