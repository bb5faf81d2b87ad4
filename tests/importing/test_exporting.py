"""The routing as an alertmanager.yml: amtool takes it, and read again it routes the same."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import channels
from schemas import policy
from tests import alertmanager as program
from tocsin.config import documents, exporting
from tocsin.config.importing import alertmanager
from tocsin.domain import enrichers, routing, time_intervals

MODELS = channels.settings_models()
MODEL = policy.document(MODELS, enrichers.settings_models())
RICH = """
global: {resolve_timeout: 7m}
accounts: {webhook: {}}
people: [{name: anna, webhook: "https://push.example.org/s3cret"}]
escalations: [{name: primary, steps: [{notify: [{person: anna}]}]}]
service_levels: [{name: quick, acknowledge: 5m, notify: "on: call"}]
route:
  group_by: [alertname, cluster]
  group_interval: 0s
  routes:
    - matchers: ['severity=~"critical|page"', 'team!="a \\"b\\""']
      receiver: "on: call"
      continue: true
      group_by: ['...']
      routes:
        - {matchers: ['x!~"y\\n.*"'], group_by: [], group_wait: 0s, repeat_interval: 1d12h}
    - matchers: ['{a="b",c=~"d|e"}']
      receiver: nobody
      mute_time_intervals: [nights, always]
      active_time_intervals: [odd]
    - {matchers: [last=yes], receiver: "yes"}
inhibit_rules:
  - {name: why, source_matchers: [severity=critical], target_matchers: ['severity!=critical'],
     equal: [cluster, alertname]}
  - {source_matchers: ['{}'], target_matchers: [a=b]}
time_intervals:
  - name: nights
    time_intervals:
      - {times: [{start_time: '20:00', end_time: '24:00'}], weekdays: ['monday:friday', sunday],
         location: Europe/Berlin}
      - {times: [{start_time: '00:00', end_time: '07:30'}]}
  - {name: always, time_intervals: [{}]}
  - {name: odd, time_intervals: [{days_of_month: ['1:5', '-3:-1'], months: ['may:august', '12'],
     years: ['2026:2028', '2030']}]}
receivers:
  - {name: "on: call", escalation: primary, webhook: [{url: "https://hooks.example.org/s3cret"}]}
  - {name: nobody}
  - {name: "yes"}
"""


@pytest.fixture(autouse=True, scope="module")
def _one_model() -> Iterator[None]:
    """Making the model anew for each document would take nearly all of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(policy, "document", lambda channels, enrichers: MODEL)
        yield


def exported(text: str) -> str:
    return exporting.alertmanager_yml(documents.parse(text, MODELS))


def test_amtool_takes_it(tmp_path: Path) -> None:
    tool = program.tool("amtool")
    if tool is None:
        assert not os.environ.get("CI"), program.MISSING
        pytest.skip(program.MISSING)
    for number, text in enumerate((exported(RICH), exporting.alertmanager_yml(None))):
        file = tmp_path / f"{number}.yml"
        file.write_text(text, encoding="utf-8")
        done = subprocess.run([tool, "check-config", str(file)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr + text


def test_no_secret_and_no_address_is_in_it() -> None:
    text = exported(RICH)
    assert "s3cret" not in text
    assert "example.org" not in text
    assert [set(each) for each in yaml.safe_load(text)["receivers"]] == [{"name"}] * 4


def test_what_only_alertmanager_needs() -> None:
    found = yaml.safe_load(exported(RICH))
    assert found["route"]["receiver"] == "nobody_"
    assert [each["name"] for each in found["receivers"]] == ["on: call", "nobody", "yes", "nobody_"]
    assert found["route"]["group_interval"] == "1ms"
    below = found["route"]["routes"][1]["routes"][0]
    assert below["group_by"] == ["__none__"]
    assert below["matchers"] == ['x!~"y\\n.*"']
    assert found["global"] == {"resolve_timeout": "7m"}
    assert found["inhibit_rules"][1]["source_matchers"] == []


def test_intervals_say_the_same() -> None:
    """Read again by our own import."""
    before, after = documents.parse(RICH, MODELS), _again(exported(RICH))
    mine = {route.id.partition("#")[0]: route.hours for route in _all(before.root)}
    theirs = {route.id.partition("#")[0]: route.hours for route in _all(after.root)}
    told = {key: hours for key, hours in mine.items() if hours != time_intervals.ALWAYS}
    assert told
    assert {key: theirs[key] for key in told} == told
    # A rule without matchers on one side is what the import does not take over.
    assert [rule.id for rule in after.inhibit_rules] == [before.inhibit_rules[0].id]
    assert after.resolve_timeout == before.resolve_timeout


def _again(text: str) -> Any:
    made = alertmanager.translate(text, MODELS)
    assert made.valid, (text, made.notes)
    return documents.parse(made.document, MODELS)


def _all(route: routing.Route) -> Iterator[routing.Route]:
    yield route
    for child in route.children:
        yield from _all(child)


NAMES = ["x", "y", "team"]
VALUES = ["1", "on", "a b", 'say "hi"', "back\\slash", ""]
PATTERNS = ["1|on", ".*", "", "[^1]+", "\\w+ b"]
WAITS = ["0s", "30s", "1h30m", "2d"]
labels = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES), max_size=3)
conditions = st.one_of(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["=", "!="]), st.sampled_from(VALUES)),
    st.tuples(st.sampled_from(NAMES), st.sampled_from(["=~", "!~"]), st.sampled_from(PATTERNS)),
)


@st.composite
def nodes(draw: st.DrawFn, depth: int = 3) -> dict[str, Any]:
    made: dict[str, Any] = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "receiver": st.sampled_from(["a", "b", "nobody"]),
                "group_by": st.sampled_from([[], ["..."], ["x"], ["x", "y"]]),
                "group_wait": st.sampled_from(WAITS),
                "group_interval": st.sampled_from(WAITS[1:]),
                "repeat_interval": st.sampled_from(WAITS[1:]),
            },
        )
    )
    if depth < 3:
        made["continue"] = draw(st.booleans())
        made["matchers"] = [
            f"{name}{op}{json.dumps(value)}"
            for name, op, value in draw(st.lists(conditions, max_size=3))
        ]
    if depth:
        made["routes"] = draw(st.lists(nodes(depth - 1), max_size=3))
    return made


def _taken(route: routing.Route) -> tuple[Any, ...]:
    """What a route does with an alert, whichever way it is written."""
    receiver = None if route.receiver in (None, "nobody_") else route.receiver
    group_by = () if route.group_by == (exporting.NO_LABEL,) else route.group_by
    return (receiver, group_by, route.group_wait, route.group_interval, route.repeat_interval,
            route.continue_)  # fmt: skip


@settings(max_examples=60)
@given(nodes(), st.lists(labels, min_size=1, max_size=8))
def test_read_again_it_routes_the_same(root: dict[str, Any], alerts: list[dict[str, str]]) -> None:
    written = {"route": root, "receivers": [{"name": name} for name in ("a", "b", "nobody")]}
    before = documents.parse(yaml.safe_dump(written, sort_keys=False), MODELS)
    after = _again(exporting.alertmanager_yml(before))
    for alert in alerts:
        assert [_taken(route) for route in routing.match(after.root, alert)] == [
            _taken(route) for route in routing.match(before.root, alert)
        ]
