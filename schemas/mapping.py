"""What a policy says of senders: how foreign JSON becomes alerts, and which topics are believed."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic.json_schema import WithJsonSchema

from schemas.parts import Label, Span, Written

_NAME = r"^[a-z0-9][a-z0-9_-]{0,62}$"
#: With this mark a topic's name begins, in whichever part of Amazon's world.
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:\S+", re.ASCII)


def _name(name: str) -> str:
    if not re.fullmatch(_NAME[1:-1], name, re.ASCII):
        raise ValueError(
            "must be up to 63 small letters, digits, `-` and `_`: it stands in an address"
        )
    return name


def _topic(arn: str) -> str:
    if not _TOPIC.fullmatch(arn):
        raise ValueError("must be the ARN of a topic, as arn:aws:sns:eu-west-1:123456789012:alarms")
    return arn


#: Stands in addresses and in the names of counters.
SourceName = Annotated[
    str, AfterValidator(_name), WithJsonSchema({"type": "string", "pattern": _NAME})
]
Expression = Annotated[str, Field(min_length=1, max_length=4096)]


class MappedSource(Written):
    """A sender of JSON of its own; every value is an expression over `body` and `alert`."""

    name: SourceName = Field(description="The end of its address: /webhooks/mapped/<name>.")
    alerts: Expression | None = Field(
        None, description="The list in which each element is an alert. Left out: the body is one."
    )
    when: Expression | None = Field(None, description="Only what meets this condition is taken.")
    alertname: Expression = Field(description="What the alert is called.")
    severity: Expression | None = Field(None, description="The label `severity`.")
    status: Expression | None = Field(
        None, description="A condition (true: firing) or a word such as firing, down, resolved, ok."
    )
    labels: dict[Label, Expression] = Field(
        {}, max_length=62, description="What makes it the same alert again."
    )
    annotations: dict[Label, Expression] = Field(
        {}, max_length=64, description="What else is known of it."
    )
    starts_at: Expression | None = Field(None, description="RFC 3339, or seconds since 1970.")
    ends_at: Expression | None = Field(None, description="The same; when it was or will be over.")
    generator_url: Expression | None = Field(None, description="A link to the sender's page.")
    resolve_after: Span | None = Field(
        None, description="For senders that never say resolved: over when not sent for so long."
    )


class CloudWatch(Written):
    """What may come in from Amazon CloudWatch."""

    topics: list[Annotated[str, AfterValidator(_topic)]] = Field(
        [], description="The SNS topics that are believed. None named: all of them."
    )
    unsigned: bool = Field(
        False, description="Take raw delivery and EventBridge too, which bear no signature."
    )
    insufficient_data: Literal["keep", "firing", "resolved"] = Field(
        "keep", description="What an alarm without data means; keep: nothing changes."
    )
