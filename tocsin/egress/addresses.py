"""Which addresses Tocsin may talk to for a tenant: rules about text and numbers."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated
from urllib import parse

from pydantic import AfterValidator

from tocsin import errors

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Networks = tuple[Network, ...]

#: Addresses that `ipaddress` calls global although they lead inside: NAT64, 6to4, Teredo and the
#: relays translate to an IPv4 address of the sender's choice; the last one is Azure's own host.
_INSIDE: Networks = tuple(
    ipaddress.ip_network(text)
    for text in (
        "64:ff9b::/96",
        "64:ff9b:1::/48",
        "2002::/16",
        "2001::/32",
        "192.88.99.0/24",
        "168.63.129.16/32",
    )
)
#: All that is given out for the internet. `ipaddress` calls more global: fec0::/10, for one.
_UNICAST = ipaddress.ip_network("2000::/3")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)


def networks(text: str) -> Networks:
    """Read a comma-separated list of networks. Raises ``SetupError`` that names the bad one."""
    found: list[Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            found.append(ipaddress.ip_network(part))
        except ValueError:
            raise errors.SetupError(
                f"TOCSIN_EGRESS_ALLOW: {part!r} is not a network. Write it like 10.1.2.0/24."
            ) from None
    return tuple(found)


def refused(text: str) -> errors.Permanent:
    """The error that says why an address is not reached."""
    return errors.Permanent(text, reason="clientError")


def is_public(address: Address) -> bool:
    """Whether an address leads to the internet and nowhere else."""
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and (address.version == 4 or address in _UNICAST)
        and not any(address in network for network in _INSIDE)
    )


def plain(url: str) -> str:
    """The address itself, for models. Raises ValueError that says how it ought to be spelled."""
    try:
        check_url(url)
    except errors.Permanent as wrong:
        raise ValueError(wrong.message) from None
    return url


#: An address in a policy, and one below which others lie.
WebUrl = Annotated[str, AfterValidator(plain)]
BaseUrl = Annotated[str, AfterValidator(lambda url: plain(url).rstrip("/"))]


def check_url(url: str) -> None:
    """Refuse, with ``Permanent``, an address that is not spelled plainly.

    It looks at the text alone; where the name leads is checked when the connection is made.
    """
    try:
        parts = parse.urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise refused("The address cannot be read. Write it like https://host/path.") from None
    if not url.isascii() or any(ord(char) <= 0x20 or char in "\\\x7f" for char in url):
        raise refused(
            "The address may hold plain ASCII characters only: write an international name in"
            " its xn-- form and other characters as %XX."
        )
    if parts.scheme not in ("http", "https"):
        raise refused("The address must begin with https://.")
    if "@" in parts.netloc:
        raise refused(
            "The address may not hold a user name or a password. Use token_file or token_env."
        )
    literal(host)


def literal(host: str) -> Address | None:
    """The address if ``host`` is one, None if it is a name; ``Permanent`` if it is neither.

    A system resolver takes 2130706433, 0x7f000001, 0177.0.0.1 and 127.1 for 127.0.0.1, so a host
    whose last label looks like a number must be a whole address in its one usual spelling.
    """
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        try:
            if "%" not in host:
                return unwrapped(ipaddress.ip_address(host))
        except ValueError:
            pass
        raise refused("The host is not spelled plainly. Write its name, or its whole address.")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in host.split(".")):
        raise refused("The host of the address is not a valid name.")
    return None


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside of ::ffff:a.b.c.d; every other one as it is."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        return address.ipv4_mapped
    return address


def is_allowed(address: Address, host: str, allow: Networks) -> bool:
    """True where the administrator allows the network of ``address``, False where it is public.

    ``Permanent`` where it is neither.
    """
    if any(address in network for network in allow):
        return True
    if not is_public(address):
        raise refused(
            f"{host} leads to an address that is not public, which may not be reached. If"
            " this is meant, the administrator allows its network in TOCSIN_EGRESS_ALLOW."
        )
    return False


def check(address: Address, host: str, port: int, *, plain: bool, allow: Networks) -> None:
    """Refuse, with ``Permanent``, a connection to ``address``; ``plain`` means without TLS."""
    if is_allowed(address, host, allow):
        return
    if plain:
        raise refused(f"{host} may be reached by https only. Change http:// to https://.")
    if port != 443:
        raise refused(f"{host} may be reached on port 443 only, not on {port}.")
