"""Policies over HTTP: documents that come, what is wrong with them, and what they change."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class PolicyText(BaseModel):
    """A policy document as it is written, in YAML."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"document": "route:\n  receiver: team\nreceivers:\n  - name: team\n"}]
        },
    )

    document: str = Field(max_length=1_000_000)


class OlderVersion(BaseModel):
    """The version that shall be in force again."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"version": 3}]})

    version: int = Field(ge=1, le=2**31 - 1)


class PolicyProblem(BaseModel):
    """One thing that is wrong; `line` is where it stands."""

    line: int | None
    detail: str


class PolicyCheck(BaseModel):
    """Whether a document could be put in force, else all that is wrong with it."""

    valid: bool
    problems: list[PolicyProblem] = []
    warnings: list[PolicyProblem] = Field(
        [],
        description="Of a valid one, what may not mean what its author thinks, and (without a line)"
        " who may be on call and cannot be reached, and when a step of an escalation would find"
        " nobody in the next 30 days.",
    )


class FieldChange(BaseModel):
    """A value that is different; null on one side: it is not there."""

    path: str
    before: Any
    after: Any


class PolicyChange(BaseModel):
    """One part of a section. `moved`: it says the same at another place in the order."""

    section: str
    id: str
    what: Literal["added", "removed", "changed", "moved"]
    fields: list[FieldChange] = []


class PolicyDiff(BaseModel):
    """What a document would change of the one in force (`version`; null: there is none)."""

    version: int | None
    same: bool
    changes: list[PolicyChange]


class VersionItem(BaseModel):
    """A version of the policy."""

    version: int
    author: str
    created_at: datetime
    in_force: bool


class ForeignPolicy(BaseModel):
    """What another system is configured with, and the template files that it names."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "format": "alertmanager",
                    "document": "route: {receiver: team}\nreceivers: [{name: team}]\n",
                }
            ]
        },
    )

    format: Literal["alertmanager"]
    document: str = Field(max_length=1_000_000, description="The configuration, such as YAML.")
    templates: dict[str, str] | None = Field(
        None, max_length=200, description="Its template files by name, whole."
    )


class ImportNote(BaseModel):
    """What became of one thing; `line` is that of the foreign document, 0: of none of its lines."""

    kind: Literal["carried", "changed", "left_out", "to_do"]
    line: int
    place: str
    said: str


class ImportedPolicy(BaseModel):
    """The policy that says the same, as far as one can; `PUT policy` puts it in force."""

    document: str
    notes: list[ImportNote]
    silent: list[str] = Field(
        [], description="Receivers that told somebody there, and would tell nobody here."
    )
    poorer: list[str] = Field([], description="Receivers that lose one of their ways to tell.")
    valid: bool = Field(description="Whether it could be put in force as it is.")
