"""The two that are measured: a whole installation of ours, and Alertmanager."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg

import channels
from tests import alertmanager
from tests.benchmarks import accounting
from tocsin import installation, launch
from tocsin.config import documents
from tocsin.security import tokens
from tocsin.storage import policies, tenants
from tocsin.storage.record import Record

#: Where what is measured tells of probes; the load goes to receivers that tell nobody.
POLICY = """
route:
  receiver: nobody
  group_by: [alertname, cluster, service]
  group_wait: 30s
  group_interval: 10m
  repeat_interval: 4h
  routes:
    - matchers: ['probe="1"']
      receiver: hook
      group_by: ['...']
      group_wait: 0s
      group_interval: 1s
    - matchers: ['cluster=~"stage-.*"']
      receiver: nobody-stage
    - matchers: ['severity="critical"', 'job=~"kube.*"']
      receiver: nobody-platform
    - matchers: ['severity="info"']
      receiver: nobody-info
receivers:
  - name: nobody
  - name: nobody-stage
  - name: nobody-platform
  - name: nobody-info
  - name: hook
    {hook}
"""
_PATH = "/api/v2/alerts"


@dataclass(frozen=True)
class Target:
    """Where to post. `tenant` is ours, and 0 where there are none."""

    port: int
    token: str
    tenant: int = 0
    host: str = "127.0.0.1"
    path: str = _PATH


class System(Protocol):
    """What the bench asks of both."""

    name: str

    def fresh(self, hook: str) -> AbstractTarget:
        """A target that knows no alert yet; probes are told to the URL `hook`."""

    def roots(self) -> dict[str, list[int]]:
        """The processes that do the work, by what they are."""

    def processed(self, target: Target) -> int:
        """Alerts of this target that are done."""

    def idle(self, target: Target) -> bool:
        """Whether nothing of what was accepted is still to be done."""

    def give_up(self, target: Target) -> None:
        """Throw away what is still to be done."""
