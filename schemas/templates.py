"""Templates in the policy document: how the messages of a tenant are worded."""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import Field
from pydantic.json_schema import WithJsonSchema

from schemas.message import Message, Reason
from schemas.parts import Name, Written

#: A language as in `de` or `de-AT`.
Locale = Annotated[str, Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35)]
DEFAULT_LOCALE = "en"

#: What a template can name: every field of the message, short names for two of them, and `over`.
ALIASES = {"labels": "common_labels", "annotations": "common_annotations"}
NAMES = frozenset({*Message.model_fields, *ALIASES, "over"})
#: So many templates a policy has at most.
MAX_TEMPLATES = 200

ANY = "*"
#: What a template can be for: a reason to tell, or any.
TYPES = (ANY, *get_args(Reason))
#: A wrong one is told of where the document is judged, with what was perhaps meant.
Type = Annotated[str, WithJsonSchema({"type": "string", "enum": list(TYPES)})]


class TemplateEntry(Written):
    """Texts in place of those that a channel composes itself."""

    name: Name = Field(description="How it is called where it is spoken of.")
    channel: str = Field(ANY, description="The channel that it is for; `*`: every one.")
    type: Type = Field(ANY, description="The kind of message that it is for; `*`: every one.")
    receivers: list[Name] = Field([], description="Only messages to these; none: to all.")
    parts: dict[str, str] = Field(
        min_length=1,
        description="The Jinja2 text of each part; which parts there are, the channel says.",
    )
