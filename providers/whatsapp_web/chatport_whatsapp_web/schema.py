"""The configuration of a channel: its fields, their help, and what can be judged without asking the service.

Owns: the schema. Must not know: HTTP, GoWA's answers.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, validates, validates_schema

from chatport import ProviderSchema, Secret
from chatport.phones import e164

#: The secret that GoWA uses where nobody set one; everybody knows it.
DEFAULT_SECRET = "secret"  # noqa: S105 (this is the one that is refused)
MAX_TEXT = 512


def _short(value: str) -> None:
    if len(value) > MAX_TEXT or any(ord(c) < 32 for c in value):
        raise ValidationError(f"Use at most {MAX_TEXT} characters, all on one line.")


class WhatsAppWebSchema(ProviderSchema):
    """Fields of a channel that runs through GoWA."""

    api_base_url = fields.String(
        required=True,
        validate=_short,
        metadata={
            "label": "Address of GoWA",
            "widget": "url",
            "help": "Where Chatport reaches the service; with its base path, if it has one.",
            "placeholder": "http://gowa:3000",
            "aliases": ("gateway_base_url",),
            "group": "service",
        },
    )
    basic_auth_username = fields.String(
        load_default="",
        validate=_short,
        metadata={
            "label": "User",
            "help": "As in GoWA's APP_BASIC_AUTH; leave both empty where it has none.",
            "aliases": ("basic_auth_user",),
            "group": "service",
        },
    )
    basic_auth_password = Secret(
        load_default="",
        validate=_short,
        metadata={"label": "Password", "group": "service"},
    )
    phone_number = fields.String(
        load_default="",
        validate=_short,
        metadata={
            "label": "Phone number",
            "help": "The number that will be linked; the channel's own when left empty.",
            "placeholder": "+4915112340001",
            "group": "service",
        },
    )
    device_id = fields.String(
        load_default="",
        validate=_short,
        metadata={
            "label": "Device",
            "help": "Only where the service holds several devices: the id of this number's device."
            " A new id makes a new device.",
            "group": "service",
        },
    )
    webhook_verify_token = Secret(
        load_default="",
        validate=_short,
        metadata={
            "label": "Webhook secret",
            "help": "GoWA signs its events with it. Made for you when left empty.",
            "generate": True,
            "aliases": ("webhook_secret",),
            "group": "webhook",
        },
    )

    @validates("api_base_url")
    def _check_address(self, value: str, **_: Any) -> None:
        try:
            parts = urlsplit(value.strip())
            usable = parts.scheme in ("http", "https") and bool(parts.hostname)
            usable = usable and (parts.port is None or parts.port > 0)
        except ValueError:
            usable = False
        if not usable:
            raise ValidationError("Give an address such as http://gowa:3000.")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValidationError(
                "Give the address alone; user and password have fields of their own."
            )

    @validates("phone_number")
    def _check_number(self, value: str, **_: Any) -> None:
        if value and e164(value) is None:
            raise ValidationError(
                "Give the number with + and country code, such as +4915112340001."
            )

    @validates_schema
    def _check_credentials(self, data: dict[str, Any], **_: Any) -> None:
        user, password = data.get("basic_auth_username"), data.get("basic_auth_password")
        if bool(user) != bool(password):
            missing = "basic_auth_password" if user else "basic_auth_username"
            raise ValidationError("Give user and password, or neither.", field_name=missing)
        if user and ":" in user:
            raise ValidationError(
                "A user name cannot contain a colon.", field_name="basic_auth_username"
            )
