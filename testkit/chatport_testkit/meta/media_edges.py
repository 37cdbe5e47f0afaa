"""A medium as a Graph object: look-up and deletion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cloud_shapes.media import Medium
from .nodes import MESSAGING, Call

if TYPE_CHECKING:
    from .simulator import GraphSimulator

JSON = dict[str, Any]


def show(sim: GraphSimulator, medium: Medium, call: Call) -> JSON:
    """Address, type and digest. The digest is hex here; the size is a string in places."""
    with sim.lock:
        return {
            "messaging_product": "whatsapp",
            "url": sim.address_of(medium),
            "mime_type": medium.mime,
            "sha256": medium.sha256_hex,
            "file_size": str(len(medium.data)),
            "id": medium.id,
        }


def delete(sim: GraphSimulator, medium: Medium, call: Call) -> JSON:
    with sim.lock:
        sim.media.remove(medium.id)
    return {"success": True}


HANDLERS = {("GET", ""): (show, MESSAGING), ("DELETE", ""): (delete, MESSAGING)}
