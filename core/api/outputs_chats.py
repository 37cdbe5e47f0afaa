"""What the API answers about contacts, conversations and messages.

Owns: the schemas of these answers, for the OpenAPI document and the tests that hold it true. Must not know: routes,
tables.
"""

from __future__ import annotations

from marshmallow import Schema, fields, validate

from .outputs_inboxes import AgentAnswer
from .schemas import MAYBE, SOME, Seconds, json_object

# --- contacts ---------------------------------------------------------------------------------------------------------


class InboxRefAnswer(Schema):
    """An inbox, in short."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    channel_type = fields.String(**SOME)
    provider = fields.String(**SOME)
    phone_number = fields.String(**SOME)


class ContactInboxAnswer(Schema):
    """A contact's presence in an inbox."""

    source_id = fields.String(**SOME)
    inbox = fields.Nested(InboxRefAnswer, **SOME)


class IdentityAnswer(Schema):
    """One value by which WhatsApp names the contact."""

    kind = fields.String(**SOME)
    value = fields.String(**SOME)


class ContactAnswer(Schema):
    """A person, or a group."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    kind = fields.String(**SOME, metadata={"description": "person or group"})
    phone_number = fields.String(**MAYBE)
    email = fields.String(**MAYBE)
    identifier = fields.String(**MAYBE)
    blocked = fields.Boolean(**SOME)
    thumbnail = fields.String(**SOME)
    availability_status = fields.String(**SOME)
    additional_attributes = json_object(**SOME)
    custom_attributes = json_object(**SOME)
    last_activity_at = Seconds(**MAYBE)
    created_at = Seconds(**SOME)
    merged_into_id = fields.Integer(**MAYBE)
    contact_inboxes = fields.List(fields.Nested(ContactInboxAnswer), **SOME)
    identities = fields.List(fields.Nested(IdentityAnswer), **SOME)


class ContactPayload(Schema):
    """A contact."""

    payload = fields.Nested(ContactAnswer, **SOME)


class ContactCreated(Schema):
    """A new contact and its presence in the inbox that was named."""

    contact = fields.Nested(ContactAnswer, **SOME)
    contact_inbox = fields.Nested(ContactInboxAnswer, **MAYBE)


class ContactCreatedPayload(Schema):
    """A new contact."""

    payload = fields.Nested(ContactCreated, **SOME)


class PageMeta(Schema):
    """Where in a list."""

    count = fields.Integer(**SOME)
    current_page = fields.Integer(**SOME)


class ContactListAnswer(Schema):
    """A page of contacts."""

    meta = fields.Nested(PageMeta, **SOME)
    payload = fields.List(fields.Nested(ContactAnswer), **SOME)


class MergedAnswer(ContactAnswer):
    """The contact that stays; `merge_id` undoes the merge."""

    merge_id = fields.Integer(**SOME)


class MergeAnswer(Schema):
    """A merge of contacts."""

    id = fields.Integer(**SOME)
    base_contact_id = fields.Integer(**SOME)
    mergee_contact_id = fields.Integer(**SOME)
    reason = fields.String(**SOME)
    created_at = Seconds(**SOME)
    undone_at = Seconds(**MAYBE)


class MergeListAnswer(Schema):
    """Merges of a contact."""

    payload = fields.List(fields.Nested(MergeAnswer), **SOME)


# --- messages, conversations ------------------------------------------------------------------------------------------


class SenderAnswer(Schema):
    """Who wrote: a contact or a user."""

    id = fields.Integer(**SOME)
    name = fields.String(**SOME)
    type = fields.String(**SOME, validate=validate.OneOf(["contact", "user"]))
    thumbnail = fields.String(**SOME)
    phone_number = fields.String(allow_none=True)
    email = fields.String(allow_none=True)


class AttachmentAnswer(Schema):
    """A file, place or contact card of a message."""

    id = fields.Integer(**SOME)
    message_id = fields.Integer(**SOME)
    account_id = fields.Integer(**SOME)
    file_type = fields.String(**SOME)
    kind = fields.String(**SOME)
    state = fields.String(
        **SOME, metadata={"description": "pending, ready, gone, failed, none (no file)"}
    )
    extension = fields.String(**MAYBE)
    content_type = fields.String(**SOME)
    filename = fields.String(**SOME)
    data_url = fields.String(**SOME, metadata={"description": "A signed link that expires."})
    thumb_url = fields.String(**SOME)
    file_size = fields.Integer(**MAYBE)
    width = fields.Integer(**MAYBE)
    height = fields.Integer(**MAYBE)
    error = fields.String(**SOME)
    error_action = fields.String(**SOME)
    coordinates_lat = fields.Float()
    coordinates_long = fields.Float()
    fallback_title = fields.String()
    meta = json_object()


class ReactionAnswer(Schema):
    """A reaction on a message."""

    emoji = fields.String(**SOME)
    from_me = fields.Boolean(**SOME)
    contact_id = fields.Integer(**MAYBE)


class MessageAnswer(Schema):
    """A message, note or activity line."""

    id = fields.Integer(**SOME)
    content = fields.String(**MAYBE)
    account_id = fields.Integer(**SOME)
    inbox_id = fields.Integer(**SOME)
    conversation_id = fields.Integer(**SOME)
    message_type = fields.Integer(
        **SOME, metadata={"description": "0 incoming, 1 outgoing, 2 activity, 3 template"}
    )
    content_type = fields.String(**SOME)
    kind = fields.String(**SOME, metadata={"description": "The finer kind of content."})
    status = fields.String(**SOME, validate=validate.OneOf(["sent", "delivered", "read", "failed"]))
    state = fields.String(
        **SOME,
        metadata={
            "description": "received, queued, sending, retrying, sent, delivered, read, played, failed, unknown"
        },
    )
    private = fields.Boolean(**SOME)
    source_id = fields.String(**MAYBE)
    content_attributes = json_object(**SOME)
    external_error = fields.String(**MAYBE)
    error_code = fields.String(**MAYBE)
    error_action = fields.String(**MAYBE)
    created_at = Seconds(**SOME, metadata={"description": "The provider's time, in seconds."})
    stored_at = Seconds(**SOME)
    updated_at = Seconds(**SOME)
    edited_at = Seconds(**MAYBE)
    deleted_at = Seconds(**MAYBE)
    sender = fields.Nested(SenderAnswer, **MAYBE)
    attachments = fields.List(fields.Nested(AttachmentAnswer), **SOME)
    reactions = fields.List(fields.Nested(ReactionAnswer), **SOME)
    echo_id = fields.String(**MAYBE)


class MessageCreatedAnswer(MessageAnswer):
    """The new message; several attachments make several."""

    messages = fields.List(
        fields.Nested(MessageAnswer), **SOME, metadata={"description": "All of them, in order."}
    )


class ConversationMeta(Schema):
    """The people of a conversation."""

    sender = fields.Nested(ContactAnswer, **SOME)
    channel = fields.String(**SOME)
    assignee = fields.Nested(AgentAnswer, **MAYBE)
    assignee_type = fields.String(**MAYBE)
    team = fields.Raw(**MAYBE)
    hmac_verified = fields.Boolean(**SOME)


class ConversationAnswer(Schema):
    """A conversation."""

    id = fields.Integer(**SOME, metadata={"description": "The account's own number."})
    uuid = fields.String(**SOME)
    account_id = fields.Integer(**SOME)
    inbox_id = fields.Integer(**SOME)
    status = fields.String(**SOME)
    can_reply = fields.Boolean(**SOME)
    can_reply_until = Seconds(
        **MAYBE, metadata={"description": "When the customer-service window closes."}
    )
    muted = fields.Boolean(**SOME)
    labels = fields.List(fields.String(), **SOME)
    priority = fields.String(**MAYBE)
    snoozed_until = Seconds(**MAYBE)
    unread_count = fields.Integer(**SOME)
    waiting_since = Seconds(**SOME)
    first_reply_created_at = Seconds(**SOME)
    agent_last_seen_at = Seconds(**SOME)
    assignee_last_seen_at = Seconds(**SOME)
    contact_last_seen_at = Seconds(**SOME)
    last_activity_at = Seconds(**SOME)
    timestamp = Seconds(**SOME)
    created_at = Seconds(**SOME)
    updated_at = Seconds(**SOME)
    additional_attributes = json_object(**SOME)
    custom_attributes = json_object(**SOME)
    messages = fields.List(fields.Nested(MessageAnswer), **SOME)
    last_non_activity_message = fields.Nested(MessageAnswer, **MAYBE)
    meta = fields.Nested(ConversationMeta, **SOME)


class ConversationCounts(Schema):
    """How many conversations."""

    mine_count = fields.Integer(**SOME)
    assigned_count = fields.Integer(**SOME)
    unassigned_count = fields.Integer(**SOME)
    all_count = fields.Integer(**SOME)


class ConversationPage(Schema):
    """A page of conversations with counts."""

    meta = fields.Nested(ConversationCounts, **SOME)
    payload = fields.List(fields.Nested(ConversationAnswer), **SOME)


class ConversationListAnswer(Schema):
    """A page of conversations."""

    data = fields.Nested(ConversationPage, **SOME)


class ConversationMetaAnswer(Schema):
    """Counts only."""

    meta = fields.Nested(ConversationCounts, **SOME)


class ConversationsOfContact(Schema):
    """Conversations of a contact, newest first."""

    payload = fields.List(fields.Nested(ConversationAnswer), **SOME)


class StatusPayload(Schema):
    """What became of a change of status."""

    success = fields.Boolean(**SOME)
    conversation_id = fields.Integer(**SOME)
    current_status = fields.String(**SOME)
    snoozed_until = Seconds(**MAYBE)


class StatusAnswer(Schema):
    """A changed status."""

    meta = json_object(**SOME)
    payload = fields.Nested(StatusPayload, **SOME)


class LabelsAnswer(Schema):
    """Labels of a conversation."""

    payload = fields.List(fields.String(), **SOME)


class AttributesAnswer(Schema):
    """Attributes of a conversation."""

    custom_attributes = json_object(**SOME)


class MessageListMeta(Schema):
    """Facts of the conversation."""

    labels = fields.List(fields.String(), **SOME)
    additional_attributes = json_object(**SOME)
    contact = fields.Nested(ContactAnswer, **SOME)
    assignee = fields.Nested(AgentAnswer, **MAYBE)
    agent_last_seen_at = Seconds(**SOME)
    assignee_last_seen_at = Seconds(**SOME)


class MessageListAnswer(Schema):
    """Messages, oldest first."""

    meta = fields.Nested(MessageListMeta, **SOME)
    payload = fields.List(fields.Nested(MessageAnswer), **SOME)


class FoundMessages(Schema):
    """Messages, newest first."""

    messages = fields.List(fields.Nested(MessageAnswer), **SOME)


class MessageSearchAnswer(Schema):
    """Messages that hold the words."""

    payload = fields.Nested(FoundMessages, **SOME)


class AttachmentListAnswer(Schema):
    """Files of a conversation, newest first."""

    payload = fields.List(fields.Nested(AttachmentAnswer), **SOME)
