"""A provider whose form has every kind of field."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from marshmallow import fields, validate

from chatport.plugins.registry import Registry
from chatport.schema import ProviderSchema, Secret


class WideSchema(ProviderSchema):
    """One field of each kind."""

    address = fields.String(
        required=True,
        validate=validate.Length(min=5),
        metadata={
            "label": "Address",
            "help": "Where it is.",
            "widget": "url",
            "group": "service",
            "placeholder": "http://service:1",
        },
    )
    key = Secret(required=True, metadata={"label": "Key <b>", "group": "service"})
    webhook_verify_token = Secret(
        load_default="", metadata={"label": "Webhook secret", "generate": True, "group": "webhook"}
    )
    region = fields.String(
        load_default="eu",
        validate=validate.OneOf(["eu", "us"], ["Europe", "America"]),
        metadata={"label": "Region", "group": "advanced"},
    )
    fast = fields.Boolean(load_default=False, metadata={"label": "Fast", "group": "advanced"})
    tries = fields.Integer(load_default=3, metadata={"label": "Tries", "group": "advanced"})
    phone_number = fields.String(load_default="", metadata={"label": "Service number"})


def widened(site: Any) -> Any:
    """A site whose provider has this form, and links by QR code and by code."""
    info = site.provider.PROVIDER
    site.provider.PROVIDER = replace(
        info, schema=WideSchema, features=replace(info.features, pairing=("qr", "code"))
    )
    site.core.plugins = Registry.from_modules({"fake": site.provider})
    return site
