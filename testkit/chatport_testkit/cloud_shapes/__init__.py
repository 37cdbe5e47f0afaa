"""What the simulators of Meta's Graph API and of 360dialog have in common.

Owns the shapes of webhook bodies, the rules for message bodies, the simulated state (people, messages,
templates, media, clock), webhook delivery and the control interface. Knows neither HTTP API.
"""

from __future__ import annotations

from .catalogue import GraphError
from .customers import Customer
from .delivery import Attempt, Delivery
from .faults import Fault, FaultBoard
from .limits import Limits
from .records import ReadReceipt, RequestRecord, SentMessage
from .simulation import Simulation
from .templates import Template, TemplateStore
from .wire import meta_json, sign_sha1, sign_sha256

__all__ = [
    "Attempt",
    "Customer",
    "Delivery",
    "Fault",
    "FaultBoard",
    "GraphError",
    "Limits",
    "ReadReceipt",
    "RequestRecord",
    "SentMessage",
    "Simulation",
    "Template",
    "TemplateStore",
    "meta_json",
    "sign_sha1",
    "sign_sha256",
]
