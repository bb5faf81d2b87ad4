"""Templates tried on samples before their policy comes into force.

What this finds would otherwise be found at 03:07, in a page with a note instead of its words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from jinja2 import nodes

from schemas.message import Message
from tocsin import errors, i18n
from tocsin.domain import template_syntax
from tocsin.domain.policy import Policy
from tocsin.domain.templates import ANY, Template
from tocsin.i18n import rendering, samples

Parts = Mapping[str, Mapping[str, str]]
#: Nobody waits for these with a phone in the hand.
SECONDS = 5.0


def check(policy: Policy, parts: Parts) -> None:
    """Render everything once; ``parts`` are those of the channels. Raises PolicyError."""
    found: list[tuple[int | None, str]] = []
    if policy.templates:
        renderer = rendering.Renderer(SECONDS)
        try:
            renderer.start()
            for template in policy.templates:
                found += [(template.line, said) for said in _unsaid(template)]
                found += [(template.line, said) for said in _problems(renderer, template, parts)]
        finally:
            renderer.stop()
    if found:
        raise errors.PolicyError(list(dict.fromkeys(found)))


def _unsaid(template: Template) -> Iterator[str]:
    """Sentences that it asks for and no catalogue has."""
    for part, source in template.parts.items():
        for call in template_syntax.grammar().parse(source).find_all(nodes.Call):
            key = call.args[0].value if call.args and isinstance(call.args[0], nodes.Const) else ""
            if key and not i18n.knows(str(key)):
                place = f"template `{template.name}`, part `{part}`, line {call.lineno} of it"
                yield f"{place}: there is no sentence `{key}`"


def _problems(renderer: rendering.Renderer, template: Template, parts: Parts) -> Iterator[str]:
    for channel in [template.channel] if template.channel != ANY else sorted(parts):
        forms = parts.get(channel, {})
        mine = {name: (forms[name], text) for name, text in template.parts.items() if name in forms}
        for message in samples.of(template.type) if mine else ():
            try:
                renderer.render(mine, rendering.context(message), "en")
            except rendering.Unusable as error:
                # A busy machine is no reason to refuse what nobody could try.
                if error.kind != "busy":
                    yield _said(template, message, error)
                    break


def _said(template: Template, message: Message, error: rendering.Unusable) -> str:
    place = f"template `{template.name}`"
    place += f", part `{error.part}`" if error.part else ""
    place += f", line {error.line} of it" if error.line else ""
    return f"{place}, tried on a sample of type `{message.reason}`: {error.message}"
