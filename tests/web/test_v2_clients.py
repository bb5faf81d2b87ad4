"""The requests of karma and of Grafana, as they make them, and what they must find in the answers.

Written down from the models that karma generates of Alertmanager's description of its API, and from
the addresses and the test of Grafana's data source.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx
import pytest
import yaml
from pydantic import AnyUrl, AwareDatetime, BaseModel, ConfigDict, TypeAdapter

from tests.web import v2
from tests.web.conftest import OPERATOR, Someone, Web
from tocsin.storage.record import Record


class _Model(BaseModel):
    """Fields as karma has them: all that is here is required there."""

    model_config = ConfigDict(strict=True)


class _Named(_Model):
    name: str


class _AlertStatus(_Model):
    state: Literal["unprocessed", "active", "suppressed"]
    silencedBy: list[str]
    inhibitedBy: list[str]


class _Alert(_Model):
    annotations: dict[str, str]
    endsAt: AwareDatetime
    fingerprint: str
    receivers: list[_Named]
    startsAt: AwareDatetime
    status: _AlertStatus
    updatedAt: AwareDatetime
    generatorURL: AnyUrl | None = None
    labels: dict[str, str]


class _Group(_Model):
    alerts: list[_Alert]
    labels: dict[str, str]
    receiver: _Named


class _State(_Model):
    state: Literal["expired", "active", "pending"]


class _Matcher(_Model):
    isEqual: bool
    isRegex: bool
    name: str
    value: str


class _Silence(_Model):
    id: str
    status: _State
    updatedAt: AwareDatetime
    comment: str
    createdBy: str
    startsAt: AwareDatetime
    endsAt: AwareDatetime
    matchers: list[_Matcher]


class _Peer(_Model):
    address: str
    name: str


class _Cluster(_Model):
    status: Literal["ready", "settling", "disabled"]
    peers: list[_Peer] = []


class _Version(_Model):
    branch: str
    buildDate: str
    buildUser: str
    goVersion: str
    revision: str
    version: str


class _Config(_Model):
    original: str


class _Status(_Model):
    cluster: _Cluster
    config: _Config
    uptime: AwareDatetime
    versionInfo: _Version


GROUPS, SILENCES = TypeAdapter(list[_Group]), TypeAdapter(list[_Silence])
#: What karma asks of the version; its newest way of reading is for this and all that follow.
LEAST = (0, 22, 0)


@pytest.fixture
def story(record: Record, someone: Someone) -> None:
    v2.apply(record, someone)
    fields = {"annotations": '{"summary":"s"}', "generator_url": "http://prometheus/graph?g0=1"}
    v2.fire(record, someone, {"alertname": "A", "n": "1"}, **fields)
    v2.fire(record, someone, {"alertname": "A", "severity": "critical", "n": "2"})


@pytest.fixture
def karma(web: Web, someone: Someone) -> Iterator[httpx.Client]:
    """Karma has the user and the password in the address, and takes them along everywhere."""
    base = web.url.replace("http://", f"http://{someone.slug}:{someone.tokens['respond']}@")
    with httpx.Client(base_url=f"{base}/t/{someone.slug}", trust_env=False) as client:
        yield client


@pytest.fixture
def grafana(web: Web, someone: Someone) -> Iterator[httpx.Client]:
    """Grafana sends a header that its data source was given, or basic authentication."""
    base, headers = f"{web.url}/t/{someone.slug}", someone.as_("respond")
    with httpx.Client(base_url=base, headers=headers, trust_env=False) as client:
        yield client


@pytest.mark.usefixtures("story")
def test_what_karma_asks(karma: httpx.Client, someone: Someone) -> None:
    probed = karma.get("/metrics").raise_for_status().text
    found = re.search(r'^alertmanager_build_info\{.*?version="(\d+)\.(\d+)\.(\d+)"', probed, re.M)
    assert found
    assert tuple(map(int, found.groups())) >= LEAST

    status = _Status.model_validate_json(karma.get("/api/v2/status").text)
    assert status.cluster.status == "disabled"
    groups = GROUPS.validate_json(karma.get("/api/v2/alerts/groups").text)
    assert [(group.receiver.name, len(group.alerts)) for group in groups] == [
        ("ops", 1), ("pager", 1)
    ]  # fmt: skip
    assert str(groups[0].alerts[0].generatorURL) == "http://prometheus/graph?g0=1"
    assert groups[1].alerts[0].generatorURL is None
    assert SILENCES.validate_json(karma.get("/api/v2/silences").text) == []

    now = datetime.now(UTC)
    wanted = {"matchers": [{"name": "alertname", "value": "(A|B)", "isRegex": True,
                            "isEqual": True}],
              "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat(),
              "createdBy": "karl", "comment": "ACK!"}  # fmt: skip
    made = karma.post("/api/v2/silences", json=wanted).raise_for_status().json()
    [silence] = SILENCES.validate_json(karma.get("/api/v2/silences").text)
    assert (silence.id, silence.createdBy, silence.comment) == (made["silenceID"], "karl", "ACK!")
    groups = GROUPS.validate_json(karma.get("/api/v2/alerts/groups").text)
    assert [alert.status.silencedBy for group in groups for alert in group.alerts] == [
        [silence.id]
    ] * 2
    # Karma edits by posting the id along, and ends.
    edited = karma.post("/api/v2/silences", json={**wanted, "id": silence.id, "comment": "d"})
    id = edited.raise_for_status().json()["silenceID"]
    karma.delete(f"/api/v2/silence/{id}").raise_for_status()
    ended = SILENCES.validate_json(karma.get("/api/v2/silences").text)
    assert {each.status.state for each in ended} == {"expired"}


@pytest.mark.usefixtures("story")
def test_what_grafana_asks_of_a_prometheus_alertmanager(grafana: httpx.Client) -> None:
    # "Save & test": what answers as a Mimir does is refused, so this must not.
    assert grafana.get("/alertmanager/api/v2/status").status_code == 404
    status = grafana.get("/api/v2/status").raise_for_status().json()
    read = yaml.safe_load(status["config"]["original"])
    assert read["route"]["receiver"] == "ops"
    assert {"name": "pager"} in read["receivers"]

    groups = grafana.get("/api/v2/alerts/groups").raise_for_status().json()
    assert len(groups) == 2
    params: dict[str, Any] = {"silenced": "true", "active": "true", "inhibited": "true",
                              "filter": ['alertname="A"', 'n=~"1|3"']}  # fmt: skip
    found = grafana.get("/api/v2/alerts", params=params).raise_for_status().json()
    assert v2.names(found) == ["1"]
    now = datetime.now(UTC)
    wanted = {"matchers": [{"name": "n", "value": "1", "isEqual": True, "isRegex": False}],
              "startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=2)).isoformat(),
              "createdBy": "grafana", "comment": "c", "id": ""}  # fmt: skip
    made = grafana.post("/api/v2/silences", json=wanted).raise_for_status().json()
    listed = grafana.get("/api/v2/silences").raise_for_status().json()
    assert [each["id"] for each in listed] == [made["silenceID"]]
    one = grafana.get(f"/api/v2/silence/{made['silenceID']}").raise_for_status().json()
    assert one == listed[0]
    left = grafana.get("/api/v2/alerts", params={"silenced": "false"}).json()
    assert v2.names(left) == ["2"]
    assert grafana.delete(f"/api/v2/silence/{made['silenceID']}").status_code == 200


def test_grafana_is_told_that_this_is_no_mimir(grafana: httpx.Client) -> None:
    """With "Mimir" chosen it asks both; the first answer makes it say to choose "Prometheus"."""
    assert grafana.get("/api/v2/status").status_code == 200
    for path in ("status", "silences", "alerts/groups"):
        assert grafana.get(f"/alertmanager/api/v2/{path}").status_code == 404


def test_promtool_finds_nothing_wrong_with_the_metrics(web: Web, someone: Someone) -> None:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("there is no promtool: install Debian's package prometheus")
    for token in (OPERATOR, someone.tokens["read"]):
        headers = {"Authorization": f"Bearer {token}"}
        text = web.client.get("/metrics", headers=headers).raise_for_status().text
        command = [tool, "check", "metrics"]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_both_versions_are_in_the_metrics(web: Web, someone: Someone) -> None:
    text = web.client.get("/metrics", headers=someone.as_("read")).text
    assert re.search(r'^alertmanager_build_info\{.*version="0\.25\.0"', text, re.M)
    assert re.search(r'^tocsin_build_info\{version="[\d.]+"\} 1\.0$', text, re.M)
