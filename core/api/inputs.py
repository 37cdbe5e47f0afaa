"""What clients may send, by route.

Owns: the schemas of bodies and query strings. Must not know: routes, tables.
"""

from __future__ import annotations

from marshmallow import fields, validate

from .schemas import ApiSchema, Id, Page, Text, Words, json_object

STATUSES = ("open", "resolved", "pending", "snoozed")
PRIORITIES = ("low", "medium", "high", "urgent")
SORTS = (
    "last_activity_at_desc",
    "last_activity_at_asc",
    "created_at_desc",
    "created_at_asc",
    "priority_desc",
    "priority_asc",
    "waiting_since_asc",
    "waiting_since_desc",
)

# --- inboxes ----------------------------------------------------------------------------------------------------------


class ChannelBody(ApiSchema):
    """A new channel."""

    type = fields.String(load_default="whatsapp", validate=validate.OneOf(["whatsapp"]))
    phone_number = Text(32, required=True, metadata={"description": "E.164 with plus."})
    provider = Text(64, required=True, shortest=1, metadata={"description": "A provider's key."})
    provider_config = json_object(
        load_default=dict, metadata={"description": "The provider's fields, see `providers`."}
    )
    callback_base_url = fields.Url(
        schemes={"http", "https"},
        require_tld=False,
        load_default=None,
        allow_none=True,
        metadata={
            "description": "Where the service reaches Chatport, if not under its public address."
        },
    )


class InboxSettings(ApiSchema):
    """Settings of an inbox."""

    lock_to_single_conversation = fields.Boolean(
        metadata={"description": "Reopen the contact's last conversation instead of a new one."}
    )
    group_activity = fields.Boolean(metadata={"description": "Lines for joins and leaves."})
    read_receipts = fields.String(validate=validate.OneOf(["never", "on_open", "on_reply"]))
    agent_signature = fields.Boolean(metadata={"description": "Put the agent's name first."})
    greeting_enabled = fields.Boolean(
        metadata={"description": "Answer the first message of a new conversation."}
    )
    greeting_message = Text(4096, metadata={"description": "What that answer says."})


class InboxCreate(InboxSettings):
    """A new inbox with its channel."""

    name = Text(255, shortest=1, required=True)
    channel = fields.Nested(ChannelBody, required=True)


class InboxTest(ApiSchema):
    """A configuration to try."""

    name = Text(255, load_default="")
    channel = fields.Nested(ChannelBody, required=True)


class ChannelChange(ApiSchema):
    """What changes in a channel. A masked secret keeps the stored one."""

    phone_number = Text(32)
    provider = Text(64, shortest=1)
    provider_config = json_object()
    callback_base_url = fields.Url(schemes={"http", "https"}, require_tld=False, allow_none=True)
    active = fields.Boolean(metadata={"description": "Off: webhooks are kept, nothing is sent."})


class InboxUpdate(InboxSettings):
    """What changes in an inbox."""

    name = Text(255, shortest=1)
    channel = fields.Nested(ChannelChange)


class PairingBody(ApiSchema):
    """How to link the phone."""

    method = fields.String(load_default="qr", validate=validate.OneOf(["qr", "code"]))


class MembersBody(ApiSchema):
    """Agents of an inbox."""

    inbox_id = Id(required=True)
    user_ids = fields.List(Id(), required=True)


# --- contacts ---------------------------------------------------------------------------------------------------------


class ContactBody(ApiSchema):
    """A contact."""

    name = Text(255)
    phone_number = Text(32, allow_none=True, metadata={"description": "E.164 with plus."})
    email = fields.Email(allow_none=True, validate=validate.Length(0, 320))
    identifier = Text(255, allow_none=True)
    blocked = fields.Boolean()
    custom_attributes = json_object()
    additional_attributes = json_object()


class ContactCreate(ContactBody):
    """A new contact; with an inbox it can be written to at once."""

    inbox_id = Id()


