"""Putting the dashboard into a Flask application.

Owns: the blueprint, its headers, template helpers and error pages. Must not know: what single screens show.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Blueprint, Flask, Response, g, request, url_for
from flask_babel import Babel
from werkzeug.exceptions import HTTPException

from chatport.errors import ChatportError, ConfigInvalid
from chatport.services.outbox import NotFound

from . import (
    activity_words,
    avatars,
    csrf,
    formats,
    language,
    map_tiles,
    navigation,
    statics,
    texts,
)
from .access import current, theme_of
from .answers import error_page, problem
from .views import (
    administration,
    canned,
    channel,
    channel_config,
    channel_setup,
    channels,
    contacts,
    conversations,
    entry,
    events,
    failures,
    messages,
    profile,
    providers,
    start,
)

if TYPE_CHECKING:
    from chatport.context import Core

    from .queries.bubbles import Place

logger = logging.getLogger(__name__)

NAME = "dashboard"
_HERE = Path(__file__).parent
#: Every module with routes: each has ``add_routes(blueprint)``.
SCREENS = (
    entry,
    start,
    profile,
    conversations,
    messages,
    contacts,
    providers,
    channels,
    channel_setup,
    channel,
    channel_config,
    failures,
    events,
    administration,
    canned,
)


def register(
    app: Flask, core: Callable[[], Core], *, demo_url: Callable[[], str] | None = None
) -> None:
    """Add all screens to an application.

    :param core: gives the process's parts when a request first needs them.
    :param demo_url: address of the simulated phone while the demo runs, else an empty text.
    """
    blueprint = Blueprint(NAME, __name__, template_folder="templates")
    blueprint.before_request(_before(core, demo_url or (lambda: "")))
    blueprint.before_request(csrf.protect)
    blueprint.after_request(_headers)
    blueprint.register_error_handler(NotFound, _not_found)
    blueprint.register_error_handler(ChatportError, _refused)
    blueprint.register_error_handler(HTTPException, _http_error)
    blueprint.add_url_rule("/app/static/<path:name>", "static_file", statics.serve)
    for screen in SCREENS:
        screen.add_routes(blueprint)
    blueprint.add_url_rule("/app/<path:unknown>", "nowhere", _nowhere)
    blueprint.context_processor(_template_values)
    app.register_blueprint(blueprint)
    app.jinja_env.filters.update(
        formats.FILTERS | texts.FILTERS | avatars.FILTERS | activity_words.FILTERS
    )
    # Globals, not context: macros see them too.
    app.jinja_env.globals.update(
        static=statics.address,
        csrf_token=csrf.token,
        current_account_id=_account_id,
        map_picture=_map_picture,
    )
    Babel(
        app,
        default_translation_directories=str(_HERE / "translations"),
        locale_selector=language.locale,
        timezone_selector=language.timezone,
    )


def _before(core: Callable[[], Core], demo_url: Callable[[], str]) -> Callable[[], None]:
    def keep_core() -> None:
        g.chatport = core()
        g.chatport_demo_url = demo_url

    return keep_core


def _template_values() -> dict[str, Any]:
    visit = current()
    return {
        "visit": visit,
        "who": visit.who if visit else None,
        "account_id": _account_id(),
        "navigation": navigation.items(visit) if visit else [],
        "open_alerts": navigation.open_alerts,
        "locale": language.shown(),
        "direction": language.direction(),
        "languages": language.LANGUAGES,
        "theme": theme_of(visit),
        "login_url": url_for("dashboard.login"),
    }


def _account_id() -> int | None:
    visit = current()
    return visit.who.account_id if visit and visit.who else None


def _map_picture(place: Place) -> map_tiles.Picture | None:
    """The picture of a location, where the operator configured a tile address."""
    tiles = g.chatport.settings.map_tile_url
    return map_tiles.picture(tiles, place.latitude, place.longitude) if tiles else None


def _headers(response: Response) -> Response:
    """Headers that keep a page from running or loading what is not ours."""
    if "Content-Security-Policy" not in response.headers:
        images = "'self' data: blob:"
        tiles = getattr(g.get("chatport"), "settings", None) and g.chatport.settings.map_tile_url
        if tiles:
            address = urlsplit(tiles)
            images += f" {address.scheme}://{address.netloc}"
        response.headers["Content-Security-Policy"] = (
            f"default-src 'self'; img-src {images}; media-src 'self' blob:; style-src 'self'; script-src 'self';"
            " connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    response.headers.setdefault("X-Frame-Options", "DENY")
    response.headers.setdefault("Cache-Control", "no-store")
    csrf.keep_cookie(response)
    return response


def _nowhere(unknown: str) -> Any:
    """An address below ours that no screen has."""
    return error_page(404)


def _not_found(error: NotFound) -> Any:
    return error_page(404)


def _refused(error: ChatportError) -> Any:
    if isinstance(error, ConfigInvalid):
        return problem(
            " ".join(text for texts in error.fields.values() for text in texts), error.action
        )
    return problem(str(error), error.action)


def _http_error(error: HTTPException) -> Any:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    if request.endpoint == f"{NAME}.static_file":
        return error.get_response()
    return error_page(error.code)
