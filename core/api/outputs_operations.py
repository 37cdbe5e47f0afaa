"""What the API answers about dead letters, webhook requests, alerts, the account and yourself.

Owns: the schemas of these answers, for the OpenAPI document and the tests that hold it true. Must not know: routes,
tables.
"""

from __future__ import annotations

from marshmallow import Schema, fields

from .schemas import MAYBE, SOME, Seconds, json_object


class DeadLetterAnswer(Schema):
    """Work that Chatport gave up on."""

    id = fields.Integer(**SOME)
    kind = fields.String(**SOME)
    state = fields.String(**SOME)
    channel_id = fields.Integer(**MAYBE)
    inbox_id = fields.Integer(**MAYBE)
    subject_id = fields.Integer(**SOME)
    item_key = fields.String(**SOME)
    error_type = fields.String(**SOME)
    error = fields.String(**SOME)
    action = fields.String(**SOME)
    attempts = fields.Integer(**SOME)
    payload = fields.Raw(**MAYBE)
    created_at = Seconds(**SOME)
    replayed_at = Seconds(**MAYBE)


class DeadLetterListAnswer(Schema):
    """Dead letters, newest first."""

    payload = fields.List(fields.Nested(DeadLetterAnswer), **SOME)


class ReplayedAnswer(Schema):
    """What was replayed, and what cannot be."""

    replayed = fields.List(fields.Integer(), **SOME)
    refused = fields.List(json_object(), **SOME)


class EventItemAnswer(Schema):
    """What became of one item of a webhook request."""

    key = fields.String(**MAYBE)
    kind = fields.String(**MAYBE)
    state = fields.String(**MAYBE)
    reason = fields.String(**MAYBE)
    message_id = fields.Integer(**MAYBE)


class EventAnswer(Schema):
    """A webhook request as it came."""

    id = fields.Integer(**SOME)
    channel_id = fields.Integer(**SOME)
    inbox_id = fields.Integer(**MAYBE)
    received_at = Seconds(**SOME)
    verdict = fields.String(**SOME)
    state = fields.String(**SOME)
    reason = fields.String(**SOME)
    attempts = fields.Integer(**SOME)
    done_at = Seconds(**MAYBE)
    replayable = fields.Boolean(**SOME)
    items = fields.List(fields.Nested(EventItemAnswer), **SOME)


class EventDetailAnswer(EventAnswer):
    """A webhook request with its body."""

    headers = json_object(**SOME)
    body = fields.String(**MAYBE, metadata={"description": "None after the retention time."})


class EventListAnswer(Schema):
    """Webhook requests, newest first."""

    payload = fields.List(fields.Nested(EventAnswer), **SOME)


class AlertAnswer(Schema):
    """Something administrators must know."""

    id = fields.Integer(**SOME)
    kind = fields.String(**SOME)
    channel_id = fields.Integer(**MAYBE)
    title = fields.String(**SOME)
    body = fields.String(**SOME)
    action = fields.String(**SOME)
    created_at = Seconds(**SOME)
    resolved_at = Seconds(**MAYBE)


class AlertListAnswer(Schema):
    """Alerts, newest first."""

    payload = fields.List(fields.Nested(AlertAnswer), **SOME)


class CannedResponseAnswer(Schema):
    """An answer kept under a short code."""

    id = fields.Integer(**SOME)
    account_id = fields.Integer(**SOME)
    short_code = fields.String(**SOME)
    content = fields.String(**SOME)
    created_at = fields.DateTime(**SOME)
    updated_at = fields.DateTime(**SOME)


class AccountRefAnswer(Schema):
    """An account of a user."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    role = fields.String(**SOME)


class ProfileAnswer(Schema):
    """Yourself."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    available_name = fields.String(**SOME)
    email = fields.String(**SOME)
    locale = fields.String(**MAYBE)
    timezone = fields.String(**MAYBE)
    accounts = fields.List(fields.Nested(AccountRefAnswer), **SOME)


class TokenAnswer(Schema):
    """A token, without the token."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    hint = fields.String(**SOME, metadata={"description": "Its last characters."})
    created_at = Seconds(**SOME)
    last_used_at = Seconds(**MAYBE)


class TokenListAnswer(Schema):
    """Your tokens."""

    payload = fields.List(fields.Nested(TokenAnswer), **SOME)


class TokenCreatedAnswer(TokenAnswer):
    """A new token, shown once."""

    token = fields.String(**SOME)


class AccountAnswer(Schema):
    """The account."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    status = fields.String(**SOME)
    created_at = Seconds(**SOME)
    providers_allowed = fields.List(fields.String(), **MAYBE)
