"""Which template writes a message: the most specific one that has a part for the channel."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

#: Stands for any channel, or any type of message.
ANY = "*"


@dataclass(frozen=True, slots=True)
class Template:
    """Texts for the parts of messages; ``receivers`` empty: for all of them.

    ``line`` is where it stands in the policy.
    """

    name: str
    channel: str
    type: str
    parts: Mapping[str, str]
    receivers: frozenset[str] = frozenset()
    line: int = 0

    @property
    def rank(self) -> tuple[bool, bool, bool, bool]:
        """Greater is more specific: receiver, then channel and type, then channel, then type."""
        channel, type = self.channel != ANY, self.type != ANY
        return (bool(self.receivers), channel and type, channel, type)

    def fits(self, receiver: str, channel: str, reason: str) -> bool:
        return (
            self.channel in (ANY, channel)
            and self.type in (ANY, reason)
            and (not self.receivers or receiver in self.receivers)
        )

    def rivals(self, other: Template) -> bool:
        """Whether some message has both of them, and nothing says which one is meant."""
        shared = not self.receivers or not other.receivers or self.receivers & other.receivers
        return (
            self.rank == other.rank
            and self.channel == other.channel
            and self.type == other.type
            and bool(shared)
        )


def choose(
    templates: Sequence[Template],
    receiver: str,
    channel: str,
    reason: str,
    parts: Collection[str],
) -> Template | None:
    """The template for this message on a channel that takes these parts; None: no one."""
    fitting = (
        template
        for template in templates
        if template.fits(receiver, channel, reason) and set(parts) & set(template.parts)
    )
    return max(fitting, key=lambda template: template.rank, default=None)
