"""What the API answers.

Owns: the schemas of answers, for the OpenAPI document and the tests that hold it true. Must not know: routes, tables.
"""

from __future__ import annotations

from typing import Any

from marshmallow import Schema, fields, validate

from .schemas import Seconds, json_object

_some: dict[str, Any] = {"required": True}
_maybe: dict[str, Any] = {"required": True, "allow_none": True}

# --- inboxes ----------------------------------------------------------------------------------------------------------


class ManualStepAnswer(Schema):
    """Something to do at the service by hand."""

    title = fields.String(**_some)
    instruction = fields.String(**_some)
    values = fields.Dict(keys=fields.String(), values=fields.String(), **_some)


class StepsAnswer(Schema):
    """Things to do at the service by hand."""

    payload = fields.List(fields.Nested(ManualStepAnswer), **_some)


class InboxAnswer(Schema):
    """An inbox with its channel."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    channel_id = fields.Integer(**_some)
    channel_type = fields.String(**_some)
    provider = fields.String(**_some)
    phone_number = fields.String(**_some)
    avatar_url = fields.String(**_some)
    greeting_enabled = fields.Boolean(**_some)
    greeting_message = fields.String(**_some)
    working_hours_enabled = fields.Boolean(**_some)
    enable_auto_assignment = fields.Boolean(**_some)
    lock_to_single_conversation = fields.Boolean(**_some)
    group_activity = fields.Boolean(**_some)
    read_receipts = fields.String(**_some)
    agent_signature = fields.Boolean(**_some)
    callback_webhook_url = fields.String(
        **_some, metadata={"description": "Where the service delivers events."}
    )
    callback_base_url = fields.String(**_maybe)
    message_templates = fields.List(json_object(), **_some)
    message_templates_last_updated = Seconds(**_maybe)
    templates_error = fields.String(**_maybe)
    provider_config = json_object(
        metadata={"description": "Administrators only; secrets are masked."}
    )
    reauthorization_required = fields.Boolean(**_some)
    active = fields.Boolean(**_some)
    connection = fields.String(
        **_some,
        metadata={
            "description": "unknown, connected, disconnected, login_required, unauthorised, unreachable"
        },
    )
    connection_reason = fields.String(**_some)
    connection_action = fields.String(**_some)
    connection_checked_at = Seconds(**_maybe)
    paused_until = Seconds(**_maybe)
    pause_reason = fields.String(**_some)
    features = json_object(**_maybe, metadata={"description": "None while the plugin is missing."})
    created_at = Seconds(**_some)


class ConnectionAnswer(Schema):
    """What the service says about its WhatsApp login."""

    connected = fields.Boolean(**_some)
    login_required = fields.Boolean(**_some)
    reason = fields.String(**_some)
    action = fields.String(**_some)
    linked_number = fields.String(**_some)
    facts = json_object(**_some)
    pairing = fields.List(
        fields.String(), **_some, metadata={"description": "Ways to link a phone: qr, code."}
    )


class InboxCreatedAnswer(InboxAnswer):
    """A new inbox. Secrets that were made for it are in this answer and never again."""

    connection_result = fields.Nested(ConnectionAnswer, **_some)
    generated_secrets = fields.Dict(keys=fields.String(), values=fields.String(), **_some)


class InboxListAnswer(Schema):
    """All visible inboxes."""

    payload = fields.List(fields.Nested(InboxAnswer), **_some)


class SecretsAnswer(Schema):
    """New secrets, shown once."""

    generated_secrets = fields.Dict(keys=fields.String(), values=fields.String(), **_some)


class HealthFactAnswer(Schema):
    """One line of evidence."""

    title = fields.String(**_some)
    value = fields.String(**_some)
    level = fields.String(**_some, validate=validate.OneOf(["ok", "warning", "error"]))
    action = fields.String(**_some)


class HealthAnswer(Schema):
    """A channel's health."""

    connection = fields.String(**_some)
    connection_reason = fields.String(**_some)
    connection_action = fields.String(**_some)
    connection_checked_at = Seconds(**_maybe)
    last_event_at = Seconds(**_maybe)
    last_send_at = Seconds(**_maybe)
    last_refused_at = Seconds(
        **_maybe, metadata={"description": "When a webhook was last refused."}
    )
    refused_count = fields.Integer(**_some)
    paused_until = Seconds(**_maybe)
    pause_reason = fields.String(**_some)
    facts = fields.List(
        fields.Nested(HealthFactAnswer), **_some, metadata={"description": "Asked just now."}
    )
    details = json_object(**_some, metadata={"description": "What the service told before."})
    notices = json_object(**_some)
    provisioning = json_object(**_some)
    error = fields.String(**_maybe, metadata={"description": "Why the service gave no answer."})
    action = fields.String(**_some)


