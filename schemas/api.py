"""What the HTTP API answers, apart from incidents, silences and deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from schemas.alert import Severity, Status
from schemas.scoring import ScoreItem

Item = TypeVar("Item")


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


#: Text that a person wrote: not empty, bounded, and something that PostgreSQL can store.
Words = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=2000),
    AfterValidator(_storable),
]


class FieldProblem(BaseModel):
    """What is wrong in one place of a request: `#/a/0` in the body, or `query/limit`."""

    pointer: str
    detail: str


class Problem(BaseModel):
    """Every error, as RFC 9457 wants it. `detail` says what to do about it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    trace_id: str
    errors: list[FieldProblem] = []


class Page(BaseModel, Generic[Item]):
    """Some of the items; `next` is the cursor of the following page, null on the last one."""

    items: list[Item]
    next: str | None = None


class AlertItem(BaseModel):
    """One alert as it is stored now.

    `silenced_by` holds the silences in force that match it, `muted_by` the maintenance windows.
    """

    fingerprint: str
    status: Status
    severity: Severity
    labels: dict[str, str] = Field(description="With what enrichment and rules put over them.")
    added: dict[str, str] = Field({}, description="The labels that enrichment and rules set.")
    annotations: dict[str, str]
    extra: dict[str, Any] = Field({}, description="Facts that enrichment found.")
    source: str
    generator_url: str
    starts_at: datetime
    ends_at: datetime | None = None
    expires_at: datetime | None = None
    expired: bool = Field(
        False, description="It is over because nobody posted it any more; no sender said so."
    )
    count: int = Field(description="How often it was posted.")
    first_seen: datetime
    last_seen: datetime
    silenced_by: list[str] = []
    muted_by: list[str] = []
    score: ScoreItem | None = Field(None, description="How unusual it is.")


class EventItem(BaseModel):
    """One change of an alert and the one explanation in which it ended.

    `outcome` is "pending" while nothing is decided; `cause` is what it points to: a silence, a
    notification, a later event. `sentence` says it for people.
    """

    id: int
    received_at: datetime
    kind: str
    status: Status
    severity: Severity
    posted: bool = Field(description="False for what Tocsin found out by itself.")
    policy_version: int | None
    outcome: str
    cause: str | None
    explained_at: datetime | None
    sentence: str


class GroupItem(BaseModel):
    """A group that an alert is in."""

    id: str
    route: str
    receiver: str
    labels: dict[str, str]
    muted_by: list[str] = []


class IncidentRef(BaseModel):
    """An incident that an alert belongs to; `GET /incidents/{id}` has the rest."""

    id: str
    title: str
    state: Literal["open", "acknowledged", "resolved"]
    opened_at: datetime


class AlertDetail(AlertItem):
    """An alert with its story. `events` holds the newest 100."""

    events: list[EventItem]
    groups: list[GroupItem]
    incidents: list[IncidentRef]


class PolicyItem(BaseModel):
    """The policy that is in force; `problem` says why a newer document was refused."""

    version: int | None
    document: str | None
    author: str | None
    created_at: datetime | None
    problem: str | None


class Readiness(BaseModel):
    """What `/-/ready` answers while it is not ready."""

    ready: bool
    reasons: list[str]
    trace_id: str
