"""Sealed values open for their own tenant, whole, under the right master key, and never else."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tocsin import errors
from tocsin.security import crypto
from tocsin.storage import keys
from tocsin.storage.record import Record

MASTER = bytes(range(32))


@pytest.fixture
def tenant(make_tenant: Callable[[], int]) -> int:
    return make_tenant()


def ready(record: Record, tenant: int, master: bytes = MASTER) -> crypto.Sealer:
    sealer = crypto.Sealer(master)
    with record.session([tenant]) as tx:
        sealer.load(tx, tenant)
    return sealer


def opened(record: Record, sealer: crypto.Sealer, tenant: int, blob: bytes) -> bytes:
    with record.session([tenant]) as tx:
        return sealer.open(tx, tenant, blob)


@pytest.mark.parametrize("plain", [b"", b"plain words", os.urandom(100_000)])
def test_what_is_sealed_opens_again_in_another_process(
    record: Record, tenant: int, plain: bytes
) -> None:
    blob = ready(record, tenant).seal(tenant, plain)
    assert plain == b"" or plain not in blob
    assert opened(record, crypto.Sealer(MASTER), tenant, blob) == plain


def test_the_same_is_sealed_differently_each_time(record: Record, tenant: int) -> None:
    sealer = ready(record, tenant)
    assert sealer.seal(tenant, b"x") != sealer.seal(tenant, b"x")


def test_a_sealer_is_ready_once_it_knows_the_tenant(record: Record, tenant: int) -> None:
    assert not crypto.Sealer(MASTER).ready(tenant)
    assert ready(record, tenant).ready(tenant)


def test_a_value_moved_to_another_tenant_does_not_open(
    record: Record, tenant: int, make_tenant: Callable[[], int]
) -> None:
    other = make_tenant()
    blob = ready(record, tenant).seal(tenant, b"mine")
    with pytest.raises(errors.TocsinError, match=f"tenant {other} does not open"):
        opened(record, ready(record, other), other, blob)


def test_not_even_with_the_same_key(
    record: Record, tenant: int, make_tenant: Callable[[], int]
) -> None:
    other, sealer = make_tenant(), ready(record, tenant)
    blob = sealer.seal(tenant, b"mine")
    sealer._keys[other] = sealer._keys[tenant]
    with pytest.raises(errors.TocsinError, match="does not open"):
        opened(record, sealer, other, blob)


def test_a_wrapped_key_of_another_tenant_is_refused(
    record: Record, tenant: int, make_tenant: Callable[[], int]
) -> None:
    sealer, other = ready(record, tenant), make_tenant()
    with record.session([tenant]) as tx:
        stolen = keys.wrapped(tx, tenant)
    with pytest.raises(errors.SetupError):
        sealer.learn(other, stolen)


def test_a_value_cut_anywhere_says_that_it_was_damaged(record: Record, tenant: int) -> None:
    sealer = ready(record, tenant)
    blob = sealer.seal(tenant, b"body")
    for length in range(len(blob)):
        with pytest.raises(errors.TocsinError, match="damaged"):
            opened(record, sealer, tenant, blob[:length])


def test_a_bit_flipped_anywhere_says_that_it_was_damaged(record: Record, tenant: int) -> None:
    sealer = ready(record, tenant)
    blob = sealer.seal(tenant, b"body")
    for at in range(len(blob)):
        bad = bytearray(blob)
        bad[at] ^= 1
        with pytest.raises(errors.TocsinError, match="damaged"):
            opened(record, sealer, tenant, bytes(bad))


def test_the_wrong_master_key_says_which_file_is_needed(record: Record, tenant: int) -> None:
    blob = ready(record, tenant).seal(tenant, b"x")
    with pytest.raises(errors.SetupError, match="TOCSIN_MASTER_KEY_FILE the old file"):
        opened(record, crypto.Sealer(bytes(32)), tenant, blob)


def test_after_a_rotation_new_values_use_the_new_key_and_old_ones_still_open(
    record: Record, tenant: int
) -> None:
    running = ready(record, tenant)
    old = running.seal(tenant, b"old")
    with record.session([tenant]) as tx:
        keys.add(tx, tenant, 2, running.fresh(tenant))
    rotated = ready(record, tenant)
    new = rotated.seal(tenant, b"new")
    assert [blob[:4] for blob in (old, new)] == [b"\0\0\0\1", b"\0\0\0\2"]
    assert opened(record, rotated, tenant, old) == b"old"
    # A process that had not heard of the rotation looks the key up.
    assert opened(record, running, tenant, new) == b"new"
    assert running.seal(tenant, b"next")[:4] == b"\0\0\0\2"


def test_two_processes_that_make_the_first_key_at_once_agree_on_one(
    record: Record, tenant: int
) -> None:
    one = ready(record, tenant)
    with record.session([tenant]) as tx:
        keys.add(tx, tenant, 1, crypto.Sealer(MASTER).fresh(tenant))  # too late
    other = ready(record, tenant)
    assert opened(record, other, tenant, one.seal(tenant, b"x")) == b"x"


def test_the_master_key_is_read_from_its_file(tmp_path: Path, record: Record, tenant: int) -> None:
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(MASTER).decode() + "\n")
    blob = ready(record, tenant).seal(tenant, b"x")
    assert opened(record, crypto.from_file(file), tenant, blob) == b"x"


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "cannot be read"), ("%%%", "cannot be read"), ("YWJj", "must be 32 bytes")],
)
def test_a_master_key_that_is_none_is_refused(
    tmp_path: Path, content: str | None, says: str
) -> None:
    file = tmp_path / "master.key"
    if content is not None:
        file.write_text(content)
    with pytest.raises(errors.SetupError, match=says):
        crypto.from_file(file)
    with pytest.raises(errors.SetupError, match="is not set"):
        crypto.from_file(None)
