"""From a policy document to the policy: everything that is wrong with it is said at once."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from schemas import policy as written
from tocsin import errors
from tocsin.config import (
    correlation,
    fallbacks,
    heartbeats,
    people,
    problems,
    quieting,
    reporting,
    rules,
    sense,
    service_levels,
    templates,
    yaml_nodes,
)
from tocsin.config import enrichment as looked_up
from tocsin.config import schedules as rotas
from tocsin.domain import breadth, enrichers, matchers, routing
from tocsin.domain.policy import Integration, Policy, Receiver

#: So many problems are told of one document.
MAX_PROBLEMS = 100

Channels = Mapping[str, type[BaseModel]]
T = TypeVar("T")

#: What the top of the tree inherits.
_ABOVE = routing.Route(
    id="",
    receiver=None,
    matchers=(),
    continue_=False,
    group_by=(),
    group_wait=written.GROUP_WAIT,
    group_interval=written.GROUP_INTERVAL,
    repeat_interval=written.REPEAT_INTERVAL,
)


def parse(text: str, channels: Channels) -> Policy:
    """Read a document in which receivers may use these channels (name -> model of its settings).

    Raises errors.PolicyError with all problems, each with its line.
    """
    root, found = yaml_nodes.read(text)
    plain = yaml_nodes.plain(root)
    model = written.document(channels, enrichers.settings_models())
    document: written.Document | None = None
    located: list[tuple[problems.Path, str]] = []
    try:
        document = model.model_validate(plain)
    except ValidationError as error:
        located += islice(problems.of(model, error), MAX_PROBLEMS)
    # What has not the right form is not said again in other words.
    formed = {path for path, _ in located}
    for said in _senses(plain, channels):
        located += islice((each for each in said if each[0] not in formed), MAX_PROBLEMS)
    found += [(yaml_nodes.line(root, path), said) for path, said in located]
    if found or document is None:
        unique = sorted(dict.fromkeys(found), key=lambda problem: problem[0] or 0)
        raise errors.PolicyError(unique[:MAX_PROBLEMS])
    return _compiled(document, plain, root, channels)


def _compiled(
    document: written.Document, plain: Any, root: yaml_nodes.Node, channels: Channels
) -> Policy:
    """What a document that is right means."""
    services = looked_up.services(document.services, document.service_label)
    holidays = {each.name: each for each in document.holidays}
    accounts = plain.get("accounts") or {}
    return Policy(
        root=_tree(document, root),
        receivers=_receivers(document.receivers, plain.get("receivers", []), channels),
        enrichment=looked_up.table(document.enrichment),
        steps=looked_up.steps(document.enrichment, services),
        reopen_window=document.incidents.reopen,
        resolve_timeout=document.global_.resolve_timeout,
        ack_timeout=document.incidents.ack_timeout,
        correlate=correlation.rules(document.incidents.correlate),
        rules=rules.compiled(document.rules),
        inhibit_rules=quieting.inhibit_rules(document.inhibit_rules),
        people=tuple(document.people),
        contacts=people.contacts(document.people, accounts, channels),
        teams={each.name: each for each in document.teams},
        holidays=holidays,
        schedules=rotas.compiled(document.schedules, holidays, document.people),
        escalations={each.name: each for each in document.escalations},
        service_levels=service_levels.targets(document),
        reports=reporting.reports(document.reports, document.people, accounts, channels),
        heartbeats=heartbeats.compiled(document.heartbeats),
        freshness=heartbeats.freshness(document.freshness),
        silences=breadth.Guard(**document.silences.model_dump()),
        services=services,
        templates=templates.compiled(document.templates, root),
        locale=document.locale,
        sources=tuple(document.sources),
        cloudwatch=document.cloudwatch,
        scoring=document.scoring,
        storms=document.storms,
    )


def _senses(plain: Any, channels: Channels) -> Iterator[Iterator[tuple[problems.Path, str]]]:
    """What is wrong beyond the form, section by section."""
    yield sense.problems_of(plain)
    yield quieting.problems_of(plain)
    yield people.problems_of(plain, channels)
    yield fallbacks.problems_of(plain, channels)
    yield rotas.problems_of(plain)
    yield service_levels.problems_of(plain)
    yield heartbeats.problems_of(plain)
    yield reporting.problems_of(plain, channels)
    yield templates.problems_of(plain, templates.parts_of(channels))


def json_schema(channels: Channels) -> dict[str, Any]:
    """The JSON Schema of the document, for editors."""
    model = written.document(channels, enrichers.settings_models())
    schema = model.model_json_schema(by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _tree(document: written.Document, root: yaml_nodes.Node) -> routing.Route:
    """The routing tree; what tells of missed service levels stands before what people wrote."""
    known = quieting.intervals(document.time_intervals)
    top = _route(document.route, _ABOVE, routing.ROOT_ID, root, ("route",), known)
    first = service_levels.routes(document, top)
    return dataclasses.replace(top, children=(*first, *top.children))


def _route(
    node: written.Route,
    above: routing.Route,
    id: str,
    root: yaml_nodes.Node,
    path: problems.Path,
    known: quieting.Intervals,
) -> routing.Route:
    """The node with what it inherits from the one above, and its children likewise."""
    route = routing.Route(
        id=id,
        receiver=_or(node.receiver, above.receiver),
        matchers=_conditions(node.matchers),
        continue_=node.continue_,
        group_by=above.group_by if node.group_by is None else _group_by(node.group_by),
        group_wait=_or(node.group_wait, above.group_wait),
        group_interval=_or(node.group_interval, above.group_interval),
        repeat_interval=_or(node.repeat_interval, above.repeat_interval),
        line=yaml_nodes.line(root, path),
        hours=quieting.hours(node, known),
    )
    before: Counter[str] = Counter()
    children = []
    for at, child in enumerate(node.routes):
        conditions = _conditions(child.matchers)
        same = matchers.render(conditions)
        child_id = routing.child_id(id, conditions, before[same])
        children.append(_route(child, route, child_id, root, (*path, "routes", at), known))
        before[same] += 1
    return dataclasses.replace(route, children=tuple(children))


def _or(value: T | None, inherited: T) -> T:
    return inherited if value is None else value


def _group_by(labels: Sequence[str]) -> tuple[str, ...] | None:
    return None if written.ALL_LABELS in labels else tuple(labels)


def _conditions(texts: Sequence[str]) -> tuple[matchers.Matcher, ...]:
    return tuple(matcher for text in texts for matcher in matchers.parse_list(text))


def _receivers(
    checked: Sequence[BaseModel], plain: Sequence[dict[str, Any]], channels: Channels
) -> dict[str, Receiver]:
    """Settings are made anew by the channel's own model, which knows nothing of our option."""
    receivers = {}
    for model, entries in zip(checked, plain, strict=True):
        name, integrations = entries["name"], []
        for attribute, field in type(model).model_fields.items():
            channel = field.alias or attribute
            for index, settings in enumerate(entries.get(channel, ()) if field.alias else ()):
                own = {key: value for key, value in settings.items() if key != "send_resolved"}
                integrations.append(
                    Integration(
                        key=f"{name}/{channel}/{index}",
                        channel=channel,
                        settings=channels[channel].model_validate(own),
                        send_resolved=getattr(model, attribute)[index].send_resolved,
                    )
                )
        receivers[name] = Receiver(
            name, tuple(integrations), entries.get("locale"), entries.get("escalation"),
            entries.get("fallback"),
        )  # fmt: skip
    return receivers
