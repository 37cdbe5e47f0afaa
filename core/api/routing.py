"""Declaring routes: method, address, who may call, what comes in and goes out.

Owns: authentication and rights before a route's own code runs, reading requests by schema, the list of routes from
which the OpenAPI document is made. Must not know: what single routes do.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from flask import Blueprint, Response, jsonify, request
from marshmallow import EXCLUDE, Schema
from werkzeug.routing import IntegerConverter

from ..db.flask import db
from ..services.accounts import ADMINISTRATOR, AGENT
from ..services.auth import Principal, SignedIn, authenticate_token, principal
from ..services.current import current_core
from .errors import ApiError, not_found
from .requests import read_body, read_query

if TYPE_CHECKING:
    from ..context import Core

ACCOUNT_PREFIX = "/accounts/<id:account_id>"
TOKEN_HEADER = "api_access_token"  # noqa: S105 (a header's name)


class IdConverter(IntegerConverter):
    """An id in an address; larger than any database key is simply not there."""

    def __init__(self, url_map: Any, **options: Any) -> None:
        super().__init__(url_map, max=2**63 - 1, **options)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated call of a route.

    :param query: the query string, loaded by the route's schema.
    :param body: the body, loaded by the route's schema.
    """

    core: Core
    user: SignedIn
    who: Principal
    query: dict[str, Any]
    body: dict[str, Any]

    @property
    def account_id(self) -> int:
        """The account of the address."""
        return self.who.account_id


@dataclass(frozen=True, slots=True)
class Route:
    """One declared route. ``role`` is the least role; empty for routes without authentication."""

    method: str
    path: str
    function: Callable[..., Any]
    answer: type[Schema] | None
    body: type[Schema] | None
    query: type[Schema] | None
    role: str
    in_account: bool
    status: int
    tag: str
    files: bool
    media_type: str
    headers: tuple[tuple[str, str], ...]
    many: bool

    @property
    def name(self) -> str:
        """The endpoint's and operation's name."""
        return self.function.__name__

    @property
    def rule(self) -> str:
        """The address below ``/api/v1``, in Flask's form."""
        return (ACCOUNT_PREFIX if self.in_account else "") + self.path

    @property
    def template(self) -> str:
        """The whole address in OpenAPI's form."""
        return "/api/v1" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", self.rule)

    @property
    def summary(self) -> str:
        """The first sentence of the function's docstring, without its full stop."""
        return self._told[0].rstrip(".")

    @property
    def description(self) -> str:
        """The rest of the docstring."""
        return " ".join(self._told[1:])

    @property
    def _told(self) -> list[str]:
        text = re.sub(r"\s+", " ", self.function.__doc__ or "").strip()
        return re.split(r"(?<=\.) ", text, maxsplit=1)


@dataclass(slots=True)
class Routes:
    """The routes of one subject.

    :param tag: the subject's name in the document.
    """

    tag: str
    declared: list[Route] = field(default_factory=list)
    all: ClassVar[list[Route]] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        answer: type[Schema] | None = None,
        body: type[Schema] | None = None,
        query: type[Schema] | None = None,
        role: str = AGENT,
        in_account: bool = True,
        status: int = 200,
        files: bool = False,
        media_type: str = "application/json",
        headers: tuple[tuple[str, str], ...] = (),
        many: bool = False,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a route. The function gets a :class:`Call` and the address's variables, and answers an object, an
        object with a status, or a response.

        :param role: least role; empty: no authentication, and the function gets the variables only.
        :param files: the body may also be a form with files.
        :param headers: names and meanings of request headers that matter.
        :param many: the answer is a plain list of ``answer``.
        """

        def declare(function: Callable[..., Any]) -> Callable[..., Any]:
            route = Route(
                method,
                path,
                function,
                answer,
                body,
                query,
                role,
                in_account,
                status,
                self.tag,
                files,
                media_type,
                headers,
                many,
            )
            self.declared.append(route)
            Routes.all.append(route)
            return function

        return declare


def install(blueprint: Blueprint) -> None:
    """Make every declared route answer."""
    for route in Routes.all:
        blueprint.add_url_rule(
            route.rule, endpoint=route.name, view_func=_view(route), methods=[route.method]
        )


def _view(route: Route) -> Callable[..., Any]:
    def view(**variables: Any) -> Any:
        if not route.role:
            return _response(route, route.function(**variables))
        call = _authorised(route, variables.pop("account_id", None))
        return _response(route, route.function(call, **variables))

    view.__name__ = route.name
    view.__doc__ = route.function.__doc__
    return view


def _authorised(route: Route, account_id: int | None) -> Call:
    core = current_core()
    user = authenticate_token(core, _token())
    if user is None:
        raise ApiError(
            401,
            code="invalid_token",
            action="Send the header api_access_token with a token of your profile.",
        )
    who = Principal(user.user_id, 0, "", user.name)
    if route.in_account:
        assert account_id is not None
        who = _in_account(core, user, account_id, route.role)
    return Call(core, user, who, _query(route), _body(route))


def _in_account(core: Core, user: SignedIn, account_id: int, role: str) -> Principal:
    with core.db.read("rights") as connection:
        who = principal(connection, user.user_id, account_id)
    if who is None:
        raise not_found()
    if not who.account_active:
        raise ApiError(
            401,
            "The account is suspended.",
            code="account_suspended",
            action="Ask the operator of this installation.",
        )
    if role == ADMINISTRATOR and not who.is_administrator:
        raise ApiError(
            401,
            "You are not authorised to do this.",
            code="not_authorised",
            action="Ask an administrator of the account.",
        )
    return who


def _token() -> str:
    given = request.headers.get(TOKEN_HEADER) or request.headers.get("api-access-token") or ""
    if given:
        return given
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _query(route: Route) -> dict[str, Any]:
    if route.query is None:
        return {}
    loaded: dict[str, Any] = route.query().load(read_query(request.args), unknown=EXCLUDE)
    return loaded


def _body(route: Route) -> dict[str, Any]:
    if route.body is None:
        return {}
    loaded: dict[str, Any] = route.body().load(read_body(request), unknown=EXCLUDE)
    return loaded


def _response(route: Route, result: Any) -> Response:
    db.session.rollback()  # the answer is made; do not hold the transaction while it is sent
    if isinstance(result, Response):
        return result
    body, status = result if isinstance(result, tuple) else (result, route.status)
    response = jsonify(body)
    response.status_code = status
    return response
