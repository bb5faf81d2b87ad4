"""The metric families and their Prometheus text. Names that others rely on are exact."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

import tocsin

#: The Alertmanager whose API and behaviour these are compared with: clients choose by it.
ALERTMANAGER = "0.25.0"
CONTENT_TYPE = exposition.CONTENT_TYPE_PLAIN_0_0_4
TENANT = "tenant_id"


@dataclass(frozen=True)
class Family:
    """A family of counters, by the name that the tally has for it; its labels joined by '|'."""

    tally: str
    name: str
    help: str
    labels: tuple[str, ...]


COUNTERS = (
    Family("alerts_accepted_total", "tocsin_alerts_accepted_total",
           "Alerts that were posted and stored, those that could not be read included.",
           ("source",)),
    Family("alerts_quarantined_total", "tocsin_alerts_quarantined_total",
           "Alerts that were put aside because they could not be read or processed.", ("stage",)),
    Family("alerts_processed_total", "alerts_processed_total",
           "Alerts that went through deduplication, by what they were.", ("severity", "status")),
    Family("enrichment_gaps_total", "tocsin_enrichment_gaps_total",
           "Changes of alerts that went on without the facts of a step, by the reason.",
           ("step", "reason")),
    Family("lookups_total", "tocsin_lookups_total",
           "Questions to other systems, by what became of them.", ("outcome",)),
    Family("correlations_processed_total", "correlations_processed_total",
           "Groups of alerts that were brought together into incidents, by what became of it.",
           ("type",)),
    Family("suppressions_processed_total", "suppressions_processed_total",
           "Changes of alerts that nobody was told of, by the reason.", ("action",)),
    Family("rules_failed_total", "tocsin_rules_failed_total",
           "Alerts that a rule could not judge; they went on without it.", ("rule",)),
    Family("alerts_scored_total", "tocsin_alerts_scored_total",
           "Alerts that got an anomaly score, and whether it reached the threshold.", ("result",)),
    Family("alerts_unscored_total", "tocsin_alerts_unscored_total",
           "Alerts whose anomaly score stays unknown, by the reason.", ("reason",)),
    Family("models_trained_total", "tocsin_models_trained_total",
           "Models that were trained.", ("detector",)),
    Family("models_failed_total", "tocsin_models_failed_total",
           "Trainings that made no model, and models that could not be loaded.", ("reason",)),
    Family("notifications_total", "tocsin_notifications_total",
           "Notifications that were delivered.", ("integration",)),
    Family("notifications_failed_total", "tocsin_notifications_failed_total",
           "Attempts to deliver a notification that failed.", ("integration", "reason")),
    Family("breaker_opened_total", "tocsin_breaker_opened_total",
           "How often a destination failed so often in a row that it was left alone.",
           ("integration", "destination")),
    Family("template_failures_total", "tocsin_template_failures_total",
           "Messages in the channel's own words because a template could not be used.",
           ("integration", "reason")),
    Family("reconciler_repairs_total", "tocsin_reconciler_repairs_total",
           "Things that would never have gone on, and were set going again.", ("what",)),
)  # fmt: skip

DURATION = "alert_processing_duration_seconds"
DURATION_HELP = "Time from the acceptance of an alert to the decision about it."
LATENESS = "escalation_lateness_seconds"
LATENESS_HELP = "How long after their time the steps of escalations were taken."


@dataclass(frozen=True)
class Row:
    """One counter as it is stored."""

    tenant: str
    name: str
    labels: str
    value: float


@dataclass(frozen=True)
class Synthetic:
    """The last alert of Tocsin's own that arrived: after how long, and when, in Unix seconds."""

    latency: float
    arrived: float


@dataclass(frozen=True)
class Figures:
    """What the record says at one moment; `reloads` is by tenant, `dead` by channel."""

    rows: list[Row]
    dead: Mapping[str, int]
    inbox_seconds: float
    reloads: Mapping[str, bool]
    #: Only for the operator: seconds by kind of work, and by loop.
    due: Mapping[str, float] = field(default_factory=dict)
    loops: Mapping[str, float] = field(default_factory=dict)
    synthetic: Synthetic | None = None
    #: By tenant and state.
    heartbeats: Mapping[tuple[str, str], int] = field(default_factory=dict)
    #: By tenant: whether a storm is under way.
    storms: Mapping[str, bool] = field(default_factory=dict)
    #: By tenant, channel and destination: 0 closed, 1 half-open, 2 open.
    breakers: Mapping[tuple[str, str, str], int] = field(default_factory=dict)


def text(figures: Figures) -> bytes:
    """All families in the text format 0.0.4, with HELP and TYPE also where there is no sample."""
    return exposition.generate_latest(_Once(list(_families(figures))))


class _Once(CollectorRegistry):
    """Hands over families that were built already."""

    def __init__(self, families: list[Metric]) -> None:
        super().__init__()
        self._families = families

    def collect(self) -> Iterator[Metric]:
        return iter(self._families)


