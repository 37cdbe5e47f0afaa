"""Chatport provider for Echo, an imaginary service: an example to copy."""

from __future__ import annotations

__version__ = "0.1.0"
