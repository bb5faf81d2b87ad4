"""What every enricher must hold, run on whatever is found in the folder."""

from __future__ import annotations

import copy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pydantic
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from schemas.services import Service
from tests.docs import pages
from tocsin.config import enrichment as configured
from tocsin.domain import enrichers, enrichment

FOLDER = Path(__file__).parent / "enrichers"
ALL = sorted(enrichers.REGISTRY)
TEXTS = st.dictionaries(
    st.sampled_from(["service", "host", "env", "team", "site", "description", "summary"]),
    st.text(max_size=50) | st.sampled_from(["..", "a/../b", "\0", "{labels.a}", "x" * 9000]),
    max_size=5,
)


class Sample:
    """An enricher with its evidence."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.plugin = enrichers.REGISTRY[name]
        self.evidence = yaml.safe_load((FOLDER / f"{name}.yml").read_text())
        self.settings = self.read(self.evidence["settings"])
        services = {
            name: Service.model_validate(each)
            for name, each in self.evidence.get("services", {}).items()
        }
        self.world = enrichers.World(configured.services(services, "service"))
        self.prepared: Any = self.plugin.prepare(self.settings, self.world)
        self.known = enrichers.Known(**{"labels": {}, **self.evidence["known"]})

    def read(self, settings: dict[str, Any]) -> enrichers.EnricherSettings:
        return self.plugin.Settings.model_validate(settings)

    def given(self, known: enrichers.Known) -> enrichers.Given:
        """What it gives; a source is given the reply of its evidence."""
        given = self.prepared(known)
        if isinstance(given, enrichers.Ask):
            given = self.prepared.read(self.evidence["reply"].encode())
        assert isinstance(given, enrichers.Given)
        return given


@pytest.fixture(params=ALL)
def sample(request: pytest.FixtureRequest) -> Sample:
    return Sample(request.param)


def test_there_are_enrichers() -> None:
    assert {"lookup", "extract", "template", "services", "http"} <= set(ALL)
    assert set(enrichers.settings_models()) == set(ALL)


def test_settings_are_frozen_strict_and_described(sample: Sample) -> None:
    model = sample.plugin.Settings
    assert issubclass(model, enrichers.EnricherSettings)
    assert (model.__doc__ or "").strip()
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        sample.read({**sample.evidence["settings"], "lables": {}})
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        sample.settings.__setattr__(next(iter(model.model_fields)), "x")


def test_it_gives_what_it_says(sample: Sample) -> None:
    wanted = sample.evidence["given"]
    given = sample.given(sample.known)
    assert asdict(given) == {"labels": {}, "facts": {}, **wanted}
    if "ask" in sample.evidence:
        assert sample.prepared(sample.known) == enrichers.Ask(**sample.evidence["ask"])


def test_it_is_pure(sample: Sample) -> None:
    before = copy.deepcopy(sample.known)
    assert sample.given(sample.known) == sample.given(sample.known)
    assert sample.known == before


def test_about_an_alert_without_anything_it_says_nothing_or_the_same(sample: Sample) -> None:
    empty = enrichers.Known({})
    assert sample.prepared(empty) == sample.prepared(copy.deepcopy(empty))


def test_what_can_be_wrong_is_said_when_the_policy_is_applied(sample: Sample) -> None:
    for settings, said in sample.evidence["wrong"]:
        with pytest.raises(pydantic.ValidationError) as refused:
            sample.read(settings)
        assert said in str(refused.value)
        assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize("name", ALL)
@given(labels=TEXTS, annotations=TEXTS, facts=TEXTS)
def test_whatever_an_alert_says_the_drain_goes_on(
    name: str, labels: dict[str, str], annotations: dict[str, str], facts: dict[str, str]
) -> None:
    sample = Sample(name)
    step = enrichment.Step("id", "step", sample.prepared)
    known = enrichers.Known(labels, annotations, "critical", "test", facts)
    found = enrichment.enrich((), (step,), known, {})
    assert not [gap for gap in found.gaps if gap.why == "broken"]
    for name_, value in {**found.added, **found.extra}.items():
        assert name_
        assert value
        assert "\0" not in value
        value.encode()
        assert len(value) <= enrichment.MAX_FACT
    for _, ask in found.asks.values():
        assert ask.url.isascii()
        assert ask.url.startswith("https://cmdb.example.com/hosts/")


@pytest.mark.parametrize("name", ALL)
def test_every_setting_is_described(name: str) -> None:
    text = pages.text("docs/policy.md").partition(f"\n### Step `{name}`\n")[2]
    part = text.partition("\n### ")[0]
    assert part
    for field, info in enrichers.REGISTRY[name].Settings.model_fields.items():
        key = info.alias or field
        assert f"`{key}`" in part or f"{key}:" in part, key
