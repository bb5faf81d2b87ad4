"""What became of each thing of a foreign configuration, said for the person who moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

#: "to_do" names something that must be done before the policy works, such as a file to write.
Kind = Literal["carried", "changed", "left_out", "to_do"]
KINDS: dict[Kind, str] = {
    "carried": "carried over",
    "changed": "changed",
    "left_out": "NOT CARRIED OVER",
    "to_do": "TO DO",
}


@dataclass(frozen=True, slots=True)
class Note:
    """One of them; ``line`` is that of the foreign document, 0: of none of its lines."""

    kind: Kind
    line: int
    place: str
    said: str

    def __str__(self) -> str:
        where = f"line {self.line}: " if self.line else ""
        return f"{where}{self.place}: {KINDS[self.kind]}: {self.said}"


@dataclass(slots=True)
class Report:
    """Collects notes; each is said once."""

    found: dict[Note, None] = field(default_factory=dict)

    def add(self, kind: Kind, line: int, place: str, said: str) -> None:
        self.found.setdefault(Note(kind, line, place, said))

    def notes(self) -> tuple[Note, ...]:
        """In the order of the foreign document; what belongs to no line stands at the end."""
        return tuple(sorted(self.found, key=lambda note: (not note.line, note.line)))
