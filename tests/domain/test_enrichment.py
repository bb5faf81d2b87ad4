"""Tables and steps: who speaks first, what is bounded, what is missing, and how that is said."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.domain import enrichers, enrichment, matchers
from tocsin.domain.enrichers import _paths, _placeholders, http, lookup
from tocsin.domain.enrichment import Gap, Lookup

TABLE = (
    Lookup(matchers.parse_list("service=db"), {"owner": "dba", "runbook": "db"}),
    Lookup(matchers.parse_list("severity=critical"), {"runbook": "critical"}),
    Lookup((), {"owner": "ops", "runbook": "any"}),
)
THEN = datetime(2026, 11, 21, 3, 7, tzinfo=UTC)
KNOWN = enrichers.Known({"service": "api"})
ASK = enrichers.Ask("https://cmdb.example.com/")


def says(**labels: str) -> Any:
    """An enricher that gives these labels."""
    return lambda known: enrichers.Given(labels)


def facts(**given: str) -> Any:
    return lambda known: enrichers.Given({}, given)


def step(enricher: Any, id: str = "1", **more: Any) -> enrichment.Step:
    return enrichment.Step(id, f"step {id}", enricher, **more)


def steps(*some: enrichment.Step, **answers: enrichment.Answer) -> enrichment.Found:
    known = {(id.removeprefix("s"), ASK.key): answer for id, answer in answers.items()}
    return enrichment.enrich((), some, KNOWN, known)


def tried(function: Any, value: Any) -> tuple[str, Any]:
    """What a ValueError says, if it raises one, and what it returns otherwise."""
    try:
        return "", function(value)
    except ValueError as error:
        return str(error), None


def parse(text: str) -> Any:
    return documents.parse(f"route: {{}}\nenrichment:\n{text}", channels.settings_models())


def test_for_each_key_the_first_row_of_the_table_decides() -> None:
    both = {"service": "db", "severity": "critical"}
    assert enrichment.lookup(TABLE, both) == {"owner": "dba", "runbook": "db"}
    assert enrichment.lookup(TABLE, {"severity": "critical"}) == {
        "owner": "ops",
        "runbook": "critical",
    }
    assert enrichment.lookup(TABLE, {}) == {"owner": "ops", "runbook": "any"}
    assert enrichment.lookup((), {}) == {}


def test_the_table_cannot_write_what_is_tocsins_own() -> None:
    table = (Lookup((), {"_gaps": "late x", "owner": "ops"}),)
    assert enrichment.enrich(table, (), KNOWN, {}).extra == {"owner": "ops"}


def test_who_speaks_first_is_right_and_the_alert_before_all() -> None:
    found = steps(
        step(says(service="other", team="one")), step(says(team="two", site="fra")),
        step(facts(owner="ann")), step(facts(owner="bob")),
    )  # fmt: skip
    assert found.added == {"team": "one", "site": "fra"}
    assert found.labels == {"service": "api", "team": "one", "site": "fra"}
    assert found.extra == {"owner": "ann"}


def test_with_overwrite_the_last_is() -> None:
    found = steps(
        step(says(team="one")), step(says(service="other", team="two"), overwrite=True),
        step(facts(owner="ann")), step(facts(owner="bob"), overwrite=True),
    )  # fmt: skip
    assert found.added == {"service": "other", "team": "two"}
    assert found.extra == {"owner": "bob"}


def test_matchers_see_the_labels_as_they_are_by_then() -> None:
    only = matchers.parse_list("team=core")
    before = step(facts(early="yes"), matchers=only)
    after = step(facts(late="yes"), matchers=only)
    assert steps(before, step(says(team="core")), after).extra == {"late": "yes"}


def test_a_step_that_raises_is_skipped_and_noted() -> None:
    def broken(known: enrichers.Known) -> enrichers.Given:
        raise ZeroDivisionError

    found = steps(step(broken, "7"), step(says(team="core")))
    assert found.added == {"team": "core"}
    assert enrichment.gaps(found.extra) == [Gap("broken", "step 7")]


def test_a_step_cannot_change_what_others_see() -> None:
    def vandal(known: Any) -> enrichers.Given:
        known.labels.clear()
        known.facts["owner"] = "me"
        return enrichers.Given()

    found = steps(step(vandal), step(says(team="core")))
    assert found.labels == {"service": "api", "team": "core"}
    assert found.extra == {}


def test_who_must_be_asked_is_left_out_until_there_is_an_answer() -> None:
    asks = step(lambda known: ASK, "1")
    found = steps(asks)
    assert found.asks == {("1", ASK.key): (asks, ASK)}
    assert enrichment.gaps(found.extra) == [Gap("late", "step 1")]
    good = enrichers.Given({"team": "core"}, {"owner": "ann"})
    found = steps(asks, s1=enrichment.Answer(good))
    assert (found.asks, found.added, found.extra) == ({}, {"team": "core"}, {"owner": "ann"})
    found = steps(asks, s1=enrichment.Answer(good, stale=THEN))
    assert list(found.asks) == [("1", ASK.key)]
    assert found.added == {"team": "core"}
    assert enrichment.gaps(found.extra) == [Gap("stale", "step 1", THEN)]
    assert enrichment.facts(found.extra) == {"owner": "ann"}


def test_while_an_answer_is_missing_an_alert_keeps_what_it_had() -> None:
    had = {"team": "core"}, {"owner": "ann", enrichment.GAPS: "late old"}
    asks, default = step(lambda known: ASK, "1"), step(says(team="nobody", site="fra"))
    again = steps(asks, default)
    enrichment.keep(again, *had, again=True)
    assert again.added == {"team": "core", "site": "fra"}
    assert again.extra == {"owner": "ann", enrichment.GAPS: "late step 1"}
    anew = steps(asks, default)
    enrichment.keep(anew, *had, again=False)
    assert anew.added == {"team": "nobody", "site": "fra"}
    whole = steps(default)
    enrichment.keep(whole, *had, again=True)
    assert (whole.added, whole.extra) == ({"team": "nobody", "site": "fra"}, {})


def test_values_and_their_number_are_bounded() -> None:
    flood = {f"n{n}": "x" * 10_000 for n in range(1000)}
    found = steps(step(lambda known: enrichers.Given(flood, flood)))
    assert len(found.added) == len(found.extra) == enrichment.MAX_NAMES
    assert {len(value) for value in found.added.values()} == {enrichment.MAX_LABEL}
    assert {len(value) for value in found.extra.values()} == {enrichment.MAX_FACT}


def test_what_the_record_cannot_keep_is_taken_out() -> None:
    found = steps(step(says(a="\0x\ud800y", b="\0")))
    assert found.added == {"a": "xy"}


@pytest.mark.timeout(20)  # row by row it would be billions of comparisons
def test_a_large_table_is_looked_up_by_its_key() -> None:
    rows = "\n".join(f"s{n},t{n}" for n in range(50_000))
    step = {"lookup": {"key": ["service"], "csv": f"service,team\n{rows}"}}
    policy = parse(f"  steps: [{json.dumps(step)}]")
    known = [enrichers.Known({"service": f"s{n}"}) for n in range(0, 50_000, 2)]
    found = [enrichment.enrich((), policy.steps, each, {}).extra["team"] for each in known]
    assert found == [f"t{n}" for n in range(0, 50_000, 2)]


def test_a_table_as_rows_and_a_label_that_is_not_there() -> None:
    settings = lookup.Settings.model_validate({
        "key": {"env": "environment", "svc": "service"},
        "rows": [{"svc": "api", "team": "all"}, {"svc": "api", "env": "prod", "team": "core"}],
    })  # fmt: skip
    asked = lookup.prepare(settings, enrichers.World())
    assert asked(KNOWN) == enrichers.Given({}, {"team": "all"})
    prod = enrichers.Known({"service": "api", "environment": "prod"})
    assert asked(prod) == enrichers.Given({}, {"team": "core"})
    assert asked(enrichers.Known({"service": "no"})) == enrichers.Given()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  steps: [{}]", "a step has exactly one of extract, http, lookup, services, template"),
        ("  steps: [{services: {}, template: {labels: {a: b}}}]", "exactly one"),
        ("  steps: [{lookpu: {}}]", "did you mean `lookup`?"),
        ("  steps: [{lookup: {kye: [a], csv: b}}]", "did you mean `key`?"),
        ("  steps: [{services: {}, matchers: [a]}]", "bad matcher format"),
        ("  steps: [{services: {}, name: 'a\\nb'}]", "steps[0].name"),
        ("  steps: [{template: {labels: {a: 1}}}]", "must be text: put it in quotes"),
        ("  steps: {services: {}}", "must be a list"),
        ("  steps: [" + "{services: {}}," * 101 + "]", "at most 100"),
    ],
)
def test_what_is_wrong_with_steps_is_said_with_the_line(text: str, said: str) -> None:
    with pytest.raises(errors.PolicyError) as caught:
        parse(text)
    assert caught.value.problems[0][0] == 3
    assert said in str(caught.value)


def test_a_step_with_other_settings_is_another_one() -> None:
    url = "{url: 'https://x.example/{labels.a}', facts: [%s], ttl: %s}"
    one, same, patient, other = (
        parse(f"  steps: [{{name: {name}, http: {url % (fact, ttl)}}}]").steps[0]
        for name, fact, ttl in (
            ("a", "b", "1h"),
            ("b", "b", "1h"),
            ("a", "b", "2h"),
            ("a", "c", "1h"),
        )
    )
    assert one.digest == same.digest == patient.digest
    assert one.digest != other.digest


@given(st.text(), st.text())
def test_a_value_is_one_part_of_the_address_whatever_it_is(value: str, other: str) -> None:
    settings = http.Settings.model_validate(
        {"url": "https://x.example/a/{labels.v}/b?q={labels.o}#{{}}", "facts": ["c"]}
    )
    asked = http.Http(settings)(enrichers.Known({"v": value, "o": other}))
    if isinstance(asked, enrichers.Given):
        long = len(value) + len(other) > 150
        assert not value or not other or {value, other} & {".", ".."} or long
        return
    assert asked.url.startswith("https://x.example/a/")
    assert asked.url.endswith("#{}")
    assert asked.url.count("/") == 5
    assert asked.url.count("?") == asked.url.count("#") == asked.url.count("=") == 1
    assert asked.url.isascii()


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_whatever_is_replied_is_read_or_refused(body: bytes) -> None:
    source = http.Http(
        http.Settings.model_validate({"url": "https://x.example/", "facts": ["a", "a.b", "[0]"]})
    )
    refused, given = tried(source.read, body)
    assert "not JSON" in refused or given is not None
    if given is not None:
        assert all(isinstance(value, str) and value for value in given.facts.values())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(JSON, st.sampled_from(["a", "a.b", "[0]", "a[0].b", "[0][1]", "b[99999]"]))
def test_a_path_leads_to_text_or_to_nothing(document: Any, path: str) -> None:
    found = _paths.value(document, _paths.parse(path))
    assert found is None or (type(found) is str and found != "")


@given(st.text())
def test_a_text_is_read_or_refused_and_without_braces_it_is_itself(text: str) -> None:
    refused, made = tried(_placeholders.parse, text)
    if made is None:
        assert "brace" in refused or "placeholder" in refused
    elif "{" not in text and "}" not in text:
        assert made.render(enrichers.Known({})) == text
