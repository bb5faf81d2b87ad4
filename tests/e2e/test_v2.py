"""Clients of Alertmanager speak to a running installation: amtool, karma, Grafana; and the real
Alertmanager is asked the same, to see that the answers have the same form."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import alertmanager
from tests.e2e.conftest import Stack, Tenant, free_port, iso
from tests.e2e.test_alertmanager import program as program  # the fixture

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  routes:
    - matchers: [severity="critical"]
      receiver: pager
      continue: true
    - {matchers: ['severity=~"critical|page"'], receiver: team, group_by: ['...']}
    - matchers: [team=~"db|web"]
      receiver: team
      routes: [{matchers: ['region!="eu"'], receiver: pager}]
inhibit_rules:
  - {source_matchers: [severity="critical"], target_matchers: [severity="warning"],
     equal: [alertname]}
receivers: [{name: ops, webhook: [{url: "{hook}"}]}, {name: pager}, {name: team}]
"""
STRANGE = "f34a34b5-46c3-4ab2-b050-f60b1fe54770"
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d\.\d{3}Z| \d\d:\d\d:\d\d UTC)")


def _client(tenant: Tenant) -> httpx.Client:
    return httpx.Client(
        base_url=f"{tenant.stack.url}/t/{tenant.slug}", auth=(tenant.slug, tenant.token), timeout=30
    )


@pytest.fixture
def tenant(stack: Stack) -> Tenant:
    return stack.tenant(POLICY)


@pytest.fixture
def both(tenant: Tenant, program: str) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """Tocsin, and a real Alertmanager with the configuration that Tocsin says it has."""
    with _client(tenant) as mine:
        config = mine.get("/api/v2/status").json()["config"]["original"]
        with (
            alertmanager.running(program, config, free_port()) as real,
            httpx.Client(base_url=real.url, timeout=30) as theirs,
        ):
            yield mine, theirs


def fill(client: httpx.Client, now: float) -> str:
    """The same for both: some alerts, three silences. Returns the id of the active one."""

    def alert(**labels: str) -> dict[str, Any]:
        return {"labels": labels, "startsAt": iso(now - 60), "endsAt": iso(now + 600)}

    detailed = {"annotations": {"summary": "s"}, "generatorURL": "http://prometheus/graph?g0"}
    posted = [
        {**alert(alertname="A", severity="critical", n="1"), **detailed},
        alert(alertname="A", severity="warning", n="2"),
        alert(alertname="B", team="db", region="eu"),
        alert(alertname="B", team="db", region="us"),
        {"labels": {"alertname": "C"}},
        {**alert(alertname="Over"), "endsAt": iso(now - 30)},
    ]
    client.post("/api/v2/alerts", json=posted).raise_for_status()
    silence = {"matchers": [{"name": "region", "value": "us", "isRegex": False}],
               "startsAt": iso(now - 10), "endsAt": iso(now + 600), "createdBy": "ann",
               "comment": "c"}  # fmt: skip
    ids = [
        client.post("/api/v2/silences", json={**silence, **change}).json()["silenceID"]
        for change in (
            {},
            {"startsAt": iso(now + 300), "comment": "later"},
            {"matchers": [{"name": "x", "value": "a|b", "isRegex": True, "isEqual": False},
                          {"name": "y", "value": "z", "isRegex": False}]},
        )
    ]  # fmt: skip
    assert client.delete(f"/api/v2/silence/{ids[2]}").status_code == 200
    return str(ids[0])


def plain(found: Any) -> Any:
    """Without what must differ: ids of silences and moments; what later versions add is left out.

    The number of a version is a text, whichever it is.
    """
    if isinstance(found, dict):
        return {key: plain(value) for key, value in found.items() if key != "mutedBy"}
    if isinstance(found, list):
        return [plain(each) for each in found]
    if isinstance(found, str):
        return TIME.sub("TIME", UUID.sub("UUID", found))
    return found


def form(found: Any) -> Any:
    """Keys and types only."""
    if isinstance(found, dict):
        return {key: form(value) for key, value in found.items()}
    return [form(each) for each in found] if isinstance(found, list) else type(found).__name__


LISTS = [
    *("alerts", "alerts/groups", "silences", "receivers"),
    "alerts?active=false", "alerts?silenced=false&inhibited=false&unprocessed=false",
    "alerts?filter=alertname%3DA&filter=severity%21%3Dcritical",
    "alerts?filter=alertname%3D%22B%22",
    "alerts?filter=severity%3D~%22crit.*%22", "alerts?filter=nobody%3D", "alerts?receiver=ops",
    "alerts?receiver=te.*", "alerts?receiver=pag", "alerts?silenced=false&receiver=pager",
    "alerts/groups?active=false", "alerts/groups?receiver=pager", "alerts/groups?filter=team%3Ddb",
    "silences?filter=region%3Dus", "silences?filter=region%3D~us", "silences?filter=y%3Dz",
]  # fmt: skip
WRONG: list[tuple[str, str, Any]] = [
    ("GET", "alerts?filter=%7Bbad", None), ("GET", "alerts/groups?filter=bad", None),
    ("GET", "silences?filter=bad", None), ("GET", "alerts?receiver=(", None),
    ("GET", "silence/nope", None), ("DELETE", "silence/nope", None),
    ("GET", f"silence/{STRANGE}", None),
    ("GET", "nothing", None), ("POST", "status", {}), ("PUT", "silences", {}),
    ("POST", "silences", {}), ("POST", "silences", []), ("POST", "silences", {"comment": 1}),
    ("POST", "alerts", {}), ("POST", "alerts", [{"labels": {}}]),
]  # fmt: skip


