"""The application around a fake provider, and a client that holds every answer against its declared schema."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from flask import Flask
from marshmallow import Schema
from services.fake_provider import World, make_world
from werkzeug.test import TestResponse

from chatport.api.routing import Route, Routes
from chatport.api.schemas import ErrorAnswer
from chatport.app import create_app
from chatport.context import Core
from chatport.db import tables as t
from chatport.db.upsert import insert
from chatport.services import accounts
from chatport.services.bells import Bells
from chatport.services.current import EXTENSION
from chatport.services.live import Live
from chatport.settings import Settings


@dataclass
class Api:
    """One application with an account (see ``World``), a second account, and a token for each person.

    ``ana`` is administrator of the first account, ``bob`` an agent without inboxes, ``eve`` the second's administrator.
    """

    world: World
    app: Flask
    tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=dict)
    other_account_id: int = 0

    def call(
        self, method: str, path: str, *, as_: str = "ana", status: int | None = 200, **more: Any
    ) -> Any:
        """Call the API below ``/api/v1``; a path without ``/`` in front is below the first account.

        :param status: what must come; ``None`` for anything.
        :returns: the decoded answer, or the bytes of a file.
        """
        response = self.raw(method, path, as_=as_, **more)
        if status is not None:
            assert response.status_code == status, (method, path, response.get_data(as_text=True))
        return response.get_json() if response.is_json else response.get_data()

    def raw(self, method: str, path: str, *, as_: str = "ana", **more: Any) -> TestResponse:
        """The response, checked against the schema that its route declares."""
        address = path if path.startswith("/") else f"/accounts/{self.world.account_id}/{path}"
        headers = {**more.pop("headers", {})}
        if as_:
            headers["api_access_token"] = self.tokens[as_]
        response = self.app.test_client().open(
            f"/api/v1{address}", method=method, headers=headers, **more
        )
        self._check(method, address, response)
        return response

    def get(self, path: str, **more: Any) -> Any:
        return self.call("GET", path, **more)

    def post(self, path: str, body: Any = None, **more: Any) -> Any:
        return self.call("POST", path, **({} if body is None else {"json": body}), **more)

    def patch(self, path: str, body: Any, **more: Any) -> Any:
        return self.call("PATCH", path, json=body, **more)

    def delete(self, path: str, **more: Any) -> Any:
        return self.call("DELETE", path, **more)

    def refused(self, method: str, path: str, status: int, **more: Any) -> Any:
        """An error's body."""
        return self.call(method, path, status=status, **more)

    def let_in(self, name: str) -> None:
        """Make a person a member of the first account's inbox."""
        with self.world.core.db.write("let in") as connection:
            insert(
                connection,
                t.InboxMember.__table__,
                {"inbox_id": self.world.inbox_id, "user_id": self.users[name]},
            )

    def number(self, conversation_id: int | None = None) -> int:
        """The number of a conversation in its account."""
        wanted = conversation_id or self.world.conversation_id
        return int(self.world.one(t.Conversation, t.Conversation.id == wanted).display_id)

    @property
    def chat(self) -> str:
        """The path of the conversation with Rina."""
        return f"conversations/{self.number()}"

    def close(self) -> None:
        self.world.core.db.dispose()

    def _check(self, method: str, address: str, response: TestResponse) -> None:
        if not response.is_json:
            return
        if response.status_code >= 400:
            _matches(ErrorAnswer, response.get_json(), f"{method} {address}")
            return
        endpoint, _ = self.app.url_map.bind("test").match(
            f"/api/v1{address.partition('?')[0]}", method=method
        )
        route = route_of(endpoint)
        assert response.status_code == route.status
        if route.answer is not None and response.get_json() is not None:
            _matches(route.answer, response.get_json(), f"{method} {address}", many=route.many)


def route_of(endpoint: str) -> Route:
    """The declared route of an endpoint."""
    return next(route for route in Routes.all if f"api.{route.name}" == endpoint)


def _matches(schema: type[Schema], body: Any, what: str, *, many: bool = False) -> None:
    """No key is missing, wrong or undeclared."""
    problems = schema(many=many).validate(body)
    assert problems == {}, (what, problems)


#: Building the map of all routes takes longer than most tests; the application of the first test serves the others.
_shared: list[Flask] = []


def _application(core: Core, *, own: bool) -> Flask:
    if own:
        return create_app(core)
    if not _shared:
        _shared.append(create_app(core))
    _shared[0].extensions[EXTENSION]._core = core
    return _shared[0]


def make_api(database_url: str, folder: Path, *, own_app: bool = False) -> Api:
    """A new installation in an empty database.

    :param own_app: an application that nobody else uses, for tests that change it or receive webhooks.
    """
    world = make_world(database_url, folder)
    settings = Settings.from_env(
        {},
        data_dir=str(folder),
        database_url=database_url,
        public_url="https://chat.example",
        secret_keys="only-for-the-settings-of-tests",
        max_media_bytes="100000",
        hook_time_limit="5",
    )
    small = world.core
    world.core = Core(
        settings=settings,
        db=small.db,
        plugins=small.plugins,
        bells=Bells(None),
        vault=small.vault,
        live=Live(None),
        storage=small.storage,
    )
    world.set(t.Account, last_display_id=100)
    app = _application(world.core, own=own_app)
    app.testing = True
    api = Api(world, app)
    api.other_account_id = accounts.create_account(world.core, "Other")
    api.users = {
        "ana": world.user_id,
        "bob": _user(world, world.account_id, "bob", "agent"),
        "eve": _user(world, api.other_account_id, "eve", "administrator"),
    }
    api.tokens = {
        name: accounts.create_token(world.core, user_id, "test")
        for name, user_id in api.users.items()
    }
    return api


def _user(world: World, account_id: int, name: str, role: str) -> int:
    return accounts.create_user(
        world.core, account_id=account_id, email=f"{name}@example.com", name=name, role=role
    )


def snapshot(api: Api, account_id: int) -> dict[str, list[Any]]:
    """All rows that belong to an account, to see that nothing changed."""
    found = {}
    with api.world.core.db.read() as connection:
        for table in t.Base.metadata.sorted_tables:
            if "account_id" in table.c:
                query = sa.select(table).where(table.c.account_id == account_id)
                found[table.name] = [tuple(row) for row in connection.execute(query)]
    return found
