"""Accounts, users, tokens, sessions, and the first administrator."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from chatport.db import Database, utcnow
from chatport.db import tables as t
from chatport.errors import ConfigInvalid, ConfigurationError
from chatport.services import accounts, auth
from chatport.services.key_check import require_right_key
from chatport.vault import Vault


@pytest.fixture
def core(database_url: str) -> Iterator[Any]:
    made = SimpleNamespace(
        db=Database(database_url),
        vault=Vault(["the-first-key-0123"]),
        plugins=SimpleNamespace(providers={"fake": None}, resolve_key=lambda word: word),
        settings=SimpleNamespace(
            session_hours=2,
            public_url="https://chat.example",
            bootstrap_email=None,
            bootstrap_password=None,
            bootstrap_token=None,
        ),
    )
    t.Base.metadata.create_all(made.db.engine)
    yield made
    made.db.dispose()


def rows(core: Any, model: Any) -> list[Any]:
    with core.db.read() as connection:
        return list(connection.execute(sa.select(model.__table__).order_by(model.id)))


def agent(core: Any, account_id: int, email: str = "rosa@shop.test", role: str = "agent") -> int:
    return accounts.create_user(
        core, account_id=account_id, email=email, name="Rosa", role=role, password="long enough"
    )


def test_bootstrap_from_settings_is_done_once(core: Any) -> None:
    core.settings.bootstrap_email = "Boss@Shop.test"
    core.settings.bootstrap_password = "long enough"
    core.settings.bootstrap_token = "tok-12345678"

    first, second = accounts.bootstrap(core), accounts.bootstrap(core)

    assert first.user_id == second.user_id
    assert first.setup_url == ""
    assert [account.id for account in rows(core, t.Account)] == [1]
    signed_in = auth.authenticate_token(core, "tok-12345678")
    assert signed_in is not None
    assert auth.check_password(core, "boss@shop.TEST", "long enough") is not None
    with core.db.read() as connection:
        who = auth.principal(connection, signed_in.user_id, 1)
    assert who is not None
    assert who.is_administrator


def test_second_account_gets_an_id_of_its_own_after_bootstrap(core: Any) -> None:
    core.settings.bootstrap_email = "boss@shop.test"
    core.settings.bootstrap_token = "tok-12345678"
    accounts.bootstrap(core)

    assert accounts.create_account(core, "Second") == 2


def test_setup_link_works_once(core: Any) -> None:
    link = accounts.bootstrap(core).setup_url
    token = link.rsplit("/", 1)[1]
    who = {"email": "boss@shop.test", "name": "Boss", "password": "long enough"}

    assert accounts.setup_open(core, token)
    with pytest.raises(ConfigInvalid):
        accounts.complete_setup(core, token, **{**who, "password": "short"})
    assert accounts.complete_setup(core, token, **who) is not None
    assert accounts.complete_setup(core, token, **who) is None
    assert not accounts.setup_open(core, token)
    assert accounts.bootstrap(core).setup_url == ""
    assert token not in repr(accounts.Bootstrapped(setup_url=link))


def test_newer_setup_link_ends_the_older_one(core: Any) -> None:
    first = accounts.bootstrap(core).setup_url.rsplit("/", 1)[1]
    second = accounts.bootstrap(core).setup_url.rsplit("/", 1)[1]

    assert not accounts.setup_open(core, first)
    assert accounts.setup_open(core, second)


def test_token_is_stored_as_a_hash_and_can_be_revoked(core: Any) -> None:
    user_id = agent(core, accounts.create_account(core, "Shop"))
    token = accounts.create_token(core, user_id, "script")

    row = rows(core, t.AccessToken)[0]
    assert token not in str(row)
    assert auth.authenticate_token(core, token) is not None
    assert accounts.revoke_token(core, row.id) is True
    assert auth.authenticate_token(core, token) is None
    assert auth.authenticate_token(core, "") is None


def test_agent_sees_only_inboxes_that_he_is_a_member_of(core: Any) -> None:
    account_id = accounts.create_account(core, "Shop")
    user_id = agent(core, account_id)
    with core.db.read() as connection:
        who = auth.principal(connection, user_id, account_id)
        stranger = auth.principal(connection, user_id, account_id + 1)

    assert stranger is None
    assert who is not None
    assert who.inbox_ids == frozenset()
    assert not who.may_see(1)


def test_switched_off_user_is_nobody(core: Any) -> None:
    user_id = agent(core, accounts.create_account(core, "Shop"))
    token = accounts.create_token(core, user_id, "script")
    cookie, _ = auth.open_session(core, user_id)
    with core.db.write("off") as connection:
        connection.execute(sa.update(t.User).values(active=False))

    assert auth.authenticate_token(core, token) is None
    assert auth.find_session(core, cookie) is None
    assert auth.check_password(core, "rosa@shop.test", "long enough") is None


def test_session_ends_by_time_by_sign_out_and_by_a_new_password(core: Any) -> None:
    user_id = agent(core, accounts.create_account(core, "Shop"))
    first, _ = auth.open_session(core, user_id)
    second, _ = auth.open_session(core, user_id)
    third, _ = auth.open_session(core, user_id)
    auth.close_session(core, first)
    with core.db.write("age") as connection:
        oldest = sa.select(sa.func.max(t.UserSession.id)).scalar_subquery()
        connection.execute(
            sa.update(t.UserSession)
            .where(t.UserSession.id == oldest)
            .values(expires_at=utcnow() - timedelta(seconds=1))
        )

    assert auth.find_session(core, first) is None
    assert auth.find_session(core, second) is not None
    assert auth.find_session(core, third) is None
    accounts.set_password(core, user_id, "another one")
    assert auth.find_session(core, second) is None
    assert auth.check_password(core, "rosa@shop.test", "another one") is not None


@pytest.mark.parametrize(
    ("email", "role", "password", "field"),
    [
        ("no address", "agent", "long enough", "email"),
        ("a@b.c", "owner", "long enough", "role"),
        ("a@b.c", "agent", "short", "password"),
    ],
)
def test_user_that_cannot_be_is_refused_by_field(
    core: Any, email: str, role: str, password: str, field: str
) -> None:
    account_id = accounts.create_account(core, "Shop")
    with pytest.raises(ConfigInvalid) as caught:
        accounts.create_user(
            core, account_id=account_id, email=email, name="", role=role, password=password
        )
    assert list(caught.value.fields) == [field]


def test_adding_a_member_again_changes_no_role(core: Any) -> None:
    account_id = accounts.create_account(core, "Shop")
    user_id = agent(core, account_id, role="administrator")

    with pytest.raises(ConfigInvalid) as caught:
        agent(core, account_id)
    assert list(caught.value.fields) == ["email"]
    assert [row.role for row in rows(core, t.Membership)] == ["administrator"]

    accounts.create_user(
        core,
        account_id=account_id,
        email="rosa@shop.test",
        name="",
        role="agent",
        change_role=True,
        added_by=user_id,
    )
    assert [row.role for row in rows(core, t.Membership)] == ["agent"]
    told = [(row.action, row.user_id) for row in rows(core, t.AuditEntry)]
    assert told[-2:] == [("user.added", None), ("user.role_changed", user_id)]


def test_account_may_use_installed_providers_only(core: Any) -> None:
    account_id = accounts.create_account(core, "Shop", providers_allowed=["fake"])

    assert rows(core, t.Account)[0].providers_allowed == ["fake"]
    with pytest.raises(ConfigInvalid):
        accounts.allow_providers(core, account_id, ["missing"])
    accounts.allow_providers(core, account_id, None)
    assert rows(core, t.Account)[0].providers_allowed is None


def test_wrong_secret_key_refuses_to_start(core: Any) -> None:
    require_right_key(core)
    require_right_key(core)
    core.vault = Vault(["another-key-0123456", "the-first-key-0123"])
    require_right_key(core)
    core.vault = Vault(["another-key-0123456"])

    with pytest.raises(ConfigurationError, match="CHATPORT_SECRET_KEY"):
        require_right_key(core)
