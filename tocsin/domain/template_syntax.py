"""What a template of a tenant may be made of: a short list; all else is refused with its line.

Nothing that is missing here can be reached: no call but ``say``, no assignment, no macro, no
import, no arithmetic that makes much out of little. So the size of what a template makes is bounded
by its own size and that of the message, before any limit of the machine has to hold.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import jinja2
from jinja2 import nodes

#: Largest source of one part, in bytes of UTF-8.
MAX_BYTES = 8 * 1024
#: Deepest nesting of expressions and blocks: Python's own compiler gives up somewhere beyond.
MAX_DEPTH = 40

FILTERS = frozenset(
    {
        "date", "default", "first", "items", "join", "last", "length", "lower", "replace", "since",
        "truncate", "upper", "url",
    }
)  # fmt: skip
TESTS = frozenset({"defined", "none"})
FUNCTION = "say"
#: What a loop knows about itself.
LOOP = frozenset({"first", "index", "last", "length"})

_ALLOWED = frozenset(
    {
        nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.List,
        nodes.Tuple, nodes.Getattr, nodes.Getitem, nodes.Slice, nodes.If, nodes.For,
        nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not, nodes.Filter,
        nodes.Test, nodes.Concat, nodes.Add, nodes.Sub, nodes.Neg, nodes.Call, nodes.Keyword,
    }
)  # fmt: skip
_HINTS = {
    "Assign": "`set` is not allowed: write the expression where it is needed",
    "AssignBlock": "`set` is not allowed: write the expression where it is needed",
    "With": "`with` is not allowed: write the expression where it is needed",
    "Mul": "`*` is not allowed",
    "Pow": "`**` is not allowed",
    "Mod": "`%` is not allowed: join texts with `~`",
    "Macro": "macros are not allowed",
    "CallBlock": "macros are not allowed",
    "Scope": "`autoescape` is not allowed: values are made harmless by the form of the part",
    "Import": "a template stands alone: `import` is not allowed",
    "FromImport": "a template stands alone: `import` is not allowed",
    "Include": "a template stands alone: `include` is not allowed",
    "Extends": "a template stands alone: `extends` is not allowed",
    "Block": "a template stands alone: `block` is not allowed",
}

#: (line within the template, what is wrong there)
Problem = tuple[int, str]


def grammar() -> jinja2.Environment:
    """Jinja's grammar and nothing else of it."""
    return jinja2.Environment(autoescape=False, keep_trailing_newline=False, cache_size=0)


def problems(source: str, names: Collection[str]) -> Iterator[Problem]:
    """What is wrong with a template in which these names have a meaning."""
    if len(source.encode("utf-8", "replace")) > MAX_BYTES:
        yield 1, f"it is larger than {MAX_BYTES:,} bytes"
        return
    try:
        tree = grammar().parse(source)
    except jinja2.TemplateSyntaxError as error:
        yield error.lineno, error.message or "it cannot be read"
        return
    except RecursionError:
        yield 1, "it is nested too deeply"
        return
    except ValueError as error:  # int() refuses very long numbers
        yield 1, f"it cannot be read: {error}"
        return
    yield from _walk(tree, frozenset(names), loops=0, depth=0)


def _walk(node: nodes.Node, names: frozenset[str], loops: int, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield node.lineno, "it is nested too deeply"
        return
    if type(node) not in _ALLOWED:
        kind = type(node).__name__
        # Parts that Jinja adds by itself have no line.
        yield node.lineno or 1, _HINTS.get(kind, f"`{kind.lower()}` is not allowed here")
        return
    yield from _of(node, names)
    if isinstance(node, nodes.For):
        if loops:
            yield node.lineno, "a loop inside of a loop is not allowed"
        if node.recursive or not isinstance(node.target, nodes.Name | nodes.Tuple):
            yield node.lineno, "write the loop as `for x in ...` or `for name, value in ...|items`"
        yield from _walk(node.iter, names, loops, depth + 1)
        inside = names | {each.name for each in node.find_all(nodes.Name) if each.ctx == "store"}
        rest = [*node.body, *node.else_, *([node.test] if node.test else [])]
        for child in rest:
            yield from _walk(child, inside | {"loop"}, loops + 1, depth + 1)
        return
    for child in node.iter_child_nodes():
        yield from _walk(child, names, loops, depth + 1)


def _of(node: nodes.Node, names: frozenset[str]) -> Iterator[Problem]:
    """What is wrong with this node itself."""
    if isinstance(node, nodes.Name) and node.ctx == "load" and node.name not in names:
        yield node.lineno, f"there is no `{node.name}`"
    elif isinstance(node, nodes.Filter) and node.name not in FILTERS:
        known = ", ".join(sorted(FILTERS))
        yield node.lineno, f"there is no filter `{node.name}`; there are {known}"
    elif isinstance(node, nodes.Test) and node.name not in TESTS:
        yield node.lineno, f"there is no test `{node.name}`; there are {', '.join(sorted(TESTS))}"
    elif isinstance(node, nodes.Call):
        if not (isinstance(node.node, nodes.Name) and node.node.name == FUNCTION):
            yield node.lineno, f"nothing can be called but `{FUNCTION}(...)`"
        elif node.dyn_args is not None or node.dyn_kwargs is not None:
            yield node.lineno, "write the arguments one by one"
    elif isinstance(node, nodes.Getattr | nodes.Getitem) and _hidden(node):
        yield node.lineno, "a name that begins with `_` is not allowed"


def _hidden(node: nodes.Getattr | nodes.Getitem) -> bool:
    name: Any = node.attr if isinstance(node, nodes.Getattr) else None
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
        name = node.arg.value
    # Labels such as `_dashboard` exist; what is Python's own has two.
    return isinstance(name, str) and name.startswith("__")
