"""Chatport: a self-hosted WhatsApp inbox server. This module is the façade for plugin authors.

Everything named in ``__all__`` is public: it changes only with a deprecation. Importing it needs neither Flask nor
SQLAlchemy nor RQ.
"""

from __future__ import annotations

from .channels import (
    HOOK_API,
    AuthScheme,
    ChallengeScheme,
    Channel,
    Connection,
    ContactInfo,
    Features,
    GroupInfo,
    HealthFact,
    HistoryPage,
    InboundRequest,
    ManualStep,
    MediaLimit,
    MediaRequest,
    PairingPrompt,
    ProviderInfo,
    Provisioned,
    SentLookup,
)
from .hookspecs import hookimpl
from .identities import Identity, IdentityKind
from .messages import MediaKind, MessageStatus, OutboundMessage, Recipient, Sent
from .schema import ProviderSchema, Secret

__version__ = "0.1.0"

__all__ = [
    "HOOK_API",
    "AuthScheme",
    "ChallengeScheme",
    "Channel",
    "Connection",
    "ContactInfo",
    "Features",
    "GroupInfo",
    "HealthFact",
    "HistoryPage",
    "Identity",
    "IdentityKind",
    "InboundRequest",
    "ManualStep",
    "MediaKind",
    "MediaLimit",
    "MediaRequest",
    "MessageStatus",
    "OutboundMessage",
    "PairingPrompt",
    "ProviderInfo",
    "ProviderSchema",
    "Provisioned",
    "Recipient",
    "Secret",
    "Sent",
    "SentLookup",
    "__version__",
    "hookimpl",
]