class PairingAnswer(Schema):
    """One way to link the phone now."""

    kind = fields.String(**_some)
    expires_in = fields.Float(**_some)
    image = fields.String(**_maybe, metadata={"description": "A PNG as data address."})
    code = fields.String(**_maybe, metadata={"description": "To be typed on the phone."})


class AgentAnswer(Schema):
    """A user of the account."""

    id = fields.Integer(**_some)
    account_id = fields.Integer(**_some)
    name = fields.String(**_some)
    available_name = fields.String(**_some)
    email = fields.String(**_some)
    role = fields.String(**_some)
    confirmed = fields.Boolean(**_some)
    thumbnail = fields.String(**_some)


class AgentListItem(AgentAnswer):
    """One of the people; the answer is a plain list of them."""


class MembersAnswer(Schema):
    """Agents of an inbox."""

    payload = fields.List(fields.Nested(AgentAnswer), **_some)


# --- contacts ---------------------------------------------------------------------------------------------------------


class InboxRefAnswer(Schema):
    """An inbox, in short."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    channel_type = fields.String(**_some)
    provider = fields.String(**_some)
    phone_number = fields.String(**_some)


class ContactInboxAnswer(Schema):
    """A contact's presence in an inbox."""

    source_id = fields.String(**_some)
    inbox = fields.Nested(InboxRefAnswer, **_some)


class IdentityAnswer(Schema):
    """One value by which WhatsApp names the contact."""

    kind = fields.String(**_some)
    value = fields.String(**_some)


class ContactAnswer(Schema):
    """A person, or a group."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    kind = fields.String(**_some, metadata={"description": "person or group"})
    phone_number = fields.String(**_maybe)
    email = fields.String(**_maybe)
    identifier = fields.String(**_maybe)
    blocked = fields.Boolean(**_some)
    thumbnail = fields.String(**_some)
    availability_status = fields.String(**_some)
    additional_attributes = json_object(**_some)
    custom_attributes = json_object(**_some)
    last_activity_at = Seconds(**_maybe)
    created_at = Seconds(**_some)
    merged_into_id = fields.Integer(**_maybe)
    contact_inboxes = fields.List(fields.Nested(ContactInboxAnswer), **_some)
    identities = fields.List(fields.Nested(IdentityAnswer), **_some)


class ContactPayload(Schema):
    """A contact."""

    payload = fields.Nested(ContactAnswer, **_some)


class ContactCreated(Schema):
    """A new contact and its presence in the inbox that was named."""

    contact = fields.Nested(ContactAnswer, **_some)
    contact_inbox = fields.Nested(ContactInboxAnswer, **_maybe)


class ContactCreatedPayload(Schema):
    """A new contact."""

    payload = fields.Nested(ContactCreated, **_some)


class PageMeta(Schema):
    """Where in a list."""

    count = fields.Integer(**_some)
    current_page = fields.Integer(**_some)


class ContactListAnswer(Schema):
    """A page of contacts."""

    meta = fields.Nested(PageMeta, **_some)
    payload = fields.List(fields.Nested(ContactAnswer), **_some)


class MergedAnswer(ContactAnswer):
    """The contact that stays; `merge_id` undoes the merge."""

    merge_id = fields.Integer(**_some)


class MergeAnswer(Schema):
    """A merge of contacts."""

    id = fields.Integer(**_some)
    base_contact_id = fields.Integer(**_some)
    mergee_contact_id = fields.Integer(**_some)
    reason = fields.String(**_some)
    created_at = Seconds(**_some)
    undone_at = Seconds(**_maybe)


class MergeListAnswer(Schema):
    """Merges of a contact."""

    payload = fields.List(fields.Nested(MergeAnswer), **_some)


# --- messages ---------------------------------------------------------------------------------------------------------


class SenderAnswer(Schema):
    """Who wrote: a contact or a user."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    type = fields.String(**_some, validate=validate.OneOf(["contact", "user"]))
    thumbnail = fields.String(**_some)
    phone_number = fields.String(allow_none=True)
    email = fields.String(allow_none=True)


