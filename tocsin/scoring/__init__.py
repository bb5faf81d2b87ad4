"""Anomaly scores: how strange an arrival is for its stream, learnt from the tenant's own history.

The one package that imports pyod; only `actors/score.py` and `actors/train.py` import it, and they
run in a process of their own. From the outside:

    scoring.replay(events, detector="ecod", warmup=..., interval=...) -> [Score]
        a history as it would have been scored: same features, refitted at the same intervals;
        one score for each event, its `value` None while too little was known
    models.train(detector, rows, weights) -> Model     what a tenant's events are scored with
    model.score(rows) -> [Score]                       0-1 with reasons, the most telling first
    storing.pack(model, key) / storing.unpack(...)     stored form, skops under an HMAC
"""

from __future__ import annotations

from tocsin.domain.features import Event
from tocsin.scoring.models import Score
from tocsin.scoring.replaying import replay

__all__ = ["Event", "Score", "replay"]
