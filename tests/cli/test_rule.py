"""`tocsin rule test`: a dry run, without any installation."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin.cli import app

POLICY = """
route:
  receiver: team
  routes:
    - receiver: night
      matchers: [route_hint=night]
receivers: [{name: team}, {name: night}]
rules:
  - name: hot
    when: alertname == "HighCPU" and labels.cpu > 80
    then: {severity: critical, route: night}
  - name: long
    when: alertname == "HighCPU"
    for: 5m
    then: {labels: {long: "yes"}}
  - name: other
    when: alertname == "Other"
    then: {drop: not this one}
"""
ALERT = {"labels": {"alertname": "HighCPU", "cpu": "81"}}


def run(folder: Path, alert: str, *words: str, policy: str = POLICY) -> Result:
    (folder / "policy.yml").write_text(policy)
    return CliRunner().invoke(app, ["rule", "test", str(folder / "policy.yml"), "-", *words],
                              input=alert)  # fmt: skip


def test_it_says_what_the_rules_would_do(tmp_path: Path) -> None:
    found = json.loads(run(tmp_path, json.dumps(ALERT), "-o", "json").stdout)
    assert found["rules"] == 3
    assert [(each["rule"], each["holds"], each["over_time"]) for each in found["asked"]] == [
        ("hot", True, ""),
        ("long", True, "for 300s"),
    ]
    assert found["labels"]["severity"] == found["severity"] == "critical"
    assert "long" not in found["labels"]
    assert found["receivers"] == ["night"]


def test_the_table(tmp_path: Path) -> None:
    done = run(tmp_path, json.dumps({"labels": {"alertname": "Other"}}))
    assert done.exit_code == 0
    assert "drop: not this one" in done.stdout
    assert "other: not this one" in done.stdout
    assert "1 of 3 rules are asked" in done.stderr


@pytest.mark.parametrize("alert", ["{", "[]", "5", '{"labels": {"a": 1}}', '{"startsAt": "x"}'])
def test_what_is_no_alert_is_said(tmp_path: Path, alert: str) -> None:
    done = run(tmp_path, alert)
    assert done.exit_code == 1
    assert "the alert cannot be read" in done.stderr
