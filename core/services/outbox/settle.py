"""Writing what came of a send: success, retry, failure, unknown outcome.

Owns: the rows after an attempt, what other sends of the channel do then, dead letters, alerts.
Must not know: threads, how a provider is called.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...db.partial import written
from ...db.tables import (
    OPEN_SENDS,
    Channel,
    DeadLetter,
    MessageRevision,
    MessageStatusRow,
    ReactionRow,
)
from ...db.types import storable, storable_json, utcnow
from ...db.upsert import insert_if_absent
from ...errors import AuthenticationFailed, ErrorClass, NotConnected, ProviderError
from ...messages import MessageStatus, Sent
from ...notices import Notice, NoticeKind
from ..alerts import raise_alert
from ..contact_identities import learn
from ..pairing import CONNECTED, note_connection, schedule_poll
from ..statuses import StatusFact, record_status
from ..tasks.queue import add_task
from .claim import NEEDS_A_PERSON, Job, sends
from .operations import mark_deleted
from .policy import BACKOFF, GIVE_UP_AFTER, PAUSE_AFTER_REFUSAL, RULES, Fault, Rule, retry_delay
from .scenes import conversations as _conversations
from .scenes import messages

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

_channels = Channel.__table__
#: States in which an attempt's answer may still be written; ``unknown`` since somebody may have taken us for dead.
_WRITABLE = ("sending", "unknown")
SEND_AGAIN = "Look at the phone or ask the customer; if the message did not arrive, send it again."


@dataclass(slots=True)
class Settled:
    """What a settled attempt leaves to do after the commit."""

    notices: list[Notice] = field(default_factory=list)
    source_id: str | None = None
    failure: str = ""


def succeeded(core: Core, connection: Connection, job: Job, sent: Sent) -> Settled:
    """The provider took it."""
    now = utcnow()
    source_id = storable(sent.source_id, 255)
    written = connection.execute(
        sa.update(sends)
        .where(sends.c.id == job.send.id, sends.c.state.in_(_WRITABLE))
        .values(
            state="sent",
            source_id=source_id,
            finished_at=now,
            error_class="",
            error_code="",
            error="",
            action="",
            raw=storable_json(dict(sent.raw)),
        )
    )
    settled = Settled()
    if written.rowcount:
        _EFFECTS[job.send.operation](connection, job, source_id, now)
        if sent.note and job.send.operation == "message":
            _add_attribute(connection, job.message, "delivery_note", storable(sent.note), now)
        settled.notices.append(message_notice(job.message))
        if job.send.operation == "message":
            settled.source_id = source_id
    _learn(connection, job, sent)
    settled.notices += _channel_works(connection, job, now)
    return settled


def _learn(connection: Connection, job: Job, sent: Sent) -> None:
    """What the answer told of the recipient; mostly nothing new."""
    known = {(row.kind, row.value) for row in job.identities}
    told = [one for one in sent.recipient if (str(one.kind), one.value) not in known]
    if not told or job.contact.kind == "group":
        return
    # Read anew: the contact may have been merged meanwhile.
    contact_id = connection.execute(
        sa.select(_conversations.c.contact_id).where(_conversations.c.id == job.conversation.id)
    ).scalar_one_or_none()
    if contact_id is not None:
        learn(connection, job.send.account_id, contact_id, told)


def _message_sent(connection: Connection, job: Job, source_id: str, now: datetime) -> None:
    connection.execute(
        sa.update(messages)
        .where(messages.c.id == job.message.id)
        .values(source_id=source_id, updated_at=now)
    )
    record_status(connection, job.message.id, StatusFact(MessageStatus.SENT, accepted_at(job.send)))


def accepted_at(send: Row[Any]) -> datetime:
    """The time of our own "sent": before any time that the provider can tell about this attempt. Providers tell whole
    seconds, so a failure in the second of sending would otherwise look older than the success."""
    moment: datetime = send.started_at or utcnow()
    return moment.replace(microsecond=0) - timedelta(seconds=1)


def _reacted(connection: Connection, job: Job, source_id: str, now: datetime) -> None:
    values = {
        "emoji": job.send.payload["emoji"],
        "at": now,
        "item_key": f"send:{job.send.delivery_id}",
        "user_id": job.send.user_id,
    }
    row = {"message_id": job.message.id, "reactor": "us", "contact_id": None, **values}
    if insert_if_absent(connection, ReactionRow.__table__, row) is None:
        connection.execute(
            sa.update(ReactionRow.__table__)
            .where(
                ReactionRow.message_id == job.message.id,
                ReactionRow.reactor == "us",
                ReactionRow.at <= now,
            )
            .values(**values)
        )
    _touch(connection, job.message.id, now)


def _edited(connection: Connection, job: Job, source_id: str, now: datetime) -> None:
    content = job.send.payload["content"]
    for key, text, at in (
        ("original", job.message.content, job.message.sent_at),
        (f"send:{job.send.delivery_id}", content, now),
    ):
        row = {"message_id": job.message.id, "item_key": key, "content": text, "at": at}
        insert_if_absent(connection, MessageRevision.__table__, row)
    connection.execute(
        sa.update(messages)
        .where(messages.c.id == job.message.id, messages.c.deleted_at.is_(None))
        .values(content=content, edited_at=now, updated_at=now)
    )


def _revoked(connection: Connection, job: Job, source_id: str, now: datetime) -> None:
    mark_deleted(connection, job.message, now)


_EFFECTS = {"message": _message_sent, "reaction": _reacted, "edit": _edited, "revoke": _revoked}


def _touch(connection: Connection, message_id: int, now: datetime) -> None:
    connection.execute(
        sa.update(messages).where(messages.c.id == message_id).values(updated_at=now)
    )


def _channel_works(connection: Connection, job: Job, now: datetime) -> list[Notice]:
    """A send went through, so whatever was wrong with the channel is over."""
    connection.execute(
        sa.update(_channels)
        .where(_channels.c.id == job.channel.id)
        .values(last_send_at=now, paused_until=None, pause_reason="")
    )
    if job.channel.connection == CONNECTED:
        return []
    return note_connection(
        connection, job.channel.id, CONNECTED, "", "", job.send.started_at or now
    )


# --- failures ---------------------------------------------------------------------------------------------------------


def failed(core: Core, connection: Connection, job: Job, error: ProviderError) -> Settled:
    """The attempt failed; the error's class alone decides what follows."""
    rule = RULES[error.error_class]
    now = utcnow()
    settled = Settled(failure=str(error))
    if rule.unknown:
        settled.notices += outcome_unknown(connection, job, error, now)
        return settled
    retry_at = _retry_time(job, rule, error, now)
    if retry_at is not None:
        _queue_again(connection, job, rule, error, retry_at, now)
        settled.notices.append(message_notice(job.message))
    else:
        settled.notices += finally_failed(connection, job, error, now)
        if rule.dead_letter:
            _bury(connection, job, error, now)
    if rule.fault is not Fault.MESSAGE:
        settled.notices += _channel_fault(connection, job, rule, error, retry_at, now)
    return settled