def test_the_same_posts_give_the_same_answers(
    tenant: Tenant, both: tuple[httpx.Client, httpx.Client]
) -> None:
    now = time.time()
    ids = [fill(client, now) for client in both]
    tenant.quiet()
    differing = {}
    for path in LISTS:
        mine, theirs = (plain(client.get(f"/api/v2/{path}").json()) for client in both)
        if mine != theirs:
            differing[path] = (mine, theirs)
    assert differing == {}
    assert all(each for path in ("alerts", "silences", "alerts/groups")
               for each in both[0].get(f"/api/v2/{path}").json())  # fmt: skip
    one = [client.get(f"/api/v2/silence/{id}").json() for client, id in zip(both, ids, strict=True)]
    assert plain(one[0]) == plain(one[1])
    status = [client.get("/api/v2/status").json() for client in both]
    assert form(status[0]) == form(status[1])
    assert status[0]["cluster"] == status[1]["cluster"]
    assert status[0]["versionInfo"]["version"] == "0.25.0"

    answers = {}
    for method, path, body in WRONG:
        replies = [client.request(method, f"/api/v2/{path}", json=body) for client in both]
        shapes = [
            (each.status_code, each.content and form(each.json()), each.headers.get("Content-Type"))
            for each in replies
        ]
        if shapes[0] != shapes[1]:
            answers[method, path, json.dumps(body)] = (shapes, [each.text for each in replies])
    assert answers == {}


Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def amtool(program: str, tenant: Tenant, tmp_path: Path) -> Run:
    """Runs amtool with the token of the tenant; it comes with the package of Alertmanager."""
    tool = alertmanager.tool("amtool")
    assert tool is not None, f"no amtool beside {program}"
    file = tmp_path / "http.yml"
    file.write_text(f"authorization: {{type: Bearer, credentials: {tenant.token}}}\n")

    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [tool, f"--alertmanager.url={tenant.stack.url}/t/{tenant.slug}",
             f"--http.config.file={file}", *words],
            input=stdin, capture_output=True, text=True, timeout=30, env={"HOME": str(tmp_path)},
        )  # fmt: skip

    return run


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stdout + done.stderr
    # Also nothing about versions that do not fit.
    assert done.stderr == ""
    return done.stdout


@pytest.fixture
def disks(tenant: Tenant, amtool: Run) -> None:
    """Two alerts, of which one inhibits the other."""
    assert said(amtool("alert", "add", "Disk", "severity=critical", "instance=db-1")) == ""
    assert said(amtool("alert", "add", "Disk", "severity=warning", "instance=db-2")) == ""
    tenant.quiet()


QUERY = ("-o", "json", "alert", "query")


@pytest.mark.usefixtures("disks")
def test_every_command_of_amtool_about_alerts(amtool: Run) -> None:
    assert "Disk" in said(amtool("alert", "query"))
    for words, instances in (
        ((), ["db-1"]),
        (("Disk",), ["db-1"]),
        (("alertname=Disk", 'severity=~"crit.*"', "--receiver=pager"), ["db-1"]),
        (("--receiver=ops",), []),
        (("--inhibited",), ["db-2"]),
    ):
        found = json.loads(said(amtool(*QUERY, *words)))
        assert [each["labels"]["instance"] for each in found] == instances, words


@pytest.mark.usefixtures("disks")
def test_every_command_of_amtool_about_silences(amtool: Run) -> None:
    silence = said(amtool("silence", "add", "alertname=Disk", "instance=~db-.*", "--author=ann",
                          "--duration=2h", "--comment=new disks")).strip()  # fmt: skip
    listed = said(amtool("silence", "query"))
    assert silence in listed
    assert 'alertname="Disk" instance=~"db-.*"' in listed
    assert "new disks" in listed
    assert said(amtool("silence", "query", "-q", "--created-by=ann")).split() == [silence]
    assert said(amtool("silence", "query", "-q", "alertname=Other")).split() == []
    [found] = json.loads(said(amtool(*QUERY, "--silenced")))
    assert found["status"]["silencedBy"] == [silence]
    exported = said(amtool("-o", "json", "silence", "query"))
    assert silence in said(amtool("silence", "update", "--duration=3h", silence))
    assert said(amtool("silence", "query", "-q")).split() == [silence]
    assert said(amtool("silence", "expire", silence)) == ""
    assert said(amtool("silence", "query", "-q")).split() == []
    assert said(amtool("silence", "query", "-q", "--expired")).split() == [silence]
    again = said(amtool("silence", "import", stdin=exported)).split()
    assert said(amtool("silence", "query", "-q")).split() == again != [silence]
    # Those of another Alertmanager have ids that nobody here knows: amtool hears so, and leaves
    # them out.
    moved = said(amtool("silence", "import", stdin=exported.replace(silence, STRANGE))).split()
    assert {*said(amtool("silence", "query", "-q")).split()} == {*again, *moved}
    assert STRANGE not in moved
    assert amtool("silence", "expire", STRANGE).returncode == 1


def test_every_command_of_amtool_about_the_configuration(amtool: Run) -> None:
    assert "route:" in said(amtool("config", "show"))
    tree = said(amtool("config", "routes", "show"))
    assert '{severity="critical"}  continue: true  receiver: pager' in tree
    for labels, receivers in (
        (("severity=critical",), "pager,team"),
        (("team=web", "region=us"), "pager"),
        (("team=web", "region=eu"), "team"),
        (("alertname=Other",), "ops"),
    ):
        assert said(amtool("config", "routes", "test", *labels)).strip() == receivers
    wrong = amtool("config", "routes", "test", "--verify.receivers=ops", "severity=critical")
    assert wrong.returncode == 1
    assert "disabled" in said(amtool("cluster", "show"))
