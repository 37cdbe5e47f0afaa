"""The application for WSGI servers that are started in the checkout: ``gunicorn wsgi:app``."""

from chatport.wsgi import app

__all__ = ["app"]
