"""Expressions of Go's templates over Alertmanager's data, as expressions of Jinja over ours."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace

from tocsin.config.importing.go_pieces import Unsupported

_DICT = frozenset(dir(dict))
_LAYOUT = {"2006": "%Y", "January": "%B", "Jan": "%b", "01": "%m", "02": "%d", "15": "%H",
           "04": "%M", "05": "%S", "Monday": "%A", "Mon": "%a", "MST": "%Z", "-0700": "%z",
           "06": "%y", "PM": "%p", "03": "%I"}  # fmt: skip
_IN_LAYOUT = re.compile("|".join(sorted(map(re.escape, _LAYOUT), key=len, reverse=True)))
_STATUS = ("firing", "resolved")


@dataclass(frozen=True, slots=True)
class Value:
    """Something of Alertmanager's data, as ``code`` of Jinja.

    ``kind`` is one of root, alert, alerts, labels, pairs, pair, names, values, status, text,
    number, truth, moment, joined, literal. ``extra`` is which alerts, what joins, the zone, or the
    text of a literal.
    """

    kind: str
    code: str
    extra: str = ""


ROOT = Value("root", "")
_ROOT = {
    "Receiver": Value("text", "receiver"),
    "Status": Value("status", "over"),
    "Alerts": Value("alerts", "alerts"),
    "GroupLabels": Value("labels", "group_labels"),
    "CommonLabels": Value("labels", "labels"),
    "CommonAnnotations": Value("labels", "annotations"),
    "ExternalURL": Value("text", "url"),
    "GroupKey": Value("text", "group_key"),
    "TruncatedAlerts": Value("number", "truncated"),
}
_ALERT = {
    "Status": ("status", "status"), "Labels": ("labels", "labels"),
    "Annotations": ("labels", "annotations"), "StartsAt": ("moment", "starts_at"),
    "EndsAt": ("moment", "ends_at"), "GeneratorURL": ("text", "generator_url"),
    "Fingerprint": ("text", "fingerprint"),
}  # fmt: skip


def literal(text: str) -> Value:
    return Value("literal", json.dumps(text, ensure_ascii=False), text)


def member(value: Value, name: str) -> Value:
    """`value.name`. Raises Unsupported."""
    found: Value | None = None
    if value.kind == "root":
        found = _ROOT.get(name)
    elif value.kind == "alert" and name in _ALERT:
        kind, ours = _ALERT[name]
        found = Value(kind, f"{value.code}.{ours}")
    elif value.kind == "alerts" and name in ("Firing", "Resolved") and not value.extra:
        found = Value("alerts", "alerts", name.lower())
    elif value.kind in ("labels", "pairs"):
        found = _of_labels(value, name)
    elif value.kind == "pair" and name in ("Name", "Value"):
        found = Value("text", name.lower())
    elif value.kind == "moment" and name in ("Local", "UTC"):
        found = replace(value, extra="UTC" if name == "UTC" else "")
    if found is None:
        raise Unsupported(f"`.{name}`")
    return found


def _of_labels(value: Value, name: str) -> Value | None:
    if name in ("Names", "Values"):
        return replace(value, kind=name.lower())
    if value.kind == "pairs" or name == "Remove":
        return None
    return replace(value, kind="pairs") if name == "SortedPairs" else entry(value, name)


def entry(value: Value, name: str) -> Value:
    """One of some labels or annotations."""
    plain = name.isidentifier() and name not in _DICT and not name.startswith("__")
    key = f".{name}" if plain else f"[{json.dumps(name, ensure_ascii=False)}]"
    return Value("text", f"{value.code}{key}")


def shown(value: Value) -> str:
    """The value where a text or a number is wanted. Raises Unsupported."""
    if value.kind == "status":
        return _status(value, *_STATUS)
    if value.kind == "moment":
        return _dated(value, "2006-01-02 15:04:05")
    if value.kind in ("text", "number", "truth", "literal"):
        return value.code
    raise Unsupported(f"printing the {value.kind} as a whole")


def truth(value: Value) -> str:
    """The value as a condition."""
    if value.kind == "alerts":
        return {"": "alerts", "firing": "firing", "resolved": "resolved"}[value.extra]
    return value.code if value.kind in ("labels", "pairs", "alert", "moment") else shown(value)


def counted(value: Value) -> Value:
    """How many there are; the list itself may be cut, the numbers are not."""
    if value.kind == "alerts":
        return Value("number", value.extra or "(firing + resolved)")
    if value.kind in ("labels", "pairs", "names", "values"):
        return Value("number", f"{value.code}|length")
    return Value("number", f"{shown(value)}|length")


def worded(value: Value, filter: str) -> Value:
    """The text in capital letters, or so."""
    if value.kind == "status":
        forms = [each.upper() if filter == "upper" else each.title() if filter == "title" else each
                 for each in _STATUS]  # fmt: skip
        return Value("text", _status(value, *forms))
    if filter == "title":
        # There is no such filter; the words are the same.
        return Value("text", shown(value))
    return Value("text", f"{shown(value)}|{filter}")


def same(first: Value, others: list[Value], differs: bool) -> Value:
    """`eq` and `ne`, which `eq` takes several others."""
    if first.kind == "status" and len(others) == 1 and others[0].extra in _STATUS:
        resolved = (others[0].extra == "resolved") is not differs
        if first.code == "over":
            return Value("truth", "over" if resolved else "(not over)")
    if len(others) == 1:
        return Value("truth", f"({shown(first)} {'!=' if differs else '=='} {shown(others[0])})")
    if differs or not others:
        raise Unsupported("a comparison without two sides")
    return Value("truth", f"({shown(first)} in [{', '.join(map(shown, others))}])")


def dated(layout: Value, moment: Value) -> Value:
    if moment.kind != "moment" or layout.kind != "literal":
        raise Unsupported("a date of something else than a moment")
    return Value("text", _dated(moment, layout.extra))


def _dated(moment: Value, layout: str) -> str:
    form = _IN_LAYOUT.sub(lambda found: _LAYOUT[found[0]], layout.replace("%", "%%"))
    if re.search(r"\d", form):
        raise Unsupported(f"the layout `{layout[:40]}` of a date")
    zone = f", {json.dumps(moment.extra)}" if moment.extra else ""
    return f"{moment.code}|date({json.dumps(form)}{zone})"


def _status(value: Value, firing: str, resolved: str) -> str:
    over = "over" if value.code == "over" else f'{value.code} == "resolved"'
    return f'("{resolved}" if {over} else "{firing}")'
