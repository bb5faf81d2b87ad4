"""Which actor works on which queue; `TOCSIN_STAGE_QUEUES` moves stages to queues of their own."""

from __future__ import annotations

from tocsin import errors

PIPELINE, PAGE, NOTIFY, BACKGROUND = "pipeline", "page", "notify", "background"
#: Asking other systems: whoever answers slowly must not keep anything else waiting.
LOOKUP = "lookup"
#: The only queue whose process imports pyod; nothing that pages waits for it.
SCORING = "scoring"
#: The line, once: what an accepted alert passes before its group waits for the flush.
STAGES = ("dedup", "enrich", "evaluate", "group")
#: What a timer of each kind wakes.
TIMERS = {
    "flush": "flush",
    "expire": "expire",
    "silence": "unmute",
    "inhibitor": "unmute",
    "lull": "subside",
    "reroute": "reroute",
    "rule": "judge",
    "escalation": "escalate",
    "snooze": "wake",
    "handover": "hand_over",
    "failover": "fail_over",
    "level": "breach",
    "report": "report",
    "fold": "unfold",
    "heartbeat": "miss",
    "storm": "digest",
}
#: What belongs to anomaly scores; it stays where pyod is.
SCORERS = ("score", "train")
MOVABLE = (*STAGES, *TIMERS.values(), "lookup")


def of_stages(text: str) -> dict[str, str]:
    """The queue of each stage, from "stage=queue,..."; raises SetupError for an unknown stage.

    Escalations, and what begins them again, work where pages are sent: they must not wait behind
    a flood.
    """
    chosen = {
        **dict.fromkeys(MOVABLE, PIPELINE),
        "lookup": LOOKUP,
        # Clocks are looked at after every line of a story: a flood must not wait for that.
        **dict.fromkeys(("breach", "report"), BACKGROUND),
        **dict.fromkeys(SCORERS, SCORING),
        **dict.fromkeys(("escalate", "wake", "hand_over", "fail_over", "digest"), PAGE),
    }
    for pair in filter(None, (part.strip() for part in text.split(","))):
        stage, _, queue = pair.partition("=")
        if stage not in chosen or not queue.isidentifier():
            raise errors.SetupError(
                f"TOCSIN_STAGE_QUEUES: {pair!r} is not stage=queue; stages are {', '.join(MOVABLE)}"
            )
        chosen[stage] = queue
    return chosen


def fused(first: str, queues: dict[str, str]) -> tuple[str, ...]:
    """`first` and the stages after it that share its queue, up to the first that does not."""
    line = STAGES[STAGES.index(first) :]
    for number, stage in enumerate(line):
        if queues[stage] != queues[first]:
            return line[:number]
    return line


def following(last: str) -> str | None:
    """The stage after `last`, or None at the end of the line."""
    index = STAGES.index(last) + 1
    return STAGES[index] if index < len(STAGES) else None


def home(work: str, kind: str, stages: dict[str, str]) -> str:
    """The queue of work that is due, as `due.late` calls it; "" where nobody here does it."""
    if kind == "timer":
        return stages.get(TIMERS.get(work, ""), "")
    return stages.get(work, "") if kind in ("inbox", "lookup", SCORING) else kind


def deliver(channel: str) -> str:
    """The name of the actor that delivers for a channel."""
    return f"deliver_{channel}"
