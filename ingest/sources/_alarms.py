"""CloudWatch alarms as they come through SNS or EventBridge, and what they are called here."""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Literal, NamedTuple
from urllib import parse

from ingest.sources import _batch, _fields
from ingest.sources._bad import Bad
from schemas.alert import Status
from tocsin.domain import moments, severity

Insufficient = Literal["keep", "firing", "resolved"]
#: `severity: critical` or `severity=critical` anywhere in the description of the alarm.
_TOLD = re.compile(r"\bseverity\s*[:=]\s*\"?([A-Za-z0-9]+)", re.IGNORECASE | re.ASCII)
_WORD = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_UNTOLD = "warning"
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d+", re.ASCII)


class _Alarm(NamedTuple):
    """The same of both forms."""

    name: str
    arn: str
    account: str
    state: str
    reason: str
    description: str
    changed: datetime | None
    metrics: dict[str, str]


def draft(alarm: _fields.Tree, now: datetime, insufficient: Insufficient) -> _batch.Draft | None:
    """The alert that an alarm is; None where its state changes nothing. Raises Bad."""
    found = _of_event(alarm) if "detail" in alarm else _of_notification(alarm)
    status = _status(found.state, insufficient)
    if status is None:
        return None
    labels = {"alertname": found.name, "severity": _severity(found), **found.metrics}
    region = _region(found.arn)
    for name, value in (("region", region), ("account", found.account)):
        if value:
            labels[name] = value
    starts = found.changed if status == "firing" else None
    ends = found.changed if status == "resolved" else None
    return _batch.Draft(
        _fields.labels({"labels": labels}),
        _annotations(found),
        _batch.explicit(status, starts, ends, now),
        _console(found.name, region),
    )


def _of_notification(alarm: _fields.Tree) -> _Alarm:
    return _Alarm(
        name=_required(alarm, "AlarmName"),
        arn=_fields.text(alarm, "AlarmArn"),
        account=_fields.text(alarm, "AWSAccountId"),
        state=_required(alarm, "NewStateValue"),
        reason=_fields.text(alarm, "NewStateReason"),
        description=_fields.text(alarm, "AlarmDescription"),
        changed=_moment(alarm, "StateChangeTime"),
        metrics=_metrics(_object(alarm, "Trigger"), ("Namespace", "MetricName", "Dimensions")),
    )


def _of_event(event: _fields.Tree) -> _Alarm:
    detail = _object(event, "detail")
    state, configuration = _object(detail, "state"), _object(detail, "configuration")
    resources = event.get("resources")
    first = resources[0] if isinstance(resources, list) and resources else None
    return _Alarm(
        name=_required(detail, "alarmName"),
        arn=_fields.text({"resources": first}, "resources"),
        account=_fields.text(event, "account"),
        state=_required(state, "value"),
        reason=_fields.text(state, "reason"),
        description=_fields.text(configuration, "description"),
        changed=_moment(state, "timestamp"),
        metrics=_metrics(_metric_of(configuration), ("namespace", "name", "dimensions")),
    )


def _metric_of(configuration: _fields.Tree) -> _fields.Tree:
    """The only metric of an alarm; one that computes with several names none."""
    metrics = configuration.get("metrics")
    if not isinstance(metrics, list) or len(metrics) != 1 or not isinstance(metrics[0], dict):
        return {}
    return _object(_object(metrics[0], "metricStat"), "metric")


def _metrics(metric: _fields.Tree, names: tuple[str, str, str]) -> dict[str, str]:
    """Labels that the configuration of the alarm gives: they are the same in every state."""
    namespace, name, dimensions = names
    found = {"namespace": _plain(metric.get(namespace)), "metric": _plain(metric.get(name))}
    given = metric.get(dimensions)
    if isinstance(given, dict):
        pairs = list(given.items())
    else:
        listed = given if isinstance(given, list) else []
        pairs = [(each.get("name"), each.get("value")) for each in listed if isinstance(each, dict)]
    found.update({f"dimension_{_plain(key)}": _plain(value) for key, value in pairs})
    return {key: value for key, value in found.items() if value}


def _status(state: str, insufficient: Insufficient) -> Status | None:
    if state == "INSUFFICIENT_DATA":
        return None if insufficient == "keep" else insufficient
    if state not in ("ALARM", "OK"):
        raise Bad("NewStateValue", "must be ALARM, OK or INSUFFICIENT_DATA")
    return "firing" if state == "ALARM" else "resolved"


def _severity(alarm: _Alarm) -> str:
    """What the description says, else the first or last word of the name, else a warning."""
    told = _TOLD.search(alarm.description)
    if told and severity.of({"severity": told[1]}) != "none":
        return severity.of({"severity": told[1]})
    words = _WORD.findall(alarm.name)
    for word in words[:1] + words[-1:]:
        if (named := severity.of({"severity": word})) != "none":
            return named
    return _UNTOLD


def _annotations(alarm: _Alarm) -> dict[str, str]:
    found = {"summary": alarm.reason, "description": alarm.description, "alarm_arn": alarm.arn}
    return {name: value for name, value in found.items() if value}


def _console(name: str, region: str) -> str:
    """The page of the alarm in Amazon's console."""
    if not region:
        return ""
    end = "amazonaws.cn" if region.startswith("cn-") else "aws.amazon.com"
    path = parse.quote(name, safe="", errors="replace")
    return f"https://{region}.console.{end}/cloudwatch/home?region={region}#alarmsV2:alarm/{path}"


def _region(arn: str) -> str:
    """`Region` of a notification is a name for people; that in the ARN is the one to route by."""
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and _REGION.fullmatch(parts[3]) else ""


def _moment(tree: _fields.Tree, name: str) -> datetime | None:
    try:
        return moments.read(_fields.text(tree, name))
    except ValueError as error:
        raise Bad(name, str(error)) from None


def _required(tree: _fields.Tree, name: str) -> str:
    found = _fields.text(tree, name)
    if not found:
        raise Bad(name, "is missing: this is no alarm of CloudWatch")
    return found


def _object(tree: _fields.Tree, name: str) -> _fields.Tree:
    found: Any = tree.get(name)
    return found if isinstance(found, dict) else {}


def _plain(value: Any) -> str:
    """Text that may stand in a label; raises Bad for one that may not."""
    return _fields.text({"Trigger": value}, "Trigger") if isinstance(value, str) else ""


def message(text: str) -> _fields.Tree:
    """The JSON object in a message. Raises Bad where it is something else."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise Bad("Message", "is no JSON: only alarms of CloudWatch can be read") from None
    if not isinstance(found, dict):
        raise Bad("Message", "is no JSON object: only alarms of CloudWatch can be read")
    return found
