"""What every function for expressions keeps, also one that was written a minute ago."""

from __future__ import annotations

import itertools
from types import ModuleType
from typing import Any, get_args

import pytest

from tocsin import plugins
from tocsin.domain import expressions
from tocsin.domain.expressions import kinds

FUNCTIONS = plugins.load("tocsin.domain.functions", ("TAKES", "GIVES", "call"))
#: What may arrive for an argument of each kind; None is what is absent or cannot be read.
SAMPLES: dict[str, list[Any]] = {
    "text": [None, "", "Ü" * 500, "\0"],
    "number": [None, 0.0, -1.5, 1e308, float("inf")],
    "duration": [0.000001, 600.0, 3e8],
    "boolean": [None, True, False],
    "severity": [None, 0.0, 4.0],
    "list": [[], ["a", 1.0]],
    "any": [None, "", 1, [], {"a": None}, "x"],
}
GIVEN: dict[str, tuple[type, ...]] = {
    "text": (str,), "number": (int, float), "duration": (int, float), "boolean": (bool,),
    "severity": (int, float),
}  # fmt: skip


class Subject:
    def signs(self, seconds: float) -> int:
        return 7


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> ModuleType:
    return FUNCTIONS[request.param]


def test_it_says_how_it_is_written_and_what_it_takes(function: ModuleType) -> None:
    name = function.__name__.rpartition(".")[2]
    assert (function.__doc__ or "").startswith(f"`{name}(")
    assert {*function.TAKES, function.GIVES} <= set(get_args(kinds.Kind))
    window = getattr(function, "WINDOW", None)
    assert window is None or function.TAKES[window] == "duration"


def test_it_takes_whatever_comes_and_is_pure(function: ModuleType) -> None:
    samples = [SAMPLES[kind] for kind in function.TAKES]
    for arguments in itertools.product(*samples):
        found = function.call(Subject(), *arguments)
        assert found == function.call(Subject(), *arguments)
        if found is not None and function.GIVES in GIVEN:
            assert isinstance(found, GIVEN[function.GIVES])


def test_it_can_be_called_from_an_expression(function: ModuleType) -> None:
    name = function.__name__.rpartition(".")[2]
    scope = expressions.Scope({}, FUNCTIONS)
    written = {"duration": "5m", "number": "1", "boolean": "true", "any": '"x"', "text": '"x"'}
    text = f"{name}({', '.join(written[kind] for kind in function.TAKES)})"
    assert expressions.parse(text, scope, "any").run(Subject()) is not None
