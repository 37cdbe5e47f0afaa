"""The Flask application: API, page, liveness.

Owns: putting the surfaces together. Must not know: what they do.
"""

from __future__ import annotations

from flask import Flask

from .context import Core


def create_app(core: Core | None = None) -> Flask:
    """Build the application; ``core`` is built on first use when it is left out."""
    app = Flask(__name__)

    @app.get("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    return app
