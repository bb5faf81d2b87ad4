"""What a demo looks like in a terminal: live where there is one, as plain lines elsewhere."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import psycopg
from rich.console import Console, Group, RenderableType
from rich.layout import Layout
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tocsin.demo import counts, lines, slack_view, stage
from tocsin.demo.board import Board
from tocsin.demo.counts import Counts
from tocsin.errors import TocsinError

_EVERY = 0.4
_WIDE = 110
_LOW = 32
_SAID = 6
_FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)


@contextlib.contextmanager
def watching(console: Console, board: Board) -> Iterator[None]:
    """Show the board while the block runs."""
    over = threading.Event()
    work: Callable[[], None] = lines.Lines(console, board).tell
    with contextlib.ExitStack() as life:
        if console.is_terminal:
            live = life.enter_context(
                Live(render(board, console.size), console=console, screen=True, auto_refresh=False)
            )
            work = partial(_redraw, live, console, board)
        thread = threading.Thread(target=_keep, args=(board, work, _EVERY, over), name="show")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def _redraw(live: Live, console: Console, board: Board) -> None:
    live.update(render(board, console.size), refresh=True)


def render(board: Board, size: tuple[int, int]) -> RenderableType:
    """The whole picture for a terminal of this width and height."""
    width, height = size
    layout = Layout()
    head = Layout(_head(board, width), size=2)
    layout.split_column(head, Layout(_counters(board.now), size=3), Layout(name="body"))
    slack = Layout(_slack(board), ratio=3)
    if width >= _WIDE:
        right = Layout(ratio=2)
        right.split_column(
            Layout(_happens(board), size=_SAID + 2),
            Layout(_webhook(board), size=8),
            Layout(_quiet(board.now), ratio=1),
        )
        layout["body"].split_row(slack, right)
    else:
        low = height < _LOW
        rest = [Layout(_happens(board), size=5 if low else _SAID + 2)]
        rest += [] if low else [Layout(_webhook(board), size=5)]
        layout["body"].split_column(
            *rest[:1], slack, *rest[1:], Layout(_quiet(board.now), size=6 if low else 10)
        )
    return layout


def _head(board: Board, width: int) -> RenderableType:
    total = f" of {board.seconds:.0f} s" if board.seconds else " s; Ctrl-C ends it"
    line = Table.grid(expand=True)
    line.add_column(no_wrap=True)
    line.add_column(justify="right", no_wrap=True)
    line.add_row(
        Text.assemble(("Tocsin demo  ", "bold"), (board.stage.url, "bold cyan")),
        Text.assemble((board.phase, "bold yellow"), f"  {board.elapsed:.0f}{total}"),
    )
    done = min(board.elapsed, board.seconds) if board.seconds else 0
    bar = ProgressBar(board.seconds or 1.0, done, width=width, complete_style="cyan",
                      finished_style="cyan")  # fmt: skip
    return Group(line, bar if board.seconds else Text(""))


def _counters(now: Counts) -> RenderableType:
    """Numbers above their words."""
    shown: list[tuple[str, int, str]] = [
        ("accepted", now.accepted, "bold cyan"),
        ("unique", now.unique, "cyan"),
        ("repeats", now.repeats, "cyan"),
        ("open", now.open, "bold red" if now.open else "dim"),
        ("acked", now.acknowledged, "bold yellow" if now.acknowledged else "dim"),
        ("resolved", now.resolved, "bold green"),
        ("slack", now.sent.get("slack", 0), "bold magenta"),
        ("webhook", now.sent.get("webhook", 0), "bold magenta"),
        ("sms", now.sent.get("sms", 0), "bold magenta"),
        ("email", now.sent.get("email", 0), "bold magenta"),
        ("waiting", now.waiting, "yellow" if now.waiting else "dim"),
        ("dead", now.dead, "bold red" if now.dead else "dim"),
        ("lost", now.missing, "bold red" if now.missing else "bold green"),
    ]
    grid = Table.grid(expand=True, padding=(0, 1))
    for _ in shown:
        grid.add_column(justify="center", no_wrap=True)
    grid.add_row(*(Text(f"{number:,}", style) for _, number, style in shown))
    grid.add_row(*(Text(word, "dim") for word, _, _ in shown))
    return Padding(grid, (1, 0, 0, 0))


def _slack(board: Board) -> RenderableType:
    messages = slack_view.latest(board.stage.providers)
    shown = [slack_view.message(*each) for each in messages[:6]]
    title = f"Slack: {len(messages)} messages, as people see them now"
    return _panel(Group(*shown), title, "magenta")


def _happens(board: Board) -> RenderableType:
    lines = [_line(f"{at:5.1f} s  {what}") for at, what in board.said[-_SAID:]]
    return _panel(Group(*reversed(lines)), "What happens", "cyan")


def _webhook(board: Board) -> RenderableType:
    """The last page and the last of the bank's."""
    made: list[RenderableType] = []
    for slug, name in (("shop", "pager"), ("bank", "duty")):
        path = board.stage.hook(slug, name)
        bodies = board.stage.providers.webhooks.visible(path)
        told = bodies[-1]["incident"] if bodies else {}
        last = f"{told['state']}: {told['title']}" if told else "nothing yet"
        made.append(_line(Text.assemble((f"{slug}: {len(bodies)}  ", "bold"), last)))
        if told:
            made.append(_line(f"  {told['why']}", "dim"))
    return _panel(
        Group(*made, *_phone(board)), "Pagers, and the phone of the one on call", "magenta"
    )


