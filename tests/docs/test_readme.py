"""What the documents print works: commands, snippets, files and links are held against the code."""

from __future__ import annotations

import functools
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import typer
import yaml

import channels
from ingest import routes
from tests.docs import pages
from tocsin import cli
from tocsin.config import documents

#: Which page shows which example in full.
SHOWN = {
    "prometheus.yml": "README.md",
    "alertmanager.yml": "README.md",
    "policy.yml": "docs/policy.md",
    "roles.sql": "docs/operations.md",
    "tocsin.service": "docs/operations.md",
}
COMMANDS = list(pages.commands())
#: Parts of a path that stand for something else, or are not of this repository.
PLACEHOLDER = re.compile(r"[<>*{}$~ ]|\.\.\.")
TOPS = {
    path.name for path in pages.ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")
}


@pytest.mark.parametrize(("file", "page"), SHOWN.items())
def test_a_page_shows_the_example_as_it_is(file: str, page: str) -> None:
    assert (pages.EXAMPLES / file).read_text() in pages.blocks(page)


def test_the_first_policy_is_valid() -> None:
    text = (pages.EXAMPLES / "policy.yml").read_text()
    policy = documents.parse(text, channels.settings_models())
    assert set(policy.receivers) == {"oncall", "team", "nobody"}
    assert [each.name for each in policy.people] == ["anna", "ben"]
    assert policy.schedules
    assert policy.receivers["oncall"].escalation == "primary"


def test_prometheus_is_pointed_at_a_source() -> None:
    found: Any = yaml.safe_load((pages.EXAMPLES / "prometheus.yml").read_text())
    (target,) = found["alerting"]["alertmanagers"]
    route = routes.find(routes.table(), f"{target['path_prefix']}/api/v2/alerts")
    assert (route.name, route.tenant) == ("prometheus", "default")
    assert target["authorization"]["credentials_file"]


def test_alertmanager_is_pointed_at_a_source() -> None:
    found: Any = yaml.safe_load((pages.EXAMPLES / "alertmanager.yml").read_text())
    (hook,) = found["receivers"][0]["webhook_configs"]
    route = routes.find(routes.table(), urlsplit(hook["url"]).path)
    assert (route.name, route.tenant) == ("alertmanager", "default")
    assert hook["send_resolved"]
    assert hook["http_config"]["authorization"]["credentials_file"]


@pytest.mark.parametrize(
    ("program", "words", "file"),
    [
        ("amtool", ["check-config"], "alertmanager.yml"),
        ("promtool", ["check", "config"], "prometheus.yml"),
        ("promtool", ["check", "config"], "metrics.yml"),
        ("promtool", ["check", "rules"], "tocsin.rules.yml"),
    ],
)
def test_its_own_tool_finds_an_example_valid(
    program: str, words: list[str], file: str, tmp_path: Path
) -> None:
    found = shutil.which(program)
    if found is None:
        assert not os.environ.get("CI"), f"{program} must be there where CI is set"
        pytest.skip(f"{program} is not installed")
    secret = tmp_path / "token"
    secret.write_text("toc_example")
    for example in pages.EXAMPLES.glob("*.yml"):
        # The tools look whether the files are there.
        text = re.sub(r"(credentials_file:) \S+", rf"\1 {secret}", example.read_text())
        (tmp_path / example.name).write_text(text)
    done = subprocess.run(
        [found, *words, str(tmp_path / file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_commands() -> None:
    assert len({command for _, command, whole in COMMANDS if whole}) > 15


@functools.cache
def tocsin() -> Any:
    return typer.main.get_command(cli.app)


@pytest.mark.parametrize(("page", "command", "whole"), COMMANDS)
def test_a_command_that_is_printed_exists(page: str, command: str, whole: bool) -> None:
    here: Any = tocsin()
    words = shlex.split(command)
    while words and hasattr(here, "commands"):
        if words[0].startswith("-"):
            break
        assert words[0] in here.commands, f"{page}: there is no `tocsin {command}`"
        here = here.commands[words.pop(0)]
    if whole and not hasattr(here, "commands"):
        here.make_context(here.name, words)  # raises what the user would be told
        return
    known = {option for parameter in here.params for option in parameter.opts} | {"--help"}
    used = {word.partition("=")[0] for word in words if word.startswith("-")}
    assert used <= known, f"{page}: `tocsin {command}`"


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in pages.anchors(target), link


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_files_that_are_named_are_there(page: Path) -> None:
    for code in pages.inline(pages.name(page)):
        path, _, test = code.partition("::")
        if PLACEHOLDER.search(code) or not path.removeprefix("docs/"):
            continue
        if test:
            assert f"def {test}(" in (pages.ROOT / "tests" / "e2e" / path).read_text(), code
        elif "/" in path and path.split("/")[0] in TOPS:
            assert (pages.ROOT / path).exists(), f"{pages.name(page)}: {code}"


def test_make_knows_the_targets_that_are_named() -> None:
    known = set(re.findall(r"^([\w.]+):", pages.text("Makefile"), re.MULTILINE))
    for page in map(pages.name, pages.PAGES):
        code = "\n".join([*pages.blocks(page, "sh"), *pages.inline(page)])
        named = re.findall(r"^(?:\w+=\S+ )?make ([\w.]+)", code, re.MULTILINE)
        assert set(named) <= known, page
