"""The routes of GoWA's REST interface, by theme."""

from __future__ import annotations

from flask import Flask

from ..service import Service
from .app import routes as app_routes
from .chat import routes as chat_routes
from .devices import routes as device_routes
from .group import routes as group_routes
from .message import routes as message_routes
from .send import routes as send_routes
from .user import routes as user_routes


def add_routes(flask: Flask, service: Service) -> None:
    """Add every route that some release has; the release in play decides which are visible."""
    for theme in (
        app_routes,
        device_routes,
        send_routes,
        message_routes,
        user_routes,
        group_routes,
        chat_routes,
    ):
        flask.register_blueprint(theme(service))
