"""Which requests of the event log belong to an account and have a state.

Owns: the condition, in a form that an index answers. Must not know: how a request is shown.
"""

from __future__ import annotations

import sqlalchemy as sa

from ..db.partial import written
from ..db.tables import SET_ASIDE, Channel, RawRequest

_requests = RawRequest.__table__


def of_account(account_id: int, state: str | None = None) -> sa.ColumnElement[bool]:
    """Requests of an account, of one state where that is given.

    Nearly all requests are ``done``: the newest of the account are looked through for these. The few others are found
    by the account's channels, whose indexes hold nothing else.
    """
    if not state or state == "done":
        own = _requests.c.account_id == account_id
        return own if not state else sa.and_(own, _requests.c.state == state)
    channels = sa.select(Channel.id).where(Channel.account_id == account_id)
    found = sa.and_(_requests.c.channel_id.in_(channels), _requests.c.state == state)
    return sa.and_(found, written(_requests.c.state, SET_ASIDE)) if state in SET_ASIDE else found
