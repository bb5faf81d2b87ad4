"""The OpenAPI 3.1 document; `python -m tocsin.web.openapi` writes docs/openapi.json."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from schemas import api

ABOUT = """\
Read alerts, incidents and deliveries, act on them, and see why somebody was told.

Authenticate with `Authorization: Bearer <token>`, or with basic authentication and the token as the
password. Every address also exists below `/t/{tenant}`, where only tokens of that tenant are taken.
What belongs to another tenant does not exist: 404.

Times are RFC 3339 in UTC. Lists have cursors: pass `next` of one page as `cursor` of the following;
the header `Link` has the whole address.

Every error is `application/problem+json` (RFC 9457) with the `trace_id` that is also in the log.
"""

PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
#: What any request may be answered with besides its own.
RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"description": "The request could not be understood.", "content": PROBLEM},
    401: {"description": "There is no valid token with the request.", "content": PROBLEM},
    403: {"description": "The token may not do that.", "content": PROBLEM},
    404: {"description": "There is no such thing in this tenant.", "content": PROBLEM},
    413: {"description": "The body is over the limit.", "content": PROBLEM},
    409: {"description": "The state of the thing does not allow it.", "content": PROBLEM},
    422: {"description": "Something in the request is not valid.", "content": PROBLEM},
    503: {"description": "The record is away; ask again.", "content": PROBLEM},
}
FILE = Path(__file__).parents[2] / "docs" / "openapi.json"


def of(app: FastAPI) -> dict[str, Any]:
    """The document of this app, made once."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title,
            version=app.version,
            openapi_version="3.1.0",
            description=app.description,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        )
        shapes = document["components"]["schemas"]
        problem = api.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes |= problem.pop("$defs", {})
        shapes["Problem"] = problem
        document["components"]["schemas"] = dict(sorted(shapes.items()))
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _settle(path, operation)
        app.openapi_schema = document
    return app.openapi_schema


def text(app: FastAPI) -> str:
    """The document as it stands in the repository."""
    return orjson.dumps(of(app), option=orjson.OPT_INDENT_2).decode() + "\n"


def _settle(path: str, operation: dict[str, Any]) -> None:
    """Leave out answers that this operation never gives."""
    answers = operation["responses"]
    for status, said in (("200", "Done."), ("201", "Made.")):
        if status in answers:
            answers[status]["description"] = said
    never = {
        "400": not operation.get("security"),
        "413": "requestBody" not in operation,
        "404": not _names_something(path, operation),
        "503": path == "/-/healthy",
    }
    never |= dict.fromkeys(("401", "403", "409", "422"), never["400"])
    for status in never:
        if never[status]:
            answers.pop(status, None)
    kept = path.endswith(("/ack", "/retry", "/merge", "/split"))
    if not kept and answers.get("409") == RESPONSES[409]:
        answers.pop("409", None)


def _names_something(path: str, operation: dict[str, Any]) -> bool:
    """Whether something is named that may not be there."""
    names = {each["name"] for each in operation.get("parameters", ())}
    named = "{" in path or path.endswith(("/rollback", "/sources/preview"))
    return named or bool(names & {"schedule", "version"})


def main() -> None:
    """Write the document. Needs no database."""
    from tocsin.config.settings import Settings
    from tocsin.storage.record import Record
    from tocsin.web import app

    built = app.build(Settings(), Record(""), lambda actor, queue: None)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(built), encoding="utf-8")


if __name__ == "__main__":
    main()
