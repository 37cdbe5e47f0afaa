"""Chatport provider for Meta's WhatsApp Cloud API."""

from __future__ import annotations

__version__ = "0.1.0"
