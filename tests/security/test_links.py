"""The token of a link: nobody makes one without the key, and none fits another tenant."""

from __future__ import annotations

import base64
import secrets
import uuid
from pathlib import Path

import pytest

from tocsin import errors
from tocsin.security import links

DELIVERY = uuid.UUID("0198c0de-0000-7000-8000-00000000000a")
SIGNER = links.Signer(b"k" * 32)


def test_a_token_is_read_again() -> None:
    token = SIGNER.token("acme", DELIVERY)
    assert len(token) == 43
    assert SIGNER.read("acme", token) == DELIVERY
    assert token == SIGNER.token("acme", DELIVERY), "the same on each attempt"


def test_a_path_is_short_enough_for_a_text_message() -> None:
    url = links.address(SIGNER, "https://tocsin.example/", "a" * 31, DELIVERY)
    assert url.startswith("https://tocsin.example/t/")
    assert len(url.removeprefix("https://tocsin.example")) <= 80


def test_no_other_tenant_and_no_other_key() -> None:
    token = SIGNER.token("acme", DELIVERY)
    assert SIGNER.read("acme2", token) is None
    assert SIGNER.read("", token) is None
    assert links.Signer(b"l" * 32).read("acme", token) is None


def test_any_bit_that_is_changed_is_seen() -> None:
    raw = base64.urlsafe_b64decode(SIGNER.token("acme", DELIVERY) + "=")
    for bit in range(len(raw) * 8):
        bent = bytearray(raw)
        bent[bit // 8] ^= 1 << bit % 8
        token = base64.urlsafe_b64encode(bytes(bent)).decode().rstrip("=")
        assert SIGNER.read("acme", token) is None


def test_there_is_one_spelling() -> None:
    token = SIGNER.token("acme", DELIVERY)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = [each for each in last if SIGNER.read("acme", token[:-1] + each)]
    assert good == [token[-1]]
    for bent in (f"{token}=", f" {token}", f"{token}\n", f"{token}A", token[:-1], token.swapcase()):
        assert SIGNER.read("acme", bent) is None


@pytest.mark.parametrize(
    "token", ["", "x", "é" * 43, "\ud800" * 43, "A" * 43, "=" * 43, "A" * 9999]
)
def test_nonsense_is_no_token(token: str) -> None:
    assert SIGNER.read("acme", token) is None
    assert SIGNER.read("\ud800", token) is None


def test_random_tokens_are_none() -> None:
    assert not any(SIGNER.read("acme", secrets.token_urlsafe(32)) for _ in range(1000))


def test_without_a_key_there_are_no_links(tmp_path: Path) -> None:
    assert links.signer(None) is None
    assert links.address(None, "https://tocsin.example", "acme", DELIVERY) == ""
    with pytest.raises(errors.SetupError):
        links.signer(tmp_path / "missing")