def _retry_time(job: Job, rule: Rule, error: ProviderError, now: datetime) -> datetime | None:
    """When to try again; ``None`` when tries or time are used up."""
    if job.send.tries >= rule.tries:
        return None
    give_up_at = job.send.give_up_at or now + GIVE_UP_AFTER
    at = now + retry_delay(job.send.tries, error.retry_after)
    return at if at < give_up_at else None


def _queue_again(
    connection: Connection, job: Job, rule: Rule, error: ProviderError, at: datetime, now: datetime
) -> None:
    connection.execute(
        sa.update(sends)
        .where(sends.c.id == job.send.id, sends.c.state.in_(_WRITABLE))
        .values(
            state="queued",
            next_try_at=at,
            give_up_at=job.send.give_up_at or now + GIVE_UP_AFTER,
            **_error_columns(error),
        )
    )
    text = f"retrying {job.send.tries + 1} of {rule.tries}: {error}"
    show(connection, job.send, job.message, "retrying", text, error.code or "", error.action, now)


def finally_failed(
    connection: Connection, job: Job, error: ProviderError, now: datetime
) -> list[Notice]:
    """No more attempts: the message shows why, and what to do."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.id == job.send.id, sends.c.state.in_((*_WRITABLE, "queued")))
        .values(state="failed", finished_at=now, **_error_columns(error))
    )
    show(
        connection, job.send, job.message, "failed", str(error), error.code or "", error.action, now
    )
    return [message_notice(job.message)]


def outcome_unknown(
    connection: Connection, job: Job, error: ProviderError, now: datetime
) -> list[Notice]:
    """The request left and nobody knows what came of it. Never sent again by itself; looked up where possible."""
    connection.execute(
        sa.update(sends)
        .where(sends.c.id == job.send.id, sends.c.state.in_(_WRITABLE))
        .values(state="unknown", **_error_columns(error))
    )
    show(
        connection,
        job.send,
        job.message,
        "unknown",
        str(error),
        error.code or "",
        error.action or SEND_AGAIN,
        now,
    )
    if job.send.operation == "message":
        add_task(
            connection,
            kind="resolve_unknown",
            account_id=job.send.account_id,
            channel_id=job.channel.id,
            dedupe_key=str(job.send.id),
            payload={"send_id": job.send.id},
            delay=2.0,
        )
    return [message_notice(job.message)]


def _error_columns(error: ProviderError) -> dict[str, str]:
    return {
        "error_class": str(error.error_class),
        "error_code": storable(error.code or "", 64),
        "error": storable(str(error)),
        "action": storable(error.action),
    }


def show(
    connection: Connection,
    send: Row[Any],
    message: Row[Any],
    status: str,
    text: str,
    code: str,
    action: str,
    now: datetime,
) -> None:
    """Show a state that we ourselves decided on. It never beats a success that the provider told."""
    if send.operation != "message":
        _show_operation(connection, send, message, status, text, action, now)
        return
    told = (
        sa.select(MessageStatusRow.id)
        .where(
            MessageStatusRow.message_id == message.id,
            MessageStatusRow.status != MessageStatus.FAILED,
        )
        .exists()
    )
    connection.execute(
        sa.update(messages)
        .where(messages.c.id == message.id, ~told)
        .values(
            status=status,
            external_error=storable(text),
            error_code=storable(code, 64) or None,
            error_action=storable(action),
            updated_at=now,
        )
    )


def _show_operation(
    connection: Connection,
    send: Row[Any],
    message: Row[Any],
    status: str,
    text: str,
    action: str,
    now: datetime,
) -> None:
    """A reaction, edit or revoke that did not work leaves the message's own status alone."""
    shown = {
        "operation": send.operation,
        "status": status,
        "message": storable(text),
        "action": storable(action),
    }
    _add_attribute(connection, message, "operation_error", shown, now)


