"""The REST API under ``/api/v1``.

``routing`` declares routes and checks who may call them, ``errors`` is the one shape of an error, ``inputs`` and
``outputs_*`` are the schemas of requests and answers, ``shapes`` turns rows into answers; every other module holds the
routes of one subject.
"""

from __future__ import annotations

from .blueprint import register

__all__ = ["register"]
