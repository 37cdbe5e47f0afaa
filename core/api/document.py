"""The OpenAPI document's own address.

Owns: this route. Must not know: how the document is made.
"""

from __future__ import annotations

from typing import Any

from .openapi import document
from .routing import Routes

routes = Routes("Document")


@routes.add("GET", "/openapi.json", role="", in_account=False)
def openapi_document() -> Any:
    """This document."""
    return document()
