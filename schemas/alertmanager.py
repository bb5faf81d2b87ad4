"""What Alertmanager's own API, version 2, takes and gives; its names, not ours."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


Text = Annotated[str, Field(max_length=2000), AfterValidator(_storable)]


class Receiver(BaseModel):
    """By name only."""

    name: str


class AlertStatus(BaseModel):
    """Whether it is told of now, and what keeps it quiet otherwise."""

    state: Literal["unprocessed", "active", "suppressed"]
    silencedBy: list[str] = Field(description="Ids of silences and maintenance windows.")
    inhibitedBy: list[str] = Field(description="Fingerprints of what fires and makes it redundant.")
    mutedBy: list[str] = Field(description="Time intervals; or the rule that dropped it.")


class GettableAlert(BaseModel):
    """An alert that fires."""

    annotations: dict[str, str]
    endsAt: datetime = Field(description="When it expires unless it is posted again; or year 1.")
    fingerprint: str
    receivers: list[Receiver]
    startsAt: datetime
    status: AlertStatus
    updatedAt: datetime
    generatorURL: str | None = Field(None, description="Left out where the sender gave none.")
    labels: dict[str, str] = Field(description="With what enrichment and rules put over them.")


class AlertGroup(BaseModel):
    """Alerts that are told of together."""

    alerts: list[GettableAlert]
    labels: dict[str, str]
    receiver: Receiver


class Matcher(BaseModel):
    """A condition on one label."""

    name: Text
    value: Text
    isRegex: bool
    isEqual: bool = True


class Silence(BaseModel):
    """What both directions have."""

    comment: Text
    createdBy: Text = Field(description="What the client says; the audit has the token.")
    endsAt: AwareDatetime
    matchers: list[Matcher] = Field(min_length=1, max_length=50)
    startsAt: AwareDatetime


class PostableSilence(Silence):
    """A silence to be made, or with `id` to be changed."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "matchers": [{"name": "alertname", "value": "DiskFull", "isRegex": False}],
                    "startsAt": "2030-01-01T00:00:00Z",
                    "endsAt": "2030-01-01T02:00:00Z",
                    "createdBy": "ann",
                    "comment": "the disks are being replaced",
                }
            ]
        }
    )
    id: str | None = Field(None, max_length=100)


class SilenceStatus(BaseModel):
    state: Literal["active", "pending", "expired"]


class GettableSilence(Silence):
    """A silence, or a maintenance window."""

    id: str
    status: SilenceStatus
    updatedAt: datetime


class SilenceId(BaseModel):
    silenceID: str


class Peer(BaseModel):
    name: str
    address: str


class ClusterStatus(BaseModel):
    """There is none to speak of: the processes meet in the database."""

    status: Literal["disabled"] = "disabled"
    peers: list[Peer] = []


class VersionInfo(BaseModel):
    """`version` is that of the Alertmanager whose API this is; `revision` is Tocsin's own."""

    branch: str
    buildDate: str
    buildUser: str
    goVersion: str
    revision: str
    version: str


class Config(BaseModel):
    original: str = Field(description="The routing as an alertmanager.yml.")


class AlertmanagerStatus(BaseModel):
    """What a client asks first."""

    cluster: ClusterStatus
    config: Config
    uptime: datetime
    versionInfo: VersionInfo


class Failure(BaseModel):
    """What is wrong with a request as a whole; other errors are a plain string."""

    code: int
    message: str
