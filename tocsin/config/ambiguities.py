"""What is valid in a policy document and yet may not mean what its author thinks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tocsin.config import problems, yaml_nodes
from tocsin.domain import matchers

#: Lists of matchers, wherever they stand.
_KEYS = ("matchers", "source_matchers", "target_matchers")


def of(document: str) -> list[tuple[int, str]]:
    """Sentences, each after its line, about a document that was found valid."""
    root, _ = yaml_nodes.read(document)
    found = _matchers(yaml_nodes.plain(root), ())
    return [(yaml_nodes.line(root, path), said) for path, said in found]


def _matchers(part: Any, path: problems.Path) -> Iterator[tuple[problems.Path, str]]:
    inner = part.items() if isinstance(part, dict) else enumerate(part) if _is_list(part) else ()
    for key, value in inner:
        if key in _KEYS and _is_list(value):
            for at, text in enumerate(value):
                if isinstance(text, str) and (said := matchers.doubt(text)):
                    yield (*path, key, at), said
        yield from _matchers(value, (*path, key))


def _is_list(part: Any) -> bool:
    return isinstance(part, list)
