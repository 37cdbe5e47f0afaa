"""Chatport provider for WhatsApp through 360dialog."""

from __future__ import annotations

__version__ = "0.1.0"
