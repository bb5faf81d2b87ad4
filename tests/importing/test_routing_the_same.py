"""Random trees: an alert goes where Alertmanager would send it, by a walker that shares no code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import channels
from schemas import policy
from tocsin import errors
from tocsin.config import documents
from tocsin.config.importing import alertmanager
from tocsin.domain import enrichers, routing

MODELS = channels.settings_models()
MODEL = policy.document(MODELS, enrichers.settings_models())
RECEIVERS = ["a", "b", "c", "d"]
NAMES = ["x", "y", "service.name"]
VALUES = ["1", "2", "on", "a b", 'say "hi"', ""]
PATTERNS = ["1|2", "on?", ".*", "", "[^1]+", "a b"]
WAITS = ["0s", "30s", "1m", "1h30m", "2d"]
SECONDS = {"0s": 0, "30s": 30, "1m": 60, "1h30m": 5400, "2d": 172800}


@pytest.fixture(autouse=True, scope="module")
def _one_model() -> Iterator[None]:
    """Making the model anew for each document would take nearly all of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "document", lambda channels, enrichers: MODEL)
        yield


labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=3)
#: (name, operator, value)
conditions = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", "!="]), st.sampled_from(VALUES)),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["=~", "!~"]), st.sampled_from(PATTERNS)),
)


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    """A route below the top, its conditions in any of the three forms."""
    made: dict[str, Any] = {}
    matchers: list[str] = []
    for name, op, value in draw(st.lists(conditions, max_size=3)):
        old = {"=": "match", "=~": "match_re"}.get(op)
        if old and name not in made.get(old, {}) and draw(st.booleans()):
            made.setdefault(old, {})[name] = value
        else:
            matchers.append(f"{json.dumps(name)} {op} {json.dumps(value)}")
    braced = draw(st.booleans())
    if matchers and braced:
        matchers = ["{" + ",".join(matchers) + "}"]
    made |= {"matchers": matchers} if matchers else {}
    made |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "receiver": st.sampled_from(RECEIVERS),
                "continue": st.booleans(),
                "group_by": st.sampled_from([[], ["..."], ["x"], ["x", "y"]]),
                "group_wait": st.sampled_from(WAITS),
                "group_interval": st.sampled_from(WAITS[1:]),
                "repeat_interval": st.sampled_from(WAITS[1:]),
            },
        )
    )
    if depth:
        made["routes"] = draw(st.lists(nodes(depth - 1), max_size=3))
    return made


@st.composite
def configurations(draw: st.DrawFn) -> dict[str, Any]:
    top = draw(
        st.fixed_dictionaries(
            {"receiver": st.sampled_from(RECEIVERS), "routes": st.lists(nodes(), max_size=4)},
            optional={"group_by": st.just(["x"]), "group_wait": st.sampled_from(WAITS)},
        )
    )
    return {"route": top, "receivers": [{"name": name} for name in RECEIVERS]}


#: (receiver, group_by, the three waits in seconds): what a route does with an alert
Taken = tuple[str, tuple[str, ...] | None, float, float, float]


def walked(node: Mapping[str, Any], alert: Mapping[str, str], above: Taken | None) -> list[Taken]:
    """What Alertmanager's own walk finds, read off its documentation."""
    if above and not _fits(node, alert):
        return []
    here = _taken(node, above or ("", (), 30, 300, 14400))
    found: list[Taken] = []
    for child in node.get("routes", ()):
        deeper = walked(child, alert, here)
        found.extend(deeper)
        if deeper and not child.get("continue", False):
            break
    return found or [here]


def _fits(node: Mapping[str, Any], alert: Mapping[str, str]) -> bool:
    wanted = [(name, "=", value) for name, value in node.get("match", {}).items()]
    wanted += [(name, "=~", value) for name, value in node.get("match_re", {}).items()]
    for text in node.get("matchers", ()):
        for name, op, value in re.findall(
            r'("(?:\\.|[^"\\])*") (=~|!~|!=|=) ("(?:\\.|[^"\\])*")', text
        ):
            wanted.append((json.loads(name), op, json.loads(value)))
    for name, op, value in wanted:
        has = alert.get(name, "")
        same = bool(re.fullmatch(value, has)) if "~" in op else has == value
        if same == op.startswith("!"):
            return False
    return True


def _taken(node: Mapping[str, Any], above: Taken) -> Taken:
    receiver, group_by, wait, interval, repeat = above
    if node.get("group_by"):
        group_by = None if "..." in node["group_by"] else tuple(node["group_by"])
    return (
        node.get("receiver", receiver),
        group_by,
        SECONDS.get(node.get("group_wait", ""), wait),
        SECONDS.get(node.get("group_interval", ""), interval),
        SECONDS.get(node.get("repeat_interval", ""), repeat),
    )


def _ours(route: routing.Route) -> Taken:
    return (
        route.receiver or "",
        route.group_by,
        route.group_wait.total_seconds(),
        route.group_interval.total_seconds(),
        route.repeat_interval.total_seconds(),
    )


@settings(max_examples=60)
@given(configurations(), st.lists(labels, min_size=1, max_size=8))
def test_an_alert_goes_where_it_went(
    configuration: dict[str, Any], alerts: list[dict[str, str]]
) -> None:
    text = yaml.safe_dump(configuration, sort_keys=False, allow_unicode=True)
    made = alertmanager.translate(text, MODELS)
    assert made.valid, (made.document, made.notes)
    assert not [note for note in made.notes if note.kind in ("left_out", "to_do")]
    tree = documents.parse(made.document, MODELS).root
    for alert in alerts:
        expected = walked(configuration["route"], alert, None)
        assert [_ours(route) for route in routing.match(tree, alert)] == expected


KEYS = ["route", "routes", "receivers", "receiver", "name", "matchers", "match", "match_re",
        "global", "smtp_smarthost", "email_configs", "to", "from", "slack_configs", "channel",
        "text", "webhook_configs", "url", "http_config", "headers", "Subject", "authorization",
        "inhibit_rules", "source_matchers", "target_match", "equal", "time_intervals", "times",
        "years", "location", "mute_time_intervals", "group_by", "group_wait", "continue",
        "templates", "max_alerts", "resolve_timeout", "odd\nkey"]  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8),
    st.sampled_from(["a", "a=b", "a@b.example", "{{ .X }}", "{{ range", "1m", "https://x.example",
                     "x.example:25", "..."]),
)  # fmt: skip
junk = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
    ),
    max_leaves=40,
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(KEYS), junk, max_size=8), st.dictionaries(
    st.sampled_from(KEYS), junk, max_size=8))  # fmt: skip
def test_whatever_comes_is_a_valid_policy_or_refused_with_a_reason(
    document: dict[str, Any], route: dict[str, Any]
) -> None:
    text = yaml.safe_dump({**document, "route": route}, allow_unicode=True)
    try:
        made = alertmanager.translate(text, MODELS)
    except errors.PolicyError:
        return
    assert made.valid, (made.document, made.notes)
    documents.parse(made.document, MODELS)