class ContactList(ApiSchema):
    """A page of contacts."""

    page = Page()
    sort = fields.String(
        load_default="-last_activity_at",
        validate=validate.OneOf(
            [
                "name",
                "-name",
                "last_activity_at",
                "-last_activity_at",
                "created_at",
                "-created_at",
            ]
        ),
    )


class ContactSearch(ContactList):
    """A search for contacts."""

    q = Text(255, required=True, metadata={"description": "Part of name, number, mail address."})


class MergeBody(ApiSchema):
    """Two contacts that are one."""

    base_contact_id = Id(required=True, metadata={"description": "Stays."})
    mergee_contact_id = Id(required=True, metadata={"description": "Points to the other."})


# --- conversations ----------------------------------------------------------------------------------------------------


class ConversationFilter(ApiSchema):
    """Which conversations."""

    status = fields.String(load_default="open", validate=validate.OneOf([*STATUSES, "all"]))
    assignee_type = fields.String(
        load_default="all", validate=validate.OneOf(["me", "unassigned", "assigned", "all"])
    )
    inbox_id = Id(load_default=None)
    labels = Words(load_default=list)
    q = Text(
        255,
        load_default="",
        metadata={"description": "Words of a message, or part of a name or number."},
    )


class ConversationList(ConversationFilter):
    """A page of conversations."""

    page = Page()
    sort_by = fields.String(
        load_default="last_activity_at_desc", validate=validate.OneOf([*SORTS, "latest"])
    )


class ConversationSearch(ConversationList):
    """A search for conversations."""

    status = fields.String(load_default="all", validate=validate.OneOf([*STATUSES, "all"]))
    q = Text(
        255,
        shortest=1,
        required=True,
        metadata={"description": "Words of a message, or part of a name or number."},
    )


class MessageSearch(ApiSchema):
    """A search for messages."""

    q = Text(
        255,
        shortest=1,
        required=True,
        metadata={"description": "Words; a word of three letters or more may be a beginning."},
    )
    inbox_id = Id(load_default=None)
    before = Id(load_default=None)


class MessageInConversation(ApiSchema):
    """The first message of a new conversation."""

    content = fields.String(load_default=None, allow_none=True)
    template_params = json_object(load_default=None, allow_none=True)


class ConversationCreate(ApiSchema):
    """A conversation to start."""

    source_id = Text(255, load_default=None, allow_none=True)
    inbox_id = Id(load_default=None)
    contact_id = Id(load_default=None)
    status = fields.String(load_default="open", validate=validate.OneOf(["open", "pending"]))
    assignee_id = Id(load_default=None, allow_none=True)
    custom_attributes = json_object(load_default=dict)
    additional_attributes = json_object(load_default=dict)
    message = fields.Nested(MessageInConversation, load_default=None, allow_none=True)


class StatusBody(ApiSchema):
    """A new status; without one it toggles between open and resolved."""

    status = fields.String(load_default=None, validate=validate.OneOf(STATUSES))
    snoozed_until = fields.Integer(
        load_default=None,
        allow_none=True,
        validate=validate.Range(0, 253402300799),
        metadata={"description": "Seconds since 1970; none: until the customer writes."},
    )


class PriorityBody(ApiSchema):
    """A priority."""

    priority = fields.String(
        load_default=None, allow_none=True, validate=validate.OneOf([*PRIORITIES, ""])
    )


class AssignmentBody(ApiSchema):
    """Who answers; none takes the assignment back."""

    assignee_id = Id(load_default=None, allow_none=True, validate=validate.Range(0, 2**63 - 1))


class LabelsBody(ApiSchema):
    """All labels of the conversation."""

    labels = Words(required=True, validate=validate.Length(0, 50))


class TypingBody(ApiSchema):
    """Whether somebody types."""

    typing_status = fields.String(
        required=True, validate=validate.OneOf(["on", "off", "recording"])
    )
    is_private = fields.Boolean(load_default=False)


class AttributesBody(ApiSchema):
    """Attributes of your own."""

    custom_attributes = json_object(required=True)


# --- messages ---------------------------------------------------------------------------------------------------------


