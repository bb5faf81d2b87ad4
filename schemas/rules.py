"""The rules of a policy as people write them: what must hold, for how long, and what then."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from schemas.alert import Severity
from schemas.parts import Label, Name, Span, Written

#: An expression; see docs/policy.md, "Conditions".
Condition = Annotated[str, Field(min_length=1, max_length=4096)]
Keys = Annotated[list[Label], Field(max_length=20)]
Value = Annotated[str, Field(max_length=4096)]


class Count(Written):
    """It came so often within a time, repeats included."""

    at_least: int = Field(ge=1, le=10000, description="So many times.")
    within: Span = Field(description="Within this time.")
    by: Keys = Field([], description="Counted apart for each combination of these labels.")


class Absent(Written):
    """Nothing that `when` describes was posted for a time."""

    for_: Span = Field(alias="for", description="So long without a sign of life.")
    by: Keys = Field([], description="Watched apart for each combination of these labels.")


class Sequence(Written):
    """What `when` describes came, and then something else."""

    then: Condition = Field(description="What must follow, a condition like `when`.")
    within: Span = Field(description="At most so long after it.")
    by: Keys = Field([], description="Both must agree in these labels.")


class Raise(Written):
    """An alert of its own that fires while the rule is on and is resolved when it is not."""

    alertname: Label = Field(description="Its name.")
    severity: Severity | None = Field(None, description="How bad it is.")
    labels: dict[Label, Value] = Field({}, description="Further labels.")
    summary: Value = Field("", description="What people read first.")
    description: Value = Field("", description="What people read next.")


class Then(Written):
    """What happens while the rule is on."""

    severity: Severity | None = Field(None, description="The severity that the alert gets.")
    labels: dict[Label, Value] = Field(
        {}, description="Labels that it gets; an empty value takes one away."
    )
    raise_: Raise | None = Field(None, alias="raise", description="An alert of its own.")
    drop: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        None, description="Tell nobody of the alert, for this reason."
    )
    route: Name | None = Field(
        None, description='Sets the label route_hint: a route asks for it as route_hint="...".'
    )


class Rule(Written):
    """A condition, perhaps over time, and what follows from it."""

    name: Name = Field(description="What explanations call it; each rule has its own.")
    when: Condition = Field(description="The condition that an alert must fulfil.")
    for_: Span | None = Field(None, alias="for", description="It must hold so long.")
    count: Count | None = Field(None, description="It must come so often.")
    absent: Absent | None = Field(None, description="It must stay away so long.")
    sequence: Sequence | None = Field(None, description="Something must follow.")
    without_score: Literal["skip"] | float = Field(
        "skip",
        description="While anomaly_score is unknown: `skip` the rule, or take this number for it.",
    )
    then: Then = Field(description="What happens then.")
