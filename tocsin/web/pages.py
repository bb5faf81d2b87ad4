"""The two pages for people: what this is, and the API in words. No scripts, nothing remote."""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from pathlib import Path
from typing import Any

import jinja2
import orjson
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup, escape

from tocsin.web import access, health

router = APIRouter(include_in_schema=False)

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "style.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'"
)
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def _code(text: str) -> Markup:
    """Escaped, with what stands in backticks as code."""
    parts = text.split("`")
    pieces = (
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(parts)
    )
    return Markup("").join(pieces)


_PAGES.filters["code"] = _code


@router.get("/", response_class=HTMLResponse)
def home(request: Request, record: access.Recorded) -> Response:
    """What this is, and whether it is ready. No data: nobody has said who they are."""
    reasons = health.why_not(record, request.app.state.revision)
    return _page("home.html", ready=not reasons, version=request.app.version)


@router.get("/docs", response_class=HTMLResponse)
def docs(request: Request) -> Response:
    """The OpenAPI document as a page."""
    document = request.app.openapi()
    base = request.app.state.settings.public_url.rstrip("/")
    return _page(
        "docs.html",
        info=document["info"],
        tags=_by_tag(document, base),
        shapes=[_shape(name, one) for name, one in document["components"]["schemas"].items()],
    )


@router.get("/openapi.json")
def openapi(request: Request) -> Response:
    """The OpenAPI document."""
    return Response(orjson.dumps(request.app.openapi()), media_type="application/json")


def _page(name: str, **values: Any) -> Response:
    page = _PAGES.get_template(name).render(style=_STYLE, **values)
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY})


def _by_tag(document: dict[str, Any], base: str) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            one = _operation(document, method.upper(), path, operation, base)
            found.setdefault(operation["tags"][0], []).append(one)
    return found


def _operation(
    document: dict[str, Any], method: str, path: str, operation: dict[str, Any], base: str
) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    example = _example(document, body["schema"]) if body else None
    scopes = {scope for one in operation.get("security", ()) for list_ in one.values()
              for scope in list_}  # fmt: skip
    return {
        "id": operation["operationId"],
        "method": method,
        "path": path,
        "about": operation.get("description", operation["summary"]),
        "scope": ", ".join(sorted(scopes)) or ("token" if operation.get("security") else ""),
        "parameters": [
            {
                "name": one["name"],
                "in": one["in"],
                "type": _type(one["schema"]),
                "default": one["schema"].get("default"),
                "about": one.get("description", ""),
            }
            for one in operation.get("parameters", ())
        ],
        "body": _name(body["schema"]) if body else None,
        "answers": [
            {"status": status, "about": one["description"], "shape": _answer(one)}
            for status, one in operation["responses"].items()
        ],
        "curl": _curl(method, base + path, secured=bool(operation.get("security")), body=example),
    }


def _curl(method: str, url: str, *, secured: bool, body: Any) -> str:
    parts = ["curl -sS"]
    if method != "GET":
        parts.append(f"-X {method}")
    if secured:
        parts.append('-H "Authorization: Bearer $TOCSIN_TOKEN"')
    if body is not None:
        parts.append("-H 'Content-Type: application/json'")
        parts.append(f"-d {shlex.quote(orjson.dumps(body).decode())}")
    parts.append(shlex.quote(url) if "{" in url else url)
    return " \\\n  ".join(parts)


def _example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    name = _name(schema)
    shape = document["components"]["schemas"].get(name, {})
    examples = shape.get("examples")
    return examples[0] if examples else {"note": "the disk is being replaced"}


def _answer(response: dict[str, Any]) -> str | None:
    for content in response.get("content", {}).values():
        return _name(content.get("schema", {})) or None
    return None


def _spoken(name: str) -> str:
    """`Page_AlertItem_` as people say it."""
    return re.sub(r"^Page_(\w+)_$", r"Page of \1", name)


_PAGES.filters["spoken"] = _spoken


def _name(schema: dict[str, Any]) -> str:
    """The name of the shape that a schema refers to, also where it may be null."""
    for one in (schema, *schema.get("anyOf", ())):
        if "$ref" in one:
            return str(one["$ref"]).rpartition("/")[2]
    return ""


def _shape(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    return {
        "name": name,
        "about": schema.get("description", ""),
        "fields": [
            {
                "name": field,
                "type": _type(one),
                "required": field in required,
                "about": one.get("description", ""),
            }
            for field, one in schema.get("properties", {}).items()
        ],
    }


def _type(schema: dict[str, Any]) -> str:
    """A type in a few words: `list of string`, `critical | error`, `string or null`."""
    if "$ref" in schema:
        return _name(schema)
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(str(one) for one in schema["enum"])
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict):
        return f"map of {_type(schema['additionalProperties'])}"
    return "time" if schema.get("format") == "date-time" else kind
