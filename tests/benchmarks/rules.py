"""What rules cost an alert: `python -m tests.benchmarks.rules`, microseconds for 10 and 1 000."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from schemas import rules as written
from tocsin.config import rules as config
from tocsin.domain import judging, rules
from tocsin.domain.change import Change

ALERTS = 20_000
#: Like those of a large installation: most ask for one alertname, some for a service.
CONDITIONS = (
    'alertname == "Alert{n}" and labels.cpu_usage > 80',
    'alertname in ["Alert{n}", "Other{n}"] and severity >= "warning"',
    'labels.service == "service{n}" and age > 5m',
)
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def compiled(total: int) -> rules.Rules:
    """So many rules, each for alerts of its own."""
    return config.compiled(
        [
            written.Rule.model_validate(
                {"name": f"r{n}", "when": CONDITIONS[n % 3].format(n=n), "then": {"route": "x"}}
            )
            for n in range(total)
        ]
    )


def cost(all_rules: rules.Rules) -> float:
    """Microseconds for one alert, the best of five rounds."""
    changes = [_change(n % 9) for n in range(100)]
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(ALERTS // 5 // len(changes)):
            for each in changes:
                met = judging.of_change(all_rules, each, NOW, lambda rule, error: None)
                judging.judged(met, {})
        best = min(best, time.perf_counter() - began)
    return best / (ALERTS // 5) * 1e6


def _change(n: int) -> Change:
    labels = {"alertname": f"Alert{n}", "service": f"service{n}", "cpu_usage": "81", "host": "h"}
    return Change(1, f"{n:016x}", 1, NOW, "new", "firing", "warning", labels, NOW)


def main() -> None:
    few, many = cost(compiled(10)), cost(compiled(1000))
    print(f"10 rules: {few:.1f} us an alert, 1000 rules: {many:.1f} us, {many / few:.2f} times")


if __name__ == "__main__":
    main()
