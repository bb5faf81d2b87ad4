"""Receivers: what Tocsin has a channel for goes on, everything else is told of by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from tocsin.config.importing import email, slack, unknown_channels, webhook, wording
from tocsin.config.importing.emitting import Said
from tocsin.config.importing.quieting import wrong
from tocsin.config.importing.secrets import Files
from tocsin.config.importing.source import Part

Settings = dict[str, Any]
Channels = Mapping[str, type[BaseModel]]
#: So many texts are translated at most.
_WORDED = 500
#: From an entry, the global section, the name of the receiver to any number of integrations.
Made = tuple[list[Settings], wording.Texts]
_KINDS: dict[str, tuple[str, Callable[[Part, Part, str, Files], Made]]] = {
    "email_configs": ("email", email.made),
    "slack_configs": ("slack", slack.made),
    "webhook_configs": ("webhook", webhook.made),
}


@dataclass(slots=True)
class Receivers:
    """Those of the policy, and the templates that word what they are told.

    ``silent`` are those that told somebody before and would tell nobody now, ``poorer`` those that
    would tell some in one way less.
    """

    made: dict[str, Said] = field(default_factory=dict)
    templates: list[Said] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    poorer: list[str] = field(default_factory=list)
    worded: int = 0


def of(root: Part, general: Part, channels: Channels, defined: wording.Defined) -> Receivers:
    """All receivers of the configuration."""
    found, files = Receivers(), Files()
    for part in root.each("receivers"):
        name = part.said("name")
        if not name or name in found.made:
            part.note("left_out", f"the receiver `{name}` is defined twice" if name else
                      "a receiver without a name")  # fmt: skip
            continue
        entry: Settings = {"name": name}
        spoken = [key for key in _configs(part) if part.each(key)]
        lost = False
        for key in spoken:
            if key in _KINDS and _KINDS[key][0] in channels:
                lost |= _add(found, entry, part, key, (general, files, channels, defined))
            else:
                unknown_channels.tell(part.each(key), key)
                lost = True
        part.rest("this key of a receiver is not known here")
        comment = f"line {part.line}"
        if spoken and len(entry) == 1:
            found.silent.append(name)
            comment += "\nNOBODY IS TOLD HERE: none of its integrations was carried over."
            part.note("left_out", f"nothing of the receiver `{name}` is left: it tells nobody. Give"
                      " it another channel before the policy comes into force")  # fmt: skip
        elif lost:
            found.poorer.append(name)
        elif not spoken:
            part.note("carried", f"the receiver `{name}`, which tells nobody there either")
        found.made[name] = Said(entry, comment)
    return found


def _configs(part: Part) -> list[str]:
    value = part.node.value
    return [key for key in value if key.endswith("_configs")] if isinstance(value, dict) else []


def _add(
    found: Receivers,
    entry: Settings,
    part: Part,
    key: str,
    known: tuple[Part, Files, Channels, wording.Defined],
) -> bool:
    """The integrations of one kind, and what words their messages; whether one was lost."""
    lost = False
    general, files, channels, defined = known
    channel, translate = _KINDS[key]
    texts: list[tuple[Part, wording.Texts]] = []
    for each in part.each(key):
        integrations, words = translate(each, general, str(entry["name"]), files)
        if integrations:
            each.rest("Tocsin has nothing for this")
        else:
            lost = True
        for settings in integrations:
            own = {name: value for name, value in settings.items() if name != "send_resolved"}
            if problem := wrong(channels[channel], own):
                each.note("left_out", f"the integration: {problem}")
                lost = True
                continue
            entry.setdefault(channel, []).append(Said(settings, f"line {each.line}"))
            each.note("carried", f"to `{channel}`")
            texts.append((each, words))
            found.worded += len(words)
    if found.worded > _WORDED:
        part.note("left_out", f"the words of more than {_WORDED} texts: Tocsin's own are used")
    elif texts:
        parts = getattr(channels[channel], "PARTS", {})
        found.templates += wording.templates(texts, channel, str(entry["name"]), parts, defined)
    return lost
