"""A policy document is read as Alertmanager would, or everything that is wrong is said at once."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

import channels
from schemas import parts
from tocsin import errors
from tocsin.config import documents, yaml_nodes
from tocsin.domain import routing

EXPECTED = re.compile(r"((?:line \d+: )?)(.*)")
BAD = sorted((Path(__file__).parent / "policies").glob("*.yml"))


class Chat(BaseModel):
    """Where to write."""

    model_config = ConfigDict(extra="forbid")

    to: str
    limit: int = Field(5, description="How many.")


#: One name that is also a method of every model, one that is not a Python name.
CHANNELS: dict[str, type[BaseModel]] = {"chat": Chat, "json": Chat, "chat-2": Chat}

GOOD = """
# As in Alertmanager.
route:
  receiver: team
  group_by: [alertname, cluster]
  group_wait: 10s
  repeat_interval: 1d
  routes:
    - matchers: [severity="critical", service=~"db|web"]
      receiver: page
      group_wait: 0s
      continue: true
      routes:
        - matchers: ['{env="prod",region!=""}']
          group_by: ['...']
    - &same
      matchers: [severity="critical", service=~"db|web"]
      group_by: []
    - <<: *same
      repeat_interval: 1h30m

receivers:
  - name: team
    chat:
      - to: ops
      - {to: no, limit: 7, send_resolved: no}
    json: [{to: on}]
  - name: page

enrichment:
  table:
    - matchers: [service=db]
      set: {runbook: "https://wiki/db", owner: dba}
    - set: {owner: ops}

incidents:
  reopen: 10m
