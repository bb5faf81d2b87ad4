"""That our quick way to ask a detector answers as pyod does, and what a stored model may be."""

from __future__ import annotations

import copy
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import skops.io
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD

from tocsin import errors
from tocsin.domain import features
from tocsin.domain.features import Fact, Row
from tocsin.scoring import detectors, models, storing
from tocsin.scoring.matrices import Matrix

WIDE = len(features.NAMES)


def rows(count: int, seed: int = 1) -> Matrix:
    """Mostly nothing, now and then something: as features are."""
    chance = np.random.default_rng(seed)
    return np.maximum(0.0, chance.normal(-1.0, 1.5, (count, WIDE)))


@pytest.mark.parametrize(("name", "kind"), [("ecod", ECOD), ("copod", COPOD)])
@pytest.mark.parametrize("empty", [False, True])
def test_each_row_gets_the_number_that_pyod_gives_it_alone(
    name: str, kind: Any, empty: bool
) -> None:
    train, asked = rows(700), rows(60, 2) * 1.5
    if empty:
        train[:, 3] = 0.0  # nothing of the kind ever happened
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        pyods = kind().fit(train)
        wanted = [float(pyods.decision_function(row[None])[0]) for row in asked]
    ours = detectors.asked(detectors.fit(name, train)).decide(asked)
    np.testing.assert_allclose(ours, wanted, rtol=1e-9)


def test_the_forest_is_pyods_own_and_always_the_same() -> None:
    train, asked = rows(300), rows(20, 2)
    first, again = (detectors.fit("iforest", train) for _ in range(2))
    np.testing.assert_array_equal(
        detectors.asked(first).decide(asked), again.decision_function(asked)
    )


def test_an_unknown_detector_is_named_with_those_there_are() -> None:
    with pytest.raises(errors.TocsinError, match="use ecod, copod, iforest"):
        detectors.fit("magic", rows(10))


@pytest.mark.parametrize("name", detectors.NAMES)
def test_the_threshold_means_one_in_a_hundred(name: str) -> None:
    model = models.train(name, rows(5000))
    share = float((model.scores(rows(5000, 3)) >= 0.85).mean())
    assert 0.003 < share < 0.03


@pytest.mark.parametrize("name", detectors.NAMES)
def test_scores_lie_between_0_and_1_and_grow(name: str) -> None:
    model = models.train(name, rows(1000))
    steps = np.zeros((13, WIDE))
    steps[:, 0] = np.arange(13)
    found = model.scores(steps)
    assert ((found >= 0) & (found <= 1)).all()
    assert found[0] < 0.5 < found[-1]
    if name != "iforest":
        assert (np.diff(found) >= -1e-12).all()


def test_a_score_tells_its_reasons_the_most_telling_first() -> None:
    model = models.train("ecod", rows(1000))
    values = [0.0] * WIDE
    values[0], values[6] = 1.0, 9.0
    facts = {"rate": Fact(4, 1), "rarity": Fact(0, 0, "region")}
    [score] = model.score([Row(tuple(values), facts, settled=True)])
    assert [why.feature for why in score.reasons] == ["rarity", "rate"]
    assert score.reasons[0].fact.about == "region"
    assert sum(why.weight for why in score.reasons) == pytest.approx(1, abs=0.01)


def test_a_model_comes_back_as_it_was() -> None:
    for name in detectors.NAMES:
        model = models.train(name, rows(500))
        blob, tag = storing.pack(model, b"key")
        back = storing.unpack(blob, tag, b"key", storing.libraries())
        np.testing.assert_array_equal(model.scores(rows(30, 5)), back.scores(rows(30, 5)))


def test_what_was_changed_or_is_anothers_is_not_loaded() -> None:
    blob, tag = storing.pack(models.train("ecod", rows(300)), b"key")
    for other, key in ((blob + b"x", b"key"), (blob, b"another key")):
        with pytest.raises(errors.TocsinError, match="was changed since it was stored"):
            storing.unpack(other, tag, key, storing.libraries())
    with pytest.raises(errors.TocsinError, match="was made with"):
        storing.unpack(blob, tag, b"key", '{"pyod": "1"}')


def test_a_type_that_is_not_allowed_is_not_loaded_although_the_hmac_is_right() -> None:
    from collections import Counter

    blob = skops.io.dumps({"detector": "ecod", "fitted": copy.copy(Counter("ab"))})
    if not skops.io.get_untrusted_types(data=blob):
        blob = skops.io.dumps({"fitted": warnings.WarningMessage("m", UserWarning, "f", 1)})
    with pytest.raises(errors.TocsinError, match="which no model of ours does"):
        storing.unpack(blob, storing.mac(blob, b"key"), b"key", storing.libraries())


def test_a_pickle_is_not_loaded() -> None:
    blob = pickle.dumps({"detector": "ecod"})
    with pytest.raises(Exception, match="zip"):
        storing.unpack(blob, storing.mac(blob, b"key"), b"key", storing.libraries())
