"""The child that renders: bounded, replaced when it dies, and never in anybody's way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tocsin import errors
from tocsin.domain import policy, routing, templates
from tocsin.i18n import child, rendering, samples, trial

CONTEXT = rendering.context(samples.message("first"))
LOOPS = "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}"
HANG = {"x": ["y"] * 5000}


@pytest.fixture
def renderer() -> Iterator[rendering.Renderer]:
    made = rendering.Renderer()
    made.start()
    yield made
    made.stop()


def render(renderer: rendering.Renderer, source: str, context: Any = CONTEXT) -> str:
    return renderer.render({"text": ("text", source)}, context, "en")["text"]


def unusable(renderer: rendering.Renderer, source: str, context: Any = CONTEXT) -> Any:
    with pytest.raises(rendering.Unusable) as refused:
        render(renderer, source, context)
    return refused.value


def tried(renderer: rendering.Renderer) -> str:
    """The kind of failure, or nothing."""
    try:
        render(renderer, "x")
    except rendering.Unusable as refused:
        return refused.kind
    return ""


def test_all_parts_of_a_template(renderer: rendering.Renderer) -> None:
    parts = {"subject": ("line", "a\n{{ title }}"), "html": ("html", "<p>{{ '<' }}</p>")}
    assert renderer.render(parts, CONTEXT, "en") == {
        "subject": "a DiskFull: disk of db-1 is full",
        "html": "<p>&lt;</p>",
    }


def test_a_mistake_is_told_with_part_and_line(renderer: rendering.Renderer) -> None:
    parts = {"good": ("text", "x"), "bad": ("text", "a\n\n{{ firing + title }}")}
    with pytest.raises(rendering.Unusable) as refused:
        renderer.render(parts, CONTEXT, "en")
    assert (refused.value.kind, refused.value.part, refused.value.line) == ("template", "bad", 3)
    assert unusable(renderer, "a\n{% nonsense %}").line == 2


def test_a_hang_ends_in_time_and_the_next_one_has_a_new_child(
    renderer: rendering.Renderer,
) -> None:
    pid, begun = renderer.pid, time.monotonic()
    assert unusable(renderer, LOOPS, HANG).kind == "time"
    assert time.monotonic() - begun < 5
    renderer.start()
    assert renderer.pid != pid
    assert render(renderer, "{{ severity }}") == "critical"


def test_those_who_wait_behind_a_hang_are_let_go_too(renderer: rendering.Renderer) -> None:
    slow = threading.Thread(target=lambda: unusable(renderer, LOOPS, HANG))
    slow.start()
    time.sleep(0.1)
    begun = time.monotonic()
    assert tried(renderer) in ("", "busy")
    assert time.monotonic() - begun < 5
    slow.join()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
def test_a_child_that_is_killed_or_stopped_is_replaced(
    renderer: rendering.Renderer, how: signal.Signals
) -> None:
    assert renderer.pid is not None
    os.kill(renderer.pid, how)
    begun = time.monotonic()
    assert tried(renderer) in ("", "child", "time", "busy")
    assert time.monotonic() - begun < 5
    renderer.start()
    assert render(renderer, "y") == "y"


def test_memory_has_an_end(renderer: rendering.Renderer) -> None:
    one = "{{ ('A' * 100000000 ~ 'A' * 100000000 ~ 'A' * 100000000 ~ 'A' * 100000000"
    refused = unusable(renderer, one + " ~ 'A' * 100000000 ~ 'A' * 100000000)|length }}")
    assert refused.kind in ("template", "child", "time")
    renderer.start()
    assert render(renderer, "y") == "y"


def test_a_huge_message_is_read(renderer: rendering.Renderer) -> None:
    context = {**CONTEXT, "annotations": {"summary": "x" * 3_000_000}}
    assert render(renderer, "{{ annotations.summary|length }}", context) == "3000000"
    assert unusable(renderer, "x", {"y": "x" * (child.MAX_FRAME + 1)}).kind == "child"
    renderer.start()
    assert render(renderer, "z") == "z"


def test_the_child_sees_no_secrets(
    renderer: rendering.Renderer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOCSIN_SECRET_ACME__TOKEN", "canary")
    renderer.stop()
    renderer.start()
    seen = Path(f"/proc/{renderer.pid}/environ")
    if not seen.exists():
        pytest.skip("this system has no /proc")
    assert b"canary" not in seen.read_bytes()
    assert b"DATABASE_URL" not in seen.read_bytes()


def test_the_child_ends_with_its_parent(renderer: rendering.Renderer) -> None:
    held = renderer._child
    assert held is not None
    held.line.close()
    assert held.process.wait(10) == 0


def test_a_page_is_worded_in_two_milliseconds(renderer: rendering.Renderer) -> None:
    context = rendering.context(samples.message("repeat"))
    source = "{% for a in alerts %}{{ a.labels.instance }} {{ a.starts_at|since }}\n{% endfor %}"
    render(renderer, source, context)
    taken = []
    for _ in range(50):
        begun = time.monotonic()
        render(renderer, source, context)
        taken.append(time.monotonic() - begun)
    # The middle of fifty on a quiet machine is 0.3 ms; others work on this one.
    assert sorted(taken)[25] < 0.02


def of(template: templates.Template) -> policy.Policy:
    none = samples.AT - samples.AT
    root = routing.Route("r", None, (), False, (), none, none, none)
    return policy.Policy(root=root, receivers={}, templates=(template,))


PARTS = {"chat": {"text": "text"}, "hook": {"body": "json"}}


def test_templates_are_tried_on_samples_of_their_types() -> None:
    good = templates.Template("a", "*", "*", {"text": "{{ title }}", "body": "[{{ title }}]"})
    trial.check(of(good), PARTS)
    bad = templates.Template("a", "hook", "resolved", {"body": "[{{ title }}"}, line=4)
    with pytest.raises(errors.PolicyError, match="line 4: template `a`, part `body`, tried on a") \
            as refused:  # fmt: skip
        trial.check(of(bad), PARTS)
    assert "type `resolved`" in str(refused.value)
    unsaid = templates.Template("a", "chat", "*", {"text": "\n{{ say('no.such', n=1) }}"})
    with pytest.raises(errors.PolicyError, match=r"2 of it: there is no sentence `no\.such`"):
        trial.check(of(unsaid), PARTS)
    said = "{{ say('message.firing', n=firing) }}{{ say('severity.' ~ severity) }}"
    trial.check(of(templates.Template("a", "chat", "*", {"text": said})), PARTS)
    sometimes = "{% if reason == 'reopened' %}{{ firing + title }}{% endif %}"
    with pytest.raises(errors.PolicyError, match="type `reopened`"):
        trial.check(of(templates.Template("a", "chat", "*", {"text": sometimes})), PARTS)
    trial.check(of(templates.Template("a", "chat", "first", {"text": sometimes})), PARTS)
