"""Who is calling: tokens, their scopes, and what unknown and revoked ones have in common."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from tocsin import errors
from tocsin.security import tokens
from tocsin.storage import tokens as stored
from tocsin.storage.record import Record

MAY: dict[tokens.Scope, set[str]] = {
    "ingest": {"ingest"},
    "read": {"read"},
    "respond": {"respond", "read"},
    "admin": set(tokens.SCOPES),
}


@pytest.fixture
def tenant(make_tenant: Callable[[], int]) -> int:
    return make_tenant()


def made(record: Record, tenant: int, *scopes: str) -> str:
    with record.session([tenant]) as tx:
        return tokens.create(tx, tenant, "test", list(scopes))


def looked_up(record: Record, token: str) -> tokens.Caller:
    with record.claims() as tx:
        return tokens.look_up(tx, token)


@pytest.mark.parametrize("scope", tokens.SCOPES)
def test_a_scope_contains_what_it_implies_and_nothing_else(
    record: Record, tenant: int, scope: tokens.Scope
) -> None:
    caller = looked_up(record, made(record, tenant, scope))
    for wanted in MAY:
        if wanted in MAY[scope]:
            caller.require(wanted)
        else:
            with pytest.raises(errors.Forbidden, match=f"no '{wanted}' scope"):
                caller.require(wanted)


def test_a_token_says_whose_it_is(record: Record, tenant: int) -> None:
    caller = looked_up(record, made(record, tenant, "read", "ingest", "read"))
    assert (caller.tenant, caller.name) == (tenant, "test")
    assert caller.scopes == frozenset({"read", "ingest"})
    with record.session([tenant]) as tx:
        assert [row["id"] for row in stored.listed(tx, tenant)] == [caller.token]
        assert tx.row("SELECT slug FROM tenant") == {"slug": caller.slug}


def test_unknown_and_revoked_look_the_same(record: Record, tenant: int) -> None:
    token = made(record, tenant, "admin")
    caller = looked_up(record, token)
    with record.session([tenant]) as tx:
        tokens.revoke(tx, tenant, caller.token)
        tokens.revoke(tx, tenant, caller.token)
    refusals = []
    for bad in (token, token[:-1], token + "x", "", "toc_", "\udcff\0"):
        with pytest.raises(errors.NotAuthenticated) as refused:
            looked_up(record, bad)
        refusals.append(refused.value.message)
    assert len(set(refusals)) == 1


@pytest.mark.parametrize("scopes", [[], ["root"], ["read", "root"], ["Read"]])
def test_scopes_that_do_not_exist_are_refused_by_name(
    record: Record, tenant: int, scopes: list[str]
) -> None:
    with pytest.raises(errors.BadRequest, match=r"choose from ingest, read, respond, admin"):
        made(record, tenant, *scopes)


def test_a_token_of_another_tenant_cannot_be_revoked(
    record: Record, tenant: int, make_tenant: Callable[[], int]
) -> None:
    token, other = made(record, tenant, "read"), make_tenant()
    with pytest.raises(errors.NotFound), record.session([other]) as tx:
        tokens.revoke(tx, other, looked_up(record, token).token)
    assert looked_up(record, token).tenant == tenant
    with pytest.raises(errors.NotFound), record.session([tenant]) as tx:
        tokens.revoke(tx, tenant, uuid.uuid4())


def test_tokens_are_long_random_and_stored_as_hashes_only(record: Record, tenant: int) -> None:
    some = {made(record, tenant, "read") for _ in range(3)}
    assert len(some) == 3
    assert {len(token) for token in some} == {47}
    with record.session([tenant]) as tx:
        rows = tx.rows("SELECT * FROM token")
    assert not [token for token in some if token in repr(rows) or token[4:] in repr(rows)]


def test_making_and_revoking_are_audited_without_the_token(record: Record, tenant: int) -> None:
    token = made(record, tenant, "read")
    caller = looked_up(record, token)
    with record.session([tenant]) as tx:
        tokens.revoke(tx, tenant, caller.token, by="ann")
        rows = tx.rows("SELECT act, actor, subject, detail FROM audit ORDER BY seq")
    assert [(row["act"], row["actor"]) for row in rows] == [
        ("token.add", "operator"), ("token.revoke", "ann"),
    ]  # fmt: skip
    assert {row["subject"] for row in rows} == {str(caller.token)}
    assert token not in repr(rows)
