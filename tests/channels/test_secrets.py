"""Secrets of a policy come from places of that tenant alone."""

from __future__ import annotations

from pathlib import Path

import pytest

import channels
from channels import slack, webhook
from tocsin import errors

TOKEN = slack.Settings(channel="#ops", token_file="bot-token")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path, text in {
        "acme/bot-token": "xoxb-acme\n",
        "acme/empty": " \n",
        "acme/binary": "",
        "globex/bot-token": "xoxb-globex",
        "globex/only": "globex-only",
        "outside": "server",
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    (tmp_path / "acme/binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "acme/neighbour").symlink_to(tmp_path / "globex/only")
    (tmp_path / "acme/up").symlink_to(tmp_path / "outside")
    (tmp_path / "acme/folder").mkdir()
    (tmp_path / "acme/folder/real").write_text("mounted")
    (tmp_path / "acme/mounted").symlink_to("folder/real")
    (tmp_path / "linked").symlink_to(tmp_path / "globex")
    return tmp_path


def test_a_file_of_the_tenant(folder: Path) -> None:
    assert channels.resolve_secrets(TOKEN, "acme", folder, {}) == {"token": "xoxb-acme"}
    assert channels.resolve_secrets(TOKEN, "globex", folder, {}) == {"token": "xoxb-globex"}


def test_a_link_that_stays_inside(folder: Path) -> None:
    """Kubernetes mounts secrets so."""
    mounted = slack.Settings(channel="#ops", token_file="mounted")
    assert channels.resolve_secrets(mounted, "acme", folder, {}) == {"token": "mounted"}


@pytest.mark.parametrize(
    "name", ["neighbour", "up", "missing", "empty", "binary", "folder", "../globex/only", "..", "."]
)
def test_files_that_are_refused(folder: Path, name: str) -> None:
    settings = slack.Settings.model_construct(channel="#ops", token_file=name, token_env=None)
    with pytest.raises(errors.Permanent, match="token_file") as refused:
        channels.resolve_secrets(settings, "acme", folder, {})
    assert refused.value.reason == "configError"
    assert str(folder) not in str(refused.value)


@pytest.mark.parametrize("tenant", ["", ".", "..", "acme/../globex", "linked", "acme--x", "Ä"])
def test_tenants_that_are_refused(folder: Path, tenant: str) -> None:
    with pytest.raises(errors.Permanent):
        channels.resolve_secrets(TOKEN, tenant, folder, {})


def test_no_folder() -> None:
    with pytest.raises(errors.Permanent, match="TOCSIN_SECRETS_DIR"):
        channels.resolve_secrets(TOKEN, "acme", None, {})


def test_a_variable_of_the_tenant() -> None:
    settings = slack.Settings(channel="#ops", token_env="bot-token")
    environ = {"TOCSIN_SECRET_ACME_EU__BOT_TOKEN": " xoxb-1 ", "TOCSIN_SECRET_ACME__EU": "x"}
    assert channels.resolve_secrets(settings, "acme-eu", None, environ) == {"token": "xoxb-1"}
    with pytest.raises(errors.Permanent, match="TOCSIN_SECRET_ACME__BOT_TOKEN") as refused:
        channels.resolve_secrets(settings, "acme", None, environ)
    assert refused.value.reason == "configError"


def test_no_name_reaches_the_variable_of_another_tenant() -> None:
    """With one underscore between them, a-b and c would be a and b-c."""
    environ = {"TOCSIN_SECRET_A_B__C": "of a-b"}
    for tenant, name in (("a", "b-c"), ("a", "b_c"), ("a", "B__C"), ("a_b", "c"), ("A-B", "c")):
        settings = slack.Settings.model_construct(channel="#x", token_file=None, token_env=name)
        with pytest.raises(errors.Permanent):
            channels.resolve_secrets(settings, tenant, None, environ)


def test_secrets_that_are_not_named_are_not_looked_for() -> None:
    settings = webhook.Settings(url="https://h.example/")
    assert channels.resolve_secrets(settings, "acme", None, {}) == {}
