"""Canned answers: list, create, change, delete.

Owns: these routes. Must not know: how answers are kept and found.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.engine import Row

from ..services import canned_responses
from .inputs import CannedResponseBody, CannedResponseCreate, CannedResponseList
from .outputs_operations import CannedResponseAnswer
from .routing import Call, Routes
from .schemas import Empty

routes = Routes("Canned responses")


def _shape(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.id,
        "account_id": row.account_id,
        "short_code": row.short_code,
        "content": row.content,
        "created_at": row.created_at.isoformat(),
        "updated_at": row.updated_at.isoformat(),
    }


def _shown(call: Call, response_id: int) -> dict[str, Any]:
    with call.core.db.read("canned answer") as connection:
        return _shape(canned_responses.load(connection, call.account_id, response_id))


@routes.add(
    "GET", "/canned_responses", query=CannedResponseList, answer=CannedResponseAnswer, many=True
)
def list_canned_responses(call: Call) -> Any:
    """All canned answers by short code. With `search`, those whose code or text holds it; codes that begin with it
    first."""
    with call.core.db.read("canned answers") as connection:
        rows = canned_responses.find(connection, call.account_id, call.query["search"])
    return [_shape(row) for row in rows]


@routes.add("POST", "/canned_responses", body=CannedResponseCreate, answer=CannedResponseAnswer)
def create_canned_response(call: Call) -> Any:
    """Keep an answer under a short code, which is kept in lower case."""
    made = canned_responses.create(
        call.core, account_id=call.account_id, user_id=call.who.user_id, **call.body
    )
    return _shown(call, made)


@routes.add(
    "PATCH",
    "/canned_responses/<id:response_id>",
    body=CannedResponseBody,
    answer=CannedResponseAnswer,
)
def update_canned_response(call: Call, response_id: int) -> Any:
    """Change an answer; what is left out stays."""
    return _updated(call, response_id)


@routes.add(
    "PUT",
    "/canned_responses/<id:response_id>",
    body=CannedResponseBody,
    answer=CannedResponseAnswer,
)
def replace_canned_response(call: Call, response_id: int) -> Any:
    """The same as `PATCH`."""
    return _updated(call, response_id)


def _updated(call: Call, response_id: int) -> dict[str, Any]:
    canned_responses.update(
        call.core,
        account_id=call.account_id,
        response_id=response_id,
        values=call.body,
        user_id=call.who.user_id,
    )
    return _shown(call, response_id)


@routes.add("DELETE", "/canned_responses/<id:response_id>", answer=Empty)
def delete_canned_response(call: Call, response_id: int) -> Any:
    """Forget an answer."""
    canned_responses.delete(
        call.core,
        account_id=call.account_id,
        response_id=response_id,
        user_id=call.who.user_id,
    )
    return {}