class AttachmentAnswer(Schema):
    """A file, place or contact card of a message."""

    id = fields.Integer(**_some)
    message_id = fields.Integer(**_some)
    account_id = fields.Integer(**_some)
    file_type = fields.String(**_some)
    kind = fields.String(**_some)
    state = fields.String(
        **_some, metadata={"description": "pending, ready, gone, failed, none (no file)"}
    )
    extension = fields.String(**_maybe)
    content_type = fields.String(**_some)
    filename = fields.String(**_some)
    data_url = fields.String(**_some, metadata={"description": "A signed link that expires."})
    thumb_url = fields.String(**_some)
    file_size = fields.Integer(**_maybe)
    width = fields.Integer(**_maybe)
    height = fields.Integer(**_maybe)
    error = fields.String(**_some)
    error_action = fields.String(**_some)
    coordinates_lat = fields.Float()
    coordinates_long = fields.Float()
    fallback_title = fields.String()
    meta = json_object()


class ReactionAnswer(Schema):
    """A reaction on a message."""

    emoji = fields.String(**_some)
    from_me = fields.Boolean(**_some)
    contact_id = fields.Integer(**_maybe)


class MessageAnswer(Schema):
    """A message, note or activity line."""

    id = fields.Integer(**_some)
    content = fields.String(**_maybe)
    account_id = fields.Integer(**_some)
    inbox_id = fields.Integer(**_some)
    conversation_id = fields.Integer(**_some)
    message_type = fields.Integer(
        **_some, metadata={"description": "0 incoming, 1 outgoing, 2 activity, 3 template"}
    )
    content_type = fields.String(**_some)
    kind = fields.String(**_some, metadata={"description": "The finer kind of content."})
    status = fields.String(
        **_some, validate=validate.OneOf(["sent", "delivered", "read", "failed"])
    )
    state = fields.String(
        **_some,
        metadata={
            "description": "received, queued, sending, retrying, sent, delivered, read, played, failed, unknown"
        },
    )
    private = fields.Boolean(**_some)
    source_id = fields.String(**_maybe)
    content_attributes = json_object(**_some)
    external_error = fields.String(**_maybe)
    error_code = fields.String(**_maybe)
    error_action = fields.String(**_maybe)
    created_at = Seconds(**_some, metadata={"description": "The provider's time, in seconds."})
    stored_at = Seconds(**_some)
    updated_at = Seconds(**_some)
    edited_at = Seconds(**_maybe)
    deleted_at = Seconds(**_maybe)
    sender = fields.Nested(SenderAnswer, **_maybe)
    attachments = fields.List(fields.Nested(AttachmentAnswer), **_some)
    reactions = fields.List(fields.Nested(ReactionAnswer), **_some)
    echo_id = fields.String(**_maybe)


class MessageCreatedAnswer(MessageAnswer):
    """The new message; several attachments make several."""

    messages = fields.List(
        fields.Nested(MessageAnswer), **_some, metadata={"description": "All of them, in order."}
    )


class ConversationMeta(Schema):
    """The people of a conversation."""

    sender = fields.Nested(ContactAnswer, **_some)
    channel = fields.String(**_some)
    assignee = fields.Nested(AgentAnswer, **_maybe)
    assignee_type = fields.String(**_maybe)
    team = fields.Raw(**_maybe)
    hmac_verified = fields.Boolean(**_some)


