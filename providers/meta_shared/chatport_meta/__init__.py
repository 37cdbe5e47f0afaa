"""What WhatsApp's Cloud API and the services in front of it have in common: webhook bodies, message bodies, errors.

A library for providers, not a plugin.
"""

from __future__ import annotations

__version__ = "0.1.0"
