"""The tables of docs/policy.md: every key of a policy document, as its JSON Schema has it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from schemas import parts
from tocsin import errors

BEGIN = "<!-- every key: written by `tocsin config reference`, not by hand -->"
END = "<!-- end of every key -->"

Schema = Mapping[str, Any]

_DURATION = re.compile(r"P(?!$)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?([\d.]+S)?)?")
_SECRET = re.compile(r"(?P<name>\w+)_(?P<where>file|env)")


def tables(schema: Schema) -> str:
    """A heading and a table for each mapping that a document may hold, in the order of reading."""
    pages = [_table(path, part) for path, part in _mappings(schema)]
    return "\n\n".join(pages)


def inserted(page: str, schema: Schema) -> str:
    """A page with the tables between its two marks. Raises BadRequest where it has none."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise errors.BadRequest(f"the page has no place for the tables: put {BEGIN} and {END} in")
    return f"{before}{BEGIN}\n\n{tables(schema)}\n\n{END}{after}"


def undescribed(schema: Schema) -> list[str]:
    """Keys that no description explains; there should be none."""
    return [
        f"{path}.{key}".lstrip(".")
        for path, part in _mappings(schema)
        for key, value in part["properties"].items()
        if not _meaning(schema, key, value)
    ]


def _mappings(schema: Schema) -> list[tuple[str, Schema]]:
    """(path, schema) of everything that has keys; a part within itself is not opened again."""
    found: list[tuple[str, Schema]] = []
    seen: set[str] = set()

    def visit(path: str, part: Schema) -> None:
        for name, inner in _inside(path, part, schema):
            title = inner.get("$id", "")
            if title in seen:
                continue
            seen.add(title)
            visit_mapping(name, inner)

    def visit_mapping(path: str, part: Schema) -> None:
        found.append((path, part))
        for key, value in part["properties"].items():
            visit(f"{path}.{key}".lstrip("."), value)

    visit_mapping("", schema)
    return [(path, {**part, "$root": schema}) for path, part in found]


def _inside(path: str, part: Schema, root: Schema) -> Iterator[tuple[str, Schema]]:
    """The mappings that stand as the value of this key, or in the lists that do."""
    if ref := part.get("$ref"):
        name = ref.rpartition("/")[2]
        target = root["$defs"][name]
        if "properties" in target:
            yield path, {**target, "$id": name}
        else:
            yield from _inside(path, target, root)
    for key in ("anyOf", "oneOf", "allOf"):
        for choice in part.get(key, ()):
            yield from _inside(path, choice, root)
    if isinstance(part.get("items"), dict):
        yield from _inside(f"{path}[]", part["items"], root)
    if isinstance(part.get("additionalProperties"), dict):
        yield from _inside(f"{path}.<name>", part["additionalProperties"], root)


def _table(path: str, part: Schema) -> str:
    root = part["$root"]
    required = set(part.get("required", ()))
    heading = f"### `{path}`" if path else "### The document"
    lines = [heading, ""]
    # A description is a docstring: its first paragraph says what it is.
    if path and (about := part.get("description", "").split("\n\n")[0]):
        lines += [" ".join(about.split()).replace("``", "`"), ""]
    lines += ["| key | type | default | meaning |", "|---|---|---|---|"]
    for key, value in part["properties"].items():
        default = "required" if key in required else _default(value)
        cells = (f"`{key}`", _type(value, root), default, _meaning(root, key, value))
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines)


def _meaning(root: Schema, key: str, value: Schema) -> str:
    said = value.get("description", "")
    if not said and (secret := _SECRET.fullmatch(key)):
        place = "file" if secret["where"] == "file" else "variable"
        said = f"The {place} that holds the secret `{secret['name']}`; see [Secrets](#secrets)."
    if not said and "$ref" in value:
        said = root["$defs"][value["$ref"].rpartition("/")[2]].get("description", "")
    return " ".join(said.split("\n\n")[0].split()).replace("``", "`")


def _type(value: Schema, root: Schema) -> str:
    if "$ref" in value:
        target = root["$defs"][value["$ref"].rpartition("/")[2]]
        return "mapping" if "properties" in target else _type(target, root)
    choices = [choice for key in ("anyOf", "oneOf") for choice in value.get(key, ())]
    if choices or "allOf" in value:
        named = [_type(choice, root) for choice in [*choices, *value.get("allOf", ())]
                 if choice.get("type") != "null"]  # fmt: skip
        return " or ".join(dict.fromkeys(named))
    if "enum" in value or "const" in value:
        options = value.get("enum") or [value["const"]]
        return ", ".join(f"`{each}`" for each in options)
    return _plain_type(value, root)


def _plain_type(value: Schema, root: Schema) -> str:
    kind = str(value.get("type", "any"))
    if kind == "array":
        return f"list of {_type(value.get('items', {}), root)}"
    if kind == "object":
        inner = value.get("additionalProperties")
        return f"mapping to {_type(inner, root)}" if isinstance(inner, dict) else "mapping"
    if kind == "string" and "30s" in value.get("examples", ()):
        return "duration"
    return {"string": "text", "boolean": "true or false", "integer": "number"}.get(kind, kind)


def _default(value: Schema) -> str:
    default = value.get("default")
    if default in (None, [], {}, "") or isinstance(default, dict):
        return "none" if not isinstance(default, dict) or not default else "see below"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, str) and _DURATION.fullmatch(default):
        return f"`{parts.say_duration(TypeAdapter(timedelta).validate_python(default))}`"
    if isinstance(default, list):
        return ", ".join(f"`{each}`" for each in default)
    return f"`{default}`"