def _phone(board: Board) -> list[RenderableType]:
    """The last text and the last letter."""
    texts = board.stage.providers.twilio.messages(stage.PHONE)
    letters = board.stage.providers.mail.messages(stage.MAILBOX)
    text = texts[-1]["body"].splitlines()[0] if texts else "nothing yet"
    subject = str(letters[-1].parsed()["Subject"]) if letters else "nothing yet"
    return [
        _line(Text.assemble((f"sms: {len(texts)}  ", "bold"), text)),
        _line(Text.assemble((f"email: {len(letters)}  ", "bold"), subject)),
    ]


def _quiet(now: Counts) -> RenderableType:
    grid = Table.grid(padding=(0, 1))
    grid.add_column(justify="right", style="bold", no_wrap=True)
    grid.add_column()
    for n, sentence, example in now.quiet:
        grid.add_row(f"{n:,}", Text(sentence))
        if example:
            grid.add_row("", Text(example, "dim"))
    return _panel(grid, "Why nobody was told of these alerts", "green")


def _panel(content: RenderableType, title: str, style: str) -> Panel:
    return Panel(content, title=Text(title, f"bold {style}"), title_align="left",
                 border_style=style, padding=(0, 1))  # fmt: skip


def _line(text: str | Text, style: str = "") -> Text:
    line = text if isinstance(text, Text) else Text(text, style)
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _keep(board: Board, work: Callable[[], None], every: float, over: threading.Event) -> None:
    while True:
        ended = over.wait(every)
        # A record that is busy or away for a moment leaves the old figures on show.
        with contextlib.suppress(psycopg.Error, TocsinError):
            board.now = counts.take(board.player)
        work()
        if ended:
            return


def picture(board: Board, file: Path, size: tuple[int, int] = (124, 48)) -> None:
    """Write what a terminal of this size would show as SVG."""
    with Path("/dev/null").open("w") as nowhere:
        console = Console(record=True, file=nowhere, width=size[0], height=size[1],
                          force_terminal=True, color_system="truecolor")  # fmt: skip
        console.print(render(board, size))
    drawn = console.export_svg(title="make demo")
    # Nothing remote: a reader's own monospace font will do.
    file.write_text(_FONTS.sub("", drawn), encoding="utf-8")
