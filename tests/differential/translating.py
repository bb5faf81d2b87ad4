"""From an alertmanager.yml of the scenarios to a policy of ours: as little as these need."""

from __future__ import annotations

from typing import Any

import yaml

#: What stands in both documents and means the same.
SAME = ("inhibit_rules", "time_intervals")


def policy(alertmanager: str) -> str:
    """The policy that says the same.

    Alertmanager knows no incidents, so that one that comes back soon is no matter: `reopen` is 0s.
    """
    document = yaml.safe_load(alertmanager)
    made: dict[str, Any] = {
        "route": document["route"],
        "receivers": [_receiver(each) for each in document["receivers"]],
        "incidents": {"reopen": "0s"},
        **{key: document[key] for key in SAME if key in document},
    }
    return yaml.safe_dump(made, sort_keys=False)


def _receiver(written: dict[str, Any]) -> dict[str, Any]:
    return {"name": written["name"], "webhook": written["webhook_configs"]}
