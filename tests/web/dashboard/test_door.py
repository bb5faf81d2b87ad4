"""Signing in and out: what opens the pages, and what does not."""

from __future__ import annotations

import httpx
import pytest

from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin.security import tokens
from tocsin.storage.record import Record
from tocsin.web import callbacks
from tocsin.web.dashboard import door


def test_signed_in_with_a_token(sign_in: SignIn, someone: Someone) -> None:
    browser = sign_in(someone, "read")
    page = browser.get("/ui/now")
    assert page.status_code == 200
    assert someone.slug in page.text
    [cookie] = browser.client.cookies.jar
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite") == "strict"
    assert cookie.value not in someone.tokens.values()
    assert someone.tokens["read"] not in page.text


def test_nobody_sees_a_page(pages_url: str) -> None:
    with httpx.Client(base_url=pages_url, trust_env=False) as client:
        found = client.get("/ui/now?x=1")
        assert (found.status_code, found.headers["Location"]) == (
            303, "/ui/login?next=/ui/now%3Fx%3D1",
        )  # fmt: skip
        assert client.get("/ui/now", headers={"HX-Request": "true"}).status_code == 401
        assert client.get("/ui/events", headers={"Accept": "text/event-stream"}).status_code == 401
        client.cookies.set("tocsin", "guessed")
        assert client.get("/ui/now").status_code == 303


def test_a_revoked_token_ends_the_session(
    sign_in: SignIn, someone: Someone, record: Record
) -> None:
    browser = sign_in(someone, "admin")
    assert browser.get("/ui/now").status_code == 200
    with record.session([someone.tenant]) as tx:
        tokens.revoke(tx, someone.tenant, tokens.look_up(tx, someone.tokens["admin"]).token)
    assert browser.get("/ui/now").status_code == 303


def test_signed_out_is_over_in_the_record(sign_in: SignIn, someone: Someone) -> None:
    browser = sign_in(someone)
    kept = browser.client.cookies["tocsin"]
    assert browser.post("/ui/logout").status_code == 303
    browser.client.cookies.set("tocsin", kept)
    assert browser.get("/ui/now").status_code == 303


@pytest.mark.parametrize("scope", ["ingest", "revoked"])
def test_tokens_that_do_not_open(pages_url: str, someone: Someone, scope: str) -> None:
    with httpx.Client(base_url=pages_url, trust_env=False) as client:
        found = client.post("/ui/login", data={"token": someone.tokens[scope]})
        assert found.status_code == 401
        assert 'role="alert"' in found.text
        assert not client.cookies


def test_guessing_is_slowed(
    pages_url: str, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door, "_doorman", callbacks.Doorman())
    with httpx.Client(base_url=pages_url, trust_env=False) as client:
        found = [
            client.post("/ui/login", data={"token": "guess"}).status_code
            for _ in range(callbacks.FAILURES + 1)
        ]
        assert found[0] == 401
        assert found[-1] == 429
        # While it is weary it does not even look, so a guess that hits does not show.
        assert client.post("/ui/login", data={"token": someone.tokens["read"]}).status_code == 429


@pytest.mark.parametrize(
    "wanted", ["https://evil.test/", "//evil.test/ui/", "/\\evil.test", "/ui/login", "", "/ui/\\x"]
)
def test_after_signing_in_one_stays_here(pages_url: str, someone: Someone, wanted: str) -> None:
    with httpx.Client(base_url=pages_url, trust_env=False) as client:
        data = {"token": someone.tokens["read"], "next": wanted}
        assert client.post("/ui/login", data=data).headers["Location"] == "/ui/now"


@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
     {"Origin": "https://evil.test"}, {"Origin": "null"}],
)  # fmt: skip
def test_a_form_of_another_site_does_nothing(
    sign_in: SignIn, pages_url: str, someone: Someone, headers: dict[str, str]
) -> None:
    browser = sign_in(someone)
    page = browser.get("/ui/now").text
    proof = page.partition('name="proof" value="')[2][:64]
    found = browser.client.post("/ui/logout", data={"proof": proof}, headers=headers)
    assert found.status_code == 403
    assert browser.get("/ui/now").status_code == 200
    data = {"token": someone.tokens["read"]}
    assert browser.client.post("/ui/login", data=data, headers=headers).status_code == 403


@pytest.mark.parametrize("proof", ["", "0" * 64, "\udcff"])
def test_a_form_without_its_proof_does_nothing(
    sign_in: SignIn, someone: Someone, proof: str
) -> None:
    browser = sign_in(someone)
    data = {"proof": proof.encode("utf-8", "surrogatepass")}
    assert browser.client.post("/ui/logout", data=data).status_code == 403
    assert browser.get("/ui/now").status_code == 200


def test_an_error_is_a_page_with_its_trace_id(sign_in: SignIn, someone: Someone) -> None:
    found = sign_in(someone).get("/ui/there-is-no-such-page")
    assert found.status_code == 404
    assert found.headers["Content-Type"].startswith("text/html")
    assert found.headers["X-Trace-Id"] in found.text


def test_pages_are_strict_about_what_runs(sign_in: SignIn, someone: Someone) -> None:
    page = sign_in(someone).get("/ui/now")
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert page.text.count("<script") == page.text.count(f'nonce="{nonce}" defer') == 2
    for address in page.text.split('"'):
        if address.startswith("/ui/static/"):
            held = sign_in(someone).get(address)
            assert held.status_code == 200
            assert "immutable" in held.headers["Cache-Control"]
        assert not address.startswith(("http:", "https:", "//"))


def test_tenants_are_apart(
    sign_in: SignIn, record: Record, someone: Someone, other: Someone
) -> None:
    seeds.story(record, other.tenant, secret="theirs-alone")
    ours, theirs = sign_in(someone).get("/ui/now"), sign_in(other).get("/ui/now")
    assert "DiskFull" not in ours.text
    assert "DiskFull" in theirs.text


def test_who_may_only_read_sees_no_buttons(
    sign_in: SignIn, record: Record, someone: Someone
) -> None:
    seeds.story(record, someone.tenant)
    assert "/ack" not in sign_in(someone, "read").get("/ui/now").text
    assert "/ack" in sign_in(someone, "respond").get("/ui/now").text
