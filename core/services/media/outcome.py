"""Writing what came of fetching a file.

Owns: the attachment's and message's rows afterwards, retries, dead letters. Must not know: HTTP.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ...channels import MediaRequest
from ...db.tables import Attachment, DeadLetter, Message
from ...db.types import storable, utcnow
from ...db.upsert import insert_if_absent
from ...errors import MediaGone, ProviderError
from ...notices import Notice, NoticeKind
from ..alerts import raise_alert, resolve_alert
from .sniff import extension, kind_of, safe_filename, sniff
from .storage import StoredFile

if TYPE_CHECKING:
    from ...context import Core

MAX_TRIES = 5
#: Seconds before try 2, 3, 4, 5.
BACKOFF = (10.0, 60.0, 300.0, 1800.0)

_attachments = Attachment.__table__
_messages = Message.__table__


class AddressLost(ProviderError):
    """The address leads nowhere (any more); the provider may know another one."""


@dataclass(frozen=True, slots=True)
class Job:
    """A file that is ours to fetch."""

    attachment: Row[Any]
    message: Row[Any]
    channel: Row[Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What a try came to. ``stored``: the row speaks of the file now."""

    stored: bool
    notices: list[Notice] = field(default_factory=list)


def fetched(core: Core, job: Job, stored: StoredFile, request: MediaRequest) -> Settled:
    """The file is there. A placeholder of a message without content becomes that file."""
    row = job.attachment
    content_type = sniff(
        stored.head, request.content_type or row.content_type, row.filename or request.filename
    )
    given = row.filename or request.filename
    placeholder = job.message.content_type == "unsupported"
    with core.db.write("keep a file") as connection:
        written = connection.execute(
            sa.update(_attachments)
            .where(_attachments.c.id == row.id, _attachments.c.state == "pending")
            .values(
                state="ready",
                kind=str(kind_of(content_type)) if placeholder else row.kind,
                filename=storable(
                    safe_filename(given, f"file{extension(content_type, given)}"), 255
                ),
                content_type=content_type[:127],
                size=stored.size,
                sha256=stored.sha256,
                storage_key=stored.key,
                next_try_at=None,
                error="",
                error_action="",
            )
        )
        if not written.rowcount:
            return Settled(stored=False)
        values: dict[str, Any] = {"updated_at": utcnow()}
        if placeholder:
            kept = job.message.content_attributes.items()
            values |= {
                "content_type": "media",
                "content_attributes": {
                    k: v for k, v in kept if k not in ("is_unsupported", "unsupported_reason")
                },
            }
        connection.execute(
            sa.update(_messages).where(_messages.c.id == row.message_id).values(**values)
        )
        resolve_letter(connection, row.account_id, row.id)
    return Settled(stored=True, notices=[_notice(job)])


def not_fetched(core: Core, job: Job, error: ProviderError, *, final: bool) -> Settled:
    """The file did not come: again later, or it is gone or failed, with the reason."""
    row, now = job.attachment, utcnow()
    lost = isinstance(error, AddressLost)
    done = final or row.tries >= MAX_TRIES
    values: dict[str, Any] = {"error": storable(str(error)), "error_action": storable(error.action)}
    if lost:
        # The provider is asked another way from now on.
        values["meta"] = {**row.meta, "fetch_attempt": int(row.meta.get("fetch_attempt", 0)) + 1}
    if not done:
        values["next_try_at"] = now + _delay(row.tries, error.retry_after)
    else:
        gone = lost or isinstance(error, MediaGone)
        values |= {"state": "gone" if gone else "failed", "next_try_at": None}
    with core.db.write("file not fetched") as connection:
        written = connection.execute(
            sa.update(_attachments)
            .where(_attachments.c.id == row.id, _attachments.c.state == "pending")
            .values(**values)
        )
        if not written.rowcount or not done:
            return Settled(stored=False)
        connection.execute(
            sa.update(_messages).where(_messages.c.id == row.message_id).values(updated_at=now)
        )
        if values["state"] == "failed" and not final:
            _bury(connection, job, error)
    return Settled(stored=False, notices=[_notice(job)])


def _delay(tries: int, retry_after: float | None) -> timedelta:
    base = BACKOFF[min(max(tries, 1), len(BACKOFF)) - 1]
    seconds = max(base * random.uniform(0.8, 1.2), retry_after or 0.0)
    return timedelta(seconds=seconds)


def _notice(job: Job) -> Notice:
    return Notice(
        NoticeKind.MESSAGE_UPDATED,
        job.message.account_id,
        inbox_id=job.message.inbox_id,
        conversation_id=job.message.conversation_id,
        message_id=job.message.id,
    )


def _bury(connection: Connection, job: Job, error: ProviderError) -> None:
    now = utcnow()
    values = {
        "state": "dead",
        "error_type": type(error).__name__,
        "error": storable(str(error)),
        "action": storable(
            error.action or "Look whether the service runs, then fetch the file again."
        ),
        "attempts": job.attachment.tries,
        "updated_at": now,
    }
    identity = {"kind": "media", "subject_id": job.attachment.id, "item_key": ""}
    table = DeadLetter.__table__
    new = insert_if_absent(
        connection,
        table,
        {
            "account_id": job.attachment.account_id,
            "channel_id": job.channel.id,
            "payload": {"message_id": job.message.id, "media_ref": job.attachment.media_ref},
            "created_at": now,
            **identity,
            **values,
        },
    )
    if new is None:
        connection.execute(
            sa.update(table)
            .where(*(table.c[name] == value for name, value in identity.items()))
            .values(**values)
        )
    raise_alert(
        connection,
        account_id=job.attachment.account_id,
        channel_id=job.channel.id,
        kind="dead_letter",
        dedupe_key=_alert_key(job.attachment.id),
        title="A file of a message could not be fetched",
        body=str(error),
        action="Open the dead letters, mend the cause, fetch it again.",
    )


def resolve_letter(connection: Connection, account_id: int, attachment_id: int) -> None:
    """The file is there, or is asked for again: its dead letter and alert are over."""
    letters = connection.execute(
        sa.update(DeadLetter.__table__)
        .where(
            DeadLetter.kind == "media",
            DeadLetter.subject_id == attachment_id,
            DeadLetter.account_id == account_id,
            DeadLetter.state == "dead",
        )
        .values(state="resolved", updated_at=utcnow())
    )
    if letters.rowcount:
        resolve_alert(connection, account_id=account_id, dedupe_key=_alert_key(attachment_id))


def _alert_key(attachment_id: int) -> str:
    return f"dead_letter:media:{attachment_id}:"
