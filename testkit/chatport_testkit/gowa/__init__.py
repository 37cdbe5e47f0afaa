"""A simulated Go WhatsApp Web service (GoWA): REST interface, signed webhooks and the customers' phones.

Owns everything a client of GoWA can observe. Must not know Chatport, nor any provider plugin.
"""

from __future__ import annotations

from .records import Delivery, SentMessage
from .simulator import GowaSimulator

__all__ = ["Delivery", "GowaSimulator", "SentMessage"]
