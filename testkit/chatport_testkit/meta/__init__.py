"""Simulator of Meta's Graph API for WhatsApp (Cloud API)."""

from __future__ import annotations

from .simulator import GraphSimulator, Token, VerifyResult

__all__ = ["GraphSimulator", "Token", "VerifyResult"]
