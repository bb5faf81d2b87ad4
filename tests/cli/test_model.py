"""Models and verdicts at the command line, over the API."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage import policies
from tocsin.storage.record import Record


def test_without_a_model_it_says_so_and_what_to_do(
    cli: Cli, record: Record, someone: Someone
) -> None:
    assert "scoring is switched off" in cli("model", "show").stderr
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, "route: {}\n", "test")
    for noun in ("show", "list"):
        assert "`tocsin model train` has it done now" in cli("model", noun).stderr


def test_models(cli: Cli, as_: Callable[[str], Cli], record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        for _ in range(2):
            seeds.model(tx, someone.tenant)
    assert [row["version"] for row in cli.read("model", "list")] == [2, 1]
    admin = as_(someone.tokens["admin"])
    assert admin.read("model", "rollback", "1")["active"] == 1
    assert admin.read("model", "train")["threshold"] == 0.85
    assert "DETECTOR   ecod" in cli("model", "show").stdout
    assert (
        "no such version of the model is kept" in admin("model", "rollback", "9", status=1).stderr
    )


def test_what_an_alert_says_of_its_score_and_a_verdict(
    cli: Cli, record: Record, someone: Someone
) -> None:
    story = seeds.story(record, someone.tenant)
    assert "Not scored." in cli("alert", "show", story.fingerprint).stdout
    said = cli.read("alert", "feedback", story.fingerprint, "noise", "--note", "nightly")
    assert (said["verdict"], said["note"]) == ("noise", "nightly")
