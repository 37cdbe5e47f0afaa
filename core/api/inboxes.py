"""Inboxes: list, create, try, change, delete, health, templates, login, agents.

Owns: these routes. Must not know: how a provider does it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from ..db.tables import InboxMember, Membership
from ..db.types import utcnow
from ..db.upsert import insert_if_absent
from ..errors import PluginMissing, ProviderError
from ..schema import MASK, generated_names
from ..services import inboxes, pairing
from ..services.accounts import ADMINISTRATOR, audit
from ..services.channels import load_channel
from ..services.hook_calls import asked
from ..services.tasks.kinds_channel import take_steps
from ..vault import new_secret
from . import access, shapes
from .errors import ApiError
from .inputs import InboxCreate, InboxTest, InboxUpdate, MembersBody, PairingBody
from .outputs_inboxes import (
    ConnectionAnswer,
    HealthAnswer,
    InboxAnswer,
    InboxCreatedAnswer,
    InboxListAnswer,
    MembersAnswer,
    PairingAnswer,
    SecretsAnswer,
    StepsAnswer,
)
from .routing import Call, Routes
from .schemas import Told
from .shapes import seconds

routes = Routes("Inboxes")


@routes.add("GET", "/inboxes", answer=InboxListAnswer)
def list_inboxes(call: Call) -> Any:
    """All inboxes that you may see."""
    with call.core.db.read("inboxes") as connection:
        found = shapes.load_inboxes(connection, call.account_id, call.who.inbox_ids)
    administrator = call.who.is_administrator
    return {
        "payload": [
            shapes.inbox(call.core, row, channel, administrator=administrator)
            for row, channel in found
        ]
    }


@routes.add("POST", "/inboxes", body=InboxCreate, answer=InboxCreatedAnswer, role=ADMINISTRATOR)
def create_inbox(call: Call) -> Any:
    """Create an inbox. The service is asked first; what it refuses is not stored.

    Secrets that were made for the channel are in this answer and never again.
    """
    given = dict(call.body)
    channel = given.pop("channel")
    made = inboxes.create_inbox(
        call.core,
        account_id=call.account_id,
        name=given.pop("name"),
        provider=channel["provider"],
        phone_number=channel["phone_number"],
        provider_config=channel["provider_config"],
        callback_base_url=channel["callback_base_url"],
        settings=given,
        user_id=call.who.user_id,
    )
    return {
        **_shown(call, made.inbox_id),
        "connection_result": shapes.connection_answer(
            call.core, channel["provider"], made.connection
        ),
        "generated_secrets": dict(made.generated_secrets),
    }


def _shown(call: Call, inbox_id: int) -> dict[str, Any]:
    with call.core.db.read("inbox") as connection:
        row, channel = access.inbox(call, connection, inbox_id)
    return shapes.inbox(call.core, row, channel, administrator=call.who.is_administrator)


@routes.add("POST", "/inboxes/test", body=InboxTest, answer=ConnectionAnswer, role=ADMINISTRATOR)
def test_new_inbox(call: Call) -> Any:
    """Ask the service whether a configuration works. Nothing is stored."""
    channel = call.body["channel"]
    found = inboxes.try_config(
        call.core,
        account_id=call.account_id,
        provider=channel["provider"],
        phone_number=channel["phone_number"],
        provider_config=channel["provider_config"],
        callback_base_url=channel["callback_base_url"],
    )
    return shapes.connection_answer(call.core, channel["provider"], found)


@routes.add("GET", "/inboxes/<id:inbox_id>", answer=InboxAnswer)
def show_inbox(call: Call, inbox_id: int) -> Any:
    """An inbox."""
    return _shown(call, inbox_id)


@routes.add(
    "PATCH", "/inboxes/<id:inbox_id>", body=InboxUpdate, answer=InboxAnswer, role=ADMINISTRATOR
)
def update_inbox(call: Call, inbox_id: int) -> Any:
    """Change an inbox. A masked secret keeps the stored one; a replaced webhook secret works for a day beside the
    new one."""
    given = dict(call.body)
    channel = given.pop("channel", {})
    inboxes.update_inbox(
        call.core,
        account_id=call.account_id,
        inbox_id=inbox_id,
        name=given.pop("name", None),
        provider=channel.get("provider"),
        phone_number=channel.get("phone_number"),
        provider_config=channel.get("provider_config"),
        callback_base_url=channel.get("callback_base_url", MASK),
        active=channel.get("active"),
        settings=given,
        user_id=call.who.user_id,
    )
    return _shown(call, inbox_id)


@routes.add("DELETE", "/inboxes/<id:inbox_id>", answer=Told, role=ADMINISTRATOR)
def delete_inbox(call: Call, inbox_id: int) -> Any:
    """Delete an inbox. Its history stays for the audit; the service is tidied up afterwards."""
    inboxes.delete_inbox(
        call.core, account_id=call.account_id, inbox_id=inbox_id, user_id=call.who.user_id
    )
    return {"message": "Your inbox deletion request will be processed in some time."}


@routes.add("POST", "/inboxes/<id:inbox_id>/test", answer=ConnectionAnswer, role=ADMINISTRATOR)
def test_inbox(call: Call, inbox_id: int) -> Any:
    """Ask the service whether the stored configuration works."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    found = inboxes.try_config(
        call.core,
        account_id=call.account_id,
        provider=channel.provider,
        phone_number=channel.phone_number,
        provider_config=load_channel(call.core, channel).config,
        callback_base_url=channel.callback_base_url,
        inbox_id=inbox_id,
    )
    return shapes.connection_answer(call.core, channel.provider, found)


