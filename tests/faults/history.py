"""The history of one run: a folder of files. The bench writes it, the checker reads it.

All times called ``t`` are seconds since 1970 on the clock of the record (the time of this machine
plus what was travelled). A line is on the disk before what it announces happens.

``run.json``
    ``seed``, ``profile``, ``plan`` (the faults in their order), ``left_out`` ({fault: why}),
    ``broken`` (what went wrong with playing it), ``began``, ``last_fault``, ``ended``,
    ``travelled`` (seconds in all), ``lease_seconds``, ``crashes`` (how often something was broken
    that may just have been sending), ``settled`` (whether all was quiet before the dump; else
    ``pending`` says what was not), ``unanswered`` (posts that nobody had answered in the end),
    ``left_over`` (processes that did not end),
    ``secrets`` (list of {name, value}: none may stand anywhere in clear), and ``tenants``: list of
    {id, slug, canary, policy}. The policy in plain data: ``group_by``, ``group_wait``,
    ``group_interval``, ``repeat_interval`` (seconds), ``receivers`` ({name: {"escalation": name or
    "", "hooks": [path], "slack": [channel]}}), ``routes`` (the first whose ``match`` labels are
    all there takes the alert: [{match, receiver}], the last has an empty match), ``escalations``
    ({name: {"repeat": n, "steps": [{"wait": seconds} | {"notify": [person]}]}}), and ``people``
    ({name: {"webhook": path, "phone": number, "slack": id, "ways": [names in order]}}).

``client.jsonl``
    Two lines for each request: {id, t, phase: "begin" | "end", kind, tenant (id), ...}.
    ``post``: in "begin" ``source`` and ``alerts``, a list of {labels, startsAt, endsAt, status}
    ("" where the sender names no time; ``hostile``: true where the installation has to refuse this
    one, with the ``document`` that was posted in its place); in "end" ``outcome`` ("accepted" |
    "refused" | "doubt"), ``status`` (0: no answer), ``rejected`` (indices into ``alerts``). An
    answer from 500 on is a doubt, as none is.
    ``act``: ``incident``, ``act`` ("ack"), ``via`` ("api" | "link" | "slack" | "sms"), ``who``; in
    "end" ``outcome``, ``status``. One that is sent twice is two requests.
    ``silence``: ``matchers``, ``seconds``; in "end" ``outcome``, ``status``, ``silence`` (its id).
    A "begin" without an "end" is in doubt.

``provider.jsonl``
    The ledger of the fake providers, `tocsin.demo.fakes.ledger.Entry`.

``nemesis.jsonl``
    {t, fault, target, phase: "begin" | "end" | "left out", note}; ``travel`` is a fault as well,
    with ``seconds``.

``dump/<table>.jsonl``
    Each table of the record but its migrations, all tenants. Times are ISO 8601 with a zone, bytes
    hexadecimal, intervals seconds. What is sealed is opened where the master key allows it:
    ``notification.message`` is then an object, ``intake.body`` a list of alerts, and
    ``quarantine.body`` such a list, or the text of the one alert that was refused.

``metrics.txt``, ``audit.txt``, ``logs/*.log``
    What the operator's /metrics said at the end, what the verification of the audit chain said,
    and all that the processes said.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

RUN = "run.json"
CLIENT = "client.jsonl"
PROVIDER = "provider.jsonl"
NEMESIS = "nemesis.jsonl"
DUMP = "dump"
LOGS = "logs"
METRICS = "metrics.txt"
AUDIT = "audit.txt"

Line = dict[str, Any]


class Journal:
    """Appends lines that a power cut does not take back; for many threads."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._lock = threading.Lock()
        self._clock = clock
        self._file = path.open("ab")

    def add(self, **fields: Any) -> None:
        """One line; ``t`` is now unless it is given."""
        text = json.dumps({"t": self._clock(), **fields}, separators=(",", ":"))
        with self._lock:
            self._file.write(text.encode() + b"\n")
            self._file.flush()
        os.fdatasync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def read(path: Path) -> Iterator[Line]:
    """The lines of a file of a history; none if it is not there. Half a last line is left out."""
    if not path.exists():
        return
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield json.loads(line)


def run(folder: Path) -> Line:
    """What ``run.json`` says."""
    found: Line = json.loads((folder / RUN).read_text())
    return found


def table(folder: Path, name: str) -> list[Line]:
    """All rows of one table of the record."""
    return list(read(folder / DUMP / f"{name}.jsonl"))
