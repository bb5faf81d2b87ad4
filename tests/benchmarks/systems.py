"""What is measured: two systems that take /api/v2/alerts and have the same policy."""

from __future__ import annotations

import socket
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

HOST = "127.0.0.1"
PATH = "/api/v2/alerts"

#: Probes are told to the URL {hook}; the load goes to receivers that tell nobody.
POLICY = """
route:
  receiver: nobody
  group_by: [alertname, cluster, service]
  group_wait: 30s
  group_interval: 2h
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
    {channel}: [{url: '{hook}', send_resolved: false}]
"""


def policy(channel: str, hook: str) -> str:
    """The policy, where a webhook is called `channel`."""
    return POLICY.replace("{channel}", channel).replace("{hook}", hook)


@dataclass(frozen=True)
class Target:
    """Where to post. Only ours knows tenants, each with its token."""

    port: int
    tokens: tuple[str, ...] = ("none",)
    tenants: tuple[int, ...] = ()


class System(Protocol):
    """What the bench asks of both of them."""

    name: str

    def fresh(self, hook: str) -> AbstractContextManager[Target]:
        """A target that knows no alert yet and tells of probes at the URL `hook`."""

    def roots(self) -> dict[str, list[int]]:
        """The processes that do the work, by what they are; their children belong to them."""

    def processed(self, target: Target) -> int:
        """How many alerts of this target are done."""

    def idle(self) -> bool:
        """Whether nothing of what was accepted is still to be done."""

    def give_up(self) -> None:
        """Throw away what is still to be done."""

    def settle(self) -> None:
        """Do now what would otherwise burden whoever is measured next."""


def free_port(*, pair: bool = False) -> int:
    """A port that nobody has; with `pair` its successor is free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind((HOST, 0))
            port = int(one.getsockname()[1])
            try:
                two.bind((HOST, port + 1 if pair else 0))
            except (OSError, OverflowError):
                continue
            return port
