"""A policy made from an alertmanager.yml, with a note for each thing that was in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tocsin import errors
from tocsin.config import documents, yaml_nodes
from tocsin.config.importing import emitting, go_pieces, quieting, receivers, routes
from tocsin.config.importing.emitting import Said
from tocsin.config.importing.notes import Note, Report
from tocsin.config.importing.source import Part

_HEAD = """\
Made by `tocsin import alertmanager`. The numbers of lines are those of the Alertmanager
configuration. What it could not carry over stands in its report."""
_REOPEN = "Alertmanager knows no incidents: an alert that comes back is a new one, as there."
_RESOLVE = "How long an alert lives that nobody posts again, as in Alertmanager."
#: Of the global section; what only channels use that we have not is told of with the receivers.
_GLOBAL = {
    "http_config": "it counts for webhooks only, where something in it can be carried over",
    "pagerduty_url": "", "opsgenie_api_url": "", "opsgenie_api_key": "",
    "opsgenie_api_key_file": "", "victorops_api_url": "", "victorops_api_key": "",
    "victorops_api_key_file": "", "wechat_api_url": "", "wechat_api_secret": "",
    "wechat_api_secret_file": "", "wechat_api_corp_id": "", "telegram_api_url": "",
    "telegram_bot_token": "", "telegram_bot_token_file": "", "webex_api_url": "",
    "hipchat_api_url": "", "hipchat_auth_token": "", "jira_api_url": "", "rocketchat_api_url": "",
    "rocketchat_token": "", "rocketchat_token_file": "", "rocketchat_token_id": "",
    "rocketchat_token_id_file": "", "mattermost_webhook_url": "",
    "mattermost_webhook_url_file": "", "slack_api_url": "", "slack_api_url_file": "",
    "slack_app_token": "", "slack_app_token_file": "", "slack_app_url": "", "smtp_from": "",
    "smtp_smarthost": "", "smtp_hello": "", "smtp_auth_username": "", "smtp_auth_password": "",
    "smtp_auth_password_file": "", "smtp_auth_identity": "", "smtp_auth_secret": "",
    "smtp_auth_secret_file": "", "smtp_require_tls": "", "smtp_tls_config": "",
    "smtp_force_implicit_tls": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Imported:
    """The policy document and what became of each thing.

    ``silent`` are the receivers that told somebody there and would tell nobody here. ``valid`` is
    whether the document can be put in force; where not, the notes say what to repair in it.
    ``poorer`` are those that would tell somebody in one way less.
    """

    document: str
    notes: tuple[Note, ...]
    silent: tuple[str, ...]
    poorer: tuple[str, ...]
    valid: bool


def template_globs(text: str) -> list[str]:
    """The template files that a configuration names, as it names them."""
    root = _root(text, Report())
    return [glob for glob in root.texts("templates") if glob]


def translate(
    text: str, channels: documents.Channels, templates: Mapping[str, str] | None = None
) -> Imported:
    """The policy for what an Alertmanager does with this configuration.

    ``templates`` are its template files by name. Raises errors.PolicyError where it is no YAML, or
    no configuration of Alertmanager.
    """
    report = Report()
    root = _root(text, report)
    tree = root.get("route")
    if tree is None or not isinstance(tree.node.value, dict):
        raise errors.PolicyError(
            [(tree.line if tree else None, "no `route:`: this is no configuration of Alertmanager")]
        )
    general = root.get("global") or Part(yaml_nodes.Node(0, {}), "global", report, 0)
    files = go_pieces.definitions(templates or {})
    for name, problem in files.problems:
        report.add("left_out", 0, name, f"the template file: {problem}")
    told = receivers.of(root, general, channels, files.defined)
    intervals = quieting.intervals(root)
    names = routes.Names(told.made.keys(), intervals.keys())
    sections = {
        "global": Said(
            {"resolve_timeout": routes.span(general, "resolve_timeout", "5m")}, _RESOLVE
        ),
        "route": Said(routes.tree(tree, names), f"line {tree.line}"),
        "receivers": list(told.made.values()),
        "inhibit_rules": quieting.inhibit_rules(root),
        "time_intervals": list(intervals.values()),
        "incidents": {"reopen": Said("0s", _REOPEN)},
        "templates": told.templates,
    }
    _rest(root, general, templates)
    document = emitting.document(_HEAD, sections)
    valid = _valid(document, channels, report)
    return Imported(document, report.notes(), tuple(told.silent), tuple(told.poorer), valid)


def _valid(document: str, channels: documents.Channels, report: Report) -> bool:
    """Whether the policy itself has nothing against it."""
    try:
        documents.parse(document, channels)
    except errors.PolicyError as error:
        for line, said in error.problems:
            report.add("to_do", 0, f"the policy, line {line}", f"repair it there: {said}")
        return False
    return True


def _root(text: str, report: Report) -> Part:
    node, problems = yaml_nodes.read(text.removeprefix("\ufeff"))
    for line, said in problems:
        report.add("left_out", line or 0, "the document", said)
    if not isinstance(node.value, dict):
        raise errors.PolicyError([(node.line, "this is no configuration of Alertmanager")])
    return Part(node, "", report, node.line)


def _rest(root: Part, general: Part, templates: Mapping[str, str] | None) -> None:
    """What has no place in a policy."""
    for key, said in _GLOBAL.items():
        found = general.get(key)
        if found and said:
            found.note("changed", said)
    general.rest("this key of the global section is not known here")
    files = root.get("templates")
    if files and templates is None and root.texts("templates"):
        files.note("changed", "the template files were not at hand: what is defined there is"
                   " left out where it is used")  # fmt: skip
    if tracing := root.get("tracing_config") or root.get("tracing"):
        tracing.note("left_out", "how Tocsin is watched is an affair of its installation"
                     " (docs/operations.md)")  # fmt: skip
    root.rest("this section is not known here")
