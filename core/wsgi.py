"""The application for WSGI servers: ``gunicorn chatport.wsgi:app``. Settings come from the environment."""

from __future__ import annotations

from .app import create_app

app = create_app()
