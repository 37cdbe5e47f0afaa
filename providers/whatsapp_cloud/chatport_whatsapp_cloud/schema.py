"""The configuration of a channel: its fields, their help, and what can be judged without asking Meta.

Owns: the schema. Must not know: HTTP, Graph's answers.
"""

from __future__ import annotations

import re
from typing import Any

from marshmallow import ValidationError, fields, validates

from chatport import ProviderSchema, Secret
from chatport_meta.config import is_base_url, is_secret

GRAPH = "https://graph.facebook.com"
VERSION = "v23.0"


def _secret(value: str) -> None:
    if not is_secret(value):
        raise ValidationError("Use letters, digits and signs, without blanks and line breaks.")


def _graph_id(value: str) -> None:
    if not re.fullmatch(r"[0-9]{1,32}", value):
        raise ValidationError("Give the id, which has digits only; it is no telephone number.")


class Secrets(fields.List[Any]):
    """Several secrets that are all valid. A text holds one, or several separated by comma, blank or line."""

    def __init__(self, **options: Any) -> None:
        super().__init__(Secret(validate=_secret), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            value = [part for part in re.split(r"[\s,;]+", value) if part]
        found = super()._deserialize(value, attr, data, **kwargs)
        if self.required and not found:
            raise ValidationError("Give at least one.")
        return list(dict.fromkeys(found))


class WhatsAppCloudSchema(ProviderSchema):
    """Fields of a channel that runs through Meta's Cloud API."""

    api_key = Secret(
        required=True,
        validate=_secret,
        metadata={
            "label": "Access token",
            "help": "Of a system user, with whatsapp_business_messaging and whatsapp_business_management."
            " The dashboard's temporary token expires within a day.",
            "aliases": ("access_token",),
            "group": "service",
        },
    )
    phone_number_id = fields.String(
        required=True,
        validate=_graph_id,
        metadata={
            "label": "Phone number id",
            "help": "From API Setup in the app's dashboard. Not the telephone number.",
            "placeholder": "109870000333444",
            "group": "service",
        },
    )
    business_account_id = fields.String(
        required=True,
        validate=_graph_id,
        metadata={
            "label": "WhatsApp Business account id",
            "help": "From API Setup in the app's dashboard. Not the id of the business or the app.",
            "placeholder": "214700000111222",
            "aliases": ("waba_id",),
            "group": "service",
        },
    )
    app_secret = Secrets(
        required=True,
        metadata={
            "label": "App secret",
            "help": "From App settings, Basic. Meta signs its events with it. Several, separated by commas,"
            " are all accepted: put the new one first when you change it.",
            "widget": "password",
            "group": "webhook",
        },
    )
    webhook_verify_token = Secret(
        load_default="",
        validate=lambda value: _secret(value) if value else None,
        metadata={
            "label": "Verify token",
            "help": "Meta shows it when it checks the webhook address. Made for you when left empty.",
            "generate": True,
            "group": "webhook",
        },
    )
    registration_pin = Secret(
        load_default="",
        metadata={
            "label": "Two-step verification PIN",
            "help": "Six digits. Needed only where the number has a PIN already and is registered again.",
            "group": "service",
        },
    )
    api_base_url = fields.String(
        load_default=GRAPH,
        metadata={
            "label": "Address of the Graph API",
            "widget": "url",
            "help": "Leave it as it is, unless a proxy or a simulator stands in for Meta.",
            "placeholder": GRAPH,
            "group": "advanced",
        },
    )
    api_version = fields.String(
        load_default=VERSION,
        metadata={
            "label": "Version of the Graph API",
            "placeholder": VERSION,
            "group": "advanced",
        },
    )

    @validates("api_base_url")
    def _check_address(self, value: str, **_: Any) -> None:
        if not is_base_url(value):
            raise ValidationError(f"Give an address such as {GRAPH}.")

    @validates("api_version")
    def _check_version(self, value: str, **_: Any) -> None:
        if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]{1,2}", value):
            raise ValidationError(f"Give a version such as {VERSION}.")

    @validates("registration_pin")
    def _check_pin(self, value: str, **_: Any) -> None:
        if value and not re.fullmatch(r"[0-9]{6}", value):
            raise ValidationError("Give six digits.")
