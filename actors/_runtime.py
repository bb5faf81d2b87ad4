"""What an actor has at hand: the record, the keys, the policies, the bell; made once a process."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

import structlog

import channels
from actors import _lifeline
from tocsin import errors
from tocsin.config import documents, settings
from tocsin.domain.policy import Policy
from tocsin.i18n import rendering
from tocsin.security import crypto
from tocsin.storage import due, inbox, tenants
from tocsin.storage import policies as stored
from tocsin.storage.record import PLANNED_ONCE, Record, Transaction
from workers import enqueue, progress, queues
from workers.broker import BellBroker
from workers.limits import Limiter

log = structlog.get_logger(__name__)

#: Connections of one process: its threads share them, deliveries hold none while they send. With
#: twice as many the first pages after a start came a second later (two runs of the fault check
#: each): every new connection has to learn the catalogue first.
CONNECTIONS = 4
UNREADABLE = "The policy in force cannot be read by this program; an older version is used"


@dataclass(frozen=True)
class Tenant:
    """A tenant as a transaction finds it. `policy` None: nothing has been applied yet."""

    id: int
    slug: str
    version: int | None
    policy: Policy | None


@dataclass
class Runtime:
    settings: settings.Settings
    record: Record
    sealer: crypto.Sealer
    bell: enqueue.Bell
    limiter: Limiter
    queues: dict[str, str]
    #: For what is written beside an open transaction: who holds a connection must not wait for
    #: another of the same pool, or enough of them at once wait for each other.
    notes: Record
    _parsed: dict[tuple[int, int], Policy | None] = field(default_factory=dict)

    def tenants(self, tx: Transaction, ids: Iterable[int]) -> dict[int, Tenant]:
        """These tenants with the policy that is theirs in this very transaction."""
        found = tenants.policies(tx, ids)
        return {
            id: Tenant(id, slug, version, self.policy(tx, id, version))
            for id, (slug, version) in found.items()
        }

    def policy(self, tx: Transaction, tenant: int, version: int | None) -> Policy | None:
        """One version of a tenant's policy, or the newest before it that this program can read.

        A stored document was checked when it was applied, but perhaps by a newer program that
        works beside this one: what it knew last then beats stopping, and somebody is told.
        """
        if version is None:
            return None
        key = (tenant, version)
        if key not in self._parsed:
            self._parsed[key] = self._read(tx, tenant, version)
        return self._parsed[key]

    def _read(self, tx: Transaction, tenant: int, version: int) -> Policy | None:
        for number in range(version, 0, -1):
            row = stored.version(tx, tenant, number)
            try:
                if row is not None:
                    return documents.parse(row["document"], channels.settings_models())
            except errors.PolicyError as error:
                log.error("policy cannot be read", tenant=tenant, version=number, error=str(error))
                if number == version:
                    said = f"version {version}: {error.message}"
                    inbox.page(tx, tenant, "TocsinPolicyUnreadable", UNREADABLE, said)
        return None

    def seal(self, tx: Transaction, tenant: int, plain: bytes) -> bytes:
        if not self.sealer.ready(tenant):
            self.sealer.load(tx, tenant)
        return self.sealer.seal(tenant, plain)

    def ring(self, whom: Iterable[tuple[str, str]]) -> None:
        """Ring each (actor, queue) once what it is to find is committed."""
        for actor, queue in sorted(whom):
            self.bell.ring(actor, queue)

    def wake(self, actor: str) -> None:
        """Ring an actor of the pipeline on the queue it lives on."""
        self.bell.ring(actor, self.queues[actor])


@functools.cache
def configured() -> settings.Settings:
    return settings.load()


def queue_of(stage: str) -> str:
    """The queue on which a stage, or what a timer wakes, has its actor."""
    return queues.of_stages(configured().stage_queues)[stage]


@functools.cache
def broker() -> BellBroker:
    """The broker that this process consumes from."""
    url = configured().redis_url
    made = BellBroker(url)
    made.add_middleware(_lifeline.Lifeline(enqueue.bell(url), warm_up, beat))
    return made


_making = threading.Lock()


def here() -> Runtime:
    """This process's runtime; first asked for after Dramatiq has forked."""
    with _making:
        return _made()


@functools.cache
def _made() -> Runtime:
    chosen = configured()
    return Runtime(
        settings=chosen,
        record=Record(chosen.database_url, size=CONNECTIONS, plans=PLANNED_ONCE),
        sealer=crypto.from_file(chosen.master_key_file),
        bell=enqueue.bell(chosen.redis_url),
        limiter=Limiter(chosen.redis_url),
        queues=queues.of_stages(chosen.stage_queues),
        notes=Record(chosen.database_url, size=2, plans=PLANNED_ONCE),
    )


def warm_up() -> None:
    """Do beforehand what the first page would otherwise wait for."""
    runtime = here()
    channels.http_client(runtime.settings.egress_allow)
    templated = False
    with runtime.record.admin() as tx:
        for tenant in tenants.listed(tx):
            runtime.sealer.load(tx, tenant["id"])
            policy = runtime.policy(tx, tenant["id"], tenant["policy_version"])
            templated |= bool(policy and policy.templates)
    if templated:
        rendering.renderer().start()


def beat(names: list[str]) -> None:
    """Write down that this process serves these queues, and what waits in them."""
    runtime = here()
    with runtime.record.claims() as tx:
        waiting = due.late(tx)
    for name in names:
        progress.HERE.alive(name)
    progress.HERE.write(runtime.record, due.oldest(
        (queues.home(item.work, item.kind, runtime.queues), item.oldest) for item in waiting
    ))  # fmt: skip