def _add_attribute(
    connection: Connection, message: Row[Any], name: str, value: object, now: datetime
) -> None:
    current = connection.execute(
        sa.select(messages.c.content_attributes).where(messages.c.id == message.id)
    ).scalar_one()
    connection.execute(
        sa.update(messages)
        .where(messages.c.id == message.id)
        .values(content_attributes={**current, name: value}, updated_at=now)
    )


# --- the channel's fault ----------------------------------------------------------------------------------------------


def _channel_fault(
    connection: Connection,
    job: Job,
    rule: Rule,
    error: ProviderError,
    retry_at: datetime | None,
    now: datetime,
) -> list[Notice]:
    """The other sends of the channel would meet the same: they wait, or fail, with the same reason."""
    word = rule.connection
    if word == "disconnected" and job.channel.connection in NEEDS_A_PERSON:
        word = job.channel.connection if job.channel.connection != "unauthorised" else word
    notices = note_connection(connection, job.channel.id, word, str(error), error.action, now)
    if rule.fault is Fault.FAIL:
        until = now + PAUSE_AFTER_REFUSAL
        schedule_poll(connection, job.send.account_id, job.channel.id, delay=1.0)
    else:
        until = retry_at or now + timedelta(seconds=BACKOFF[0])
    connection.execute(
        sa.update(_channels)
        .where(_channels.c.id == job.channel.id)
        .values(paused_until=until, pause_reason=storable(str(error)))
    )
    if rule.fault is Fault.FAIL:
        return notices + fail_queued(connection, job.channel.id, error, now)
    return notices + _wait_queued(connection, job, error, until, now)


