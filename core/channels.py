"""A channel as a provider sees it, what a provider declares, and what its hooks answer.

Owns: the records of configuration, features, authentication schemes, pairing, health and history.
Must not know: tables, Flask, RQ, any provider.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from .identities import Identity
from .messages import MediaKind
from .schema import ProviderSchema

#: Version of the hook contract that this core speaks.
HOOK_API = 1


@dataclass(frozen=True, slots=True)
class Channel:
    """One WhatsApp number at one provider.

    :param id: 0 while the channel is being created (``validate_config`` runs before anything is stored).
    :param phone_number: E.164 with plus.
    :param config: the provider's configuration, loaded by its schema; secrets in clear, so it is kept out of ``repr``.
    :param state: what the provider's own hooks asked to keep (for instance a device id); no secrets.
    :param callback_url: the full address to which the service delivers events for this channel.
    """

    id: int
    account_id: int
    provider: str
    phone_number: str
    config: Mapping[str, Any] = field(repr=False)
    state: Mapping[str, Any] = field(default_factory=dict)
    callback_url: str = ""
    name: str = ""

    @property
    def phone_digits(self) -> str:
        """The number without plus."""
        return self.phone_number.lstrip("+")


@dataclass(frozen=True, slots=True)
class AuthScheme:
    """How a provider's service proves that a webhook request is its own. Checked by the receiver without plugin code.

    :param kind: ``hmac_sha256`` (hex HMAC over the raw body in ``header``, after ``prefix``), ``header_secret`` (the
        secret itself in ``header``), ``basic`` (HTTP Basic, user ``chatport``), or ``custom`` (the hook
        ``authenticate_request``).
    :param secret_keys: config keys whose values are accepted as secret; any match passes. A value that holds several
        secrets is a list.
    :param query_parameter: for ``header_secret`` only: where the service cannot set headers, the secret may stand in
        this query parameter.
    """

    kind: str
    secret_keys: tuple[str, ...]
    header: str = ""
    prefix: str = ""
    query_parameter: str = ""


@dataclass(frozen=True, slots=True)
class ChallengeScheme:
    """How a service proves our address by GET: echo ``challenge`` when ``token`` equals the secret under ``secret_key``
    and ``mode`` equals ``mode_value``."""

    secret_key: str
    mode_parameter: str = "hub.mode"
    mode_value: str = "subscribe"
    token_parameter: str = "hub.verify_token"  # noqa: S105 (a parameter's name)
    challenge_parameter: str = "hub.challenge"


@dataclass(frozen=True, slots=True)
class MediaLimit:
    """What the provider takes for one kind of file. ``content_types`` empty means any."""

    max_bytes: int
    content_types: tuple[str, ...] = ()
    caption: bool = True


@dataclass(frozen=True, slots=True)
class Features:
    """What a provider can do. Drives the screen, typed errors and the documentation's matrix; the conformance suite
    fails a claim that does not hold."""

    media: Mapping[MediaKind, MediaLimit] = field(default_factory=dict)
    max_text: int = 4096
    max_caption: int = 1024
    location: bool = False
    contacts: bool = False
    max_contacts: int = 0  #: cards in one message
    reactions: bool = False
    edit: bool = False
    revoke: bool = False
    reply: bool = False
    polls: bool = False
    link: bool = False
    buttons: int = 0  #: reply buttons in one message
    list_rows: int = 0
    cta_url: bool = False
    templates: bool = False
    window_hours: int | None = None  #: hours of the customer-service window; None: no window
    groups: bool = False
    typing: bool = False
    read_receipts: bool = False
    pairing: tuple[str, ...] = ()  #: of "qr", "code"
    history: bool = False  #: what arrived while we could not receive can be fetched
    find_sent: bool = False  #: the outcome of a send can be looked up
    avatars: bool = False
    concurrency: int = 1  #: sends at once per channel
    connection_poll_seconds: int | None = (
        None  #: poll ``connection_status`` this often; None: never
    )


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What a provider declares, as the constant ``PROVIDER`` of its plugin module, read before any hook is called.

    :param aliases: older names of the provider's key, accepted on creation and import.
    :param key_version: version of the item keys; raised with a mapping when a key's form changes.
    :param content_types: media types of webhook bodies; a body must be JSON when ``application/json`` is listed.
    :param answer_status: the status that the service takes as success.
    """

    title: str
    hook_api: int
    schema: type[ProviderSchema]
    features: Features
    authentication: AuthScheme
    challenge: ChallengeScheme | None = None
    icon: str = ""
    description: str = ""
    aliases: tuple[str, ...] = ()
    key_version: int = 1
    content_types: tuple[str, ...] = ("application/json",)
    answer_status: int = 200
    documentation: str = ""


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """A stored webhook request.

    :param headers: names in lower case; only those that a provider may need, never the secret.
    :param received_at: aware, UTC.
    """

    body: bytes = field(repr=False)
    headers: Mapping[str, str]
    received_at: datetime
    query: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """What ``validate_config`` and ``connection_status`` found.

    :param connected: messages can be sent now.
    :param reason: why not, in a sentence; empty when connected.
    :param action: what to do next when not connected.
    :param linked_number: the E.164 number that the service is linked to, where known.
    :param facts: what else is worth showing (service version, display name, …); no secrets.
    :param state: values to keep as the channel's ``state`` (merged).
    """

    connected: bool
    reason: str = ""
    action: str = ""
    login_required: bool = False
    linked_number: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ManualStep:
    """Something the administrator must do at the service. ``values`` are to be copied; shown once when ``secret``."""

    title: str
    instruction: str
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What ``provision`` did. ``steps`` are what it could not do itself."""

    done: tuple[str, ...] = ()
    steps: tuple[ManualStep, ...] = ()
    state: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """How to fetch a file: a GET of ``url`` with ``headers``, redirects off, only from ``allowed_hosts``.

    :param allowed_hosts: ``host`` or ``host:port``.
    :param expires_at: after this moment ask ``media_url`` again.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    expires_at: datetime | None = None
    content_type: str = ""
    filename: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class PairingPrompt:
    """One way to link the phone now.

    :param kind: ``qr`` (``image`` is a PNG) or ``code`` (``text`` is the code to type on the phone).
    :param expires_in: seconds until a new one must be fetched.
    """

    kind: str
    expires_in: float
    image: bytes = field(default=b"", repr=False)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """Facts of a group."""

    name: str
    members: tuple[
        tuple[tuple[Identity, ...], str, bool], ...
    ] = ()  #: (identities, name, is administrator)


@dataclass(frozen=True, slots=True)
class ContactInfo:
    """Facts of a person; ``avatar`` says where the picture is."""

    name: str = ""
    avatar: MediaRequest | None = None
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True)
class SentLookup:
    """A send of unknown outcome, to be looked for at the provider."""

    recipient: tuple[Identity, ...]
    is_group: bool
    text: str
    media_kind: str
    started_at: datetime
    delivery_id: str
    exclude: tuple[str, ...] = ()  #: source ids already known to be other messages
    #: what was sent: ``kind`` (text, media, location, contacts, poll, link, …) and its values; empty where not told
    content: Mapping[str, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class HealthFact:
    """One line of evidence on a channel's health page. ``level`` is ``ok``, ``warning`` or ``error``."""

    title: str
    value: str
    level: str = "ok"
    action: str = ""


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Events from the provider's own store, oldest first within the page; ``cursor`` fetches the next page."""

    events: tuple[Any, ...]
    cursor: str | None = None
