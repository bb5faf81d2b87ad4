"""The demo where there is no terminal: plain lines, without colours."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from tocsin.demo import slack_view
from tocsin.demo.board import Board

_LINE_EVERY = 2.0


class Lines:
    """Plain lines: what happens when it happens, the figures every few seconds."""

    def __init__(self, console: Console, board: Board) -> None:
        self._console, self._board = console, board
        self._said, self._heard, self._due = 0, set[tuple[str, int]](), 0.0

    def tell(self) -> None:
        """Print what is new."""
        board = self._board
        while self._said < len(board.said):
            at, what = board.said[self._said]
            self._said += 1
            self._print(f"[{at:6.1f} s] {what}")
        for channel, message in reversed(slack_view.latest(board.stage.providers)):
            mark = (message["ts"], message["edits"])
            if mark not in self._heard:
                self._heard.add(mark)
                self._print(f"[{board.elapsed:6.1f} s]   slack {channel}: "
                            f"{slack_view.headline(message)}")  # fmt: skip
        if board.elapsed >= self._due:
            self._due = board.elapsed + _LINE_EVERY
            self._print(figures(board))

    def _print(self, line: str) -> None:
        self._console.print(Text(line), soft_wrap=True)


def figures(board: Board) -> str:
    """All counters in one line."""
    now = board.now
    sent = "  ".join(f"{channel} {n:,}" for channel, n in now.sent.items())
    return (
        f"[{board.elapsed:6.1f} s] {board.phase}: accepted {now.accepted:,}  unique {now.unique:,}"
        f"  repeats {now.repeats:,}  incidents {now.open} open {now.acknowledged} acked"
        f" {now.resolved} resolved  {sent}  waiting {now.waiting}  dead {now.dead}"
        f"  lost {now.missing}"
    )
