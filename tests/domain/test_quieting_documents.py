"""Time intervals and inhibit rules in a policy document, and what is wrong with them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tocsin import errors
from tocsin.config import documents
from tocsin.domain.time_intervals import Hours, Interval, Named

DOCUMENT = """
global: {resolve_timeout: 2m}
route:
  receiver: team
  routes:
    - matchers: [a=b]
      mute_time_intervals: [office]
      routes:
        - matchers: [c=d]
          active_time_intervals: [office]
receivers: [{name: team}]
time_intervals:
  - name: office
    time_intervals:
      - times: [{start_time: '09:00', end_time: '17:00'}]
        weekdays: ['monday:friday', 'Sunday']
        days_of_month: ['1:5', '-3:-1', '15']
        months: ['january:march', '5', 'December']
        years: ['2026:2028', '2030']
        location: Australia/Sydney
inhibit_rules:
  - source_matchers: [severity=critical]
    target_matchers: [severity=warning, team=db]
    equal: [cluster]
"""


def test_it_is_read_as_alertmanager_reads_it() -> None:
    policy = documents.parse(DOCUMENT, {})
    office = Interval(
        times=((540, 1020),), weekdays=((1, 5), (0, 0)),
        days_of_month=((1, 5), (-3, -1), (15, 15)), months=((1, 3), (5, 5), (12, 12)),
        years=((2026, 2028), (2030, 2030)), zone="Australia/Sydney",
    )  # fmt: skip
    named = Named("office", (office,))
    (child,) = policy.root.children
    assert policy.root.hours == Hours()
    assert child.hours == Hours(mute=(named,))
    assert child.children[0].hours == Hours(active=(named,)), "nothing of it is inherited"
    (rule,) = policy.inhibit_rules
    assert (rule.name, rule.equal) == ("inhibit_rules[0]", ("cluster",))
    assert policy.resolve_timeout == timedelta(minutes=2)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[office]", "[ofice]", "there is no time interval `ofice`: did you mean `office`?"),
        ("  receiver: team\n", "  receiver: team\n  mute_time_intervals: [office]\n", "top route"),
        ("'17:00'", "'09:00'", "it must end after it begins"),
        ("'17:00'", "'25:00'", "write the time of day in quotes"),
        ("monday:friday", "friday:monday", "weeks begin on Sunday: write two"),
        ("monday:friday", "mon", "`mon` is not a day of the week"),
        ("'1:5'", "'5:1'", "ends before it begins"),
        ("'1:5'", "'0'", "1 to 31 or -31 to -1"),
        ("'1:5'", "'-5:5'", "must end there too"),
        ("january:march", "march:january", "ends before it begins"),
        ("january:march", "13", "a month is 1 to 12"),
        ("january:march", "1:2:3", "a range has one colon"),
        ("2026:2028", "2028:2026", "ends before it begins"),
        ("Australia/Sydney", "Sydney", "not a time zone"),
        ("equal: [cluster]", "equals: [cluster]", "unknown key `equals`"),
        ("    source_matchers: [severity=critical]\n", "", "`source_matchers` is missing"),
        ("[severity=critical]", "['severity']", "expected one of = != =~ !~"),
        ("resolve_timeout: 2m", "resolve_timeout: 0s", "must be longer than 0s"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(old: str, new: str, said: str) -> None:
    text = DOCUMENT.replace("  - source_matchers", "  - name: r\n    source_matchers")
    assert old in text
    with pytest.raises(errors.PolicyError) as refused:
        documents.parse(text.replace(old, new, 1), {})
    assert any(said in problem for _, problem in refused.value.problems), refused.value.problems
    assert all(line for line, _ in refused.value.problems)


def test_a_name_stands_once() -> None:
    twice = DOCUMENT.replace(
        "inhibit_rules", "  - {name: office, time_intervals: [{months: ['1']}]}\ninhibit_rules"
    )
    with pytest.raises(errors.PolicyError, match="`office` is defined twice"):
        documents.parse(twice, {})
