"""Files: storing, fetching from providers, converting, serving."""

from __future__ import annotations
