"""What the environment says of scores: two names for the threshold, a switch, an interval."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import ValidationError

from tocsin.config import settings

NAMES = ("ALERTS_ANOMALY_THRESHOLD", "ML_ANOMALY_THRESHOLD", "ALERTS_ML_ENABLED",
         "ALERTS_ML_MODEL_UPDATE_INTERVAL")  # fmt: skip


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


def test_what_holds_where_nothing_is_said() -> None:
    found = settings.load()
    assert (found.ml_enabled, found.anomaly_threshold) == (True, 0.85)
    assert found.ml_interval == timedelta(hours=6)


@pytest.mark.parametrize("name", NAMES[:2])
def test_either_name_sets_the_threshold(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "0.7")
    assert settings.load().anomaly_threshold == 0.7


def test_both_names_must_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMES[0], "0.7")
    monkeypatch.setenv(NAMES[1], "0.7")
    assert settings.load().anomaly_threshold == 0.7
    monkeypatch.setenv(NAMES[1], "0.8")
    with pytest.raises(ValidationError, match="set one of them"):
        settings.load()


@pytest.mark.parametrize("wrong", ["6", "10s", "soon"])
def test_an_interval_has_a_unit_and_is_no_shorter_than_a_minute(
    monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    monkeypatch.setenv(NAMES[3], "90m")
    assert settings.load().ml_interval == timedelta(minutes=90)
    monkeypatch.setenv(NAMES[3], wrong)
    with pytest.raises(ValidationError):
        settings.load()


def test_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAMES[2], "false")
    assert not settings.load().ml_enabled
