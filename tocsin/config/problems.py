"""What is wrong with a document, in words that say where it is and what to write instead."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas import people

Path = tuple[str | int, ...]

#: What people bring along from Alertmanager, and what to write here.
_FOREIGN = {
    "match": 'write `matchers:` with a list such as severity="critical"',
    "match_re": 'write `matchers:` with a list such as service=~"a|b"',
}

_FORMS = {
    "missing": "is missing",
    "list_type": "must be a list: lines that begin with `- `",
    "model_type": "must be a mapping: lines like `key: value`",
    "dict_type": "must be a mapping: lines like `key: value`",
}

#: What a pattern asks for, in words.
_PATTERNS = {
    people.PHONE: "write the number with a plus and its country, without spaces: +4915112345678",
    people.EMAIL: "write one address such as anna@example.org",
    people.WEBHOOK: "write an address that begins with https://",
    people.CLOCK: 'write the time of day in quotes, such as "09:00"',
    people.PERSON: "write it in small letters and digits, such as anna or anna.berg",
}

#: Among more names than this nothing is suggested: the comparison would take too long.
_COMPARED = 500


def of(
    model: type[BaseModel], error: ValidationError, under: Path = ()
) -> Iterator[tuple[Path, str]]:
    """Each problem that pydantic found, with the path at which it stands in the document.

    `under`: where in the document that stands which the model is of.
    """
    found = error.errors(include_url=False)
    above = {item["loc"][:n] for item in found for n in range(len(item["loc"]))}
    for item in found:
        if item["type"] == "too_short" and item["loc"] in above:
            continue  # what is wrong with an entry does not make the list too short
        path, message = item["loc"], in_words(item)
        yield (*under, *path), _say(model, path, item["type"], message, item["input"], under)


def in_words(item: ErrorDetails) -> str:
    """What pydantic says of one problem, but what it wants instead of the pattern."""
    pattern = str(item.get("ctx", {}).get("pattern"))
    return _PATTERNS.get(pattern, item["msg"].removeprefix("Value error, "))


def suggest(word: str, known: Iterable[str]) -> str:
    """`: did you mean ...?` if something known is like the word, else what is known."""
    names = sorted(set(known))
    if len(names) > _COMPARED:
        return ""
    if near := difflib.get_close_matches(word[:100], names, n=1, cutoff=0.6):
        return f": did you mean `{near[0]}`?"
    listed = ", ".join(f"`{name}`" for name in names[:20])
    return f": there is {listed}" if names else ""


def place(path: Sequence[str | int]) -> str:
    """A path as people write it: `route.routes[2].matchers[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


def _say(
    model: type[BaseModel], path: Path, kind: str, message: str, value: Any, under: Path
) -> str:
    if kind == "extra_forbidden":
        return _unknown(model, path, under)
    where = f"`{place((*under, *path))}`" if under or path else "the document"
    if value is None:
        return f"{where} is empty: give it a value or leave it out"
    if kind == "string_type" and isinstance(value, bool | int | float):
        return f"{where} must be text: put it in quotes"
    if said := _FORMS.get(kind):
        return f"{where} {said}"
    return f"{where}: {message}"


def _unknown(model: type[BaseModel], path: Path, under: Path) -> str:
    key, above = str(path[-1]), (*under, *path[:-1])
    if hint := _FOREIGN.get(key):
        return f"unknown key `{key}` in `{place(above)}`: {hint}"
    known = _keys(model, path[:-1])
    where = f" in `{place(above)}`" if above else ""
    return f"unknown key `{key}`{where}" + suggest(key.removesuffix("_configs"), known)


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """The keys that may stand at this path."""
    here: type[BaseModel] | None = model
    named = False
    for part in path:
        if here is None or isinstance(part, int) or named:
            named = False
            continue
        annotations = {
            field.alias or name: field.annotation for name, field in here.model_fields.items()
        }
        here = _model_in(annotations.get(part))
        # Below a mapping of names stands a name before the keys come.
        named = get_origin(annotations.get(part)) is dict
    if here is None:
        return []
    return [field.alias or name for name, field in here.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
