"""The templates of a document: what is wrong with them, and what they become."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from schemas import templates as written
from tocsin.config import problems, yaml_nodes
from tocsin.domain import template_places, template_syntax, templates

Problem = tuple[problems.Path, str]
#: For each channel its parts, and for each part its form.
Parts = Mapping[str, Mapping[str, str]]


def parts_of(channels: Mapping[str, type[BaseModel]]) -> Parts:
    """What the models of settings say about the parts of their channels."""
    return {name: getattr(model, "PARTS", {}) for name, model in channels.items()}


def problems_of(plain: Any, channels: Parts) -> Iterator[Problem]:
    """Each problem with its path; entries that have not the right form are passed over."""
    entries = plain.get("templates") if isinstance(plain, dict) else None
    if not isinstance(entries, list):
        return
    if len(entries) > written.MAX_TEMPLATES:
        yield ("templates",), f"more than {written.MAX_TEMPLATES} templates"
        return
    names = _receivers(plain)
    before: list[templates.Template] = []
    for at, entry in enumerate(entries):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            continue
        yield from _addressed(entry, ("templates", at), channels, names)
        yield from _rivals(entry, ("templates", at), before)
        parts = entry.get("parts")
        for part, source in parts.items() if isinstance(parts, dict) else ():
            if isinstance(source, str):
                path = ("templates", at, "parts", part)
                yield from _part(entry, path, source, channels)


def _receivers(plain: dict[str, Any]) -> set[str]:
    found = plain.get("receivers")
    entries = found if isinstance(found, list) else []
    return {str(each.get("name")) for each in entries if isinstance(each, dict)}


def _addressed(
    entry: dict[str, Any], path: problems.Path, channels: Parts, names: set[str]
) -> Iterator[Problem]:
    channel = entry.get("channel", templates.ANY)
    if isinstance(channel, str) and channel not in (templates.ANY, *channels):
        said = f"there is no channel `{channel}`" + problems.suggest(channel, channels)
        yield (*path, "channel"), said
    kind = entry.get("type", templates.ANY)
    if isinstance(kind, str) and kind not in written.TYPES:
        said = f"there is no type `{kind}`" + problems.suggest(kind, written.TYPES)
        yield (*path, "type"), said
    receivers = entry.get("receivers")
    for at, name in enumerate(receivers if isinstance(receivers, list) else ()):
        if isinstance(name, str) and name not in names:
            said = f"there is no receiver `{name}`" + problems.suggest(name, names)
            yield (*path, "receivers", at), said


def _rivals(
    entry: dict[str, Any], path: problems.Path, before: list[templates.Template]
) -> Iterator[Problem]:
    """Two of one name, or two of which nothing says which one is meant."""
    receivers = entry.get("receivers")
    new = templates.Template(
        name=entry["name"], channel=str(entry.get("channel", templates.ANY)),
        type=str(entry.get("type", templates.ANY)), parts={},
        receivers=frozenset(map(str, receivers if isinstance(receivers, list) else ())),
    )  # fmt: skip
    for old in before:
        if old.name == new.name:
            yield (*path, "name"), f"the template `{new.name}` is defined twice"
        elif old.rivals(new):
            said = f"the templates `{old.name}` and `{new.name}` are for the same messages"
            yield path, f"{said}: give one another channel, type or receivers"
    before.append(new)


def _part(
    entry: dict[str, Any], path: problems.Path, source: str, channels: Parts
) -> Iterator[Problem]:
    part, channel = str(path[-1]), entry.get("channel", templates.ANY)
    wanted = [channel] if channel in channels else list(channels)
    forms = sorted({channels[each][part] for each in wanted if part in channels[each]})
    if not forms:
        known = {name for each in wanted for name in channels[each]}
        whose = f"the channel `{channel}`" if channel in channels else "any channel"
        yield path, f"`{part}` is no part of {whose}" + problems.suggest(part, known)
        return
    for line, said in dict.fromkeys(check(source, forms)):
        yield path, f"template `{entry['name']}`, part `{part}`, line {line} of it: {said}"


def check(source: str, forms: Sequence[str]) -> Iterator[template_syntax.Problem]:
    """What is wrong with the text of a part that comes out in these forms."""
    wrong = list(template_syntax.problems(source, names()))
    for line, said in wrong:
        unknown = said.removeprefix("there is no `").removesuffix("`")
        hint = problems.suggest(unknown, names()) if said == f"there is no `{unknown}`" else ""
        yield line, said + hint
    if not wrong:
        for form in forms:
            yield from template_places.problems(form, source)


def names() -> frozenset[str]:
    """What a template can name at its top."""
    return written.NAMES | {template_syntax.FUNCTION}


def compiled(
    entries: Sequence[written.TemplateEntry], root: yaml_nodes.Node
) -> tuple[templates.Template, ...]:
    """The checked entries as the rest of Tocsin thinks with them."""
    return tuple(
        templates.Template(
            name=entry.name,
            channel=entry.channel,
            type=entry.type,
            parts=entry.parts,
            receivers=frozenset(entry.receivers),
            line=yaml_nodes.line(root, ("templates", at)),
        )
        for at, entry in enumerate(entries)
    )
