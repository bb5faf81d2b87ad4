"""`tocsin import`: policies made from what other systems are configured with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tocsin import errors
from tocsin.cli import _input, _options, _output, _place

if TYPE_CHECKING:
    from tocsin.config.importing.alertmanager import Imported

nouns = typer.Typer(
    help="Bring the configuration of another system along as a policy.", no_args_is_help=True
)
#: Template files beyond these are not read.
_FILES, _BYTES = 200, 200_000


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="import")


@nouns.callback()
def _systems() -> None:
    """Bring the configuration of another system along as a policy."""


@nouns.command("alertmanager")
def alertmanager(
    file: Annotated[str, typer.Argument(help="The alertmanager.yml; - reads it from stdin.")],
    tenant: Annotated[str, typer.Option("--tenant", "-t", help="Whose, with --apply.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", help="Write the policy into this file.")
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply/--dry-run", help="Put it in force, or only show it.")
    ] = False,
    incomplete: Annotated[
        bool,
        typer.Option("--incomplete", help="With --apply: even where ways to tell are missing."),
    ] = False,
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Make a policy of an alertmanager.yml and say what became of each thing in it.

    The policy goes to standard output, or into --out, the report to standard error. Its template
    files are read where the configuration names them.
    """
    if apply and (out or not tenant):
        raise errors.BadRequest("--apply wants --tenant, and does not go with --out")
    made = _made(file)
    if output is not _options.Format.table:
        _output.document(
            {
                "document": made.document,
                "notes": [_plain(each) for each in made.notes],
                "silent": list(made.silent),
                "poorer": list(made.poorer),
                "valid": made.valid,
            },
            output,
        )
    else:
        _report(made)
    if apply:
        _apply(made, file, tenant, home, incomplete)
    elif out:
        _write(out, made.document)
    elif output is _options.Format.table:
        print(made.document, end="")
    if not made.valid:
        raise typer.Exit(1)


def _made(file: str) -> Imported:
    import channels
    from tocsin.config.importing import alertmanager as importing
    from tocsin.i18n import importing as tried

    text = _input.read(file, "utf-8-sig")
    templates = None if file == "-" else _templates(Path(file), importing.template_globs(text))
    return tried.of_alertmanager(text, channels.settings_models(), channels.parts(), templates)


def _templates(file: Path, globs: list[str]) -> dict[str, str] | None:
    """The template files that are there; None where none is, though some are named."""
    found: dict[str, str] = {}
    for glob in globs:
        pattern = Path(glob)
        folder = pattern.parent if pattern.is_absolute() else file.parent / pattern.parent
        for path in sorted(folder.glob(pattern.name))[:_FILES]:
            try:
                found[str(path)] = path.read_text(encoding="utf-8")[:_BYTES]
            except (OSError, UnicodeDecodeError):
                _output.say(f"the template file {path} cannot be read")
    return None if globs and not found else found


def _plain(note: object) -> dict[str, object]:
    return {name: getattr(note, name) for name in ("line", "kind", "place", "said")}


def _report(made: Imported) -> None:
    for each in made.notes:
        _output.say("".join(char if char.isprintable() else "?" for char in str(each)))
    counts = Counter(each.kind for each in made.notes)
    _output.say(
        f"{counts['carried']} carried over, {counts['changed']} changed, {counts['left_out']} not"
        f" carried over, {counts['to_do']} to do"
    )
    if made.poorer:
        _output.say(
            f"these receivers lose a way to tell: {', '.join(map(json.dumps, made.poorer))}"
        )
    if made.silent:
        _output.say(f"these receivers would tell NOBODY: {', '.join(map(json.dumps, made.silent))}")


def _write(out: Path, document: str) -> None:
    try:
        out.write_text(document, encoding="utf-8")
    except OSError as error:
        raise errors.BadRequest(f"{out} cannot be written: {error.strerror}") from error


def _apply(made: Imported, file: str, tenant: str, home: Path | None, incomplete: bool) -> None:
    """Raises BadRequest where pages would be lost by it."""
    from tocsin.security import audit
    from tocsin.storage import policies

    if not made.valid:
        raise errors.BadRequest("it is not applied: write it with --out, and repair it there")
    lost = [*made.silent, *made.poorer]
    if lost and not incomplete:
        raise errors.BadRequest(
            f"it is not applied, for these receivers would lose ways to tell: {', '.join(lost)}."
            " Give them others in a file made with --out, or say --incomplete"
        )
    with _place.tenant(home, tenant) as (tx, found):
        before = policies.current(tx, found)
        version = policies.apply(tx, found, made.document, _place.operator())
        changed = before is None or before["version"] != version
        if changed:
            said = {"file": file, "imported": "alertmanager"}
            audit.record(tx, found, _place.operator(), "config.apply", str(version), said)
    _output.say(f"version {version} is in force" if changed else f"unchanged: still {version}")
