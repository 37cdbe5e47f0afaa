"""What the API answers about inboxes and providers.

Owns: the schemas of these answers, for the OpenAPI document and the tests that hold it true. Must not know: routes,
tables.
"""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from .schemas import MAYBE, SOME, Seconds, json_object


class ManualStepAnswer(Schema):
    """Something to do at the service by hand."""

    title = fields.String(**SOME)
    instruction = fields.String(**SOME)
    values = fields.Dict(keys=fields.String(), values=fields.String(), **SOME)


class StepsAnswer(Schema):
    """Things to do at the service by hand."""

    payload = fields.List(fields.Nested(ManualStepAnswer), **SOME)


class InboxAnswer(Schema):
    """An inbox with its channel."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    channel_id = fields.Integer(**SOME)
    channel_type = fields.String(**SOME)
    provider = fields.String(**SOME)
    phone_number = fields.String(**SOME)
    avatar_url = fields.String(**SOME)
    greeting_enabled = fields.Boolean(**SOME)
    greeting_message = fields.String(**SOME)
    working_hours_enabled = fields.Boolean(**SOME)
    enable_auto_assignment = fields.Boolean(**SOME)
    lock_to_single_conversation = fields.Boolean(**SOME)
    group_activity = fields.Boolean(**SOME)
    read_receipts = fields.String(**SOME)
    agent_signature = fields.Boolean(**SOME)
    callback_webhook_url = fields.String(
        **SOME, metadata={"description": "Where the service delivers events."}
    )
    callback_base_url = fields.String(**MAYBE)
    message_templates = fields.List(json_object(), **SOME)
    message_templates_last_updated = Seconds(**MAYBE)
    templates_error = fields.String(**MAYBE)
    provider_config = json_object(
        metadata={"description": "Administrators only; secrets are masked."}
    )
    reauthorization_required = fields.Boolean(**SOME)
    active = fields.Boolean(**SOME)
    connection = fields.String(
        **SOME,
        metadata={
            "description": "unknown, connected, disconnected, login_required, unauthorised, unreachable"
        },
    )
    connection_reason = fields.String(**SOME)
    connection_action = fields.String(**SOME)
    connection_checked_at = Seconds(**MAYBE)
    paused_until = Seconds(**MAYBE)
    pause_reason = fields.String(**SOME)
    features = json_object(**MAYBE, metadata={"description": "None while the plugin is missing."})
    created_at = Seconds(**SOME)


class ConnectionAnswer(Schema):
    """What the service says about its WhatsApp login."""

    connected = fields.Boolean(**SOME)
    login_required = fields.Boolean(**SOME)
    reason = fields.String(**SOME)
    action = fields.String(**SOME)
    linked_number = fields.String(**SOME)
    facts = json_object(**SOME)
    pairing = fields.List(
        fields.String(), **SOME, metadata={"description": "Ways to link a phone: qr, code."}
    )


class InboxCreatedAnswer(InboxAnswer):
    """A new inbox. Secrets that were made for it are in this answer and never again."""

    connection_result = fields.Nested(ConnectionAnswer, **SOME)
    generated_secrets = fields.Dict(keys=fields.String(), values=fields.String(), **SOME)


class InboxListAnswer(Schema):
    """All visible inboxes."""

    payload = fields.List(fields.Nested(InboxAnswer), **SOME)


class SecretsAnswer(Schema):
    """New secrets, shown once."""

    generated_secrets = fields.Dict(keys=fields.String(), values=fields.String(), **SOME)


class HealthFactAnswer(Schema):
    """One line of evidence."""

    title = fields.String(**SOME)
    value = fields.String(**SOME)
    level = fields.String(**SOME, validate=validate.OneOf(["ok", "warning", "error"]))
    action = fields.String(**SOME)


class HealthAnswer(Schema):
    """A channel's health."""

    connection = fields.String(**SOME)
    connection_reason = fields.String(**SOME)
    connection_action = fields.String(**SOME)
    connection_checked_at = Seconds(**MAYBE)
    last_event_at = Seconds(**MAYBE)
    last_send_at = Seconds(**MAYBE)
    last_refused_at = Seconds(**MAYBE, metadata={"description": "When a webhook was last refused."})
    refused_count = fields.Integer(**SOME)
    paused_until = Seconds(**MAYBE)
    pause_reason = fields.String(**SOME)
    facts = fields.List(
        fields.Nested(HealthFactAnswer), **SOME, metadata={"description": "Asked just now."}
    )
    details = json_object(**SOME, metadata={"description": "What the service told before."})
    notices = json_object(**SOME)
    provisioning = json_object(**SOME)
    error = fields.String(**MAYBE, metadata={"description": "Why the service gave no answer."})
    action = fields.String(**SOME)


class PairingAnswer(Schema):
    """One way to link the phone now."""

    kind = fields.String(**SOME)
    expires_in = fields.Float(**SOME)
    image = fields.String(**MAYBE, metadata={"description": "A PNG as data address."})
    code = fields.String(**MAYBE, metadata={"description": "To be typed on the phone."})


class AgentAnswer(Schema):
    """A user of the account."""

    id = fields.Integer(**SOME)
    account_id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    available_name = fields.String(**SOME)
    email = fields.String(**SOME)
    role = fields.String(**SOME)
    confirmed = fields.Boolean(**SOME)
    thumbnail = fields.String(**SOME)


class MembersAnswer(Schema):
    """Agents of an inbox."""

    payload = fields.List(fields.Nested(AgentAnswer), **SOME)


class FormFieldAnswer(Schema):
    """One field of a provider's form."""

    name = fields.String(**SOME)
    label = fields.String(**SOME)
    widget = fields.String(**SOME)
    required = fields.Boolean(**SOME)
    secret = fields.Boolean(**SOME)
    generated = fields.Boolean(**SOME)
    help = fields.String(**SOME)
    placeholder = fields.String(**SOME)
    group = fields.String(**SOME)
    default = fields.Raw(**MAYBE)
    choices = fields.List(json_object(), **SOME)


class ProviderAnswer(Schema):
    """A provider."""

    key = fields.String(**SOME)
    title = fields.String(**SOME)
    description = fields.String(**SOME)
    icon = fields.String(**SOME)
    documentation = fields.String(**SOME)
    distribution = fields.String(**SOME)
    version = fields.String(**SOME)
    aliases = fields.List(fields.String(), **SOME)
    allowed = fields.Boolean(**SOME, metadata={"description": "May this account use it?"})
    features = json_object(**SOME)
    form = fields.List(fields.Nested(FormFieldAnswer), **SOME)


class FailedPluginAnswer(Schema):
    """A plugin that cannot be used."""

    name = fields.String(**SOME)
    distribution = fields.String(**SOME)
    version = fields.String(**SOME)
    reason = fields.String(**SOME)


class ProviderListAnswer(Schema):
    """All providers."""

    payload = fields.List(fields.Nested(ProviderAnswer), **SOME)
    failed = fields.List(fields.Nested(FailedPluginAnswer), **SOME)
