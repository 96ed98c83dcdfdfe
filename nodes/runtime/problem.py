"""Errors over HTTP: problem documents (RFC 9457) with a unique `code` and an `outcome`."""

import base64
import json

from aiohttp import web

from nodes.protocols.errors import OutcomeUnknown, ProtocolError, error_from

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 1


def problem_response(error: ProtocolError) -> web.Response:
    document: dict[str, object] = {
        "type": f"about:blank#{error.code}",
        "title": error.sentence(),
        "status": error.status,
        "code": error.code,
        "outcome": error.outcome,
    }
    if error.detail:
        document["detail"] = error.detail[:500]
    if error.evidence:
        document["evidence"] = base64.b64encode(error.evidence).decode()
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)} if error.status == 503 else None
    return web.Response(
        status=error.status,
        body=json.dumps(document, ensure_ascii=False).encode(),
        content_type=CONTENT_TYPE,
        headers=headers,
    )


def read_problem(body: bytes, status: int) -> ProtocolError:
    """The error another node's answer names. What cannot be read is an unknown outcome."""
    try:
        document = json.loads(body)
        code, outcome = str(document["code"]), str(document["outcome"])
        detail = str(document.get("detail", ""))
        evidence = base64.b64decode(document.get("evidence", ""))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return OutcomeUnknown(f"an answer with status {status} that cannot be read")
    return error_from(code, detail, outcome, evidence)
