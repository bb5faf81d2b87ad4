"""What is done to an Alertmanager and to us alike: a configuration, and who posts what when.

Times are in units (a second of Alertmanager's). Whatever happens, happens at an even one;
group_wait is odd and group_interval even, so that groups speak at odd ones and half an interval
lies between any two things.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

GROUP_WAIT, GROUP_INTERVAL = 1, 2


@dataclass(frozen=True)
class Step:
    """At this time alerts fire or end, and a silence begins or is ended.

    Alerts are written `A instance=1`, after their alertname; a silence has a name.
    """

    at: int
    fire: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    silence: tuple[str, str] | None = None
    unsilence: str | None = None


@dataclass(frozen=True)
class Only:
    """A notification that just one of the two sends: to whom, and what fires and is over in it."""

    receiver: str
    firing: tuple[str, ...] = ()
    resolved: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scenario:
    """`config` is an alertmanager.yml in which {unit} ends a duration and {hook} is the sink.

    `only_ours` are the notifications in which we differ on purpose, see docs/alertmanager.md.
    """

    name: str
    config: str
    steps: tuple[Step, ...]
    only_ours: tuple[Only, ...] = ()
    only_theirs: tuple[Only, ...] = ()
    #: Whether only the numbers of alerts in a message are compared: which of too many, differs.
    counted: bool = False

    @property
    def length(self) -> int:
        return max(step.at for step in self.steps) + 2 * GROUP_INTERVAL


def timed(config: str, unit: float) -> str:
    """A configuration in which a unit is so many seconds."""
    return re.sub(r"(\d+)\{unit\}", lambda found: f"{round(int(found[1]) * unit * 1000)}ms", config)


def labels(text: str) -> dict[str, str]:
    """The labels of an alert as steps write it."""
    name, *others = text.split()
    return {"alertname": name, **dict(pair.split("=", 1) for pair in others)}


def config(
    *, by: str = "[alertname]", repeat: int = 1001, routes: str = "", more: str = "",
    option: str = "",
) -> str:  # fmt: skip
    """An alertmanager.yml with the receivers `ops`, `db` and `web`, each a webhook.

    The webhook of `ops` may have an option.
    """
    receivers = "".join(
        f"  - name: {name}\n    webhook_configs:\n      - url: '{{hook}}/{name}'\n"
        + (f"        {option}\n" if option and name == "ops" else "")
        for name in ("ops", "db", "web")
    )
    return (
        f"route:\n  receiver: ops\n  group_by: {by}\n  group_wait: {GROUP_WAIT}{{unit}}\n"
        f"  group_interval: {GROUP_INTERVAL}{{unit}}\n  repeat_interval: {repeat}{{unit}}\n"
        f"{routes}receivers:\n{receivers}{more}"
    )


_ROUTES = """  routes:
    - matchers: [team="db"]
      receiver: db
      continue: true
    - matchers: [severity=~"critical|error"]
      receiver: web
"""
_INHIBIT = """inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity=~"warning|critical"]
    equal: [cluster, zone]
"""
_INTERVALS = """time_intervals:
  - name: always
    time_intervals:
      - times: [{start_time: '00:00', end_time: '24:00'}]
        weekdays: ['sunday:saturday']
        days_of_month: ['1:31']
        location: Europe/Berlin
  - name: never
    time_intervals:
      - years: ['1999']
