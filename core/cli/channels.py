"""``chatport channel``: WhatsApp numbers and the inboxes that they belong to.

Owns: the commands, and how a configuration is put together from file, options and prompts. Must not know: what a
provider needs; its schema tells.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.engine import Row

from .. import channels as vocabulary
from ..context import Core
from ..db.tables import Channel, Inbox
from ..errors import PluginMissing
from ..phones import e164
from ..plugins.handle import ProviderHandle
from ..schema import describe
from ..services import inboxes
from ..services.channels import callback_url, masked_config
from .failures import ExitCode, missing
from .ids import ID, LARGEST
from .opening import open_core, require_account
from .output import answer, answering, details, note, printable, table
from .secrets_in import ask, can_ask, from_variable, read_object

_JOINED = (
    Channel.id,
    Channel.account_id,
    Channel.phone_number,
    Channel.provider,
    Channel.provider_config,
    Channel.provider_secrets,
    Channel.callback_base_url,
    Channel.active,
    Channel.connection,
    Channel.connection_reason,
    Channel.connection_action,
    Channel.paused_until,
    Channel.pause_reason,
    Channel.last_event_at,
    Channel.last_send_at,
    Inbox.id.label("inbox_id"),
    Inbox.name,
)
#: Told by ``channel show`` only.
_MORE = (
    Channel.connection_checked_at,
    Channel.facts,
    Channel.templates_error,
    Channel.refused_count,
    Channel.last_refused_at,
    Channel.created_at,
)
_HIDDEN = ("provider_config", "provider_secrets")


@click.group()
def channel() -> None:
    """WhatsApp numbers, each with its inbox."""


def find_channel(core: Core, word: str) -> Row[Any]:
    """A live channel by its id, or by its number with plus.

    :raises NotFound: there is none.
    """
    query = sa.select(*_JOINED).join(Inbox, Inbox.channel_id == Channel.id)
    number = e164(word)
    if number is not None:
        query = query.where(Channel.phone_number == number)
    elif word.isascii() and word.isdigit() and len(word) < 20 and 0 < int(word) <= LARGEST:
        query = query.where(Channel.id == int(word))
    else:
        raise click.UsageError(f"{word[:40]!r} is neither a channel's id nor a number with +.")
    with core.db.read("find channel") as connection:
        row = connection.execute(query.where(Channel.deleted_at.is_(None))).first()
    if row is None:
        raise missing(f"There is no channel {word}.", "List them with: chatport channel list")
    return row


# --- list -------------------------------------------------------------------------------------------------------------


@channel.command("list")
@click.option("--account", "account_id", type=ID, help="Of this account only.")
@answering
def list_channels(account_id: int | None) -> None:
    """List channels with the state of their connection."""
    query = sa.select(*_JOINED).join(Inbox, Inbox.channel_id == Channel.id)
    query = query.where(Channel.deleted_at.is_(None)).order_by(Channel.id)
    if account_id is not None:
        query = query.where(Channel.account_id == account_id)
    with open_core() as core:
        if account_id is not None:
            require_account(core, account_id)
        with core.db.read("list channels") as connection:
            rows = connection.execute(query).all()
        documents = [_document(core, row) for row in rows]
    answer(
        {"channels": documents},
        table(
            ("id", "account", "number", "provider", "inbox", "connection", "last event"),
            [
                (
                    row.id,
                    row.account_id,
                    row.phone_number,
                    row.provider,
                    row.name,
                    row.connection if row.active else "switched off",
                    row.last_event_at,
                )
                for row in rows
            ],
            empty="There is no channel. Make one with: chatport channel add",
        ),
    )


def _document(core: Core, row: Row[Any]) -> dict[str, Any]:
    document = {name: value for name, value in row._mapping.items() if name not in _HIDDEN}
    url = callback_url(core, row.phone_number, row.callback_base_url)
    return {**document, "callback_url": url}


# --- show -------------------------------------------------------------------------------------------------------------


@channel.command("show")
@click.argument("channel_", metavar="CHANNEL")
@answering
def show_channel(channel_: str) -> None:
    """Show CHANNEL (id or +number): connection, configuration with secrets masked, what it received and sent."""
    with open_core() as core:
        found = find_channel(core, channel_)
        with core.db.read("show channel") as connection:
            more = connection.execute(sa.select(*_MORE).where(Channel.id == found.id)).one()
        document = {
            **_document(core, found),
            **more._mapping,
            "provider_config": _shown_config(core, found),
        }
    answer(document, details({name.replace("_", " "): text for name, text in document.items()}))


def _shown_config(core: Core, row: Row[Any]) -> dict[str, Any]:
    """The configuration with masks for secrets; its public part where the provider is not installed."""
    try:
        handle = core.plugins.provider(row.provider)
    except PluginMissing as error:
        note(f"{error} {error.action}".strip())
        return dict(row.provider_config or {})
    return masked_config(handle, row, core)


# --- add --------------------------------------------------------------------------------------------------------------


@channel.command("add")
@click.option("--account", "account_id", type=ID, default=1, show_default=True)
@click.option("--provider", required=True, metavar="KEY", help="See: chatport plugins")
@click.option("--phone", required=True, metavar="NUMBER", help="The number, with + and country.")
@click.option("--name", required=True, help="Name of the inbox.")
@click.option(
    "--config-file",
    metavar="FILE",
    help="JSON object of the provider's configuration, secrets included; - reads standard input.",
)
@click.option(
    "--set",
    "plain",
    multiple=True,
    metavar="FIELD=VALUE",
    help="A field that is no secret; repeat for several.",
)
@click.option(
    "--secret-env",
    multiple=True,
    metavar="FIELD=VARIABLE",
    help="Take a secret field from a variable of the environment; repeat for several.",
)
@click.option(
    "--callback-base-url",
    metavar="URL",
    help="Where the service reaches Chatport, if not at CHATPORT_PUBLIC_URL.",
)
@answering
def add(
    account_id: int,
    provider: str,
    phone: str,
    name: str,
    config_file: str | None,
    plain: tuple[str, ...],
    secret_env: tuple[str, ...],
    callback_base_url: str | None,
) -> None:
    """Connect a number: ask the service whether the configuration works, then make the channel and its inbox.

    Secrets that are needed and not given are asked for. Secrets that Chatport makes itself are printed once.
    """
    with open_core() as core:
        require_account(core, account_id)
        handle = _handle(core, provider)
        config = _config(handle, config_file, plain, secret_env)
        made = inboxes.create_inbox(
            core,
            account_id=account_id,
            name=name,
            provider=handle.key,
            phone_number=phone,
            provider_config=config,
            callback_base_url=callback_base_url,
        )
        row = find_channel(core, str(made.channel_id))
        url = callback_url(core, row.phone_number, row.callback_base_url)
    document = {
        "channel_id": made.channel_id,
        "inbox_id": made.inbox_id,
        "account_id": account_id,
        "phone_number": row.phone_number,
        "callback_url": url,
        "connection": _connection(made.connection),
        "generated_secrets": dict(made.generated_secrets),
    }
    lines = [f"Made channel {made.channel_id} with inbox {made.inbox_id}."]
    lines += details({"events come to": url, **_words(made.connection)})
    if made.generated_secrets:
        lines.append("Made for it, and not shown again:")
        lines += details({f"  {key}": value for key, value in made.generated_secrets.items()})
    answer(document, lines)


def _handle(core: Core, word: str) -> ProviderHandle:
    try:
        return core.plugins.provider(word.strip())
    except PluginMissing as error:
        installed = ", ".join(sorted(core.plugins.providers)) or "none"
        raise missing(str(error), f"Installed are: {installed}. {error.action}") from None


def _config(
    handle: ProviderHandle,
    config_file: str | None,
    plain: tuple[str, ...],
    secret_env: tuple[str, ...],
) -> dict[str, Any]:
    """The configuration; options win over the file."""
    form = {field.name: field for field in describe(handle.info.schema)}
    config = {} if config_file is None else read_object(config_file)
    for key, value in _pairs("--set", plain).items():
        if key in form and form[key].secret:
            raise click.UsageError(
                f"{key} is a secret, and arguments can be read by every user of this machine: give it by"
                " --config-file or --secret-env."
            )
        config[key] = value
    for key, variable in _pairs("--secret-env", secret_env).items():
        config[key] = from_variable(variable)
    for field in form.values():
        if field.secret and field.required and field.name not in config and can_ask():
            config[field.name] = ask(field.label)
    return config


def _pairs(option: str, given: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise click.UsageError(f"{option} needs FIELD=…")
        found[key.strip()] = value
    return found


# --- test -------------------------------------------------------------------------------------------------------------


@channel.command("test")
@click.argument("channel_", metavar="CHANNEL")
@answering
@click.pass_context
def test_channel(context: click.Context, channel_: str) -> None:
    """Ask the service of CHANNEL (id or +number) now whether messages can be sent. Changes nothing.

    Exit code 1 when they cannot.
    """
    with open_core() as core:
        row = find_channel(core, channel_)
        handle = core.plugins.provider(row.provider)
        found = inboxes.try_config(
            core,
            account_id=row.account_id,
            provider=row.provider,
            phone_number=row.phone_number,
            provider_config=masked_config(handle, row, core),
            callback_base_url=row.callback_base_url,
            inbox_id=row.inbox_id,
        )
    answer(
        {
            "channel_id": row.id,
            "phone_number": row.phone_number,
            "connection": _connection(found),
        },
        details({"channel": f"{row.id} {row.phone_number}", **_words(found)}),
    )
    if not row.active:
        note("The channel is switched off: it keeps what it receives without applying it.")
    if not found.connected:
        context.exit(ExitCode.FAILED)


def _connection(found: vocabulary.Connection) -> dict[str, Any]:
    document = dataclasses.asdict(dataclasses.replace(found, facts=dict(found.facts), state={}))
    del document["state"]  # what a plugin keeps for itself
    return document


def _words(found: vocabulary.Connection) -> Mapping[str, Any]:
    state = "connected" if found.connected else "not connected"
    return {
        "connection": f"{state}: {found.reason}" if found.reason else state,
        "what to do": "" if found.connected else found.action,
        "linked number": found.linked_number,
        **{str(key): value for key, value in found.facts.items()},
    }


# --- delete -----------------------------------------------------------------------------------------------------------


@channel.command("delete")
@click.argument("channel_", metavar="CHANNEL")
@click.option("--yes", is_flag=True, help="Do not ask.")
@answering
def delete_channel(channel_: str, yes: bool) -> None:
    """Delete CHANNEL (id or +number) with its inbox: nothing is received or sent any more.

    The number is free for another channel then; conversations are kept for the audit and not shown. Asks first.
    """
    with open_core() as core:
        row = find_channel(core, channel_)
        if not yes:
            _confirm_delete(row)
        inboxes.delete_inbox(core, account_id=row.account_id, inbox_id=row.inbox_id)
    answer(
        {
            "channel_id": row.id,
            "inbox_id": row.inbox_id,
            "phone_number": row.phone_number,
            "deleted": True,
        },
        f"Deleted channel {row.id} ({row.phone_number}) with inbox {row.name}."
        " What was set up at its service is undone by the workers.",
    )


def _confirm_delete(row: Row[Any]) -> None:
    if not can_ask():
        raise click.UsageError(
            "Nobody can be asked here whether the channel is to be deleted: give --yes to delete it."
        )
    click.confirm(
        printable(f"Delete channel {row.id}, {row.phone_number}, with inbox {row.name}?"),
        abort=True,
        err=True,
    )