def fail_queued(
    connection: Connection, channel_id: int, error: ProviderError, now: datetime
) -> list[Notice]:
    """Fail everything of a channel that waits to be sent: it must not leave by itself hours later."""
    rows = connection.execute(
        sa.update(sends)
        .where(
            sends.c.channel_id == channel_id,
            written(sends.c.state, OPEN_SENDS),
            sends.c.state == "queued",
        )
        .values(state="failed", finished_at=now, **_error_columns(error))
        .returning(sends)
    ).all()
    return _show_all(connection, rows, "failed", str(error), error, now)


def pause_error(channel: Row[Any]) -> ProviderError:
    """Why messages of a paused channel fail at once, from what is stored about it."""
    kind = AuthenticationFailed if channel.connection == "unauthorised" else NotConnected
    return kind(
        channel.pause_reason
        or channel.connection_reason
        or "The channel is not connected to WhatsApp.",
        action=channel.connection_action or "Look at the channel's health, then send it again.",
        code="channel_paused",
    )


def _wait_queued(
    connection: Connection, job: Job, error: ProviderError, until: datetime, now: datetime
) -> list[Notice]:
    """Let everything else of the channel wait, each with its own end of waiting, which begins now."""
    rows = connection.execute(
        sa.update(sends)
        .where(
            sends.c.channel_id == job.channel.id,
            written(sends.c.state, OPEN_SENDS),
            sends.c.state == "queued",
            sends.c.id != job.send.id,
            sends.c.next_try_at <= until,
        )
        .values(
            next_try_at=until,
            give_up_at=sa.func.coalesce(
                sends.c.give_up_at, sa.literal(now + GIVE_UP_AFTER, sends.c.give_up_at.type)
            ),
            **_error_columns(error),
        )
        .returning(sends)
    ).all()
    return _show_all(connection, rows, "retrying", f"waiting for the channel: {error}", error, now)


def _show_all(
    connection: Connection,
    rows: Sequence[Row[Any]],
    status: str,
    text: str,
    error: ProviderError,
    now: datetime,
) -> list[Notice]:
    if not rows:
        return []
    found = {
        row.id: row
        for row in connection.execute(
            sa.select(messages).where(messages.c.id.in_({row.message_id for row in rows}))
        )
    }
    for row in rows:
        show(
            connection,
            row,
            found[row.message_id],
            status,
            text,
            error.code or "",
            error.action,
            now,
        )
    return [message_notice(message) for message in found.values()]


def expired(connection: Connection, job: Job, now: datetime) -> list[Notice]:
    """A queued send whose time is up: failed with the last reason."""
    error = ProviderError(
        job.send.error or "The message could not be sent in time.",
        action=job.send.action or "Look at the channel's health, then send it again.",
        code=job.send.error_code or None,
    )
    error.error_class = ErrorClass(job.send.error_class or ErrorClass.TEMPORARY)
    return finally_failed(connection, job, error, now)


# --- giving up --------------------------------------------------------------------------------------------------------


def _bury(connection: Connection, job: Job, error: ProviderError, now: datetime) -> None:
    insert_if_absent(
        connection,
        DeadLetter.__table__,
        {
            "account_id": job.send.account_id,
            "channel_id": job.channel.id,
            "kind": "send",
            "subject_id": job.send.id,
            "item_key": "",
            "state": "dead",
            "error_type": type(error).__name__,
            "error": storable(str(error)),
            "action": storable(
                error.action or "Look for a newer version of the provider's plugin."
            ),
            "payload": storable_json(
                {
                    "operation": job.send.operation,
                    "message_id": job.message.id,
                    "payload": job.send.payload,
                    "detail": error.detail,
                }
            ),
            "attempts": job.send.tries,
            "created_at": now,
            "updated_at": now,
        },
    )
    raise_alert(
        connection,
        account_id=job.send.account_id,
        channel_id=job.channel.id,
        kind="dead_letter",
        dedupe_key=f"dead_letter:send:{job.send.id}:",
        title="A message could not be sent because of an error in the software",
        body=str(error),
        action="Open the dead letters; update the provider's plugin, then send the message again.",
    )


def message_notice(message: Row[Any]) -> Notice:
    """The notice that a message changed."""
    return Notice(
        NoticeKind.MESSAGE_UPDATED,
        message.account_id,
        inbox_id=message.inbox_id,
        conversation_id=message.conversation_id,
        message_id=message.id,
    )