def _families(figures: Figures) -> Iterator[Metric]:
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in figures.rows:
        by_name[row.name].append(row)
    for family in COUNTERS:
        yield _counter(family, by_name[family.tally])
    yield _histogram(DURATION, DURATION_HELP, ("severity",), by_name[DURATION],
                     by_name[f"{DURATION}_sum"])  # fmt: skip
    yield _histogram(f"tocsin_{LATENESS}", LATENESS_HELP, (), by_name[LATENESS],
                     by_name[f"{LATENESS}_sum"])  # fmt: skip
    yield _gauge(
        "tocsin_deadletter_size", "Deliveries that were given up.", ("integration",),
        {(channel,): count for channel, count in figures.dead.items()},
    )  # fmt: skip
    yield _gauge(
        "tocsin_breaker_state",
        "Whether a destination that failed is sent to: closed (0), the next delivery is a try (1),"
        " or it is left alone (2).",
        (TENANT, "integration", "destination"), figures.breakers,
    )  # fmt: skip
    yield _gauge(
        "tocsin_storm_active", "Whether a storm of alerts is told as one (1).", (TENANT,),
        {(slug,): lasts for slug, lasts in figures.storms.items()},
    )  # fmt: skip
    yield _gauge(
        "tocsin_heartbeats",
        "Heartbeats of the policy by how they are: new, up, late, down, paused.",
        (TENANT, "state"), figures.heartbeats,
    )  # fmt: skip
    yield GaugeMetricFamily(
        "tocsin_inbox_oldest_seconds",
        "For how long the oldest accepted batch has waited to be processed.",
        value=figures.inbox_seconds,
    )
    yield _gauge(
        "tocsin_config_last_reload_successful",
        "Whether the newest policy document is in force (1) or was refused (0).", (TENANT,),
        {(tenant,): fine for tenant, fine in figures.reloads.items()},
    )  # fmt: skip
    yield from _builds()
    yield from _watch(figures)


def _gauge(name: str, text: str, labels: Sequence[str], values: Mapping[Any, float]) -> Metric:
    """A gauge with these values, by the values of its labels."""
    family = GaugeMetricFamily(name, text, labels=labels)
    for named, value in sorted(values.items()):
        family.add_metric(list(named), float(value))
    return family


def _builds() -> Iterator[Metric]:
    """What this is; and for clients of Alertmanager, such as karma, which one it is like."""
    own = GaugeMetricFamily(
        "tocsin_build_info", "The version of Tocsin, as a label.", labels=["version"]
    )
    own.add_metric([tocsin.__version__], 1.0)
    yield own
    like = GaugeMetricFamily(
        "alertmanager_build_info",
        "The version of the Alertmanager whose API Tocsin speaks, as a label.",
        labels=["version", "revision", "branch"],
    )
    like.add_metric([ALERTMANAGER, tocsin.__version__, "tocsin"], 1.0)
    yield like


def _watch(figures: Figures) -> Iterator[Metric]:
    """How Tocsin does, as it sees itself."""
    yield _gauge(
        "tocsin_oldest_due_seconds",
        "For how long the oldest work of a kind has been due while nobody was at it.",
        ("work",), {(work,): seconds for work, seconds in figures.due.items()},
    )  # fmt: skip
    yield _gauge(
        "tocsin_loop_progress_age_seconds",
        "For how long a loop of the clock, or any worker of a queue, has not gone round.",
        ("loop",), {(loop,): seconds for loop, seconds in figures.loops.items()},
    )  # fmt: skip
    found = figures.synthetic
    yield GaugeMetricFamily(
        "tocsin_synthetic_latency_seconds",
        "How long the last alert of Tocsin's own took from the ingest to its receipt.",
        value=found.latency if found else None,
    )
    yield GaugeMetricFamily(
        "tocsin_synthetic_last_success_timestamp_seconds",
        "When the last alert of Tocsin's own arrived.",
        value=found.arrived if found else None,
    )


def _counter(family: Family, rows: Iterable[Row]) -> Metric:
    metric = CounterMetricFamily(family.name, family.help, labels=[TENANT, *family.labels])
    for row in rows:
        metric.add_metric([row.tenant, *_split(row.labels, len(family.labels))], row.value)
    return metric


def _histogram(
    name: str, help: str, labels: tuple[str, ...], buckets: Iterable[Row], sums: Iterable[Row]
) -> Metric:
    """A histogram from plain counts by bucket, the last of their labels: they are added up here."""
    counts: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
    for row in buckets:
        *values, bound = _split(row.labels, len(labels) + 1)
        counts[row.tenant, *values][bound] = row.value
    totals = {(row.tenant, *_split(row.labels, len(labels))): row.value for row in sums}
    bounds = sorted({bound for found in counts.values() for bound in found} | {"+Inf"}, key=float)
    metric = HistogramMetricFamily(name, help, labels=[TENANT, *labels])
    for key, found in sorted(counts.items()):
        running, cumulative = 0.0, []
        for bound in bounds:
            running += found.get(bound, 0.0)
            cumulative.append((bound, running))
        metric.add_metric(list(key), cumulative, totals.get(key, 0.0))
    return metric


def _split(labels: str, count: int) -> list[str]:
    """Exactly so many values; the last one keeps what bars it has."""
    if not count:
        return []
    parts = labels.split("|", count - 1)
    return parts + [""] * (count - len(parts))
