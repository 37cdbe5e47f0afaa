"""The receiver as a native ASGI route.

Owns: ASGI's side of a request. Must not know: what the receiver decides. Waiting for the commit costs no thread.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from .committer import NotDurable
from .receiver import NOT_ALLOWED, TOO_LARGE, UNAVAILABLE, Receiver, Reply
from .wsgi import PREFIX

logger = logging.getLogger(__name__)

Receive = Callable[[], Awaitable[dict[str, Any]]]
SendEvent = Callable[[dict[str, Any]], Awaitable[None]]


async def receive_webhook(
    receiver: Receiver, scope: dict[str, Any], receive: Receive, send: SendEvent
) -> None:
    """Serve one request below ``/webhooks/whatsapp/``."""
    phone = scope["path"].removeprefix(PREFIX)
    asked = scope.get("query_string")
    query = dict(parse_qsl(asked.decode("latin-1"), keep_blank_values=True)) if asked else {}
    method = scope["method"]
    if method in ("GET", "HEAD"):
        reply = await asyncio.to_thread(receiver.challenge, phone, query)
    elif method != "POST":
        reply = NOT_ALLOWED
    else:
        reply = await _post(receiver, scope, receive, phone, query)
    await _send(send, reply, head=method == "HEAD")


async def _post(
    receiver: Receiver, scope: dict[str, Any], receive: Receive, phone: str, query: dict[str, str]
) -> Reply:
    headers = {  # ASGI has the names in lower case
        name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
    }
    body = await read_bounded(receive, receiver.limit)
    if body is None:
        return TOO_LARGE
    if receiver.can_judge_at_once(phone, body):
        verdict = receiver.judge(phone, headers, query, body)
    else:
        verdict = await asyncio.to_thread(receiver.judge, phone, headers, query, body)
    if isinstance(verdict, Reply):
        return verdict
    row, gate = verdict
    try:
        await receiver.committer.store_async(row)
    except NotDurable as error:
        logger.error("channel %s: %s; the request is refused", gate.id, error)
        return UNAVAILABLE
    return Reply(gate.answer_status)


async def read_bounded(receive: Receive, limit: int) -> bytes | None:
    """The whole body, or ``None`` when it is longer than ``limit``. An incomplete body reads as empty, which no
    signature fits."""
    chunks: list[bytes] = []
    size = 0
    while True:
        event = await receive()
        if event["type"] == "http.disconnect":
            return b""
        chunk = event.get("body", b"")
        size += len(chunk)
        if size > limit:
            return None
        chunks.append(chunk)
        if not event.get("more_body", False):
            return b"".join(chunks)


async def _send(send: SendEvent, reply: Reply, *, head: bool) -> None:
    body = b"" if head else reply.body
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type.encode()),
                (b"content-length", str(len(body)).encode()),
                (b"x-content-type-options", b"nosniff"),
            ],
        }
    )
    await send({"type": "http.response.body", "body": body})
