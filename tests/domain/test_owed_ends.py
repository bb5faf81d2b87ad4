"""The end of what was told is owed, also when it was silenced and others were told of since."""

from __future__ import annotations

from tests.domain.test_flushing import (
    HOOK,
    INTERVAL,
    OLD,
    REPEAT,
    T,
    going,
    integration,
    log,
    member,
    over,
    plan,
    silence,
)
from tocsin.domain import flushing


def test_the_end_of_what_was_told_is_told_although_others_were_told_of_since() -> None:
    """It was told, then silenced, then another came: its end is owed to who heard of it."""
    quiet = silence("a", T + REPEAT)
    news = plan(going(member("a"), member("b", 2), log={HOOK: log("a")}), T, quiet)
    assert news.reasons == {HOOK: "new_alerts"}
    heard = {HOOK: flushing.Log(news.log[HOOK], OLD)}
    ended = plan(going(over("a", 3), member("b"), log=heard), T + INTERVAL, quiet)
    assert (ended.act, ended.reasons, ended.told) == (None, {HOOK: "resolved"}, [3])
    assert ended.log[HOOK].held == frozenset()
    again = plan(going(member("a", 4), member("b"), log=heard), T + REPEAT)
    assert again.reasons == {HOOK: "new_alerts"}


def test_the_end_of_the_last_one_is_told_although_the_others_ended_under_its_silence() -> None:
    quiet = silence("b", T + REPEAT)
    first = plan(going(over("a", 1), member("b"), log={HOOK: log("ab")}), T, quiet)
    heard = {HOOK: flushing.Log(first.log[HOOK], OLD)}
    last = plan(going(over("b", 2), log=heard), T + INTERVAL, quiet)
    assert (last.act, last.reasons, last.told) == ("resolved", {HOOK: "resolved"}, [2])


def test_who_does_not_want_to_hear_of_ends_is_owed_none() -> None:
    quiet = silence("b", T + REPEAT)
    to = [integration(send_resolved=False)]
    first = plan(going(over("a", 1), member("b"), log={HOOK: log("ab")}, to=to), T, quiet)
    assert first.log[HOOK].open == frozenset()
    heard = {HOOK: flushing.Log(first.log[HOOK], OLD)}
    assert plan(going(over("b", 2), log=heard, to=to), T + INTERVAL, quiet).reasons == {}
