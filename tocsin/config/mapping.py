"""The parts of a policy that the ingest reads: mappings of foreign JSON, and what AWS may send.

They are stored beside each version of the document, so that the ingest never reads the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from pydantic import ValidationError

from schemas.mapping import CloudWatch, MappedSource
from tocsin import errors
from tocsin.config import problems, yaml_nodes
from tocsin.domain import mapping

#: The keys of the document that are stored for the ingest.
KEYS = ("sources", "cloudwatch")
MAX_SOURCES = 200


@dataclass(frozen=True, slots=True)
class Senders:
    """What a tenant says of its senders."""

    sources: Mapping[str, mapping.Source] = field(default_factory=dict)
    cloudwatch: CloudWatch = field(default_factory=CloudWatch)


def problems_of(plain: Any) -> Iterator[tuple[problems.Path, str]]:
    """Expressions that cannot be read, and names that stand twice, each with its path."""
    listed = plain.get("sources") if isinstance(plain, dict) else None
    seen: set[str] = set()
    for at, source in enumerate(listed if isinstance(listed, list) else []):
        if not isinstance(source, dict):
            continue
        name = source.get("name")
        if isinstance(name, str):
            if name in seen:
                said = f"the source `{name}` is defined twice: give one another name"
                yield ("sources", at, "name"), said
            seen.add(name)
        yield from _expressions(source, ("sources", at))


def _expressions(source: dict[str, Any], at: problems.Path) -> Iterator[tuple[problems.Path, str]]:
    texts: dict[problems.Path, Any] = {(name,): source.get(name) for name in mapping.SINGLE}
    for group in ("labels", "annotations"):
        named = source.get(group)
        for key, text in (named if isinstance(named, dict) else {}).items():
            texts[group, key] = text
    for inner, text in texts.items():
        if not isinstance(text, str):
            continue
        try:
            mapping.expression(str(inner[0]), text)
        except ValueError as error:
            path = (*at, *inner)
            said = f"`{problems.place(path)}`: {error} (a fixed text stands in quotes: '\"text\"')"
            yield path, said


def stored(document: str) -> str | None:
    """What is stored beside a version of a document, which was checked; None: it says nothing."""
    try:
        plain = yaml_nodes.plain(yaml_nodes.read(document)[0])
    except errors.PolicyError:
        return None
    if not isinstance(plain, dict):
        return None
    found = {key: plain[key] for key in KEYS if plain.get(key)}
    return msgspec.json.encode(found).decode() if found else None


def loaded(text: str | None) -> Senders:
    """What `stored` gave, ready to run. Raises SetupError where a newer Tocsin wrote it."""
    if not text:
        return Senders()
    try:
        found = msgspec.json.decode(text)
        sources = [MappedSource.model_validate(each) for each in found.get("sources", [])]
        return Senders(
            {each.name: mapping.compiled(each) for each in sources},
            CloudWatch.model_validate(found.get("cloudwatch", {})),
        )
    except (ValidationError, ValueError) as error:
        raise errors.SetupError(
            "the mappings in force cannot be read by this version: apply the policy again"
        ) from error
