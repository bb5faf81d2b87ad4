"""Templates over HTTP: which there are, and how a message would read."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from schemas.message import Reason
from schemas.templates import Locale


class TemplateItem(BaseModel):
    """A template of the policy in force; `line` is where it stands there."""

    name: str
    channel: str
    type: str
    receivers: list[str]
    parts: list[str]
    line: int


class TemplateTry(BaseModel):
    """What to show: these `parts`, the template `name`, or else what the policy would choose.

    The message is a sample, or the newest one about `incident`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"channel": "slack", "type": "first", "parts": {"text": "*{{ title }}*"}}]
        },
    )

    channel: str = Field(max_length=100)
    type: Reason | None = Field(None, description="Default: first, or that of the message.")
    parts: dict[str, str] | None = Field(None, description="Jinja2 texts by the name of the part.")
    name: str | None = Field(None, description="A template of the policy in force.")
    receiver: str | None = Field(None, description="Default: that of the message.")
    incident: str | None = None
    locale: Locale | None = Field(None, description="Default: that of the receiver.")


class TemplateProblem(BaseModel):
    """One thing that is wrong; `line` counts within the part."""

    part: str | None
    line: int | None
    detail: str


class TemplateShown(BaseModel):
    """How the message would read. With problems, `own` goes out, with a note that says so.

    `own` are the channel's own words where it can say them without sending.
    """

    channel: str
    type: Reason
    template: str | None = Field(description="Null: none of the policy is for it.")
    locale: str
    texts: dict[str, str]
    own: dict[str, str]
    problems: list[TemplateProblem] = []
