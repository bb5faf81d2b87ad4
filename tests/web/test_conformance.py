"""Whatever a request of the OpenAPI document holds: never a 5xx, and the answer stands in it."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks
from schemathesis.core.result import Ok
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
EXAMPLES = 3
SCHEMA = schemathesis.openapi.from_dict(access.DOCUMENT)


def _readable(found: Any) -> APIOperation[Any, Any, Any, Any]:
    assert isinstance(found, Ok), found
    operation: APIOperation[Any, Any, Any, Any] = found.ok()
    return operation


#: The health checks take nothing that could be wrong, and a 503 is one of their answers.
OPERATIONS = [
    operation for operation in map(_readable, SCHEMA.get_all_operations())
    if not operation.path.startswith("/-/")
]  # fmt: skip
bounded = settings(
    max_examples=EXAMPLES, deadline=None, database=None, suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)  # fmt: skip


@pytest.fixture(scope="module")
def resident(record: Record, make_tenant: Any) -> Someone:
    """A tenant with something to be asked about."""
    who = make_someone(record, make_tenant())
    with record.session([who.tenant]) as tx:
        policies.apply(tx, who.tenant, access.POLICY, "test")
        seeds.model(tx, who.tenant)
    for _ in range(3):
        seeds.story(record, who.tenant)
    return who


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=str)
@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: str(each.label))
def test_answers_are_as_the_document_says(
    web: Web, resident: Someone, operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode
) -> None:
    @seed(7)
    @bounded
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(
            base_url=web.url, headers=resident.as_("admin"), checks=CHECKS, timeout=60
        )

    ask()
