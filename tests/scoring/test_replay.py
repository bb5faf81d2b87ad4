"""How good the scores are on histories whose anomalies are known, and that they are repeatable."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from sklearn.metrics import average_precision_score

from tests.scoring import streams
from tocsin import scoring

ASKED = streams.START + timedelta(days=streams.QUIET)
DAY = timedelta(days=1)


@pytest.mark.parametrize("kind", streams.KINDS)
def test_strange_events_stand_out(kind: str) -> None:
    events, strange = streams.made(kind)
    scores = scoring.replay(events, interval=DAY)
    asked = [
        (truth, score.value)
        for event, truth, score in zip(events, strange, scores, strict=True)
        if event.at > ASKED and score.value is not None
    ]
    truths, values = [truth for truth, _ in asked], [value for _, value in asked]
    flagged = [truth for truth, value in asked if value >= 0.85]
    chance = average_precision_score(truths, [random.Random(1).random() for _ in truths])
    assert average_precision_score(truths, values) > max(0.7, 3 * chance)
    assert sum(flagged) / len(flagged) > 0.6
    assert sum(flagged) / sum(truths) > 0.6


def test_of_a_usual_history_few_alerts_count_as_anomalies() -> None:
    told = sorted(streams.usual(random.Random(5)), key=lambda each: each[0].at)
    scores = scoring.replay([event for event, _ in told], interval=DAY)
    values = [score.value for score in scores if score.value is not None]
    assert sum(value >= 0.85 for value in values) / len(values) < 0.03


@pytest.mark.parametrize("detector", ["copod", "iforest"])
def test_the_other_detectors_work_on_the_same_features(detector: str) -> None:
    events, strange = streams.made("rare")
    scores = scoring.replay(events, detector, interval=timedelta(days=7))
    known = [
        (truth, score.value or 0.0)
        for event, truth, score in zip(events, strange, scores, strict=True)
        if event.at > ASKED
    ]
    quality = average_precision_score([truth for truth, _ in known], [value for _, value in known])
    assert quality > 0.6


def test_the_same_history_gives_the_same_scores() -> None:
    events, _ = streams.made("storm")
    first, again = (scoring.replay(events[:3000], interval=DAY) for _ in range(2))
    assert first == again


def test_nothing_is_scored_before_there_is_enough_history() -> None:
    events, _ = streams.made("storm")
    scores = scoring.replay(events, warmup=500, interval=DAY)
    first = next(at for at, score in enumerate(scores) if score.value is not None)
    assert first >= 500
    assert all(score.value is None for score in scores[:first])


def test_a_tick_shows_a_silence_while_it_lasts_and_teaches_nothing() -> None:
    every = [
        streams.fire(0, streams.START + timedelta(minutes=15 * number))[0] for number in range(1200)
    ]
    others = [event for event, _ in streams.usual(random.Random(2)) if event.service != "s0"]
    end = every[-1].at
    tick = scoring.Event(end + timedelta(hours=9), "Alert0", "s0", status="tick")
    before = sorted((e for e in [*every, *others] if e.at <= end), key=lambda e: e.at)
    *_, soon, late = scoring.replay(
        [*before, scoring.Event(end + timedelta(minutes=10), "Alert0", "s0", status="tick"), tick],
        interval=DAY,
    )
    assert soon.value is not None
    assert late.value is not None
    assert soon.value < 0.6
    assert late.value > 0.85
    assert late.reasons[0].feature == "gap"