"""


def refusal(text: str) -> list[tuple[int | None, str]] | None:
    try:
        documents.parse(text, CHANNELS)
    except errors.PolicyError as refused:
        return refused.problems
    return None


def problems(text: str) -> str:
    with pytest.raises(errors.PolicyError) as caught:
        documents.parse(text, CHANNELS)
    return caught.value.message


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_what_is_wrong_is_said(path: Path) -> None:
    text = path.read_text("utf-8")
    message = problems(text)
    expected = text.splitlines()[0].removeprefix("# error: ").split(" | ")
    lines = message.splitlines()
    for each in expected:
        found = EXPECTED.fullmatch(each)
        assert found
        assert any(line.startswith(found[1]) and found[2] in line for line in lines), message


def test_there_are_examples() -> None:
    assert len(BAD) > 40


def test_routes_inherit_and_have_lines() -> None:
    root = documents.parse(GOOD, CHANNELS).root
    critical, same, again = root.children
    prod = critical.children[0]
    assert (root.id, root.receiver, root.line) == (routing.ROOT_ID, "team", 3)
    assert root.group_by == ("alertname", "cluster")
    assert (root.group_wait, root.group_interval) == (timedelta(seconds=10), timedelta(minutes=5))
    assert (critical.receiver, critical.continue_, critical.line) == ("page", True, 9)
    assert (critical.group_wait, critical.repeat_interval) == (timedelta(0), timedelta(days=1))
    assert (prod.receiver, prod.group_by, prod.continue_) == ("page", None, False)
    assert len(prod.matchers) == 2
    assert (same.receiver, same.group_by) == ("team", ())
    assert again.repeat_interval == timedelta(hours=1, minutes=30)
    assert again.matchers == same.matchers


def test_ids_of_routes_are_stable() -> None:
    root = documents.parse(GOOD, CHANNELS).root
    same = '{}/{service=~"db|web",severity="critical"}'
    assert [child.id for child in root.children] == [f"{same}#0", f"{same}#1", f"{same}#2"]
    prod = root.children[0].children[0]
    assert prod.id == f'{same}#0/{{env="prod",region!=""}}#0'
    assert routing.find(root, prod.id) == prod


def test_defaults_are_alertmanagers() -> None:
    policy = documents.parse("route: {}", {})
    root = policy.root
    assert (root.receiver, root.group_by, root.matchers) == (None, (), ())
    assert root.group_wait == timedelta(seconds=30)
    assert root.group_interval == timedelta(minutes=5)
    assert root.repeat_interval == timedelta(hours=4)
    assert policy.reopen_window == timedelta(minutes=5)
    assert (policy.receivers, policy.enrichment) == ({}, ())


def test_receivers() -> None:
    receivers = documents.parse(GOOD, CHANNELS).receivers
    assert list(receivers) == ["team", "page"]
    assert receivers["page"].integrations == ()
    found = [(i.key, i.channel, i.send_resolved) for i in receivers["team"].integrations]
    assert found == [
        ("team/chat/0", "chat", True),
        ("team/chat/1", "chat", False),
        ("team/json/0", "json", True),
    ]


def test_settings_are_of_the_channels_own_model() -> None:
    settings = [i.settings for i in documents.parse(GOOD, CHANNELS).receivers["team"].integrations]
    assert settings == [Chat(to="ops"), Chat(to="no", limit=7), Chat(to="on")]
    assert {type(each) for each in settings} == {Chat}


def test_enrichment_and_incidents() -> None:
    policy = documents.parse(GOOD, CHANNELS)
    assert [dict(row.set) for row in policy.enrichment] == [
        {"runbook": "https://wiki/db", "owner": "dba"},
        {"owner": "ops"},
    ]
    assert policy.reopen_window == timedelta(minutes=10)


@pytest.mark.parametrize("word", ["no", "on", "yes", "off", "22:30", "2026-01-01", "0o17", "1_000"])
def test_words_that_yaml_1_1_would_change_stay_text(word: str) -> None:
    node, _ = yaml_nodes.read(f"a: {word}")
    assert yaml_nodes.plain(node) == {"a": word}


@pytest.mark.parametrize(
    ("word", "value"),
    [("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("12", 12),
     ("-3", -3), ("1.5", 1.5), ("1e3", 1000.0), ("'12'", "12"), ("!!str 12", "12")],
)  # fmt: skip
def test_scalars(word: str, value: object) -> None:
    node, found = yaml_nodes.read(f"a: {word}")
    assert (yaml_nodes.plain(node), found) == ({"a": value}, [])


def test_a_document_may_have_a_million_bytes_and_no_more() -> None:
    exact = "route: {}\n#" + "x" * (yaml_nodes.MAX_BYTES - 11)
    assert documents.parse(exact, {}).root.children == ()
    assert "larger than 1,000,000 bytes" in problems(exact + "x")


def test_a_character_that_is_no_text_is_refused_with_its_line() -> None:
    assert problems("route: {}\n# \0") == (
        "line 2: not valid YAML: a character that must not stand in a text"
    )


def test_not_more_problems_than_anybody_reads() -> None:
    text = "route:\n  routes:\n" + "  - {receiver: nobody}\n" * 3000
    assert len(problems(text).splitlines()) == documents.MAX_PROBLEMS


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str) -> None:
    assert refusal(text) != []


@given(st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.sampled_from(["...", "a=b", "5m", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(
            ["route", "routes", "receiver", "receivers", "name", "matchers", "group_by",
             "group_wait", "enrichment", "table", "set", "chat", "continue"]
        ), inner, max_size=4),
    max_leaves=15,
))  # fmt: skip
def test_any_shape_is_read_or_refused(document: object) -> None:
    assert all(line for line, _ in refusal(json.dumps(document)) or [])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("0", timedelta(0)),
        ("30s", timedelta(seconds=30)),
        ("1h30m", timedelta(hours=1, minutes=30)),
        ("2d", timedelta(days=2)),
        ("1w", timedelta(weeks=1)),
        ("1y", timedelta(days=365)),
        ("250ms", timedelta(milliseconds=250)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert parts.parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "s", "5", "-5m", "1.5h", "5 m", "1m1h", "1H", "٣s", None, True, 5]
)
def test_what_is_not_a_duration(text: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parts.parse_duration(text)


def test_json_schema_knows_the_channels() -> None:
    schema = documents.json_schema(CHANNELS)
    json.dumps(schema)
    assert schema["$schema"].startswith("https://json-schema.org/")
    receiver = schema["$defs"]["Receiver"]
    assert set(receiver["properties"]) == {
        "name",
        "locale",
        "escalation",
        "fallback",
        "chat",
        "json",
        "chat-2",
    }
    entry = schema["$defs"]["ChatIntegration"]
    assert set(entry["properties"]) == {"to", "limit", "send_resolved"}
    assert entry["additionalProperties"] is False
    assert "continue" in schema["$defs"]["Route"]["properties"]


@pytest.mark.parametrize(
    "text",
    [
        'people: [{name: anna, email: "anna at home"}]\naccounts: {email: {host: h.example.org,'
        " from: t@example.org}}\n",
        'people: [{name: anna, webhook: "x"}]\naccounts: {webhook: {}}\n',
        "receivers: [{name: ops, webhook: [{url: nonsense}]}]\n",
        "receivers: [{name: ops, email: [{host: h.example.org, from: t@example.org, to: bad}]}]\n",
        "accounts: {email: {host: h.example.org, from: t@example.org, form: x@example.org}}\n",
    ],
)
def test_what_is_wrong_with_one_address_is_said_once(text: str) -> None:
    with pytest.raises(errors.PolicyError) as refused:
        documents.parse("route: {}\n" + text, channels.settings_models())
    assert len(refused.value.problems) == 1, refused.value.problems
