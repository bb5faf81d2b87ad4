"""Finds plug-ins: every file in a folder is one, and no list of them is kept anywhere."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from tocsin import errors


def load(package: str, required: tuple[str, ...] = (), key: str = "") -> dict[str, ModuleType]:
    """Import each module of ``package`` but underscore files; returns them by name, sorted.

    ``required`` attributes must be there. With ``key``, that string attribute is the name instead
    of the file's where a module has it. Raises SetupError for what is missing or stands twice.
    """
    found: dict[str, ModuleType] = {}
    folder = importlib.import_module(package)
    for file in sorted(info.name for info in pkgutil.iter_modules(folder.__path__)):
        if file.startswith("_"):
            continue
        module = importlib.import_module(f"{package}.{file}")
        missing = [name for name in required if not hasattr(module, name)]
        if missing:
            raise errors.SetupError(
                f"the plug-in {package}.{file} does not define {', '.join(missing)}"
            )
        name = str(getattr(module, key, file)) if key else file
        if name in found:
            raise errors.SetupError(
                f"two plug-ins of {package} are called {name!r}: {found[name].__name__} and "
                f"{module.__name__}; rename one"
            )
        found[name] = module
    return dict(sorted(found.items()))
