"""Which source answers an address, and which tenant or key the address names."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import NamedTuple

from tocsin import errors, plugins

HEALTH = ("/-/healthy", "/-/ready")


class Target(NamedTuple):
    """Where a request goes: to a source, or to one of HEALTH where there is none."""

    name: str
    source: ModuleType | None
    tenant: str | None = None
    key: str | None = None
    #: What stands behind the address of a source that wants a name there.
    item: str = ""

    @property
    def called(self) -> str:
        """What the record calls the source: `/i/{key}/` and this is an address of it."""
        return f"{self.name}/{self.item}" if self.item else self.name


def table() -> dict[str, Target]:
    """All addresses without tenant and key; raises SetupError where two sources want one."""
    sources = plugins.load("ingest.sources", required=("PATHS", "parse"))
    found = {path: Target(path, None) for path in HEALTH}
    for name, source in sources.items():
        for path in source.PATHS:
            if path in found:
                raise errors.SetupError(f"two sources answer {path}: {name}, {found[path].name}")
            found[path] = Target(name, source)
    return found


def find(routes: Mapping[str, Target], path: str) -> Target:
    """The target of `/path`, `/t/{tenant}/path`, `/i/{key}/path` or `/i/{key}/{source}`.

    Both prefixes may stand together, the tenant first. A source with NAMED has a name behind each
    of these. Raises NotFound.
    """
    plain = routes.get(path)
    if plain is not None:
        return plain
    tenant, rest = _prefix("/t/", path)
    key, rest = _prefix("/i/", rest)
    target = _exact(routes, rest, key) or _with_item(routes, rest, key)
    if target is None or tenant == "" or key == "":
        raise errors.NotFound("there is nothing at this address; POST alerts to a source")
    return target._replace(tenant=tenant, key=key)


def _exact(routes: Mapping[str, Target], path: str, key: str | None) -> Target | None:
    return routes.get(path) or (_named(routes, path.removeprefix("/")) if key else None)


def _with_item(routes: Mapping[str, Target], path: str, key: str | None) -> Target | None:
    head, _, item = path.rpartition("/")
    found = _exact(routes, head, key) if item else None
    if found is None or not getattr(found.source, "NAMED", False):
        return None
    return found._replace(item=item)


def _named(routes: Mapping[str, Target], source: str) -> Target | None:
    return next((each for each in routes.values() if each.source and each.name == source), None)


def _prefix(mark: str, path: str) -> tuple[str | None, str]:
    if not path.startswith(mark):
        return None, path
    name, slash, rest = path[len(mark) :].partition("/")
    return name, slash + rest