class ConversationAnswer(Schema):
    """A conversation."""

    id = fields.Integer(**_some, metadata={"description": "The account's own number."})
    uuid = fields.String(**_some)
    account_id = fields.Integer(**_some)
    inbox_id = fields.Integer(**_some)
    status = fields.String(**_some)
    can_reply = fields.Boolean(**_some)
    can_reply_until = Seconds(
        **_maybe, metadata={"description": "When the customer-service window closes."}
    )
    muted = fields.Boolean(**_some)
    labels = fields.List(fields.String(), **_some)
    priority = fields.String(**_maybe)
    snoozed_until = Seconds(**_maybe)
    unread_count = fields.Integer(**_some)
    waiting_since = Seconds(**_some)
    first_reply_created_at = Seconds(**_some)
    agent_last_seen_at = Seconds(**_some)
    assignee_last_seen_at = Seconds(**_some)
    contact_last_seen_at = Seconds(**_some)
    last_activity_at = Seconds(**_some)
    timestamp = Seconds(**_some)
    created_at = Seconds(**_some)
    updated_at = Seconds(**_some)
    additional_attributes = json_object(**_some)
    custom_attributes = json_object(**_some)
    messages = fields.List(fields.Nested(MessageAnswer), **_some)
    last_non_activity_message = fields.Nested(MessageAnswer, **_maybe)
    meta = fields.Nested(ConversationMeta, **_some)


class ConversationCounts(Schema):
    """How many conversations."""

    mine_count = fields.Integer(**_some)
    assigned_count = fields.Integer(**_some)
    unassigned_count = fields.Integer(**_some)
    all_count = fields.Integer(**_some)


class ConversationPage(Schema):
    """A page of conversations with counts."""

    meta = fields.Nested(ConversationCounts, **_some)
    payload = fields.List(fields.Nested(ConversationAnswer), **_some)


class ConversationListAnswer(Schema):
    """A page of conversations."""

    data = fields.Nested(ConversationPage, **_some)


class ConversationMetaAnswer(Schema):
    """Counts only."""

    meta = fields.Nested(ConversationCounts, **_some)


class ConversationsOfContact(Schema):
    """Conversations of a contact, newest first."""

    payload = fields.List(fields.Nested(ConversationAnswer), **_some)


class StatusPayload(Schema):
    """What became of a change of status."""

    success = fields.Boolean(**_some)
    conversation_id = fields.Integer(**_some)
    current_status = fields.String(**_some)
    snoozed_until = Seconds(**_maybe)


class StatusAnswer(Schema):
    """A changed status."""

    meta = json_object(**_some)
    payload = fields.Nested(StatusPayload, **_some)


class LabelsAnswer(Schema):
    """Labels of a conversation."""

    payload = fields.List(fields.String(), **_some)


class AttributesAnswer(Schema):
    """Attributes of a conversation."""

    custom_attributes = json_object(**_some)


class MessageListMeta(Schema):
    """Facts of the conversation."""

    labels = fields.List(fields.String(), **_some)
    additional_attributes = json_object(**_some)
    contact = fields.Nested(ContactAnswer, **_some)
    assignee = fields.Nested(AgentAnswer, **_maybe)
    agent_last_seen_at = Seconds(**_some)
    assignee_last_seen_at = Seconds(**_some)


class MessageListAnswer(Schema):
    """Messages, oldest first."""

    meta = fields.Nested(MessageListMeta, **_some)
    payload = fields.List(fields.Nested(MessageAnswer), **_some)


class AttachmentListAnswer(Schema):
    """Files of a conversation, newest first."""

    payload = fields.List(fields.Nested(AttachmentAnswer), **_some)


# --- operations -------------------------------------------------------------------------------------------------------


class DeadLetterAnswer(Schema):
    """Work that Chatport gave up on."""

    id = fields.Integer(**_some)
    kind = fields.String(**_some)
    state = fields.String(**_some)
    channel_id = fields.Integer(**_maybe)
    inbox_id = fields.Integer(**_maybe)
    subject_id = fields.Integer(**_some)
    item_key = fields.String(**_some)
    error_type = fields.String(**_some)
    error = fields.String(**_some)
    action = fields.String(**_some)
    attempts = fields.Integer(**_some)
    payload = fields.Raw(**_maybe)
    created_at = Seconds(**_some)
    replayed_at = Seconds(**_maybe)


class DeadLetterListAnswer(Schema):
    """Dead letters, newest first."""

    payload = fields.List(fields.Nested(DeadLetterAnswer), **_some)


class ReplayedAnswer(Schema):
    """What was replayed, and what cannot be."""

    replayed = fields.List(fields.Integer(), **_some)
    refused = fields.List(json_object(), **_some)


