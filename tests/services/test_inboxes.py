"""Inboxes and their channels: trying, creating, changing, deleting."""

from __future__ import annotations

from typing import Any

import pytest
from services.fake_provider import NUMBER, World

from chatport import errors as e
from chatport.channels import Connection
from chatport.db import tables as t
from chatport.schema import MASK
from chatport.services import inboxes
from chatport.services.outbox.errors import NotFound
from chatport.services.pairing import WrongNumber

OTHER = "+4915112340001"


def create(world: World, **more: Any) -> inboxes.CreatedInbox:
    return inboxes.create_inbox(
        world.core,
        **{
            "account_id": world.account_id,
            "name": "Support",
            "provider": "fake",
            "phone_number": OTHER,
            "provider_config": {"webhook_verify_token": "my-own-secret"},
            **more,
        },
    )


def channel(world: World, made: inboxes.CreatedInbox) -> Any:
    return world.one(t.Channel, t.Channel.id == made.channel_id)


def test_create_asks_the_service_first_and_stores_secrets_sealed(world: World) -> None:
    made = create(world)

    row = channel(world, made)
    assert row.connection == "connected"
    assert "my-own-secret" not in str(row)
    assert world.core.vault.open(row.provider_secrets) == {"webhook_verify_token": "my-own-secret"}
    assert world.core.vault.open(row.auth_secrets)["webhook"] == ["my-own-secret"]
    assert row.auth_scheme["kind"] == "header_secret"
    tasks = {task.kind for task in world.rows(t.Task, t.Task.channel_id == made.channel_id)}
    assert tasks >= {"provision", "poll_connection"}


def test_create_gives_the_hook_what_it_needs(world: World) -> None:
    create(world, callback_base_url="http://10.0.0.1:5000/")

    [(_, given)] = [call for call in world.provider.calls if call[0] == "validate_config"]
    assert (given.id, given.phone_number) == (0, OTHER)
    assert given.callback_url == "http://10.0.0.1:5000/webhooks/whatsapp/4915112340001"
    assert given.config["webhook_verify_token"] == "my-own-secret"


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": " "}, "name"),
        ({"provider": "nobody"}, "provider"),
        ({"phone_number": "12345"}, "phone_number"),
        ({"phone_number": NUMBER}, "phone_number"),
        ({"provider_config": {"unknown": 1}}, "unknown"),
        ({"provider_config": {"api_base_url": 5}}, "api_base_url"),
        ({"callback_base_url": "ftp://x"}, "callback_base_url"),
    ],
)
def test_create_refuses_by_field_and_stores_nothing(
    world: World, more: dict[str, Any], field: str
) -> None:
    with pytest.raises(e.ConfigInvalid) as caught:
        create(world, **more)

    assert list(caught.value.fields) == [field]
    assert len(world.rows(t.Channel)) == 1


def test_create_stores_nothing_when_the_service_refuses(world: World) -> None:
    world.provider.answers["validate_config"] = e.AuthenticationFailed("wrong password")
    with pytest.raises(e.AuthenticationFailed):
        create(world)

    world.provider.answers["validate_config"] = Connection(True, linked_number="+1555000000")
    with pytest.raises(WrongNumber):
        create(world)
    assert len(world.rows(t.Channel)) == 1


def test_create_accepts_a_service_that_waits_for_its_login(world: World) -> None:
    world.provider.answers["validate_config"] = Connection(
        False, login_required=True, state={"device_id": "d1"}
    )
    made = create(world)

    row = channel(world, made)
    assert (row.connection, row.state) == ("login_required", {"device_id": "d1"})


def test_create_respects_the_providers_of_an_account(world: World) -> None:
    world.set(t.Account, providers_allowed=["other"])

    with pytest.raises(e.ConfigInvalid, match="not open to this account"):
        create(world)


def test_update_keeps_masked_secrets_and_what_is_left_out(world: World) -> None:
    made = create(world)
    inboxes.update_inbox(
        world.core,
        account_id=world.account_id,
        inbox_id=made.inbox_id,
        name="Sales",
        provider_config={"webhook_verify_token": MASK, "api_base_url": "http://new.test"},
    )

    row = channel(world, made)
    assert row.provider_config["api_base_url"] == "http://new.test"
    assert world.core.vault.open(row.provider_secrets)["webhook_verify_token"] == "my-own-secret"
    assert world.one(t.Inbox, t.Inbox.id == made.inbox_id).name == "Sales"
    assert row.previous_secrets is None


def test_update_of_the_webhook_secret_keeps_the_old_one_for_a_while(world: World) -> None:
    made = create(world)
    inboxes.update_inbox(
        world.core,
        account_id=world.account_id,
        inbox_id=made.inbox_id,
        provider_config={"webhook_verify_token": "the-new-secret"},
    )

    row = channel(world, made)
    assert world.core.vault.open(row.previous_secrets)["webhook"] == ["my-own-secret"]
    assert row.previous_secrets_until is not None


def test_update_that_the_service_refuses_changes_nothing(world: World) -> None:
    made = create(world)
    world.provider.answers["validate_config"] = e.ServiceUnreachable("nobody answers")
    with pytest.raises(e.ServiceUnreachable):
        inboxes.update_inbox(
            world.core,
            account_id=world.account_id,
            inbox_id=made.inbox_id,
            name="Changed",
            provider_config={"api_base_url": "http://gone.test"},
        )

    assert world.one(t.Inbox, t.Inbox.id == made.inbox_id).name == "Support"


def test_update_of_settings_asks_nobody(world: World) -> None:
    made = create(world)
    before = len(world.provider.calls)
    answer = inboxes.update_inbox(
        world.core,
        account_id=world.account_id,
        inbox_id=made.inbox_id,
        active=False,
        settings={"read_receipts": "never", "account_id": 99},
    )

    assert answer is None
    assert len(world.provider.calls) == before
    assert channel(world, made).active is False
    inbox = world.one(t.Inbox, t.Inbox.id == made.inbox_id)
    assert (inbox.read_receipts, inbox.account_id) == ("never", world.account_id)


def test_delete_frees_the_number_and_undoes_the_setting_up(world: World) -> None:
    made = create(world)
    inboxes.delete_inbox(world.core, account_id=world.account_id, inbox_id=made.inbox_id)

    assert world.one(t.Task, t.Task.kind == "unprovision").channel_id == made.channel_id
    with pytest.raises(NotFound):
        inboxes.delete_inbox(world.core, account_id=world.account_id, inbox_id=made.inbox_id)
    assert create(world).channel_id != made.channel_id


def test_inboxes_stay_inside_their_account(world: World) -> None:
    made = create(world)
    stranger = {"account_id": world.account_id + 1, "inbox_id": made.inbox_id}

    with pytest.raises(NotFound):
        inboxes.update_inbox(world.core, **stranger, name="x")
    with pytest.raises(NotFound):
        inboxes.delete_inbox(world.core, **stranger)
    with pytest.raises(NotFound):
        inboxes.request_task(world.core, **stranger, kind="provision")


def test_try_config_stores_nothing(world: World) -> None:
    found = inboxes.try_config(
        world.core,
        account_id=world.account_id,
        provider="fake",
        phone_number=OTHER,
        provider_config={},
    )

    assert found.connected
    assert len(world.rows(t.Channel)) == 1
