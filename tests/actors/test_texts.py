"""Templates in deliveries: the words of the tenant where they work, a page in any case."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.actors.conftest import POLICY, Hall, Tenant
from tests.actors.test_flush import fire, over
from tocsin.i18n import rendering

BODY = '{"page": {{ title }}, "first": {{ alerts[0].labels.note|default("-") }}}'
TALLY = "SELECT labels FROM tally WHERE name = 'template_failures_total' ORDER BY labels"


def templated(body: str, type: str = "first") -> str:
    quoted = body.replace("'", "''")
    entry = (
        f"  - name: mine\n    channel: webhook\n    type: {type}\n    parts: {{body: '{quoted}'}}"
    )
    return f"{POLICY}templates:\n{entry}\n"


@pytest.fixture(autouse=True)
def _forgiven(hall: Hall) -> Iterator[None]:
    """Each test begins with a renderer that is up and templates that never failed."""
    rendering.renderer().start()
    yield
    hall.module("_texts").breaker._failed.clear()


def told(tenant: Tenant) -> Any:
    return tenant.told()[-1]


def page(hall: Hall, tenant: Tenant, **labels: str) -> Any:
    fire(tenant, severity="critical", **labels)
    hall.settle()
    return told(tenant)


def test_a_template_words_the_messages_of_its_type_and_no_others(hall: Hall) -> None:
    tenant = hall.tenant(templated(BODY))
    assert page(hall, tenant) == {"page": "Disk", "first": "-"}
    over(tenant, severity="critical")
    hall.settle()
    assert told(tenant)["status"] == "resolved"
    assert tenant.column(TALLY) == []


def test_hostile_labels_stay_values(hall: Hall) -> None:
    tenant = hall.tenant(templated(BODY))
    evil = '", "admin": true, "x": "{{ 7*7 }}\n'
    assert page(hall, tenant, note=evil) == {"page": "Disk", "first": evil}


def test_a_template_that_fails_lets_the_page_out_with_a_note(hall: Hall) -> None:
    # Nothing that a trial on samples would find.
    wrong = f"{{% if labels.note %}}{{{{ firing + title }}}}{{% endif %}}{BODY}"
    tenant = hall.tenant(templated(wrong))
    made = page(hall, tenant, note="x")
    assert (made["status"], made["incident"]["title"]) == ("firing", "Disk")
    [note] = made["incident"]["notes"]
    assert note.startswith("The template mine could not be used, so you see Tocsin's own words:")
    assert "part body, line 1" in note
    assert tenant.column(TALLY) == ["webhook|template"]
    assert tenant.outcomes() == ["notified"]


def test_a_child_that_is_killed_costs_no_page(hall: Hall) -> None:
    tenant = hall.tenant(templated(BODY))
    pid = rendering.renderer().pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert page(hall, tenant)["status"] == "firing"
    assert tenant.column(TALLY) == ["webhook|time"]
    rendering.renderer().start()
    assert rendering.renderer().pid != pid


def test_a_renderer_with_a_bug_costs_no_page(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = hall.tenant(templated(BODY))

    def broken(*given: object) -> dict[str, str]:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        patched.setattr(rendering.Renderer, "render", broken)
        assert page(hall, tenant)["status"] == "firing"
    assert tenant.column(TALLY) == ["webhook|other"]


def test_a_template_that_fails_again_and_again_is_left_alone_for_a_while(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, travel: Callable[..., None]
) -> None:
    tenant, asked = hall.tenant(templated(BODY, "repeat")), []
    texts = hall.module("_texts")
    fire(tenant, severity="critical")
    hall.ring("flush")
    errand = hall.module("_errands").claim(hall.runtime, "webhook", "page")[0]
    message = errand.message.model_copy(update={"reason": "repeat"})

    def hang(*given: object) -> dict[str, str]:
        asked.append(given)
        raise rendering.Unusable("it took longer than 1 s", kind="time")

    def words(later: timedelta) -> list[str]:
        from dataclasses import replace

        made = replace(errand, message=message, claimed=errand.claimed + later)
        notes: list[str] = texts.of(hall.runtime, made)[1].notes
        return notes

    with monkeypatch.context() as patched:
        patched.setattr(rendering.Renderer, "render", hang)
        for _ in range(5):
            assert "took longer" in words(timedelta(0))[0]
        assert len(asked) == texts.FAILURES
        assert words(texts.PAUSE) != []
        assert len(asked) == texts.FAILURES + 1
        assert words(texts.PAUSE) != []
        assert len(asked) == texts.FAILURES + 1
    assert words(texts.PAUSE * 3) == []
    assert words(texts.PAUSE) == []
    assert set(tenant.column(TALLY)) == {"webhook|bypassed", "webhook|time"}


def test_a_busy_machine_is_not_held_against_a_template(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(templated(BODY))

    def busy(*given: object) -> dict[str, str]:
        raise rendering.Unusable("other templates took too long", kind="busy")

    with monkeypatch.context() as patched:
        patched.setattr(rendering.Renderer, "render", busy)
        assert page(hall, tenant)["status"] == "firing"
    assert hall.module("_texts").breaker._failed == {}


def test_a_part_that_comes_out_empty_is_left_to_the_channel(hall: Hall) -> None:
    policy = POLICY.replace("webhook:", "slack: []\n    webhook:")
    tenant = hall.tenant(f"{policy}templates: [{{name: a, type: first, parts: {{text: '  '}}}}]\n")
    assert page(hall, tenant)["status"] == "firing"
    assert tenant.column(TALLY) == []


def test_a_repaired_template_words_what_waits(hall: Hall) -> None:
    tenant = hall.tenant(templated(BODY))
    fire(tenant, severity="critical")
    hall.ring("flush")
    tenant.apply(templated('{"repaired": {{ title }}}'))
    hall.ring("deliver_webhook", queue="page")
    assert told(tenant) == {"repaired": "Disk"}


def test_a_receiver_has_its_language(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = POLICY.replace("name: ops", "name: ops\n    locale: de-AT")
    tenant = hall.tenant(f"{policy}locale: fr\n")
    fire(tenant, severity="critical")
    hall.ring("flush")
    errand = hall.module("_errands").claim(hall.runtime, "webhook", "page")[0]
    call = hall.module("deliver")._call(hall.runtime, errand, {"body": "{}"})
    assert (call.locale, call.texts) == ("de-AT,fr", {"body": "{}"})
