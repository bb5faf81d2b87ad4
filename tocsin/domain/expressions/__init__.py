"""The language in which people say what holds: typed, bounded, read once, run as closures.

    labels.cpu_usage > 80 and severity >= "warning" and not (alertname matches "Test.*")

Whoever offers expressions gives a `Scope` with the names and functions that may stand in them. What
`run` gets is what the scope's names read from. Nothing is ever evaluated as Python.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tocsin.domain.expressions import compiling, needs, parser
from tocsin.domain.expressions.kinds import Kind
from tocsin.domain.expressions.scope import Name, Scope

__all__ = ["Expression", "Kind", "Name", "Scope", "parse"]


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was found good.

    ``run(subject)`` gives its value (None: there is none); it raises nothing where the scope's
    readers and functions raise nothing. ``uses`` are the names in it, ``needs`` texts without which
    it cannot be true, ``windows`` the seconds over which its functions look back.
    """

    text: str
    kind: Kind
    run: Callable[[Any], Any]
    uses: frozenset[str]
    needs: needs.Needs
    windows: tuple[float, ...] = ()


def parse(text: str, scope: Scope, wants: Kind = "boolean") -> Expression:
    """Read and check an expression whose value is a condition, or what `wants` says ("any": all).

    Raises ValueError that says the column, what was expected, and often what was meant.
    """
    node = parser.parse(text)
    compiler = compiling.Compiler(scope)
    code = compiler.code(node)
    run = compiling.wanted(code, wants)
    return Expression(
        text=text,
        kind=code.kind,
        run=run,
        uses=frozenset(compiler.uses),
        needs=needs.of(node),
        windows=tuple(compiler.windows),
    )
