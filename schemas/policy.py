"""The policy document of a tenant as people write it: who is told of which alerts, and when."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import BaseModel, Field, create_model

from schemas import enrichment as enriching
from schemas.correlation import Correlation
from schemas.escalation import Escalation
from schemas.heartbeats import Freshness, Heartbeat
from schemas.holidays import Holidays
from schemas.inhibition import InhibitRule
from schemas.mapping import CloudWatch, MappedSource
from schemas.parts import Duration, Label, Name, Span, Written
from schemas.people import Person, Team
from schemas.quiet import Silences
from schemas.reporting import ScheduledReport
from schemas.rules import Rule
from schemas.schedules import Schedule
from schemas.scoring import Scoring
from schemas.service_levels import Calendar, ServiceLevel
from schemas.services import LABEL, Service
from schemas.storms import Storms
from schemas.templates import DEFAULT_LOCALE, Locale, TemplateEntry
from schemas.time_intervals import TimeInterval

GROUP_WAIT = timedelta(seconds=30)
GROUP_INTERVAL = timedelta(minutes=5)
REPEAT_INTERVAL = timedelta(hours=4)
REOPEN = timedelta(minutes=5)

#: Stands in `group_by` for all labels.
ALL_LABELS = "..."


class Route(Written):
    """A node of the routing tree; what it leaves out it inherits from its parent."""

    receiver: Name | None = Field(None, description="Who is told. Left out at the top: nobody.")
    matchers: list[str] = Field([], description='Conditions such as severity="critical"; all hold.')
    continue_: bool = Field(
        False, alias="continue", description="Ask the siblings that follow as well."
    )
    group_by: list[Label] | None = Field(
        None, description="Labels that keep alerts apart into groups; `...` means all of them."
    )
    group_wait: Duration | None = Field(None, description="Wait before a new group first speaks.")
    group_interval: Duration | None = Field(None, description="Wait between two tellings of news.")
    repeat_interval: Span | None = Field(None, description="Wait before the same is told again.")
    mute_time_intervals: list[Name] = Field(
        [], description="Some of `time_intervals`: while one holds, nothing is told. Not inherited."
    )
    active_time_intervals: list[Name] = Field(
        [], description="Only while one of these holds is anything told. Not inherited."
    )
    routes: list[Route] = Field([], description="Children, asked in this order.")


class Global(Written):
    """What holds for all routes."""

    resolve_timeout: Span | None = Field(
        None,
        description="An alert of Alertmanager's API that names no end is over so long after it was"
        " posted last; left out: as the installation says.",
    )


class Incidents(Written):
    """How incidents behave."""

    reopen: Duration = Field(
        REOPEN, description="An incident whose alerts come back this soon is opened again."
    )
    ack_timeout: Span | None = Field(
        None,
        description="An acknowledged incident that is not resolved so long after is opened again;"
        " left out: never.",
    )
    correlate: list[Correlation] = Field(
        [], description="Rules by which groups are joined into one incident; none: none are."
    )


class Receiver(Written):
    """Somebody to tell; beside the name a list of integrations under the name of each channel."""

    name: Name = Field(description="How routes call it.")
    locale: Locale | None = Field(None, description="The language of messages to it.")
    escalation: Name | None = Field(
        None, description="One of `escalations`: who is paged, and who next when nobody acts."
    )
    fallback: Name | None = Field(
        None, description="The receiver whose channels are told where one of its own is dead."
    )


class Accounts(Written):
    """By what people are told: the settings of each channel but for the address of the person."""


class Document(Written):
    """The whole policy of a tenant."""

    global_: Global = Field(Global(), alias="global")
    route: Route = Field(description="The top of the routing tree.")
    receivers: list[Receiver] = Field([], description="Who can be told, and how.")
    enrichment: enriching.Enrichment = enriching.Enrichment()
    rules: list[Rule] = Field([], description="What conditions change, drop or raise.")
    inhibit_rules: list[InhibitRule] = Field(
        [], max_length=1000, description="Which alerts make others redundant."
    )
    time_intervals: list[TimeInterval] = Field(
        [], max_length=500, description="When routes are quiet, or only speak."
    )
    incidents: Incidents = Incidents()
    accounts: Accounts = Accounts()
    people: list[Person] = Field([], description="Who is paged, and may act from there.")
    teams: list[Team] = Field([], max_length=500, description="People who are told together.")
    holidays: list[Holidays] = Field([], max_length=200, description="Calendars of days.")
    schedules: list[Schedule] = Field([], max_length=500, description="Who is on call when.")
    escalations: list[Escalation] = Field(
        [], max_length=500, description="Whom to tell, and whom next when nobody acts."
    )
    calendars: list[Calendar] = Field([], max_length=100, description="Business hours.")
    service_levels: list[ServiceLevel] = Field(
        [], max_length=200, description="How soon incidents are acted on; the first that fits."
    )
    reports: list[ScheduledReport] = Field(
        [], max_length=50, description="Reports that are made by themselves."
    )
    heartbeats: list[Heartbeat] = Field(
        [], max_length=1000, description="What must be heard again and again."
    )
    freshness: list[Freshness] = Field(
        [], max_length=200, description="Which alerts are over when nobody posts them any more."
    )
    silences: Silences = Silences()
    services: dict[Name, Service] = Field({}, description="The service map.")
    templates: list[TemplateEntry] = Field([], description="Words in place of the channels' own.")
    locale: Locale = Field(
        DEFAULT_LOCALE, description="The language of messages, such as `de-AT`; else English."
    )
    service_label: Label = Field(LABEL, description="The label that names an alert's service.")
    sources: list[MappedSource] = Field(
        [], max_length=200, description="How foreign JSON becomes alerts, by sender."
    )
    cloudwatch: CloudWatch = CloudWatch()
    scoring: Scoring = Scoring()
    storms: Storms = Storms()


def document(
    channels: Mapping[str, type[BaseModel]], enrichers: Mapping[str, type[BaseModel]]
) -> type[Document]:
    """The model of a document that may use these channels and enrichers (name -> its settings)."""
    return _document(tuple(channels.items()), tuple(enrichers.items()))


@functools.cache  # making it takes a hundred times as long as using it
def _document(
    channels: tuple[tuple[str, type[BaseModel]], ...],
    enrichers: tuple[tuple[str, type[BaseModel]], ...],
) -> type[Document]:
    fields: dict[str, Any] = {}
    for channel, settings in channels:
        # A name of its own: a channel called "json" must not hide a method of the model.
        fields[f"{channel.replace('-', '_')}_entries"] = (
            list[_entry(channel, settings)],  # type: ignore[misc]
            Field([], alias=channel, description=(settings.__doc__ or "").strip().split("\n")[0]),
        )
    accounts = create_model("Accounts", __base__=Accounts, **_accounts(dict(channels)))
    reached: Any = (accounts, Field(accounts(), description="By what people are told."))
    receiver = create_model("Receiver", __base__=Receiver, **fields)
    enrichment: Any = enriching.section(dict(enrichers))
    enriched: Any = (enrichment, Field(enrichment(), description="What is added to alerts."))
    receivers: Any = (list[receiver], Field([], description="Who can be told, and how."))
    return create_model(
        "Policy", __base__=Document,
        receivers=receivers, enrichment=enriched, accounts=reached,
    )  # fmt: skip


def _accounts(channels: Mapping[str, type[BaseModel]]) -> dict[str, Any]:
    """A field for each channel that can tell people: its settings without the address."""
    made: dict[str, Any] = {}
    for channel, settings in channels.items():
        contact = getattr(settings, "CONTACT", None)
        if contact is not None:
            about = (settings.__doc__ or "").strip().split("\n")[0]
            model = create_model(
                f"{channel.title().replace('-', '')}Account",
                __base__=Written,
                **{name: (field.annotation, field)  # type: ignore[call-overload]
                   for name, field in settings.model_fields.items() if name != contact.field},
            )  # fmt: skip
            key = f"{channel.replace('-', '_')}_account"
            made[key] = (model | None, Field(None, alias=channel, description=about))
    return made


def _entry(channel: str, settings: type[BaseModel]) -> type[BaseModel]:
    """The settings of a channel with the option that every integration has beside them."""
    option = (bool, Field(True, description="Tell it also when alerts are over."))
    return create_model(
        f"{channel.title().replace('-', '')}Integration",
        __base__=settings,
        __cls_kwargs__={"extra": "forbid", "frozen": True},
        send_resolved=option,
    )
