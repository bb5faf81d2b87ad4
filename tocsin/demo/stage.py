"""The stage of a demo: a throw-away installation, fake providers, and two tenants with policies."""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import httpx

from tocsin import homes, launch
from tocsin.demo import fakes, past
from tocsin.demo.fakes import faults
from tocsin.errors import SetupError
from tocsin.installation import Options
from tocsin.security import tokens
from tocsin.storage import policies, tenants
from tocsin.storage.record import Record
from workers import enqueue, queues

PORT = 8420
#: Each tenant and the policy that it gets.
POLICIES = {"shop": "policy.yml", "bank": "policy_small.yml"}
SLACK_TOKEN = "xoxb-fake"
TWILIO_TOKEN = "f" * 32
#: The phone and the mailbox of the one on call.
PHONE, MAILBOX = "+491701234567", "oncall@example.com"
#: That of the one who is next, which takes nothing: what is sent there ends on the delivery desk.
FULL_MAILBOX = "sam@example.com"
LOG = "demo.log"
_HERE = Path(__file__).parent
_POLICY_SECONDS = 30.0
_TICK = 0.05


@dataclass(frozen=True)
class Tenant:
    """A tenant of the demo, its token of all scopes, and a client that has it."""

    slug: str
    id: int
    token_file: Path
    client: httpx.Client


@dataclass(frozen=True)
class Stage:
    """All that a demo acts on."""

    home: Path
    url: str
    providers: fakes.Fakes
    record: Record
    tenants: dict[str, Tenant]
    #: What is older was written as a past and is not counted.
    began: datetime

    def hook(self, slug: str, name: str) -> str:
        """The destination of a webhook in the ledger."""
        return f"/hook/{slug}/{name}"


@contextlib.contextmanager
def staged(home: Path | None, port: int | None) -> Iterator[Stage]:
    """Start everything; stop it, and remove what was only for the demo, when the block is left.

    Raises SetupError.
    """
    with contextlib.ExitStack() as life:
        place = _own(home) if home else life.enter_context(_throw_away())
        life.enter_context(_environment())
        log = life.enter_context((place / LOG).open("w", encoding="utf-8"))
        signing = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        providers = life.enter_context(fakes.serve(tokens=(SLACK_TOKEN,), secrets={"*": signing}))
        options = Options(home=place, port=port or _port())
        running = life.enter_context(_running(options, log))
        record = Record(running.environment["DATABASE_URL"])
        life.callback(record.close)
        made = {slug: _tenant(record, place, options.url, slug, signing, life) for slug in POLICIES}
        stage = Stage(place, options.url, providers, record, made, datetime.now(UTC))
        for slug, file in POLICIES.items():
            _apply(stage, slug, (_HERE / file).read_text(encoding="utf-8"))
        past.write(record, made["shop"].id, stage.began)
        enqueue.bell(running.environment["REDIS_URL"]).ring("train", queues.SCORING)
        full = faults.Fault("status", status=552, headers={"text": "5.2.2 mailbox full"})
        providers.script.add(full, provider="smtp", dest=FULL_MAILBOX)
        yield stage


@contextlib.contextmanager
def _running(options: Options, log: TextIO) -> Iterator[launch.Supervisor]:
    try:
        with launch.running(options, stream=log) as supervisor:
            yield supervisor
    except SetupError as error:
        log.flush()
        said = (options.home / LOG).read_text(encoding="utf-8", errors="replace").splitlines()
        # The folder may be gone when somebody reads this.
        raise SetupError("\n".join([error.message, *said[-10:]])) from error


@contextlib.contextmanager
def _throw_away() -> Iterator[Path]:
    # Below /tmp where there is one: the paths of sockets are bounded, and TMPDIR may be long.
    below = "/tmp" if os.access("/tmp", os.W_OK) else None
    home = Path(tempfile.mkdtemp(prefix="tocsin-demo-", dir=below))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _own(home: Path) -> Path:
    place = home.expanduser().absolute()
    if place.exists() and any(place.iterdir()):
        raise SetupError(
            f"{place} is not empty, and the demo does not touch what is there: name a new folder "
            "with --home or leave it out"
        )
    homes.make(place)
    return place


@contextlib.contextmanager
def _environment() -> Iterator[None]:
    """Ours, without what points to an installation of somebody's own."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("TOCSIN_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    os.environ |= {"TOCSIN_EGRESS_ALLOW": "127.0.0.0/8", "TOCSIN_LOG_LEVEL": "warning"}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _port() -> int:
    """8420 if it and the next one are free, else some other pair that is."""
    for wanted in (PORT, *[0] * 50):
        refused = contextlib.suppress(OSError, OverflowError)
        with refused, socket.socket() as one, socket.socket() as two:
            chosen = _bound(one, wanted)
            _bound(two, chosen + 1)
            return chosen
    raise SetupError("no free pair of ports was found: name one with --port")


def _bound(trial: socket.socket, port: int) -> int:
    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    trial.bind(("127.0.0.1", port))
    return int(trial.getsockname()[1])


def _tenant(
    record: Record, home: Path, url: str, slug: str, signing: str, life: contextlib.ExitStack
) -> Tenant:
    with record.admin() as tx:
        id = tenants.create(tx, slug)
        token = tokens.create(tx, id, "demo", list(tokens.SCOPES))
    folder = home / "secrets" / "tenants" / slug
    folder.mkdir(mode=0o700)
    homes.write_private(folder / "slack", SLACK_TOKEN)
    homes.write_private(folder / "webhook", signing)
    homes.write_private(folder / "twilio", TWILIO_TOKEN)
    file = home / f"{slug}.token"
    homes.write_private(file, token + "\n")
    client = httpx.Client(
        base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=30, trust_env=False
    )
    return Tenant(slug, id, file, life.enter_context(client))


def _apply(stage: Stage, slug: str, policy: str) -> None:
    """Put the policy in force as people do: by a file. Raises SetupError where it is refused."""
    providers = stage.providers
    fakes_of = {
        "https://hooks.example.com/": f"{providers.url}{stage.hook(slug, '')}",
        "https://slack.com/api/": providers.slack_api,
        "https://api.twilio.com": providers.twilio_api,
        "host: smtp.example.com": "host: 127.0.0.1",
        "port: 587": f"port: {providers.mail.port}",
        "tls: starttls": "tls: none",
    }
    text = policy
    for real, fake in fakes_of.items():
        text = text.replace(real, fake)
    (stage.home / "policies" / f"{slug}.yml").write_text(text, encoding="utf-8")
    tenant, deadline = stage.tenants[slug].id, time.monotonic() + _POLICY_SECONDS
    while time.monotonic() < deadline:
        with stage.record.session([tenant]) as tx:
            if policies.current(tx, tenant):
                return
            problem = policies.problem(tx, tenant)
        if problem:
            raise SetupError(f"the policy of {slug} was refused: {problem}")
        time.sleep(_TICK)
    raise SetupError(f"the policy of {slug} was not put in force within {_POLICY_SECONDS:g} s")
