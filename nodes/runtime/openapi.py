"""OpenAPI 3.1, made from the declarations of messages and control operations, and its viewer.

The viewer's files come with a package of static files (flask-swagger-ui, of which only the files
are used); nothing is loaded from elsewhere.
"""

import importlib.util
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from nodes.protocols.errors import known_errors
from nodes.protocols.message import Declaration, answer_to, declaration_of
from nodes.runtime.refusals import NoSuchPath

if TYPE_CHECKING:
    from nodes.runtime.service import Service

PROBLEM = {
    "description": "RFC 9457 problem document",
    "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
}


def describe(service: "Service") -> dict[str, Any]:
    """The OpenAPI document of one node."""
    declarations = [declaration_of(type_) for type_ in service.inbound.handled()]
    types = [d.type for d in declarations] + [answer_to(d.type).type for d in declarations]
    operations = list(service.control.operations.values())
    types_all: list[Any] = list(dict.fromkeys([*types, *(o.request for o in operations)]))
    found, schemas = msgspec.json.schema_components(
        types_all, ref_template="#/components/schemas/{name}"
    )
    references = dict(zip(types_all, found, strict=True))
    schemas["Problem"] = _problem_schema()
    paths: dict[str, Any] = {d.path: {"post": _message(d, references)} for d in declarations}
    for operation in operations:
        paths[f"/control/{operation.name}"] = {
            "post": {
                "tags": ["control"],
                "summary": operation.sentence,
                "security": [{"owner": []}],
                "requestBody": {
                    "content": {"application/json": {"schema": references[operation.request]}}
                },
                "responses": {"200": {"description": "Done or begun"}, "default": PROBLEM},
            }
        }
    paths.update(_inspection_paths())
    return {
        "openapi": "3.1.0",
        "info": {
            "title": f"Jangteo: {service.party.name} ({service.party.role.value})",
            "version": version("jangteo"),
            "description": "Messages between parties are signed MessagePack envelopes and are "
            "shown here, not sent. Control operations can be tried with the world's token.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"owner": {"type": "http", "scheme": "bearer"}},
        },
    }


def _message(declaration: Declaration, references: dict[Any, Any]) -> dict[str, Any]:
    """`references`: where each type stands; two of one name have longer ones."""
    answer = answer_to(declaration.type)
    senders = ", ".join(role.value for role in declaration.senders)
    return {
        "tags": [declaration.protocol],
        "summary": f"Step {declaration.step}: {declaration.sentence}",
        "description": f"From {senders}"
        + ("; sealed (HPKE, RFC 9180)" if declaration.sealed else "; signed")
        + f". Answered by {answer.type.__name__} (step {answer.step}).",
        "requestBody": {
            "description": "The message inside the envelope's body",
            "content": {"application/msgpack": {"schema": references[declaration.type]}},
        },
        "responses": {
            "200": {
                "description": answer.sentence,
                "content": {"application/msgpack": {"schema": references[answer.type]}},
            },
            "default": PROBLEM,
        },
    }


def _problem_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "code", "outcome"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted(known_errors())},
            "outcome": {"type": "string", "enum": ["nothing-happened", "unknown"]},
            "detail": {"type": "string"},
        },
    }


_INSPECTION = {
    "/healthz": ("Alive?", False),
    "/readyz": ("Ready to serve? Otherwise 503 and what is missing", False),
    "/metrics": ("Prometheus text", False),
    "/.well-known/node": ("Who this is", False),
    "/inspect/trace": ("Every message in and out; after, transaction, wait", True),
    "/inspect/counters": ("Cryptographic operations, messages, bytes by step", True),
    "/inspect/view": ("Everything this party could read (lab only)", True),
    "/inspect/ledger": ("Balances, holds, value in circulation, with evidence", True),
    "/inspect/transactions": ("Every transaction and its state", True),
}


def _inspection_paths() -> dict[str, Any]:
    return {
        path: {
            "get": {
                "tags": ["inspect"],
                "summary": sentence,
                "security": [{"owner": []}] if owner else [],
                "responses": {"200": {"description": sentence}, "default": PROBLEM},
            }
        }
        for path, (sentence, owner) in _INSPECTION.items()
    }


def _viewer_folder() -> Path:
    spec = importlib.util.find_spec("flask_swagger_ui")
    if spec is None or not spec.submodule_search_locations:
        raise NoSuchPath("the viewer's files are not installed")
    return Path(next(iter(spec.submodule_search_locations))) / "dist"


def viewer_page() -> str:
    return """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Jangteo node</title>
<link rel="stylesheet" href="/docs/swagger-ui.css"></head>
<body><div id="ui"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "/openapi.json", dom_id: "#ui",
  supportedSubmitMethods: ["get", "post"], plugins: [], validatorUrl: null});</script></body></html>
"""


_SERVED = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


def viewer_file(name: str) -> web.StreamResponse:
    if name not in _SERVED:
        raise NoSuchPath(name)
    body = (_viewer_folder() / name).read_bytes()
    return web.Response(body=body, content_type=_SERVED[name])
