"""``GET /debug_token``: what a token is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import request

from ..cloud_shapes.catalogue import GraphError

if TYPE_CHECKING:
    from .simulator import GraphSimulator

JSON = dict[str, Any]


def debug_token(sim: GraphSimulator) -> JSON:
    """The answer for ``input_token``; the caller shows the app's token or a valid token of the app.

    Raises:
        GraphError: the caller may not ask, or names no token.
    """
    scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
    caller = request.args.get("access_token") or (bearer if scheme.lower() == "bearer" else "")
    if caller != f"{sim.app_id}|{sim.app_secret}":
        if "|" in caller:
            raise GraphError(190, message="Invalid OAuth access token signature.")
        sim.check_token(caller or None, request.args.get("appsecret_proof"))
    asked = request.args.get("input_token")
    if not asked:
        raise GraphError(100, message="The parameter input_token is required.")
    token = sim.tokens.get(asked)
    if token is None:
        error = {"code": 190, "message": "Invalid OAuth access token."}
        return {"data": {"error": error, "is_valid": False, "scopes": []}}
    expired = bool(token.expires_at) and sim.clock.now() >= token.expires_at
    targets = sorted(token.wabas or set(sim.wabas))
    data: JSON = {
        "app_id": sim.app_id,
        "type": "SYSTEM_USER",
        "application": sim.app_name,
        "expires_at": token.expires_at,
        "data_access_expires_at": 0,
        "is_valid": token.valid and not expired,
        "issued_at": 1780000000,
        "scopes": list(token.scopes),
        "granular_scopes": [{"scope": s, "target_ids": targets} for s in token.scopes],
        "user_id": "122000000000001",
    }
    if not data["is_valid"]:
        subcode = 463 if expired else token.subcode
        data["error"] = {"code": 190, "message": "The token is not valid", "subcode": subcode}
    return {"data": data}
