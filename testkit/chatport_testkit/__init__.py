"""Simulated WhatsApp services and checks for Chatport's provider plugins. Shares no code with any provider."""

from __future__ import annotations

__version__ = "0.1.0"
