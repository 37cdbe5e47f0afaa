"""The dashboard: the web page on which operators connect WhatsApp and agents answer customers.

Server-rendered with Jinja and htmx, live through the event stream. ``register`` puts it into a Flask application;
``views`` holds the routes by screen, ``queries`` what they read, ``access`` who may see what.
"""

from __future__ import annotations

from .setup import register

__all__ = ["register"]
