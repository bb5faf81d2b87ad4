"""The demo from beginning to end: a day, a storm, faults that heal, and the proof afterwards."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tocsin.demo import counts, day, lines, show, stage, storm, verdict
from tocsin.demo.board import Board
from tocsin.demo.stage import Stage
from tocsin.errors import SetupError

SUMMARY = Path("demo-summary.json")
#: Seconds: a day and a storm where no time is given, and the days that follow.
_DAY, _STORM, _GENTLE_DAY = 60.0, 8.0, 300.0
#: How long the first alert and the end wait for what is still on its way. A destination that
#: failed is tried again within half a minute.
_FIRST, _SETTLE = 5.0, 60.0
_INTERRUPTED = 130
#: So much is shown of a line of the log.
_LINE = 300


def run(seconds: float | None, home: Path | None, port: int | None, picture: Path | None) -> int:
    """Run it; returns the exit status. Raises SetupError where it cannot start.

    With `seconds` it ends by itself and writes `demo-summary.json` here; without it goes on until
    it is interrupted.
    """
    if seconds and not os.access(SUMMARY if SUMMARY.exists() else Path.cwd(), os.W_OK):
        raise SetupError(f"{SUMMARY.absolute()} cannot be written: start it in another folder")
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")  # a terminal that knows no emoji must not end the demo
    console = Console(highlight=False, emoji=False, markup=False)
    with _interruptible():
        try:
            console.print("Starting PostgreSQL, Valkey, all processes and the fake providers ...")
            with stage.staged(home, port) as here:
                _introduce(console, here)
                status = _perform(console, Board(here, seconds), picture)
                console.print("Stopping ...")
            return status
        except KeyboardInterrupt:
            console.print("Stopped; nothing was left behind." if home is None else "Stopped.")
            return _INTERRUPTED if seconds else 0


def _perform(console: Console, board: Board, picture: Path | None) -> int:
    length = (_DAY, _STORM) if board.seconds is None else _parts(board.seconds)
    try:
        with show.watching(console, board):
            _day_and_storm(board, *length, picture)
            if board.seconds is None:
                _go_on(board)
    except KeyboardInterrupt:
        console.print(Text(lines.figures(board)), soft_wrap=True)
        console.print("Stopping ...")
        raise
    return _conclude(console, board)


def _parts(seconds: float) -> tuple[float, float]:
    """How long the day and the storm are if the whole, with its end, is to be so long."""
    storm_seconds = min(max(0.18 * seconds, 2.0), 12.0)
    end = min(max(0.1 * seconds, 1.0), 5.0)
    both_tails = 2 * day.BANK_LASTS
    return max(seconds - storm_seconds - end - both_tails, 2.0), storm_seconds


def _day_and_storm(
    board: Board, day_seconds: float, storm_seconds: float, picture: Path | None
) -> None:
    board.phase = "First"
    tried = datetime.now(UTC)
    board.player.play("first", day.first(tried))
    _settle(board, _FIRST)
    board.player.play("first", day.first(tried, over=datetime.now(UTC)))
    board.phase = "A day"
    board.player.play("day", day.moves(datetime.now(UTC), day_seconds))
    board.phase = "A storm"
    began = datetime.now(UTC)
    if picture:
        threading.Timer(0.75 * storm_seconds, show.picture, (board, picture)).start()
    neighbour = day.bank(began, storm_seconds, first=1000)
    moves = [*storm.moves(began, storm_seconds), *neighbour]
    board.player.play("storm", sorted(moves, key=lambda move: move.at))
    board.phase = "What is on its way"
    _settle(board, _SETTLE)


def _settle(board: Board, seconds: float) -> None:
    """Until nothing waits any more, but not for longer than so long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not board.player.stop.wait(0.1):
        if counts.take(board.player).settled:
            return


def _go_on(board: Board) -> None:
    """One quiet day after the other, until the interrupt."""
    for number in itertools.count(2):
        board.phase = f"Day {number}"
        board.player.play("day", day.moves(datetime.now(UTC), _GENTLE_DAY))


def _introduce(console: Console, here: Stage) -> None:
    token = here.tenants["shop"].token_file
    console.print(f"\nTocsin runs at {here.url}", style="bold")
    desk = f"Look at it in a browser: {here.url}/ui/ (the token to sign in with: cat {token})"
    console.print(Text(desk), soft_wrap=True)
    console.print("Or from another terminal:")
    for path in ("incidents", "alerts?limit=5", "deliveries"):
        line = f'  curl -H "Authorization: Bearer $(cat {token})" "{here.url}/api/v1/{path}"'
        console.print(Text(line), soft_wrap=True)
    console.print()


def _conclude(console: Console, board: Board) -> int:
    reached = verdict.reach(board.player)
    SUMMARY.write_text(json.dumps(reached.summary(), indent=2) + "\n", encoding="utf-8")
    console.print(_table(reached))
    for problem in reached.problems:
        console.print(Text(f"WRONG: {problem}"), soft_wrap=True)
    if reached.problems:
        log = (board.stage.home / stage.LOG).read_text(encoding="utf-8", errors="replace")
        last = (line[:_LINE] for line in log.splitlines()[-20:])
        console.print(Text("\n".join(last)), soft_wrap=True)
        console.print(f"{reached.lost} of {reached.final.accepted} alerts were lost", style="bold")
    console.print(f"Written: {SUMMARY.absolute()}", soft_wrap=True)
    return 1 if reached.problems else 0


def _table(reached: verdict.Verdict) -> Table:
    final = reached.final
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="bold", no_wrap=True)
    table.add_column()
    rows: list[tuple[str, str]] = [
        (f"{final.accepted:,}", "alerts accepted"),
        (f"{final.unique:,}", "different ones"),
        (f"{final.repeats:,}", "repeats, counted and spared"),
        (f"{final.incidents:,}", "incidents"),
        *((f"{n:,}", f"messages by {channel}") for channel, n in final.sent.items()),
        (f"{reached.spoilt:,}", "calls that a provider spoilt, made good by trying again"),
        (f"{final.pages:,}", "pages to people, by their own ways; a second one where nobody acted"),
        (f"{final.scored:,}", "alerts compared with the past, of which"),
        (f"{final.unusual:,}", "were unusual, and their messages say why"),
        (f"{final.dead:,}", "dead letters on the delivery desk: Sam's mailbox is full"),
        (f"{final.twice:,}", "messages that somebody got twice"),
        (f"{reached.lost:,}", "alerts lost"),
    ]
    for number, what in rows:
        table.add_row(number, what)
    for name, (p50, p99) in (
        (f"of {reached.measured} of the bank, one at a time, outside the storm", reached.latency),
        ("in the middle of the storm, the bank's and the shop's", reached.in_storm),
    ):
        shown = "-" if p50 is None else f"{p50:g} / {p99:g} ms"
        what = "p50 / p99 from the post of a critical alert to its receipt by the pager, "
        table.add_row(shown, what + name)
    return table


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP ends it; later ones must not disturb the clearing up."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(*_: object) -> None:
        for number in numbers:
            # Not SIG_IGN, which the processes that we start would inherit.
            signal.signal(number, lambda *_: None)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
