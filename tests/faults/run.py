"""One run: an installation, its senders and people, the nemesis; then quiet, dump and check."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

from tests.e2e.conftest import free_port
from tests.faults import dump, history, load, nemesis, proxy, world
from tests.faults.bench import LEASE_SECONDS, Bench, Clock, Profile
from tests.faults.client import Client, Lane
from tests.faults.history import Journal
from tests.faults.installation import REPOSITORY, SCALE, Fakes, Proxied, armed, supervised
from tests.faults.people import People
from tocsin.launch import Options
from tocsin.storage.record import Record

#: Alerts, seconds in which they are posted, and how long it may take until all is quiet.
SIZES: dict[Profile, tuple[int, float, float]] = {
    "quick": (5000, 30.0, 60.0),
    "soak": (2500, 45.0, 120.0),
}
#: Of the record, as the owner sees it: whatever still has to happen, now or soon.
PENDING = """
SELECT (SELECT count(*) FROM inbox) AS inbox,
  (SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending')) AS deliveries,
  (SELECT count(*) FROM timer WHERE due_at <= tocsin_now() + interval '12 seconds'
    AND kind <> 'expire' AND NOT EXISTS (SELECT 1 FROM delivery d WHERE kind = 'failover'
      AND d.tenant = timer.tenant AND d.id::text = subject AND d.finished_at IS NOT NULL)
  ) AS timers,
  (SELECT count(*) FROM alert_event WHERE outcome IS NULL) AS events,
  (SELECT count(*) FROM drain_note WHERE ids <> '{}') AS notes
"""
#: How long senders may go on after the last fault until everything is accepted.
CATCH_UP_SECONDS = 20.0


@dataclass(frozen=True)
class Wish:
    """What a run is asked for."""

    seed: int
    profile: Profile = "quick"
    faults: list[str] | None = None
    folder: Path | None = None


@dataclass
class Done:
    """What a run left behind."""

    folder: Path
    plan: list[str]
    left_out: dict[str, str]
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0
    figures: dict[str, Any] = field(default_factory=dict)


def run(wish: Wish) -> Done:
    """Play a run and write its history. Raises SetupError where nothing could be started."""
    started = time.monotonic()
    folder = wish.folder or Path(tempfile.mkdtemp(prefix=f"tocsin-faults-{wish.seed}-", dir="/tmp"))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / history.LOGS).mkdir()
    plan, left_out = _plan(wish)
    done = Done(folder, [fault.name for fault in plan], left_out)
    before = set(_children())
    with _prepared(wish, folder, plan) as bench:
        for name, why in left_out.items():
            bench.note(fault=name, target="", phase="left out", note=why)
        _play(wish, bench, plan, done)
        said = _said(wish, bench, done)
    said["left_over"] = [_shown(child) for child in _children() if child not in before]
    (folder / history.RUN).write_text(json.dumps(said, indent=1))
    done.seconds = time.monotonic() - started
    return done


def _plan(wish: Wish) -> tuple[list[nemesis.Fault], dict[str, str]]:
    """What is played, and what would have been but cannot on this machine."""
    known = nemesis.load()
    if wish.faults is not None:
        drawn = [known[name] for name in wish.faults]
    else:
        drawn = nemesis.draw(random.Random(f"plan {wish.seed}"), known, wish.profile)
    why = {fault.name: fault.missing() for fault in drawn}
    left_out = {name: reason for name, reason in why.items() if reason}
    return [fault for fault in drawn if not why[fault.name]], left_out


@contextmanager
def _prepared(wish: Wish, folder: Path, plan: list[nemesis.Fault]) -> Iterator[Bench]:
    """A ready installation with its doors, fake providers and tenants."""
    clock = Clock()
    chance = random.Random(f"world {wish.seed}")
    tenants = world.draw(chance)
    # Apart from the history: the servers run as somebody else, who has to get there.
    place = Path(tempfile.mkdtemp(prefix="tocsin-bench-", dir="/tmp"))
    place.chmod(0o755)
    home = place / "home"
    home.mkdir()
    doors = proxy.Doors()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, place, ignore_errors=True)
        stack.callback(doors.close)
        providers = Fakes(folder / history.PROVIDER)
        providers.start([tenant.slack_token for tenant in tenants])
        stack.callback(providers.stop)
        out = stack.enter_context((folder / history.LOGS / "tocsin.log").open("w"))
        options = Options(home=home, port=free_port(), procfile=armed(place), scale=SCALE)
        supervisor = Proxied(options, out, doors, random.Random(f"doors {wish.seed}"), _extra())
        way_out = doors.open(
            "providers", proxy.to_port(providers.port), random.Random(f"way out {wish.seed}")
        )
        journal = Journal(folder / history.NEMESIS, clock)
        stack.callback(journal.close)
        bench = Bench(
            folder, home, wish.seed, wish.profile, clock, supervisor, providers, way_out, tenants,
            journal,
        )  # fmt: skip
        stack.callback(_unmount, bench)
        stack.callback(_keep_logs, bench)
        for fault in plan:
            fault.prepare(bench)
        stack.enter_context(supervised(supervisor))
        record = Record(supervisor.service_url)
        try:
            secrets = home / "secrets" / "tenants"
            world.settle(tenants, record, secrets, f"http://127.0.0.1:{way_out.port}")
        finally:
            record.close()
        yield bench


def _extra() -> dict[str, str]:
    # The alert of the watch ends at a channel without a provider: nothing could vouch for it.
    return {
        "TOCSIN_WATCH_TENANT": "",
        "TOCSIN_EGRESS_ALLOW": "127.0.0.0/8", "TOCSIN_LOG_LEVEL": "warning",
        "TOCSIN_LEASE_SECONDS": f"{LEASE_SECONDS:g}", "PYTHONPATH": str(REPOSITORY),
    }  # fmt: skip


def _unmount(bench: Bench) -> None:
    for place in reversed(bench.mounted):
        subprocess.run(["umount", "-l", str(place)], check=False)


def _play(wish: Wish, bench: Bench, plan: list[nemesis.Fault], done: Done) -> None:
    alerts, seconds, patience = SIZES[wish.profile]
    began = bench.clock()
    done.figures["began"] = began
    journal = Journal(bench.folder / history.CLIENT, bench.clock)
    options = bench.supervisor.options
    bases = [f"http://127.0.0.1:{port}" for port in (options.port, options.port + 1)]
    bench.client = Client(journal, bench.clock, bases)
    lanes = load.draw(
        random.Random(f"load {wish.seed}"), [t.canary for t in bench.tenants], alerts, seconds
    )
    people = People(
        bench.client, bench.tenants, bench.folder / history.PROVIDER, options.url, wish.seed,
        bench.clock,
    )  # fmt: skip
    _silence(bench, random.Random(f"silences {wish.seed}"))
    threads = [
        Lane(bench.client, bench.tenants[lane.tenant], lane, began, bench.clock) for lane in lanes
    ]
    evil = nemesis.Nemesis(bench, plan, random.Random(f"nemesis {wish.seed}"))
    for thread in (*threads, people, evil):
        thread.start()
    evil.join()
    done.figures["last fault"] = bench.clock()
    _finish(threads)
    bench.over.set()
    done.figures["settled"] = _settled(bench, patience)
    people.over.set()
    people.join()
    done.figures |= {
        "posted": bench.client.posted, "acts": people.acts, "ended": bench.clock(),
        "planned": alerts, "unanswered": sum(thread.unanswered for thread in threads),
    }  # fmt: skip
    done.broken += evil.broken
    try:
        dump.write(bench)
    except Exception as error:  # without it nothing can be said, so it must not pass
        done.broken.append(f"the record could not be written down: {error!r}")
    bench.client.close()
    journal.close()


def _finish(lanes: list[Lane]) -> None:
    """Let them post what was planned; then only what was begun has to be answered."""
    for ending in ("closing", "over"):
        deadline = time.monotonic() + CATCH_UP_SECONDS
        for lane in lanes:
            lane.join(max(0.1, deadline - time.monotonic()))
            getattr(lane, ending).set()
    for lane in lanes:
        lane.join()


def _silence(bench: Bench, chance: random.Random) -> None:
    """Each tenant keeps something quiet for a while; it pages when that is over."""
    for tenant in bench.tenants:
        for lane in range(load.LANES):
            matchers = [f"alertname=Quiet{tenant.number}{lane}0"]
            seconds = chance.randint(5, 25)
            body = {"matchers": matchers, "duration": f"{seconds}s",
                    "comment": f"the bench {tenant.canary}"}  # fmt: skip
            said = {"matchers": matchers, "seconds": seconds}
            bench.client.call("silence", tenant, said, "POST", "/api/v1/silences", json=body)


def _settled(bench: Bench, patience: float) -> str:
    """ "" once nothing has to happen any more; else what was still pending in the end."""
    deadline = time.monotonic() + patience
    pending: Any = "PostgreSQL does not answer"
    while time.monotonic() < deadline:
        try:
            for age in bench.ageing:
                age()
            pending = bench.sql(PENDING)[0]
        except psycopg.Error as error:
            pending = repr(error)
        if isinstance(pending, tuple) and not any(pending):
            return ""
        time.sleep(0.3)
    return f"after {patience:g} s: inbox, deliveries, timers, events, notes = {pending}"


def _said(wish: Wish, bench: Bench, done: Done) -> dict[str, Any]:
    figures = done.figures
    return {
        "seed": wish.seed, "profile": wish.profile, "plan": done.plan, "left_out": done.left_out,
        "began": figures["began"], "last_fault": figures["last fault"], "ended": figures["ended"],
        "travelled": bench.clock.travelled, "lease_seconds": LEASE_SECONDS,
        "crashes": bench.crashes, "settled": not figures["settled"],
        "pending": figures["settled"], "unanswered": figures["unanswered"], "broken": done.broken,
        "secrets": _secrets(bench),
        "tenants": [
            {"id": t.id, "slug": t.slug, "canary": t.canary, "policy": t.plain()}
            for t in bench.tenants
        ],
    }  # fmt: skip


def _secrets(bench: Bench) -> list[dict[str, str]]:
    found = [
        {"name": f"{t.slug} {name}", "value": value}
        for t in bench.tenants
        for name, value in (
            ("token", t.token), ("slack token", t.slack_token),
            ("slack signing secret", t.slack_signing), ("webhook secret", t.hook_signing),
        )
    ]  # fmt: skip
    folder = bench.home / "secrets"
    found += [
        {"name": name, "value": (folder / name).read_text().strip()}
        for name in ("master.key", "metrics.token", "postgres.password", "valkey.password")
    ]
    return found


def _children() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children(recursive=True)


def _shown(child: psutil.Process) -> str:
    try:
        return " ".join(child.cmdline())[:200]
    except psutil.NoSuchProcess:
        return ""


def _keep_logs(bench: Bench) -> None:
    """What the servers said, beside what the processes said."""
    for file in sorted((bench.home / "log").glob("*.log")):
        shutil.copyfile(file, bench.folder / history.LOGS / file.name)
