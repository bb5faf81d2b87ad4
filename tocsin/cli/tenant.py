"""`tocsin tenant`: who shares this installation. Works on the record itself."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli import _options, _output, _place

nouns = typer.Typer(help="Tenants: who shares this installation.", no_args_is_help=True)
COLUMNS = ("slug", "name", "policy_version", "policy_problem", "created_at")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="tenant")


@nouns.command("add")
def add(
    slug: Annotated[str, typer.Argument(help="Lower-case letters, digits, inner hyphens.")],
    name: Annotated[str, typer.Option(help="For people. Default: the slug.")] = "",
    home: _options.Home = None,
) -> None:
    """Make a tenant."""
    from tocsin.security import audit
    from tocsin.storage import tenants

    with _place.record(home) as record, record.claims() as tx:
        made = tenants.create(tx, slug, name)
        audit.record(tx, made, _place.operator(), "tenant.add", slug, {"name": name or slug})
    _output.say(
        f"made tenant {slug}; next: tocsin token add --tenant {slug} --name ... --scope ..."
    )


@nouns.command("list")
def list_(home: _options.Home = None, output: _options.Output = _options.Format.table) -> None:
    """Show all tenants."""
    from tocsin.storage import tenants

    with _place.record(home) as record, record.admin() as tx:
        _output.rows(tenants.listed(tx), COLUMNS, output)
