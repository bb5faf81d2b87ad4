"""An import-linter contract: files in a folder of plug-ins do not import one another."""

from __future__ import annotations

from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class IndependentPlugins(Contract):
    """Like "independence", but underscore files of the folder may be shared by its plug-ins."""

    folders = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        folders: Any = self.folders
        wrong = [
            f"{importer} -> {imported}"
            for folder in folders
            if folder in graph.modules
            for importer, imported in _between(graph, folder)
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for line in check.metadata["wrong"]:
            output.print_error(line)


def _between(graph: ImportGraph, folder: str) -> list[tuple[str, str]]:
    """Imports of one plug-in, or a module below it, by another."""
    plugins = [
        name for name in graph.find_children(folder) if not name.rpartition(".")[2].startswith("_")
    ]
    owner = {
        module: plugin for plugin in plugins for module in (plugin, *graph.find_descendants(plugin))
    }
    return sorted(
        (module, imported)
        for module, plugin in owner.items()
        for imported in graph.find_modules_directly_imported_by(module)
        if owner.get(imported, plugin) != plugin
    )
