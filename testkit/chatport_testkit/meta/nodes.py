"""Graph objects and their edges: finds the object, checks the permission, hands over to the edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..cloud_shapes.accounts import Number, Waba
from ..cloud_shapes.catalogue import GraphError, unknown_object
from ..cloud_shapes.media import Medium
from ..cloud_shapes.templates import Template

if TYPE_CHECKING:
    from .simulator import GraphSimulator, Token

JSON = dict[str, Any]

MESSAGING = "whatsapp_business_messaging"
MANAGEMENT = "whatsapp_business_management"


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request: object id, edge ("" for the object itself), parameters."""

    method: str
    object_id: str
    edge: str
    body: JSON
    query: dict[str, str]
    token: Token

    @property
    def fields(self) -> list[str]:
        return [f.split("{")[0].strip() for f in self.query.get("fields", "").split(",") if f]


def answer(sim: GraphSimulator, call: Call) -> JSON | None:
    """The answer's JSON; None when the object or the edge does not exist for this token."""
    # Imported here: these modules need Call from this one.
    from . import app_edges, media_edges, number_edges, waba_edges

    target = _find(sim, call)
    match target:
        case Number():
            handlers: dict[Any, Any] = number_edges.HANDLERS
        case Waba():
            handlers = waba_edges.HANDLERS
        case Template():
            handlers = waba_edges.TEMPLATE_HANDLERS
        case Medium():
            handlers = media_edges.HANDLERS
        case str():
            handlers = app_edges.HANDLERS
        case _:
            return None
    entry = handlers.get((call.method, call.edge))
    if entry is None:
        return None
    handler: Callable[..., JSON] = entry[0]
    scope: str = entry[1]
    if scope and scope not in call.token.scopes:
        raise GraphError(10 if scope == MESSAGING else 200)
    return handler(sim, target, call)


def _find(sim: GraphSimulator, call: Call) -> Number | Waba | Template | Medium | str | None:
    """The object that the token may see."""
    identity = call.object_id
    with sim.lock:
        if identity in {sim.app_id, "app"}:
            return sim.app_id
        number = sim.numbers.get(identity)
        if number is not None:
            return number if _sees(call.token, number.waba_id) else None
        if identity in sim.wabas:
            return sim.wabas[identity] if _sees(call.token, identity) else None
        template = sim.templates.by_id(identity)
        if template is not None:
            return template if _sees(call.token, template.waba_id) else None
        medium = sim.media.get(identity, sim.clock.now())
        if medium is None:
            return None
        owner = sim.numbers.get(medium.owner)
        asked = call.query.get("phone_number_id")
        if owner is None or not _sees(call.token, owner.waba_id) or asked not in {None, owner.id}:
            return None
        return medium


def _sees(token: Token, waba_id: str) -> bool:
    return not token.wabas or waba_id in token.wabas


def selected(full: JSON, fields: list[str], default: list[str]) -> JSON:
    """Fields of a node in Graph's way: the asked ones, or the default; ``id`` is always there."""
    chosen = fields or default
    for name in chosen:
        if name not in full:
            raise GraphError(100, message=f"Tried accessing nonexisting field ({name})")
    return {**{name: full[name] for name in chosen if name != "id"}, "id": full["id"]}


def required(body: JSON, name: str) -> Any:
    """A parameter that must be there."""
    value = body.get(name)
    if value in {None, ""}:
        raise GraphError(100, message=f"The parameter {name} is required.")
    return value


def missing(call: Call) -> GraphError:
    return unknown_object(call.object_id, call.method)
