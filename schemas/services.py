"""The service map of a policy document: what there is, who looks after it, what it stands on."""

from __future__ import annotations

from pydantic import Field

from schemas.parts import Name, Written

#: The label by which an alert says which service it is about.
LABEL = "service"


class Service(Written):
    """One service: the services that it needs, and what people want to know of it at night."""

    depends_on: list[Name] = Field([], description="Services that it needs; circles are allowed.")
    owner: Name | None = Field(None, description="Who looks after it.")
    runbook: Name | None = Field(None, description="Where to read what to do.")
    tier: Name | None = Field(None, description="How much depends on it, in words of your own.")