class EventItemAnswer(Schema):
    """What became of one item of a webhook request."""

    key = fields.String(**_maybe)
    kind = fields.String(**_maybe)
    state = fields.String(**_maybe)
    reason = fields.String(**_maybe)
    message_id = fields.Integer(**_maybe)


class EventAnswer(Schema):
    """A webhook request as it came."""

    id = fields.Integer(**_some)
    channel_id = fields.Integer(**_some)
    inbox_id = fields.Integer(**_maybe)
    received_at = Seconds(**_some)
    verdict = fields.String(**_some)
    state = fields.String(**_some)
    reason = fields.String(**_some)
    attempts = fields.Integer(**_some)
    done_at = Seconds(**_maybe)
    replayable = fields.Boolean(**_some)
    items = fields.List(fields.Nested(EventItemAnswer), **_some)


class EventDetailAnswer(EventAnswer):
    """A webhook request with its body."""

    headers = json_object(**_some)
    body = fields.String(**_maybe, metadata={"description": "None after the retention time."})


class EventListAnswer(Schema):
    """Webhook requests, newest first."""

    payload = fields.List(fields.Nested(EventAnswer), **_some)


class FormFieldAnswer(Schema):
    """One field of a provider's form."""

    name = fields.String(**_some)
    label = fields.String(**_some)
    widget = fields.String(**_some)
    required = fields.Boolean(**_some)
    secret = fields.Boolean(**_some)
    generated = fields.Boolean(**_some)
    help = fields.String(**_some)
    placeholder = fields.String(**_some)
    group = fields.String(**_some)
    default = fields.Raw(**_maybe)
    choices = fields.List(json_object(), **_some)


class ProviderAnswer(Schema):
    """A provider."""

    key = fields.String(**_some)
    title = fields.String(**_some)
    description = fields.String(**_some)
    icon = fields.String(**_some)
    documentation = fields.String(**_some)
    distribution = fields.String(**_some)
    version = fields.String(**_some)
    aliases = fields.List(fields.String(), **_some)
    allowed = fields.Boolean(**_some, metadata={"description": "May this account use it?"})
    features = json_object(**_some)
    form = fields.List(fields.Nested(FormFieldAnswer), **_some)


class FailedPluginAnswer(Schema):
    """A plugin that cannot be used."""

    name = fields.String(**_some)
    distribution = fields.String(**_some)
    version = fields.String(**_some)
    reason = fields.String(**_some)


class ProviderListAnswer(Schema):
    """All providers."""

    payload = fields.List(fields.Nested(ProviderAnswer), **_some)
    failed = fields.List(fields.Nested(FailedPluginAnswer), **_some)


class AlertAnswer(Schema):
    """Something administrators must know."""

    id = fields.Integer(**_some)
    kind = fields.String(**_some)
    channel_id = fields.Integer(**_maybe)
    title = fields.String(**_some)
    body = fields.String(**_some)
    action = fields.String(**_some)
    created_at = Seconds(**_some)
    resolved_at = Seconds(**_maybe)


class AlertListAnswer(Schema):
    """Alerts, newest first."""

    payload = fields.List(fields.Nested(AlertAnswer), **_some)


class AccountRefAnswer(Schema):
    """An account of a user."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    role = fields.String(**_some)


class ProfileAnswer(Schema):
    """Yourself."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    available_name = fields.String(**_some)
    email = fields.String(**_some)
    locale = fields.String(**_maybe)
    timezone = fields.String(**_maybe)
    accounts = fields.List(fields.Nested(AccountRefAnswer), **_some)


class TokenAnswer(Schema):
    """A token, without the token."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    hint = fields.String(**_some, metadata={"description": "Its last characters."})
    created_at = Seconds(**_some)
    last_used_at = Seconds(**_maybe)


class TokenListAnswer(Schema):
    """Your tokens."""

    payload = fields.List(fields.Nested(TokenAnswer), **_some)


class TokenCreatedAnswer(TokenAnswer):
    """A new token, shown once."""

    token = fields.String(**_some)


class AccountAnswer(Schema):
    """The account."""

    id = fields.Integer(**_some)
    name = fields.String(**_some)
    status = fields.String(**_some)
    created_at = Seconds(**_some)
    providers_allowed = fields.List(fields.String(), **_maybe)
