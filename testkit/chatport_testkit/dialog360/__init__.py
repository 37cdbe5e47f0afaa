"""Simulator of 360dialog's API, in the on-premise (v1) and the cloud (v2) generation."""

from __future__ import annotations

from .simulator import Destination, Dialog360Simulator

__all__ = ["Destination", "Dialog360Simulator"]
