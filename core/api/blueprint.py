"""The blueprint of all routes.

Owns: that every module with routes is loaded, and their place below ``/api/v1``. Must not know: what routes do.
"""

from __future__ import annotations

from flask import Blueprint, Flask

# Loaded for their routes.
from . import (
    accounts,
    alerts,
    attachments,
    canned_responses,
    contacts,
    conversation_list,
    conversations,
    dead_letters,
    document,
    errors,
    events,
    inboxes,
    messages,
    profile,
    providers,
    routing,
    search,
)

PREFIX = "/api/v1"
SUBJECTS = (
    accounts,
    alerts,
    attachments,
    canned_responses,
    contacts,
    conversation_list,
    conversations,
    dead_letters,
    document,
    events,
    inboxes,
    messages,
    profile,
    providers,
    search,
)


def register(app: Flask) -> None:
    """Add the API and the signed links to files to an application."""
    # A blueprint is used up by its application, and tests make several.
    api = Blueprint("api", __name__, url_prefix=PREFIX)
    app.url_map.converters["id"] = routing.IdConverter
    routing.install(api)
    app.register_blueprint(api)
    app.register_blueprint(attachments.files)
    errors.register(app)