# --- health -----------------------------------------------------------------------------------------------------------


@routes.add("GET", "/inboxes/<id:inbox_id>/health", answer=HealthAnswer, role=ADMINISTRATOR)
def inbox_health(call: Call, inbox_id: int) -> Any:
    """Evidence about the channel: when something last came and went, and what the service says now."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    facts: list[dict[str, Any]] = []
    error, action = None, ""
    try:
        handle = call.core.plugins.provider(channel.provider)
        if handle.implements("check_health"):
            record = load_channel(call.core, channel)
            found = asked(call.core.settings.hook_time_limit, lambda: handle.check_health(record))
            facts = [asdict(fact) for fact in found]
    except (ProviderError, PluginMissing) as failure:
        error, action = str(failure), failure.action
    return {
        "connection": channel.connection,
        "connection_reason": channel.connection_reason,
        "connection_action": channel.connection_action,
        "connection_checked_at": seconds(channel.connection_checked_at),
        "last_event_at": seconds(channel.last_event_at),
        "last_send_at": seconds(channel.last_send_at),
        "last_refused_at": seconds(channel.last_refused_at),
        "refused_count": channel.refused_count,
        "paused_until": seconds(channel.paused_until),
        "pause_reason": channel.pause_reason,
        "facts": facts,
        "details": channel.facts or {},
        "notices": channel.notices or {},
        "provisioning": {
            key: value for key, value in (channel.provisioning or {}).items() if key != "steps"
        },
        "error": error,
        "action": action,
    }


@routes.add("POST", "/inboxes/<id:inbox_id>/sync_templates", answer=Told, role=ADMINISTRATOR)
def sync_templates(call: Call, inbox_id: int) -> Any:
    """Fetch the message templates from the service soon."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    handle = call.core.plugins.provider(channel.provider)
    if not handle.info.features.templates:
        raise ApiError(
            422,
            f"{handle.info.title} has no message templates.",
            code="templates",
            action="Write a message; none is needed here.",
        )
    inboxes.request_task(
        call.core, account_id=call.account_id, inbox_id=inbox_id, kind="sync_templates"
    )
    return {"message": "Template sync initiated successfully"}


@routes.add("POST", "/inboxes/<id:inbox_id>/register_webhook", answer=Told, role=ADMINISTRATOR)
def register_webhook(call: Call, inbox_id: int) -> Any:
    """Set the service up again: device, webhook address, secret."""
    _shown(call, inbox_id)
    inboxes.request_task(call.core, account_id=call.account_id, inbox_id=inbox_id, kind="provision")
    return {"message": "The service will be set up again in a moment."}


@routes.add("POST", "/inboxes/<id:inbox_id>/setup_steps", answer=StepsAnswer, role=ADMINISTRATOR)
def take_setup_steps(call: Call, inbox_id: int) -> Any:
    """What has to be done at the service by hand. Secret values are in the first answer only."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    steps = take_steps(call.core, call.account_id, channel.id)
    return {
        "payload": [
            {key: step[key] for key in ("title", "instruction", "values")} for step in steps
        ]
    }


@routes.add(
    "POST", "/inboxes/<id:inbox_id>/rotate_secrets", answer=SecretsAnswer, role=ADMINISTRATOR
)
def rotate_secrets(call: Call, inbox_id: int) -> Any:
    """Make new webhook secrets. The old ones work for a day beside them."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    names = sorted(generated_names(call.core.plugins.provider(channel.provider).info.schema))
    fresh = {name: new_secret() for name in names}
    inboxes.update_inbox(
        call.core,
        account_id=call.account_id,
        inbox_id=inbox_id,
        provider_config=fresh,
        user_id=call.who.user_id,
    )
    return {"generated_secrets": fresh}


