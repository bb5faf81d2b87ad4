"""39: filters that cost more to read than to answer."""

from __future__ import annotations

from urllib import parse

from tests.hostile import words


def listed(text: str, *statuses: int, path: str = "/alerts") -> words.Case:
    return words.Case(
        f"{words.API}{path}?filter={parse.quote(text)}", b"", frozenset(statuses), method="GET"
    )


CASES = [
    listed("{" * 10_000, 422), listed("{a=b," * 3000, 422), listed("(" * 10_000, 422),
    listed('a=~"' + "(" * 500 + ")" * 500 + '"', 200, 422), listed('a=~"(x{1000}){1000}"', 422),
    listed('a=~"' + "x" * 2000 + '"', 422), listed('a=~"(a+)+$"', 200), listed('a=~"["', 422),
    listed(",".join(["a=b"] * 2000), 200, 422),
    words.api("GET", "/alerts?" + "filter=a%3Db&" * 3000, frozenset((200, 422))),
    words.Case(words.API + "/alerts?limit=-1", b"", 422, method="GET"),
    words.Case(words.API + "/alerts?cursor=" + "A" * 900, b"", 400, method="GET"),
    words.api("GET", "/alerts?" + "&".join(f"x{n}=1" for n in range(5000)), 200),
    words.Case("/metrics?name[]=" + "x" * 9000, b"", 200, method="GET"),
]  # fmt: skip
