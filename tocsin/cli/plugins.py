"""`tocsin plugins`: what was found in the folders of plug-ins."""

from __future__ import annotations

import importlib.util

import typer

from tocsin import plugins as finder

#: The folders that hold one plug-in per file. Not the actors: importing those makes a broker.
FOLDERS = {
    "commands": "tocsin.cli",
    "channels": "channels",
    "sources": "ingest.sources",
    "enrichers": "tocsin.domain.enrichers",
    "reports": "scheduler.reports",
    "functions": "tocsin.domain.functions",
}


def register(app: typer.Typer) -> None:
    app.command("plugins")(plugins)


def plugins() -> None:
    """Show every plug-in by the folder in which it was found."""
    for kind, package in FOLDERS.items():
        if importlib.util.find_spec(package) is None:
            continue
        for name, module in finder.load(package).items():
            about = (module.__doc__ or "").strip().partition("\n")[0]
            print(f"{kind:<10} {name:<20} {about}")