class MessageList(ApiSchema):
    """Which messages: newest 20; `before` an id 20 older; `after` an id 100 newer; both: what lies between."""

    before = Id(load_default=None)
    after = Id(load_default=None)


class MessageCreate(ApiSchema):
    """A message to send, or a private note."""

    content = fields.String(load_default=None, allow_none=True)
    message_type = fields.String(
        load_default="outgoing", validate=validate.OneOf(["outgoing", "template"])
    )
    private = fields.Boolean(load_default=False)
    content_type = fields.String(
        load_default="text",
        metadata={"description": "text, location, contact, poll, link or input_select."},
    )
    content_attributes = json_object(
        load_default=dict,
        metadata={
            "description": "in_reply_to, in_reply_to_external_id, items, location, contacts, poll, link,"
            " is_voice_message, send_as, view_once, preview_url."
        },
    )
    template_params = json_object(load_default=None, allow_none=True)
    is_voice_message = fields.Boolean(load_default=None, allow_none=True)
    echo_id = Text(255, load_default=None, allow_none=True)


class MessageEdit(ApiSchema):
    """The new text of one of our messages."""

    content = fields.String(required=True)


class ReactionBody(ApiSchema):
    """An emoji; the empty text takes the reaction back."""

    emoji = Text(64, required=True)


# --- operations -------------------------------------------------------------------------------------------------------


class DeadLetterList(ApiSchema):
    """Which dead letters."""

    state = fields.String(
        load_default="open",
        validate=validate.OneOf(["open", "dead", "parked", "replayed", "resolved", "all"]),
        metadata={"description": "open: dead and parked ones."},
    )
    kind = fields.String(
        load_default=None, validate=validate.OneOf(["request", "item", "send", "media", "task"])
    )
    before = Id(load_default=None)


class ReplayBody(ApiSchema):
    """Which dead letters to replay."""

    ids = fields.List(Id(), load_default=None, validate=validate.Length(0, 1000))
    all = fields.Boolean(load_default=False)


class EventList(ApiSchema):
    """Which webhook requests."""

    inbox_id = Id(load_default=None)
    state = fields.String(
        load_default=None, validate=validate.OneOf(["pending", "done", "parked", "dead", "held"])
    )
    before = Id(load_default=None)


class AlertList(ApiSchema):
    """Which alerts."""

    state = fields.String(load_default="open", validate=validate.OneOf(["open", "resolved", "all"]))
    before = Id(load_default=None)


class CannedResponseList(ApiSchema):
    """Which canned answers."""

    search = Text(64, load_default="")


class CannedResponseBody(ApiSchema):
    """A canned answer."""

    short_code = Text(65, metadata={"description": "Without spaces; unique in the account."})
    content = Text(
        10_000,
        metadata={"description": "May hold variables such as `{{contact.name}}`."},
    )


class CannedResponseCreate(CannedResponseBody):
    """A new canned answer."""

    short_code = Text(
        65,
        shortest=1,
        required=True,
        metadata={"description": "Without spaces; unique in the account."},
    )
    content = Text(
        10_000,
        shortest=1,
        required=True,
        metadata={"description": "May hold variables such as `{{contact.name}}`."},
    )


class AgentCreate(ApiSchema):
    """A person who shall belong to the account."""

    email = Text(320, shortest=3, required=True)
    name = Text(255, load_default="")
    role = fields.String(load_default="agent", validate=validate.OneOf(["agent", "administrator"]))
    password = fields.String(load_default=None, allow_none=True, load_only=True)


class AgentUpdate(ApiSchema):
    """A new role."""

    role = fields.String(required=True, validate=validate.OneOf(["agent", "administrator"]))


class ProfileUpdate(ApiSchema):
    """What changes in your profile."""

    name = Text(255, shortest=1)
    locale = Text(16, allow_none=True)
    timezone = Text(64, allow_none=True)


class TokenCreate(ApiSchema):
    """A new token."""

    name = Text(255, shortest=1, required=True)
