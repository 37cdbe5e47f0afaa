"""The configuration of a channel: its fields, their help, and what can be judged without asking 360dialog.

Owns: the schema. Must not know: HTTP, answers.
"""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validates

from chatport import ProviderSchema, Secret
from chatport_meta.config import is_base_url, is_secret

CLOUD_HOSTED = "https://waba-v2.360dialog.io"


def _secret(value: str) -> None:
    if not is_secret(value):
        raise ValidationError("Use letters, digits and signs, without blanks and line breaks.")


class Dialog360Schema(ProviderSchema):
    """Fields of a channel that runs through 360dialog."""

    api_key = Secret(
        required=True,
        validate=_secret,
        metadata={
            "label": "API key",
            "help": "The number's own key, from the 360dialog Hub. One key is one number.",
            "group": "service",
        },
    )
    api_base_url = fields.String(
        load_default=CLOUD_HOSTED,
        metadata={
            "label": "Address of the API",
            "widget": "url",
            "help": "As the Hub shows it. An address that ends in /v1 is one of the older generation,"
            " such as the sandbox's, https://waba-sandbox.360dialog.io/v1.",
            "placeholder": CLOUD_HOSTED,
            "group": "service",
        },
    )
    webhook_verify_token = Secret(
        load_default="",
        validate=lambda value: _secret(value) if value else None,
        metadata={
            "label": "Webhook secret",
            "help": "360dialog presents it with each event. Made for you when left empty.",
            "generate": True,
            "group": "webhook",
        },
    )

    @validates("api_base_url")
    def _check_address(self, value: str, **_: Any) -> None:
        if not is_base_url(value):
            raise ValidationError(f"Give an address such as {CLOUD_HOSTED}.")