# --- login ------------------------------------------------------------------------------------------------------------


@routes.add(
    "POST",
    "/inboxes/<id:inbox_id>/login",
    body=PairingBody,
    answer=PairingAnswer,
    role=ADMINISTRATOR,
)
def start_login(call: Call, inbox_id: int) -> Any:
    """Begin, or go on with, linking the phone: a QR code to scan, or a code to type."""
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    prompt = pairing.start_pairing(call.core, call.account_id, channel.id, call.body["method"])
    return shapes.pairing(prompt)


@routes.add("GET", "/inboxes/<id:inbox_id>/status", answer=ConnectionAnswer, role=ADMINISTRATOR)
def login_status(call: Call, inbox_id: int) -> Any:
    """Ask the service whether messages can be sent now."""
    return _login(call, inbox_id, pairing.connection_status)


@routes.add("POST", "/inboxes/<id:inbox_id>/logout", answer=ConnectionAnswer, role=ADMINISTRATOR)
def logout(call: Call, inbox_id: int) -> Any:
    """Unlink the phone."""
    return _login(call, inbox_id, pairing.logout)


@routes.add("POST", "/inboxes/<id:inbox_id>/reconnect", answer=ConnectionAnswer, role=ADMINISTRATOR)
def reconnect(call: Call, inbox_id: int) -> Any:
    """Ask the service to connect its session again."""
    return _login(call, inbox_id, pairing.reconnect)


def _login(call: Call, inbox_id: int, action: Any) -> Any:
    with call.core.db.read("inbox") as connection:
        _, channel = access.inbox(call, connection, inbox_id)
    found = action(call.core, call.account_id, channel.id)
    return shapes.connection_answer(call.core, channel.provider, found)


# --- agents of an inbox -----------------------------------------------------------------------------------------------


@routes.add("GET", "/inbox_members/<id:inbox_id>", answer=MembersAnswer)
def list_members(call: Call, inbox_id: int) -> Any:
    """Agents who may see an inbox. Administrators see all inboxes and are not listed."""
    with call.core.db.read("inbox members") as connection:
        access.inbox(call, connection, inbox_id)
        return {"payload": _members(call, connection, inbox_id)}


def _members(call: Call, connection: sa.Connection, inbox_id: int) -> list[dict[str, Any]]:
    ids = connection.execute(
        sa.select(InboxMember.user_id).where(InboxMember.inbox_id == inbox_id)
    ).scalars()
    return shapes.load_agents(connection, call.account_id, list(ids))


@routes.add("POST", "/inbox_members", body=MembersBody, answer=MembersAnswer, role=ADMINISTRATOR)
def add_members(call: Call) -> Any:
    """Let agents see an inbox."""
    return _change_members(call, add=True)


@routes.add("PATCH", "/inbox_members", body=MembersBody, answer=MembersAnswer, role=ADMINISTRATOR)
def replace_members(call: Call) -> Any:
    """Let exactly these agents see an inbox."""
    return _change_members(call, add=True, replace=True)


@routes.add("DELETE", "/inbox_members", body=MembersBody, answer=MembersAnswer, role=ADMINISTRATOR)
def remove_members(call: Call) -> Any:
    """Let agents see an inbox no more."""
    return _change_members(call, add=False)


def _change_members(call: Call, *, add: bool, replace: bool = False) -> Any:
    inbox_id, wanted = call.body["inbox_id"], set(call.body["user_ids"])
    table = InboxMember.__table__
    with call.core.db.write("inbox members") as connection:
        access.inbox(call, connection, inbox_id)
        known = set(
            connection.execute(
                sa.select(Membership.user_id).where(
                    Membership.account_id == call.account_id, Membership.user_id.in_(wanted)
                )
            ).scalars()
        )
        if wanted - known:
            raise ApiError(
                422,
                "Not all of these users belong to the account.",
                errors={"user_ids": [f"Unknown: {', '.join(map(str, sorted(wanted - known)))}."]},
            )
        mine = sa.and_(table.c.inbox_id == inbox_id)
        if replace:
            connection.execute(sa.delete(table).where(mine, table.c.user_id.not_in(wanted)))
        if not add:
            connection.execute(sa.delete(table).where(mine, table.c.user_id.in_(wanted)))
        for user_id in sorted(wanted) if add else ():
            values = {"inbox_id": inbox_id, "user_id": user_id, "created_at": utcnow()}
            insert_if_absent(connection, table, values)
        audit(
            connection,
            "inbox.members_changed",
            account_id=call.account_id,
            user_id=call.who.user_id,
            subject=f"inbox:{inbox_id}",
        )
        return {"payload": _members(call, connection, inbox_id)}
