"""The alerts of a message as files, for those who want to work with them: CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from channels import _text
from schemas import message as messages
from tocsin import i18n

#: A file holds as many alerts as fit into this.
BYTES = 256 * 1024
LABELS = 50
CELL = 2000
_COLUMNS = ("status", "severity", "alertname", "summary", "starts_at", "ends_at", "fingerprint")
#: What makes a spreadsheet take a text for a formula (OWASP ASVS 1.2.10).
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@dataclass(frozen=True)
class File:
    """An attachment. ``alerts`` is how many it holds."""

    name: str
    kind: str
    content: bytes
    alerts: int


def files(message: messages.Message, attach: Sequence[str]) -> tuple[File, ...]:
    """The files that were asked for, each within its bounds."""
    return tuple(_fitting(message, kind) for kind in dict.fromkeys(attach))


def cut(made: Sequence[File], message: messages.Message, locale: str) -> list[str]:
    """A sentence for each file that does not hold every alert."""
    total = message.truncated + len(message.alerts)
    return [
        i18n.say("mail.attachment_cut", locale, name=file.name, n=file.alerts, total=total)
        for file in made
        if file.alerts < total
    ]


def _fitting(message: messages.Message, kind: str) -> File:
    """The first alerts of the message, half as many as before until they fit."""
    count = len(message.alerts)
    while len(content := _WRITERS[kind](message, count)) > BYTES and count:
        count //= 2
    return File(f"alerts.{kind}", _KINDS[kind], content, count)


def _csv(message: messages.Message, count: int) -> bytes:
    """RFC 4180, with the mark that tells spreadsheets that it is UTF-8."""
    alerts = message.alerts[:count]
    names = list(dict.fromkeys(name for each in alerts for name in each.labels))[:LABELS]
    names = [name for name in names if name != "alertname"]
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*_COLUMNS, *(cell(f"label_{name}") for name in names)])
    for each in alerts:
        ends = _time(each.ends_at) if each.ends_at and each.status == "resolved" else ""
        told = each.annotations.get("summary") or each.annotations.get("description") or ""
        known = (each.status, each.severity, each.labels.get("alertname", ""), told,
                 _time(each.starts_at), ends, each.fingerprint)  # fmt: skip
        labels = (each.labels.get(name, "") for name in names)
        writer.writerow([cell(value) for value in (*known, *labels)])
    return text.getvalue().encode("utf-8-sig", "replace")


def cell(value: str) -> str:
    """``value`` as a spreadsheet shows it and never computes it. The JSON file has it as it is."""
    value = _text.plain(value, CELL)
    return f"'{value}" if value.startswith(_FORMULA) else value


def _json(message: messages.Message, count: int) -> bytes:
    left = message.truncated + len(message.alerts) - count
    kept = message.model_copy(update={"alerts": message.alerts[:count], "truncated": left})
    if not count:
        # Without the alerts, what could still be too long are labels and annotations.
        empty: dict[str, str] = {}
        kept = kept.model_copy(update={"common_labels": empty, "common_annotations": empty,
                                       "group_labels": empty, "group_key": ""})  # fmt: skip
    plain = kept.model_dump(mode="json", exclude={"group_key"})
    return json.dumps(plain, ensure_ascii=True, indent=1).encode()


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


_WRITERS: dict[str, Callable[[messages.Message, int], bytes]] = {"csv": _csv, "json": _json}
_KINDS = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
