"""From words to a tree, by recursive descent."""

from __future__ import annotations

from collections.abc import Callable

from tocsin.domain.expressions import lexer, tree
from tocsin.domain.expressions.kinds import bad
from tocsin.domain.expressions.lexer import Word
from tocsin.domain.expressions.tree import Node

COMPARISONS = frozenset({"==", "!=", "<", "<=", ">", ">=", "in", "contains", "matches"})
_AGAIN = "compare one pair at a time: write `a < b and b < c`"


def parse(text: str) -> Node:
    """Read an expression. Raises ValueError with the column and what was expected there."""
    reader = _Reader(list(lexer.words(text)))
    node = reader.whole()
    _measure(node)
    return node


def _measure(node: Node) -> None:
    """Neither too many parts nor nested too deeply: everything after this may recurse."""
    waiting, count = [(node, 1)], 0
    while waiting:
        one, depth = waiting.pop()
        count += 1
        if depth > tree.MAX_DEPTH:
            raise _too_deep(one.at)
        if count > tree.MAX_NODES:
            raise bad(one.at, f"more than {tree.MAX_NODES} parts: split it over several")
        waiting += [(child, depth + 1) for child in tree.children(one)]


def _too_deep(at: int) -> ValueError:
    return bad(at, f"nested deeper than {tree.MAX_DEPTH} levels: split it over several")


class _Reader:
    """The words and how far they are read."""

    def __init__(self, words: list[Word]) -> None:
        self._words = words
        self._next = 0
        self._depth = 0

    def whole(self) -> Node:
        if len(self._words) == 1:
            raise bad(0, "the expression is empty: write a condition such as labels.x > 80")
        node = self._either()
        if self._now.sort != "end":
            raise bad(self._now.at, self._surplus())
        return node

    @property
    def _now(self) -> Word:
        return self._words[self._next]

    def _surplus(self) -> str:
        word = self._now
        if word.text.lower() in lexer.WORDS and word.text not in lexer.WORDS:
            return f"{word.said} is written in small letters: `{word.text.lower()}`"
        return f"expected an operator or the end, not {word.said}"

    def _take(self) -> Word:
        word = self._now
        if word.sort != "end":
            self._next += 1
        return word

    def _at(self, *texts: str) -> bool:
        return self._now.sort in ("name", "symbol") and self._now.text in texts

    def _expect(self, text: str, for_what: str) -> Word:
        if not self._at(text):
            raise bad(self._now.at, f"expected `{text}` {for_what}, not {self._now.said}")
        return self._take()

    def _deeper(self, read: Callable[[], Node]) -> Node:
        self._depth += 1
        if self._depth > tree.MAX_DEPTH:
            raise _too_deep(self._now.at)
        node = read()
        self._depth -= 1
        return node

    def _either(self) -> Node:
        return self._joined("or", lambda: self._joined("and", self._negated))

    def _joined(self, op: str, part: Callable[[], Node]) -> Node:
        parts, at = [part()], self._now.at
        while self._at(op):
            self._take()
            parts.append(part())
        return parts[0] if len(parts) == 1 else tree.Joined(at, op, tuple(parts))

    def _negated(self) -> Node:
        if self._at("not"):
            at = self._take().at
            return tree.Unary(at, "not", self._deeper(self._negated))
        return self._comparison()

    def _comparison(self) -> Node:
        left = self._chain(("+", "-"), lambda: self._chain(("*", "/"), self._signed))
        refused = self._at("not")
        if refused:
            self._take()
            if not self._at("in", "contains", "matches"):
                said = f"expected `in`, `contains` or `matches` after `not`, not {self._now.said}"
                raise bad(self._now.at, said)
        if not self._at(*COMPARISONS):
            return left
        op = self._take()
        right = self._chain(("+", "-"), lambda: self._chain(("*", "/"), self._signed))
        if self._at(*COMPARISONS):
            raise bad(self._now.at, _AGAIN)
        node = tree.Binary(op.at, op.text, left, right)
        return tree.Unary(op.at, "not", node) if refused else node

    def _chain(self, ops: tuple[str, ...], part: Callable[[], Node]) -> Node:
        node = part()
        while self._at(*ops):
            op = self._take()
            node = tree.Binary(op.at, op.text, node, part())
        return node

    def _signed(self) -> Node:
        if not self._at("-"):
            return self._path()
        at = self._take().at
        of = self._deeper(self._signed)
        if isinstance(of, tree.Literal) and of.kind == "number":
            return tree.Literal(at, "number", -of.value)
        return tree.Unary(at, "-", of)

    def _path(self) -> Node:
        node = self._primary()
        while self._at(".", "["):
            if self._take().text == ".":
                key = self._take()
                if key.sort != "name":
                    raise bad(key.at, f'expected a name after the dot, not {key.said}: or ["..."]')
                node = tree.Got(node.at, node, key.text, key.at)
            else:
                node = self._index(node)
        return node

    def _index(self, of: Node) -> Node:
        negative = self._at("-") and bool(self._take())
        key = self._take()
        if key.sort == "text" and not negative:
            found: str | int = key.value
        elif key.sort == "number" and key.text.isdigit() and len(key.text) <= 9:
            found = -int(key.text) if negative else int(key.text)
        else:
            raise bad(key.at, f'expected a name in quotes or a whole number, not {key.said}: ["x"]')
        self._expect("]", "after the name")
        return tree.Got(of.at, of, found, key.at)

    def _primary(self) -> Node:
        word = self._take()
        if word.sort in ("text", "number", "duration"):
            return tree.Literal(word.at, word.sort, word.value)
        if self._is(word, "("):
            node = self._deeper(self._either)
            self._expect(")", f"for the one at column {word.at + 1}")
            return node
        if self._is(word, "["):
            return tree.Listed(word.at, self._several("]"))
        if word.sort != "name" or word.text in lexer.WORDS - {"true", "false"}:
            raise bad(word.at, f"expected a value or a name, not {word.said}")
        if word.text in ("true", "false"):
            return tree.Literal(word.at, "boolean", word.text == "true")
        if self._at("("):
            self._take()
            return tree.Called(word.at, word.text, self._several(")"))
        return tree.Named(word.at, word.text)

    def _is(self, word: Word, text: str) -> bool:
        return word.sort == "symbol" and word.text == text

    def _several(self, end: str) -> tuple[Node, ...]:
        """Parts with commas between them, up to the bracket that closes."""
        parts: list[Node] = []
        while not self._at(end):
            parts.append(self._deeper(self._either))
            if not self._at(end):
                self._expect(",", f"or `{end}`")
        self._take()
        return tuple(parts)
