"""Parts of text messages are counted as networks count them, and nothing is ever over the limit."""

# ruff: noqa: RUF001 - it is about just these characters
from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from channels import _sms_text
from channels._sms_text import Lines, Size

ANY = st.text(max_size=400)
GSM = st.text(alphabet="aZ09 @£é€{}[]~^|\\\n", max_size=500)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", Size("GSM-7", 1)),
        ("a" * 160, Size("GSM-7", 1)),
        ("a" * 161, Size("GSM-7", 2)),
        ("a" * 306, Size("GSM-7", 2)),
        ("a" * 307, Size("GSM-7", 3)),
        ("a" * 459, Size("GSM-7", 3)),
        ("a" * 460, Size("GSM-7", 4)),
        ("€" * 80, Size("GSM-7", 1)),
        ("€" * 80 + "a", Size("GSM-7", 2)),
        # 153 is odd: an escape is never torn from its character, so 76 pairs fill a part.
        ("€" * 152, Size("GSM-7", 2)),
        ("€" * 153, Size("GSM-7", 3)),
        ("ж" * 70, Size("UCS-2", 1)),
        ("ж" * 71, Size("UCS-2", 2)),
        ("ж" * 134, Size("UCS-2", 2)),
        ("ж" * 135, Size("UCS-2", 3)),
        ("🔥" * 35, Size("UCS-2", 1)),
        ("🔥" * 36, Size("UCS-2", 2)),
        # Nor is a surrogate pair: 33 of them fill a part of 67.
        ("🔥" * 66, Size("UCS-2", 2)),
        ("🔥" * 67, Size("UCS-2", 3)),
        ("Ç", Size("GSM-7", 1)),
        ("ç", Size("UCS-2", 1)),
    ],
)
def test_parts(text: str, size: Size) -> None:
    assert _sms_text.measure(text) == size


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“db–1” isn’t up…", '"db-1" isn\'t up...'),
        ("São Paulo, Łódź", "São Paulo, Łódź"),
        ("São Paulo, Bogotá", "Sao Paulo, Bogota"),
        ("München é", "München é"),
        ("90 % ≥ 80 %", "90 % >= 80 %"),
        ("диск “полон”", "диск “полон”"),
    ],
)
def test_only_what_saves_the_cheap_alphabet_is_changed(text: str, plain: str) -> None:
    assert _sms_text.plainer(text) == plain


@given(ANY | GSM, ANY, ANY, st.integers(1, 3))
def test_never_over_the_limit(told: str, facts: str, why: str, most: int) -> None:
    hint = "Reply 1 to acknowledge (1 AB12 if you have several)"
    text = _sms_text.fit(Lines(told, facts, why, hint, "https://t.example/i/1"), most)
    assert _sms_text.measure(text).parts <= most
    assert hint in text
    text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


@given(ANY | GSM, ANY, GSM, ANY, st.integers(1, 3))
def test_why_just_they_are_told_is_cut_last(
    told: str, facts: str, because: str, caution: str, most: int
) -> None:
    hint = "Reply 1 to acknowledge (1 AB12 if you have several)"
    assume(not caution or caution not in told + facts + hint + because)
    lines = Lines(told, facts, "", hint, "https://t.example/i/1", because=because, caution=caution)
    text = _sms_text.fit(lines, most)
    assert _sms_text.measure(text).parts <= most
    assert hint in text
    if caution and caution in text and _sms_text.plainer(because) in because:
        assert because in text


def test_the_recipients_reason_outlives_all_but_the_answer() -> None:
    because = "on call (Primary DB), step 1 of 3, next: Ben at 03:12"
    lines = Lines(
        "[CRIT] " + "x" * 500, "Since 03:07", "", "Reply 1", "https://t.example",
        because=because, caution="This number has never been confirmed.",
    )  # fmt: skip
    text = _sms_text.fit(lines, 1)
    assert text.endswith(f"x...\n{because}\nReply 1")
    assert _sms_text.measure(text).parts == 1


def test_a_reason_that_leaves_no_room_loses_its_end() -> None:
    because = ", ".join(["on call (диск)", "step 1 of 3", "next: " + "B" * 60 + " at 03:12"])
    text = _sms_text.fit(Lines("Диск полон на машине db-1", because=because, hint="Reply 1"), 1)
    assert text == "Диск полон на машине db-1\non call (диск), step 1 of 3\nReply 1"


@given(GSM, st.integers(1, 3))
def test_parts_hold_what_the_standard_says(text: str, most: int) -> None:
    septets = sum(2 if char in "€{}[]~^|\\" else 1 for char in text)
    parts = _sms_text.measure(text).parts
    assert (parts == 1) == (septets <= 160)
    assert parts == 1 or septets <= parts * 153


def test_what_is_wrong_goes_last() -> None:
    lines = Lines(
        "[CRIT] Disk full", "Since 03:07", "because " * 60, "Reply 1", "https://t.example"
    )
    assert _sms_text.fit(lines, 2).startswith("[CRIT] Disk full\nSince 03:07\nbecause because")
    small = _sms_text.fit(lines, 1)
    assert small.startswith("[CRIT] Disk full\nSince 03:07\nbecause")
    assert small.endswith("Reply 1\nhttps://t.example")
    long = Lines("[CRIT] " + "x" * 500, "facts", "why", "Reply 1", "https://t.example")
    cut = _sms_text.fit(long, 1)
    assert cut.startswith("[CRIT] xxx")
    assert cut.endswith("x...\nReply 1")
    assert len(cut) == 158  # the two brackets cost two each
