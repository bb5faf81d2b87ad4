"""The reference tables of the documents name what the code has, all of it and nothing else."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import get_args

import pytest

import channels
import tocsin
from schemas import parts, policy, quiet, rules
from tests.docs import pages
from tocsin import errors, metrics, plugins
from tocsin.config import documents, reference
from tocsin.config.settings import Settings
from tocsin.domain import explanation
from tocsin.security import tokens

SOURCES = plugins.load("ingest.sources", required=("PATHS", "parse"))


def variable(field: str) -> str:
    """The environment variable of a setting."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"TOCSIN_{field.upper()}"


def test_the_table_of_settings_is_whole() -> None:
    rows = pages.rows("README.md", "variable")
    assert {row[0].strip("`") for row in rows} == {variable(each) for each in Settings.model_fields}


def said(value: object) -> str:
    """A default as people write it."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, timedelta):
        return parts.say_duration(value)
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def test_the_defaults_of_settings_are_those_of_the_code() -> None:
    fields = {variable(name): field for name, field in Settings.model_fields.items()}
    for name, default, _ in pages.rows("README.md", "variable"):
        if default.startswith("("):
            continue  # what `tocsin up` sets
        real = fields[name.strip("`")].default
        shown = said(real)
        assert default.partition(" (")[0].strip("`") == shown, name


def test_the_schema_of_the_policy_is_current() -> None:
    stored = json.loads(pages.text("docs/policy.schema.json"))
    assert stored == documents.json_schema(channels.settings_models()), (
        "run: tocsin config schema > docs/policy.schema.json"
    )


def test_the_tables_of_every_key_are_current() -> None:
    page = pages.text("docs/policy.md")
    schema = documents.json_schema(channels.settings_models())
    assert page == reference.inserted(page, schema), "run: tocsin config reference docs/policy.md"


def test_every_key_has_a_meaning() -> None:
    schema = documents.json_schema(channels.settings_models())
    assert not reference.undescribed(schema), "give the fields a description"


def test_every_part_of_the_schema_has_a_table() -> None:
    schema = documents.json_schema(channels.settings_models())
    keys = {key for part in schema["$defs"].values() for key in part.get("properties", ())}
    made = reference.tables(schema)
    assert {key for key in keys if f"| `{key}` |" not in made} == set()


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(errors.BadRequest, match="no place"):
        reference.inserted("# Nothing", {})


def test_every_key_of_a_route_is_described() -> None:
    described = {row[0].strip("`") for row in pages.rows("docs/policy.md", "key")}
    keys = {field.alias or name for name, field in policy.Route.model_fields.items()}
    assert keys == described


def test_every_key_of_the_guard_of_silences_is_described_with_its_default() -> None:
    part = pages.text("docs/policy.md").partition("\n## `silences`\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| (.+?) \|", part, re.MULTILINE))
    assert rows.keys() == quiet.Silences.model_fields.keys()
    assert rows["longest"] == "`30d`"
    assert quiet.Silences().longest.days == 30
    assert {name for name, default in rows.items() if default == "`true`"} == {
        name for name, field in quiet.Silences.model_fields.items() if field.default is True
    }


def test_every_key_of_a_rule_is_described() -> None:
    for heading, model in (("of a rule", rules.Rule), ("of `then`", rules.Then)):
        described = {row[0].strip("`") for row in pages.rows("docs/policy.md", heading)}
        keys = {field.alias or name for name, field in model.model_fields.items()}
        assert keys == described
    part = pages.text("docs/policy.md").partition("## `rules`")[2].partition("\n## ")[0]
    words = set(re.findall(r"\w+", part))
    for part_of in (rules.Count, rules.Absent, rules.Sequence, rules.Raise):
        assert {field.alias or name for name, field in part_of.model_fields.items()} <= words


def test_every_function_is_described() -> None:
    part = pages.text("docs/policy.md").partition("### Conditions")[2].partition("\n## ")[0]
    for name in plugins.load("tocsin.domain.functions"):
        assert f"`{name}(" in part


@pytest.mark.parametrize("channel", channels.REGISTRY)
def test_every_key_of_a_channel_is_described(channel: str) -> None:
    part = pages.text("docs/policy.md").partition(f"\n### `{channel}`\n")[2].partition("\n### ")[0]
    code = " ".join(re.findall(r"`([^`]+)`", part))
    for name, known in channels.REGISTRY[channel].Settings.model_fields.items():
        field = known.alias or name
        short = "_env" if field.endswith("_env") else field
        assert field in code.split() or short in code.split(), field


def test_the_table_of_metrics_is_whole() -> None:
    named = {}
    for cell, _ in pages.rows("docs/operations.md", "metric"):
        name, _, labels = cell.strip("`}").partition("{")
        named[name] = tuple(filter(None, labels.split(",")))
    text = metrics.text(metrics.Figures([], {}, 0.0, {})).decode()
    assert set(named) == set(re.findall(r"^# HELP (\w+) ", text, re.MULTILINE))
    for family in metrics.COUNTERS:
        assert named[family.name] == family.labels


def test_every_outcome_is_described() -> None:
    described = {name for row in pages.rows("docs/architecture.md", "outcome")
                 for name in re.findall(r"`(\w+)`", row[0])}  # fmt: skip
    stored = set(get_args(explanation.Outcome)) - {"pending", "repeat", "quarantined"}
    assert described == stored


def test_every_scope_and_every_address_of_a_source_is_described() -> None:
    scopes = {row[0].strip("`") for row in pages.rows("docs/api.md", "scope")}
    assert scopes == set(tokens.SCOPES)
    addresses = {row[0] for row in pages.rows("docs/api.md", "address")}
    assert addresses == {f"`POST {path}`" for each in SOURCES.values() for path in each.PATHS}


def test_addresses_in_examples_are_in_the_api() -> None:
    known = json.loads(pages.text("docs/openapi.json"))["paths"]
    shapes = {re.sub(r"\{\w+\}", "$", path) for path in known}
    used = re.findall(r"\$base(/[^\s\"?]+)", "".join(pages.blocks("docs/api.md", "sh")))
    assert used
    assert {re.sub(r"\$\w+", "$", path) for path in used} <= shapes


def test_decisions_are_numbered_without_a_gap() -> None:
    files = sorted((pages.ROOT / "docs" / "decisions").glob("*.md"))
    assert [file.name[:4] for file in files] == [f"{n:04}" for n in range(1, len(files) + 1)]
    for file in files:
        heads = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
        assert heads[0].startswith(f"{file.name[:4]}. ")
        assert heads[1:] == ["Context", "Decision", "Consequence"]


def test_the_changes_begin_with_this_version() -> None:
    assert re.findall(r"^## (\S+)", pages.text("CHANGELOG.md"), re.MULTILINE)[0] == (
        tocsin.__version__
    )
