"""Labels and facts cut out of a label or an annotation by a regular expression of RE2."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from tocsin.domain import enrichers, matchers

#: So much of a text is searched, in bytes; what an alert brings is bounded to less.
MAX_SEARCHED = 64 * 1024


def _place(text: str) -> str:
    group, _, name = text.partition(".")
    if group not in ("labels", "annotations") or not name:
        raise ValueError("write labels.<name> or annotations.<name>")
    return text


def _expression(pattern: str) -> str:
    if not matchers.regex(pattern).groupindex:
        raise ValueError("name what is to be cut out: (?P<name>...)")
    return pattern


class Settings(enrichers.EnricherSettings):
    """The first place in the text that fits decides; anchor with ^ and $ where all must fit."""

    from_: Annotated[str, AfterValidator(_place)] = Field(
        alias="from", description="`labels.<name>` or `annotations.<name>`."
    )
    pattern: Annotated[str, AfterValidator(_expression)] = Field(
        description="An expression of RE2 with named groups."
    )
    labels: enrichers.Labels = Field({}, description="Of each label the group it is taken from.")
    facts: enrichers.Facts = Field({}, description="Of each fact the group it is taken from.")

    @model_validator(mode="after")
    def _groups(self) -> Settings:
        groups = _groups_of(matchers.regex(self.pattern))
        for group in (*self.labels.values(), *self.facts.values()):
            if group not in groups:
                raise ValueError(
                    f"the pattern has no group `{group}`: there is {', '.join(sorted(groups))}"
                )
        if not self.labels and not self.facts:
            raise ValueError("say in `labels` or `facts` what becomes of the groups")
        return self


def prepare(settings: Settings, world: enrichers.World) -> enrichers.Enricher:
    pattern = matchers.regex(settings.pattern)
    group, _, name = settings.from_.partition(".")

    def extract(known: enrichers.Known) -> enrichers.Given:
        text = getattr(known, group).get(name, "")
        found = pattern.search(text.encode("utf-8", "replace")[:MAX_SEARCHED])
        if found is None:
            return enrichers.Given()
        values = {
            key.decode(): (value or b"").decode("utf-8", "replace")
            for key, value in found.groupdict().items()
        }
        return enrichers.Given(_taken(settings.labels, values), _taken(settings.facts, values))

    return extract


def _groups_of(pattern: Any) -> set[str]:
    return {name.decode() for name in pattern.groupindex}


def _taken(wanted: dict[str, str], values: dict[str, str]) -> dict[str, str]:
    return {name: values[group] for name, group in wanted.items() if values[group]}
