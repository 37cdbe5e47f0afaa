"""Searching messages.

Owns: this route. Must not know: how words are found.
"""

from __future__ import annotations

from typing import Any

from ..services.search import find_messages
from . import shapes
from .inputs import MessageSearch
from .outputs_chats import MessageSearchAnswer
from .routing import Call, Routes

routes = Routes("Conversations")
PAGE = 15


@routes.add("GET", "/search/messages", query=MessageSearch, answer=MessageSearchAnswer)
def search_messages(call: Call) -> Any:
    """The newest 15 messages that hold all words of `q`, or words that begin with them; `before` an id, older ones."""
    with call.core.db.read("search messages") as connection:
        rows = find_messages(
            connection,
            call.who,
            call.query["q"],
            inbox_id=call.query["inbox_id"] or 0,
            before=call.query["before"] or 0,
            limit=PAGE,
        )
        numbers = {row.conversation_id: row.display_id for row in rows}
        shown = shapes.messages(call.core, connection, rows, numbers)
    return {"payload": {"messages": shown}}
