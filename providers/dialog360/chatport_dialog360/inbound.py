"""Webhook bodies of 360dialog, told apart by shape: numbers change from one to the other at some moment.

Owns: choosing the reader; the flat shape of the older generation; events of partner accounts. Must not know: HTTP, the
clock, storage.
"""

from __future__ import annotations

from chatport import InboundRequest
from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, Ignored
from chatport.reader import Tolerant, load_json
from chatport_meta import inbound
from chatport_meta.inbound import keys

from .errors import explain

_FLAT_KEYS = ("messages", "statuses", "contacts", "errors")


def read_request(request: InboundRequest, own: frozenset[str]) -> list[AnyEvent]:
    """All events of a request.

    :param own: the channel's addresses, as far as they are known.
    :raises AnomalousPayload: not a body of 360dialog.
    """
    body = load_json(request.body)
    if not isinstance(body, dict):
        raise AnomalousPayload("the body should be an object")
    if inbound.is_cloud_body(body) or "object" in body:
        return inbound.read_envelope(body, request.received_at, own, explain_code=explain)
    if any(key in body for key in _FLAT_KEYS):
        source = inbound.Source(seed=("flat",), received_at=request.received_at, explain=explain)
        return inbound.distinct(inbound.read_value(source, Tolerant(body)))
    event = body.get("event")
    if isinstance(event, str) and event:
        reason = f"an event of a partner account: {event[:60]}"
        return [Ignored(key=keys.hashed(body), time=None, raw=body, reason=reason)]
    raise AnomalousPayload("the body has neither entries nor messages nor statuses")
