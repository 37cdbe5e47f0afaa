"""``chatport message send``.

Owns: the command: from a number or conversation to a stored message, and waiting for what became of it. Must not know:
how a message is sent.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Row

from ..context import Core
from ..db.tables import Conversation, Inbox, Message
from ..db.types import utcnow
from ..errors import ConfigInvalid
from ..identities import phone
from ..phones import e164
from ..services import contacts, conversations, outbox
from .channels import find_channel
from .failures import ExitCode, missing
from .ids import ID
from .opening import open_core, require_account
from .output import answer, answering, details
from .secrets_in import read_object, read_text

#: Statuses of a message that is still on its way to the service.
UNDER_WAY = ("queued", "sending", "retrying")
FAILED = ("failed", "unknown")
_EVERY = 0.2


@click.group()
def message() -> None:
    """Messages."""


@message.command()
@click.option("--channel", metavar="CHANNEL", help="Send from this channel (id or +number).")
@click.option("--to", metavar="NUMBER", help="With --channel: the recipient, with + and country.")
@click.option("--conversation", type=ID, metavar="NUMBER", help="Send in this conversation.")
@click.option(
    "--account",
    "account_id",
    type=ID,
    default=1,
    show_default=True,
    help="With --conversation: its account.",
)
@click.option("--text", help="The text, or the caption of --file.")
@click.option("--text-file", metavar="FILE", help="File with the text; - reads standard input.")
@click.option(
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    help="A file to send; repeat for several.",
)
@click.option(
    "--template-file", metavar="FILE", help="JSON object of a template's name, language and values."
)
@click.option("--private", is_flag=True, help="A note for colleagues, not sent to the customer.")
@click.option("--idempotency-key", metavar="KEY", help="The same key never sends twice.")
@click.option(
    "--wait",
    type=click.FloatRange(0, 3600),
    metavar="SECONDS",
    help="Wait so long until the service took it; exit code 1 when it failed or is not sent then.",
)
@answering
@click.pass_context
def send(
    context: click.Context,
    channel: str | None,
    to: str | None,
    conversation: int | None,
    account_id: int,
    text: str | None,
    text_file: str | None,
    files: tuple[Path, ...],
    template_file: str | None,
    private: bool,
    idempotency_key: str | None,
    wait: float | None,
) -> None:
    """Send a message: to a number from a channel, or in a conversation.

    It is stored here and sent by the workers of a running Chatport.
    """
    if (conversation is None) == (channel is None or to is None):
        raise click.UsageError("Give --channel and --to, or --conversation.")
    if text is not None and text_file is not None:
        raise click.UsageError("--text and --text-file exclude each other.")
    content = read_text(text_file).rstrip("\n") if text_file is not None else text
    template = None if template_file is None else read_object(template_file)
    with open_core() as core:
        if conversation is not None:
            require_account(core, account_id)
            found = _conversation(core, account_id, conversation)
        else:
            assert channel is not None and to is not None
            found = _conversation_with(core, find_channel(core, channel), to)
        ids = _store(core, found, content, files, template, private, idempotency_key)
        rows = _await(core, ids, 0.0 if wait is None else wait)
    answer(
        {
            "conversation_id": found.display_id,
            "messages": [dict(row._mapping) for row in rows],
        },
        [line for row in rows for line in details(dict(row._mapping))],
    )
    if any(row.status in FAILED or (wait and row.status in UNDER_WAY) for row in rows):
        context.exit(ExitCode.FAILED)


def _conversation(core: Core, account_id: int, number: int) -> Row[Any]:
    with core.db.read("find conversation") as connection:
        row = connection.execute(
            sa.select(Conversation.__table__).where(
                Conversation.account_id == account_id, Conversation.display_id == number
            )
        ).first()
    if row is None:
        raise missing(
            f"There is no conversation {number} in account {account_id}.",
            "Its number is in the address of its page.",
        )
    return row


def _conversation_with(core: Core, channel: Row[Any], to: str) -> Row[Any]:
    """The open conversation with a number, made where there is none; the contact as well."""
    number = e164(to)
    if number is None:
        raise ConfigInvalid(
            {"to": ["Give the number with + and country code, such as +4915112340001."]}
        )
    with core.db.write("conversation to send in") as connection:
        inbox = connection.execute(
            sa.select(Inbox.__table__).where(Inbox.id == channel.inbox_id)
        ).one()
        contact = contacts.resolve(connection, channel.account_id, [phone(number)])
        contacts.ensure_contact_inbox(connection, contact.id, inbox.id, number.lstrip("+"))
        row, _ = conversations.get_or_create(
            connection,
            account_id=channel.account_id,
            inbox=inbox,
            contact_id=contact.id,
            at=utcnow(),
        )
    return row


def _store(
    core: Core,
    conversation: Row[Any],
    content: str | None,
    files: Sequence[Path],
    template: Mapping[str, Any] | None,
    private: bool,
    idempotency_key: str | None,
) -> list[int]:
    with ExitStack() as opened:
        uploads = [
            outbox.Upload(path.name, "", opened.enter_context(path.open("rb"))) for path in files
        ]
        return outbox.create_message(
            core,
            account_id=conversation.account_id,
            conversation_id=conversation.id,
            user_id=None,
            content=content,
            private=private,
            attachments=uploads,
            template_params=template,
            idempotency_key=idempotency_key,
            request_hash=_fingerprint(conversation.id, content, files, template, private),
        )


def _fingerprint(
    conversation_id: int,
    content: str | None,
    files: Sequence[Path],
    template: Mapping[str, Any] | None,
    private: bool,
) -> str:
    """Hash of what is asked for: the same key with another request is refused."""
    asked = [conversation_id, content, template, private]
    whole = hashlib.sha256(json.dumps(asked, sort_keys=True).encode())
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def _await(core: Core, ids: list[int], seconds: float) -> list[Row[Any]]:
    """The messages, once none is under way any more or the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        with core.db.read("look at messages") as connection:
            rows: list[Row[Any]] = list(
                connection.execute(
                    sa.select(
                        Message.id,
                        Message.status,
                        Message.source_id,
                        Message.external_error,
                        Message.error_code,
                        Message.error_action,
                    )
                    .where(Message.id.in_(ids))
                    .order_by(Message.id)
                )
            )
        if time.monotonic() >= deadline or not any(row.status in UNDER_WAY for row in rows):
            return rows
        time.sleep(_EVERY)
