"""Bodies of /api/v2/alerts that are cheap to render and as hard to compress as real ones.

repeat: 95 % are drawn from a pool of alerts, 5 % were never seen before. unique: all are new.
Nothing runs in a cycle, since a local cache would learn it, and no key ascends, since indexes like
that.
"""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Iterator
from typing import Literal

Mix = Literal["repeat", "unique"]

POOL = 5000
#: So many alerts differ in more than their id.
KINDS = 5000
#: How much of the mix `repeat` was seen before.
SEEN = 0.95
#: The value in the description changes from one evaluation of a rule to the next.
VALUES = 4
#: Until then nothing expires, as Prometheus says with each alert it sends; longer than any run.
LASTS_SECONDS = 3600

_HOLE = "@ID@"
_ID_BYTES = 7
CLUSTERS = ("prod-eu-1", "prod-eu-2", "prod-us-1", "prod-us-2", "stage-eu-1")
NAMES = (
    "CertificateExpires", "ClockSkew", "CPUThrottled", "DiskFull", "ErrorBudgetBurn",
    "EtcdNoLeader", "HighErrorRate", "HighLatency", "JobFailed", "KafkaLag", "MemoryPressure",
    "NodeNotReady", "PodCrashLooping", "QueueBacklog", "ReplicationLag", "ResolverFailures",
    "SlowQueries", "TargetDown", "TooManyRestarts", "VolumeAlmostFull",
)  # fmt: skip
_SEVERITIES = ("critical", "warning", "warning", "info")
_JOBS = ("blackbox", "kube-state-metrics", "kubelet", "node-exporter", "postgres-exporter")


class Bodies:
    """Draws bodies of `batch` alerts; give each run a number of its own, so that new is new.

    `pool`: from how many known ones `repeat` draws; a larger pool holds all of a smaller one.
    """

    def __init__(self, mix: Mix, batch: int, run: int, pool: int = POOL) -> None:
        self.batch = batch
        self._share = 1 - SEEN if mix == "repeat" else 1.0
        self._random = random.Random(run)
        self._owed = 0.0
        self._pieces = pieces()
        chunks = [_ids(random.Random(n), KINDS) for n in range(-(-pool // KINDS))]
        self._pool = list(itertools.chain.from_iterable(chunks))[:pool]

    def draw(self) -> bytes:
        """One request's body."""
        self._owed += self.batch * self._share
        fresh = int(self._owed)
        self._owed -= fresh
        parts = self._random.choices(self._pieces, k=fresh)
        alerts = [id.join(part) for id, part in zip(_ids(self._random, fresh), parts, strict=True)]
        seen = self._random.choices(range(len(self._pool) * VALUES), k=self.batch - fresh)
        return _body([*alerts, *map(self._known, seen)])

    def everything_seen(self, batch: int = 1000, first: int = 0) -> Iterator[bytes]:
        """Bodies that make the pool known, from its alert number `first` on."""
        for at in range(first, len(self._pool), batch):
            numbers = range(at, min(at + batch, len(self._pool)))
            yield _body([self._known(number * VALUES) for number in numbers])

    def _known(self, number: int) -> bytes:
        alert, value = divmod(number, VALUES)
        return self._pool[alert].join(self._pieces[alert % KINDS * VALUES + value])


def _body(alerts: list[bytes]) -> bytes:
    return b"[" + b",".join(alerts) + b"]"


def pieces() -> list[list[bytes]]:
    """Alerts as JSON, parted where their id goes: always the same 5000, VALUES of each."""
    rng = random.Random(7)
    now = time.time()
    return [text for _ in range(KINDS) for text in _piece(rng, now)]


def _ids(rng: random.Random, count: int) -> list[bytes]:
    """So many random ids; of a million of them two are the same once in 100 000 times."""
    digits = rng.randbytes(_ID_BYTES * count).hex().encode()
    size = 2 * _ID_BYTES
    return [digits[at : at + size] for at in range(0, len(digits), size)]


def _piece(rng: random.Random, now: float) -> list[list[bytes]]:
    name, cluster = rng.choice(NAMES), rng.choice(CLUSTERS)
    service, job = f"service-{rng.randrange(50):02d}", rng.choice(_JOBS)
    node = f"ip-10-{rng.randrange(64)}-{rng.randrange(256)}-{rng.randrange(256)}"
    labels = {
        "alertname": name, "cluster": cluster, "instance": f"{node}.{cluster}.internal:9100",
        "job": job, "namespace": f"team-{rng.randrange(20):02d}", "pod": f"{service}-{_HOLE}",
        "service": service, "severity": rng.choice(_SEVERITIES),
    }  # fmt: skip
    starts = _moment(now - rng.uniform(60, 600))
    ends = _moment(now + LASTS_SECONDS + rng.uniform(0, 60))
    source = f"http://prometheus.{cluster}.example.org:9090/graph?g0.expr="
    expression = f"rate({job.replace('-', '_')}_total%5B5m%5D)+%3E+{rng.random():.5f}"
    texts = []
    for _ in range(VALUES):
        annotations = {
            "summary": f"{name} on {service} in {cluster}",
            "description": f"{service} on {node} has been above its threshold for"
            f" {rng.randrange(5, 60)} minutes (value {rng.random() * 100:.4f})",
            "runbook_url": f"https://runbooks.example.org/{name.lower()}",
        }
        alert = {"labels": labels, "annotations": annotations, "startsAt": starts, "endsAt": ends,
                 "generatorURL": source + expression}  # fmt: skip
        texts.append(json.dumps(alert, separators=(",", ":")).encode().split(_HOLE.encode()))
    return texts


def _moment(unix: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(unix)) + f".{int(unix % 1 * 1000):03d}Z"
