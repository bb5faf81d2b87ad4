"""Whatever a request of the OpenAPI document may hold: never a 5xx, and what is answered is in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import checks
from schemathesis.generation import GenerationMode
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi import checks as conforming

from tests.web import seeds
from tests.web import test_access as access
from tests.web.conftest import Someone, Web, make_someone
from tocsin.storage import policies
from tocsin.storage.record import Record

CHECKS = [
    checks.not_a_server_error, conforming.status_code_conformance,
    conforming.content_type_conformance, conforming.response_schema_conformance,
]  # fmt: skip
#: Of valid requests and of spoilt ones; the same ones in each run.
EXAMPLES = 5
SCHEMA = schemathesis.openapi.from_dict(access.DOCUMENT)
OPERATIONS = [found.ok() for found in SCHEMA.get_all_operations()]
bounded = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip


@pytest.fixture(scope="module")
def resident(record: Record, make_tenant: Any) -> Iterator[Someone]:
    """A tenant with something to be asked about."""
    who = make_someone(record, make_tenant())
    with record.session([who.tenant]) as tx:
        policies.apply(tx, who.tenant, access.POLICY, "test")
        seeds.model(tx, who.tenant)
    for _ in range(3):
        seeds.story(record, who.tenant)
    yield who


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: str(each.label))
def test_answers_are_as_the_document_says(
    web: Web, resident: Someone, operation: APIOperation[Any, Any, Any], mode: GenerationMode
) -> None:
    try:
        made = operation.as_strategy(generation_mode=mode)
        made.validate()
    except Exception as error:
        if mode is GenerationMode.NEGATIVE and "negat" in str(error).lower():
            return  # there is nothing in it that could be wrong
        raise

    @seed(7)
    @bounded
    @given(case=made)
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=web.url, headers=resident.as_("admin"), checks=CHECKS, timeout=60
        )

    ask()
