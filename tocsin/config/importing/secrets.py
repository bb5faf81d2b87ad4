"""Secrets of a foreign configuration: they become files, and the document names only these."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field

from tocsin.config.importing.source import Part

#: Where an installation looks for them.
FOLDER = "<home>/secrets/tenants/<tenant>/"
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(slots=True)
class Files:
    """One name for each secret; the same secret gets the same name again."""

    names: dict[str, str] = field(default_factory=dict)

    def inline(self, part: Part, wanted: str) -> str:
        """The name of the file for a secret that stood in the document."""
        # The secret itself is only ever a key of this table.
        name = self._name(f"value {part.node.text}", wanted)
        part.note(
            "to_do",
            f"a secret never stands in a policy: write this value, as one line, to {FOLDER}{name}",
        )
        return name

    def file(self, part: Part, wanted: str) -> str:
        """The name for a file that the document named."""
        path = part.node.text
        name = self._name(f"file {path}", posixpath.basename(path.replace("\\", "/")) or wanted)
        part.note("to_do", f"copy the file {path} to {FOLDER}{name}")
        return name

    def missing(self, part: Part, wanted: str, what: str) -> str:
        """The name for a secret that the document does not have."""
        name = self._name(f"new {wanted}", wanted)
        part.note("to_do", f"{what} to {FOLDER}{name}")
        return name

    def either(self, part: Part, key: str, wanted: str) -> str | None:
        """The name of the file for ``key`` or ``key_file``; None where neither is there."""
        value, file = part.get(key), part.get(f"{key}_file")
        if value and value.text():
            return self.inline(value, wanted)
        return self.file(file, wanted) if file and file.text() else None

    def _name(self, secret: str, wanted: str) -> str:
        if secret in self.names:
            return self.names[secret]
        stem = _UNFIT.sub("-", wanted).strip("-._")[:80] or "secret"
        taken, name, number = set(self.names.values()), stem, 2
        while name in taken:
            name, number = f"{stem}-{number}", number + 1
        self.names[secret] = name
        return name
