"""Chatport provider for WhatsApp Web through a Go WhatsApp Web (GoWA) service."""

from __future__ import annotations

__version__ = "0.1.0"
