"""Templates over HTTP: those in force, and how a message would read. For admins only."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request

import channels
from schemas import api
from schemas import template_preview as schema
from schemas.message import Message
from tocsin import errors
from tocsin.config import problems, templates
from tocsin.domain.policy import Policy
from tocsin.domain.templates import choose
from tocsin.i18n import rendering, samples
from tocsin.security import crypto
from tocsin.storage import search_deliveries
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force, paging

router = APIRouter(tags=["policy"])

Sources = Mapping[str, str]


@router.get("/templates")
def list_templates(caller: access.Admin, record: access.Recorded) -> api.Page[schema.TemplateItem]:
    """The templates of the policy in force, in the order of the document."""
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
    items = [
        schema.TemplateItem(
            name=each.name, channel=each.channel, type=each.type, line=each.line,
            receivers=sorted(each.receivers), parts=sorted(each.parts),
        )
        for each in (policy.templates if policy else ())
    ]  # fmt: skip
    return api.Page(items=items)


@router.post("/templates/preview")
def preview_template(
    request: Request, body: schema.TemplateTry, caller: access.Admin, record: access.Recorded
) -> schema.TemplateShown:
    """Render a template on a sample or on an incident. Sends nothing, stores nothing."""
    if body.channel not in channels.REGISTRY:
        said = f"there is no channel `{body.channel}`"
        said += problems.suggest(body.channel, channels.REGISTRY)
        raise errors.Invalid([("#/channel", said)])
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
        message = _message(request, tx, caller.tenant, body)
    name, sources = _sources(body, message, policy)
    known = policy.locale_for(message.receiver) if policy else ""
    locale = body.locale or known or "en"
    shown = schema.TemplateShown(
        channel=body.channel, type=message.reason, template=name, locale=locale, texts={},
        own=channels.own_words(body.channel, message, locale),
    )  # fmt: skip
    _render(shown, sources, message)
    return shown


def _message(request: Request, tx: Transaction, tenant: int, body: schema.TemplateTry) -> Message:
    if body.incident is None:
        message = samples.message(body.type or "first")
    else:
        incident = paging.identifier(body.incident, "incident")
        blob = search_deliveries.newest_message(tx, tenant, incident)
        if blob is None:
            raise errors.NotFound("nobody was told of such an incident in this tenant yet")
        sealer = crypto.from_file(request.app.state.settings.master_key_file)
        message = Message.model_validate_json(sealer.open(tx, tenant, blob))
        message = message.model_copy(update={"reason": body.type or message.reason})
    return message.model_copy(update={"receiver": body.receiver or message.receiver})


def _sources(
    body: schema.TemplateTry, message: Message, policy: Policy | None
) -> tuple[str | None, Sources]:
    """What to render, and what it is called. Raises Invalid."""
    if body.parts is not None and body.name is not None:
        raise errors.Invalid([("#/name", "give either parts or the name of a template")])
    if body.parts is not None:
        return None, body.parts
    known = policy.templates if policy else ()
    if body.name is not None:
        found = next((each for each in known if each.name == body.name), None)
        if found is None:
            said = f"there is no template `{body.name}`"
            said += problems.suggest(body.name, [each.name for each in known])
            raise errors.Invalid([("#/name", said)])
        return found.name, found.parts
    parts = channels.REGISTRY[body.channel].PARTS
    chosen = choose(known, message.receiver, body.channel, message.reason, parts)
    return (chosen.name, chosen.parts) if chosen else (None, {})


def _render(shown: schema.TemplateShown, sources: Sources, message: Message) -> None:
    forms = channels.REGISTRY[shown.channel].PARTS
    for part, source in sources.items():
        found = list(_wrong(part, source, forms, named=shown.template is not None))
        shown.problems += [
            schema.TemplateProblem(part=part, line=line, detail=said) for line, said in found
        ]
    parts = {part: (forms[part], text) for part, text in sources.items() if part in forms}
    if shown.problems or not parts:
        return
    try:
        made = rendering.renderer().render(parts, rendering.context(message), shown.locale)
        shown.texts = {part: text for part, text in made.items() if text.strip()}
    except rendering.Unusable as error:
        shown.problems = [
            schema.TemplateProblem(part=error.part, line=error.line, detail=error.message)
        ]


def _wrong(
    part: str, source: str, forms: Mapping[str, str], *, named: bool
) -> list[tuple[int | None, str]]:
    """A template of the policy may have parts for other channels; what was sent here may not."""
    if part in forms:
        return list(templates.check(source, [forms[part]]))
    return [] if named else [(None, f"`{part}` is no part of it" + problems.suggest(part, forms))]
