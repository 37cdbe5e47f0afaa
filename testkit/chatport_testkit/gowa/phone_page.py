"""Serves the page that plays the customers' phones. Owns the files; the page talks to the control interface."""

from __future__ import annotations

from importlib import resources

from flask import Blueprint, Response

_FILES = {
    "phone": ("phone.html", "text/html; charset=utf-8"),
    "phone.js": ("phone.js", "text/javascript; charset=utf-8"),
    "phone.css": ("phone.css", "text/css; charset=utf-8"),
}
_POLICY = "default-src 'self'; img-src 'self' data:; media-src 'self'; frame-ancestors 'none'"


def page_routes() -> Blueprint:
    """``/_sim/phone`` and what it loads."""
    blueprint = Blueprint("phone_page", __name__, url_prefix="/_sim")

    @blueprint.get("/<any('phone', 'phone.js', 'phone.css'):name>")
    def page(name: str) -> Response:
        file, content_type = _FILES[name]
        data = (resources.files(__package__ or __name__) / "page" / file).read_bytes()
        response = Response(data, content_type=content_type)
        response.headers["Content-Security-Policy"] = _POLICY
        response.headers["Cache-Control"] = "no-store"
        return response

    return blueprint
