"""Integrations that Tocsin has no channel for, and what to do in place of each."""

from __future__ import annotations

from tocsin.config.importing.source import Part

_PAGING = (
    "Tocsin pages people itself: write people, a schedule and an escalation (docs/oncall.md,"
    " docs/escalations.md), or let a webhook of yours pass it on"
)
_CHAT = (
    "let a `webhook` with a template for its body speak to it (docs/templates.md), or use"
    " `slack` or `email`"
)
_CURES = {
    "pagerduty_configs": ("PagerDuty", _PAGING),
    "opsgenie_configs": ("Opsgenie", _PAGING),
    "victorops_configs": ("VictorOps", _PAGING),
    "incidentio_configs": ("incident.io", _PAGING),
    "pushover_configs": ("Pushover", "page people by `sms` or `email` (docs/people.md)"),
    "sns_configs": ("Amazon SNS", "use `sms` or `email`, or a `webhook` that publishes there"),
    "msteams_configs": ("Microsoft Teams", _CHAT),
    "msteamsv2_configs": ("Microsoft Teams", _CHAT),
    "telegram_configs": ("Telegram", _CHAT),
    "wechat_configs": ("WeChat", _CHAT),
    "webex_configs": ("Webex", _CHAT),
    "discord_configs": ("Discord", _CHAT),
    "rocketchat_configs": ("Rocket.Chat", _CHAT),
    "mattermost_configs": ("Mattermost", _CHAT),
    "jira_configs": ("Jira", "let a `webhook` of yours open the tickets"),
}
_ELSE = "use `webhook`, `slack`, `sms` or `email`"


def tell(entries: list[Part], key: str) -> None:
    """Note each entry with what to do."""
    name, cure = _CURES.get(key, (f"`{key}`", _ELSE))
    for each in entries:
        each.note("left_out", f"there is no channel for {name}; {cure}")