"""


def _hours(kind: str, name: str) -> str:
    routes = (
        '  routes:\n    - matchers: [team="db"]\n      receiver: db\n'
        f"      {kind}_time_intervals: [{name}]\n"
    )
    return config(routes=routes, more=_INTERVALS)


_ONE = (Step(0, fire=("A team=db",)), Step(4, fire=("B",)), Step(6, end=("A team=db",)))

SCENARIOS = (
    Scenario(
        "grouping",
        config(by="[alertname, cluster]"),
        (
            Step(0, fire=("A cluster=a i=1", "A cluster=b i=1", "B cluster=a i=1", "C i=1")),
            Step(2, fire=("A cluster=a i=2", "C i=2")),
            Step(4, end=("A cluster=a i=1",)),
            Step(6, end=("A cluster=a i=2", "A cluster=b i=1")),
        ),
    ),
    Scenario(
        "each-alone",
        config(by="['...']"),
        (Step(0, fire=("A i=1", "A i=2")), Step(4, end=("A i=1",)), Step(6, end=("A i=2",))),
    ),
    Scenario(
        "all-together",
        config(by="[]"),
        (Step(0, fire=("A", "B")), Step(4, fire=("C",), end=("B",)), Step(8, end=("A", "C"))),
    ),
    Scenario(
        "resolve-races",
        config(by="[]"),
        (
            # Over before anybody was told; over between two tellings; back again in between.
            Step(0, fire=("Z",)),
            Step(4, fire=("A",)),
            Step(6, end=("A",)),
            Step(8, fire=("A",)),
            Step(10, end=("A", "Z")),
            Step(12, fire=("A",)),
            Step(14, end=("A",)),
        ),
    ),
    Scenario(
        "repeat",
        config(repeat=3),
        (
            Step(0, fire=("A",)),
            Step(2, fire=("B",)),
            Step(8, fire=("A i=2",)),
            Step(14, end=("B",)),
        ),
    ),
    Scenario(
        "continue",
        config(routes=_ROUTES),
        (
            Step(0, fire=("A team=db severity=critical", "B team=db", "C severity=error", "D")),
            Step(4, end=("A team=db severity=critical", "D")),
        ),
    ),
    Scenario(
        "silence-before-and-ended",
        config(),
        (
            Step(0, silence=("s", 'i="1"')),
            Step(2, fire=("A i=1", "A i=2")),
            Step(6, unsilence="s"),
            Step(10, end=("A i=1",)),
        ),
    ),
    Scenario(
        "silence-in-flight",
        config(by="[]"),
        (
            Step(0, fire=("A", "B")),
            Step(2, silence=("s", 'alertname="B"')),
            Step(4, fire=("C",)),
            Step(6, end=("A", "C")),
            Step(8, unsilence="s"),
            Step(12, end=("B",)),
        ),
    ),
    Scenario(
        "silence-of-one-never-told",
        config(by="[]"),
        (
            Step(0, silence=("s", 'alertname="B"')),
            Step(2, fire=("A", "B")),
            Step(6, end=("B",)),
            Step(8, end=("A",)),
        ),
    ),
    Scenario(
        "end-under-a-silence",
        config(),
        (
            Step(0, fire=("A",)),
            Step(2, silence=("s", 'alertname="A"')),
            Step(4, end=("A",)),
            Step(8, unsilence="s"),
        ),
        # Nothing that was told stays open for ever.
        only_ours=(Only("ops", resolved=("A",)),),
    ),
    Scenario(
        "inhibition",
        config(more=_INHIBIT),
        (
            Step(0, fire=("A severity=warning cluster=a", "B severity=warning cluster=b")),
            Step(2, fire=("Down severity=critical cluster=a",)),
            Step(4, fire=("C severity=warning cluster=a", "D severity=info cluster=a")),
            Step(6, fire=("Down severity=critical cluster=a i=2",)),
            Step(8, end=("Down severity=critical cluster=a",)),
            Step(10, end=("Down severity=critical cluster=a i=2",)),
            Step(14, end=("C severity=warning cluster=a", "A severity=warning cluster=a")),
        ),
    ),
    Scenario(
        "inhibition-in-one-batch",
        config(more=_INHIBIT),
        (
            Step(0, fire=("A severity=warning", "Down severity=critical", "Up severity=critical")),
            Step(6, end=("Down severity=critical",)),
            Step(8, end=("Up severity=critical",)),
        ),
    ),
    Scenario("muted-now", _hours("mute", "always"), _ONE),
    Scenario("muted-never", _hours("mute", "never"), _ONE),
    Scenario("active-now", _hours("active", "always"), _ONE),
    Scenario("active-never", _hours("active", "never"), _ONE),
    Scenario(
        "no-ends",
        config(by="[]", option="send_resolved: false"),
        (
            Step(0, fire=("A", "B")),
            Step(4, end=("A",)),
            Step(6, fire=("C",)),
            Step(8, end=("B", "C")),
            Step(10, fire=("B",)),
        ),
    ),
    Scenario(
        "max-alerts",
        config(by="[]", option="max_alerts: 2"),
        (Step(0, fire=("A", "B", "C")), Step(4, end=("A",)), Step(6, end=("B", "C"))),
        counted=True,
    ),
)  # fmt: skip
