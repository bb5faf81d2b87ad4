"""The words of messages: Go's templates in the entries of a receiver as templates of the policy."""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.config import templates as judged
from tocsin.config.importing import go_pieces, go_templates
from tocsin.config.importing.emitting import Said
from tocsin.config.importing.source import Part

#: The texts of an entry by the part of a message that they are for.
Texts = dict[str, Part]
Defined = go_pieces.Defined

_OWN = "Tocsin's own words are used, which name every alert"
_CHANGED = (
    "written as a template of Tocsin (docs/templates.md): compare them with `tocsin template"
    " preview`"
)
_APART = (
    "templates are for a receiver and a channel, and these entries differ in theirs: Tocsin's own"
    " words are used. Make a receiver of each, and two routes with `continue`"
)


def templates(
    entries: list[tuple[Part, Texts]],
    channel: str,
    receiver: str,
    forms: Mapping[str, str],
    defined: Defined,
) -> list[Said]:
    """At most one template for what a receiver is told by a channel."""
    made = [_made(texts, forms, defined) for _, texts in entries]
    if not any(made):
        return []
    if any(each != made[0] for each in made):
        for part, texts in entries:
            if texts:
                part.note("left_out", _APART)
        return []
    part, texts = entries[0]
    for each in texts.values():
        each.note("changed", _CHANGED)
    name = f"{receiver[:150]}-{channel}"
    entry = {"name": name, "channel": channel, "receivers": [receiver], "parts": made[0]}
    return [Said(entry, f"line {part.line}")]


def _made(texts: Texts, forms: Mapping[str, str], defined: Defined) -> dict[str, str]:
    """The parts by name. Entries of ``texts`` that came to nothing are taken out of it."""
    found: dict[str, str] = {}
    for name, part in list(texts.items()):
        source = part.node.text
        form = forms.get(name) or forms.get("text", "text")
        try:
            if not go_templates.is_default(source, defined):
                found[name] = go_templates.translated(source, form, defined)
        except go_pieces.Unsupported as error:
            part.note("left_out", f"our templates have nothing for {error}. {_OWN}")
        if name not in found:
            texts.pop(name)
        elif "ExternalURL" in source:
            part.note("changed", "`.ExternalURL` leads to the incident in Tocsin")
    return _kept(_united(found, texts, forms), texts, forms)


def _united(found: dict[str, str], texts: Texts, forms: Mapping[str, str]) -> dict[str, str]:
    """Where a channel has no part for the title, it stands above the text."""
    if "title" not in found or "title" in forms:
        return found
    title = found.pop("title")
    if "text" not in found:
        texts.pop("title").note("left_out", "the title of the message is Tocsin's own")
        return found
    return {**found, "text": f"*{title.strip()}*\n{found['text']}"}


def _kept(found: dict[str, str], texts: Texts, forms: Mapping[str, str]) -> dict[str, str]:
    """Those that the policy takes."""
    kept = {}
    for name, source in found.items():
        problems = list(judged.check(source, [forms[name]])) if name in forms else []
        if problems or name not in forms or not source.strip():
            part = texts.pop(name)
            if problems:
                part.note("left_out", f"the template: {problems[0][1]}. {_OWN}")
        else:
            kept[name] = source
    return kept
