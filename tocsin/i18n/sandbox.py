"""The environment in which templates of tenants run: data, a few filters, and nothing of Python.

It is the second wall. The first is that only a short list of Jinja is accepted at all
(``tocsin.domain.template_syntax``), the third that it runs in a child process with limits.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import jinja2
from jinja2 import runtime, sandbox

from tocsin import i18n
from tocsin.domain import template_syntax
from tocsin.i18n import forms

#: Most characters that a part may have, and any text on the way there.
MAX_OUTPUT = 16 * 1024
#: The key is the template's; that it is there, the trial of the policy looks.
_sentence = i18n.say
_CODES = {"%Y", "%m", "%d", "%H", "%M", "%S", "%a", "%b", "%y", "%j", "%Z"}
_DATE = "%Y-%m-%d %H:%M %Z"


class _Environment(sandbox.ImmutableSandboxedEnvironment):
    """Names lead to data and never to attributes of Python objects."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, runtime.LoopContext) and attribute in template_syntax.LOOP:
            return super().getattr(obj, attribute)
        return self._item(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        return self._item(obj, argument)

    def _item(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, jinja2.Undefined):
            return obj
        try:
            if isinstance(obj, Mapping) and isinstance(key, str):
                return obj[key]
            if isinstance(obj, str | list | tuple) and isinstance(key, int | slice):
                return obj[key]
        except LookupError:
            pass
        return self.undefined(obj=obj, name=str(key))


@functools.cache
def environment(form: str) -> jinja2.Environment:
    """The environment for parts of this form.

    What is not there says nothing (Chainable): a label that this alert happens not to have must not
    cost a page its words. Names that can never be there are refused with the policy.
    """
    made = _Environment(
        autoescape=False,  # `finalize` makes values harmless in every form, not in HTML alone
        undefined=jinja2.ChainableUndefined,
        finalize=lambda value: forms.VALUES[form](
            None if isinstance(value, jinja2.Undefined) else value
        ),
        cache_size=0,
    )
    made.globals.clear()
    made.filters = {name: _bounded(call) for name, call in _FILTERS.items()}
    made.tests = {"defined": made.tests["defined"], "none": made.tests["none"]}
    return made


@functools.lru_cache(maxsize=512)
def _compiled(form: str, source: str) -> jinja2.Template:
    return environment(form).from_string(source)


def render(form: str, source: str, context: Mapping[str, Any], locale: str) -> str:
    """One part. Raises ValueError or what Jinja raises."""

    def say(key: object, **values: object) -> str:
        return _sentence(str(key), locale, **values)

    template = _compiled(form, source)
    text, size = [], 0
    for piece in template.generate({**context, template_syntax.FUNCTION: say}):
        size += len(piece)
        if size > MAX_OUTPUT:
            raise ValueError(f"it makes more than {MAX_OUTPUT:,} characters")
        text.append(piece)
    return forms.whole(form, "".join(text))


def _bounded(call: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(call)
    def bounded(*given: Any, **named: Any) -> Any:
        made = call(*given, **named)
        if isinstance(made, str) and len(made) > MAX_OUTPUT:
            raise ValueError(f"a filter makes more than {MAX_OUTPUT:,} characters")
        return made

    return bounded


def _text(value: object) -> str:
    return "" if value is None or isinstance(value, jinja2.Undefined) else str(value)


def _default(value: Any, other: Any = "") -> Any:
    absent = value is None or value == "" or isinstance(value, jinja2.Undefined)
    return other if absent else value


def _truncate(value: object, length: int = 80) -> str:
    text = _text(value)
    return text if len(text) <= length else text[: max(length - 1, 0)].rstrip() + "…"


def _replace(value: object, old: str, new: str) -> str:
    return _text(value)[:MAX_OUTPUT].replace(old, new) if old else _text(value)


def _join(values: object, by: str = ", ") -> str:
    return by.join(map(_text, values)) if isinstance(values, list | tuple) else _text(values)


def _items(value: object) -> list[tuple[Any, Any]]:
    return sorted(value.items()) if isinstance(value, Mapping) else []


def _end(value: object, at: int) -> Any:
    return value[at] if isinstance(value, str | list | tuple) and value else None


def _date(value: object, format: str = _DATE, zone: str = "UTC") -> str:
    """A moment; only codes of a fixed width, for C's `%1000000d` is a million characters long."""
    moment = _moment(value)
    codes = {format[at : at + 2] for at in range(len(format)) if format[at] == "%"}
    if unknown := codes - _CODES:
        raise ValueError(f"the date has no {min(unknown)}; there are {' '.join(sorted(_CODES))}")
    if moment is None:
        return ""
    try:
        where = ZoneInfo(zone)
    except (LookupError, ValueError, OSError):
        raise ValueError(f"there is no time zone {zone[:100]!r}") from None
    return moment.astimezone(where).strftime(format[:200])


@jinja2.pass_context
def _since(context: runtime.Context, value: object) -> str:
    """How long before the message this was, such as 2h5m."""
    then, now = _moment(value), _moment(context.get("at"))
    if then is None or now is None:
        return ""
    seconds = max(0, int((now - then).total_seconds()))
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    units = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds % 60, "s"))
    shown = [f"{count}{unit}" for count, unit in units if count]
    return "".join(shown[:2]) or "0s"


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


_FILTERS: dict[str, Callable[..., Any]] = {
    "date": _date,
    "default": _default,
    "first": lambda value: _end(value, 0),
    "items": _items,
    "join": _join,
    "last": lambda value: _end(value, -1),
    "length": lambda value: len(value) if isinstance(value, str | list | tuple | Mapping) else 0,
    "lower": lambda value: _text(value).lower(),
    "replace": _replace,
    "since": _since,
    "truncate": _truncate,
    "upper": lambda value: _text(value).upper(),
    "url": forms.address,
}
