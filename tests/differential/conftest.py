"""One installation, and one Alertmanager for each scenario, all at once."""

from __future__ import annotations

from tests.e2e.conftest import launch_stack

__all__ = ["launch_stack"]
