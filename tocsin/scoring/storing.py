"""A model as it is stored: skops, which builds no object that we did not name, under an HMAC.

The HMAC is under a key of the tenant's own, so that nobody who can only write to the database can
have a model loaded, and no tenant gets another's.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib.metadata
import json

import numpy as np
import skops.io

from tocsin import errors
from tocsin.domain import features
from tocsin.scoring import calibration, detectors
from tocsin.scoring.models import Model

#: Besides what skops knows by itself; all that the detectors of NAMES are made of.
ALLOWED = frozenset({
    "pyod.models.copod.COPOD",
    "pyod.models.ecod.ECOD",
    "pyod.models.iforest.IForest",
    "sklearn.tree._tree.Tree",
})  # fmt: skip


def libraries() -> str:
    """What a model is made with; another one may read it differently."""
    used = {name: importlib.metadata.version(name) for name in ("pyod", "scikit-learn", "numpy")}
    return json.dumps(used, sort_keys=True)


def pack(model: Model, key: bytes) -> tuple[bytes, bytes]:
    """The blob and its HMAC."""
    blob = bytes(
        skops.io.dumps({
            "detector": model.detector, "fitted": model.fitted, "middle": model.middle,
            "step": model.step, "ranks": model.curve.ranks, "excess": model.curve.excess,
            "rows": model.rows, "names": list(features.NAMES),
        })
    )  # fmt: skip
    return blob, mac(blob, key)


def mac(blob: bytes, key: bytes) -> bytes:
    return hmac.digest(key, blob, hashlib.sha256)


def unpack(blob: bytes, tag: bytes, key: bytes, made_with: str) -> Model:
    """The model of a blob. Raises TocsinError where it may not or cannot be loaded."""
    if not hmac.compare_digest(mac(blob, key), tag):
        raise errors.TocsinError(
            "this model was changed since it was stored, or is another tenant's; it is not loaded:"
            " `tocsin model train` makes a new one"
        )
    if made_with != libraries():
        raise errors.TocsinError(
            f"this model was made with {made_with}, here is {libraries()}; it is not loaded:"
            " `tocsin model train` makes a new one"
        )
    strange = set(skops.io.get_untrusted_types(data=blob)) - ALLOWED
    if strange:
        raise errors.TocsinError(
            f"this model holds {', '.join(sorted(strange))}, which no model of ours does; it is"
            " not loaded: `tocsin model train` makes a new one"
        )
    found = skops.io.loads(blob, trusted=sorted(ALLOWED))
    if tuple(found["names"]) != features.NAMES:
        raise errors.TocsinError(
            "this model knows other features than this version of Tocsin: it is trained anew"
        )
    return Model(
        found["detector"], found["fitted"], detectors.asked(found["fitted"]), found["middle"],
        found["step"], calibration.Curve(np.asarray(found["ranks"]), found["excess"]),
        found["rows"],
    )  # fmt: skip
