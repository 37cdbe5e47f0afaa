"""Facts about the account, the number and its templates: fields without ``metadata``.

Owns: what each tells the channel's health or its templates. Must not know: messages, HTTP.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from chatport.errors import AnomalousPayload
from chatport.events import AnyEvent, ChannelNotice, TemplateChanged
from chatport.reader import Tolerant

from ..addresses import BUSINESS_ACCOUNT_ID, NUMBER, named
from . import keys
from .source import Source, ignored

#: States that a template is in after an event of that name; other events leave the state to the next synchronisation.
_TEMPLATE_STATES = frozenset(
    {
        "APPROVED",
        "REJECTED",
        "PENDING",
        "PAUSED",
        "DISABLED",
        "IN_APPEAL",
        "PENDING_DELETION",
        "DELETED",
        "ARCHIVED",
        "LIMIT_EXCEEDED",
    }
)
#: Events of ``account_update`` that need somebody's attention, and what they mean.
_ALARMS = {
    "ACCOUNT_RESTRICTION": "WhatsApp restricts the account.",
    "ACCOUNT_VIOLATION": "The account broke a policy of WhatsApp.",
    "DISABLED_UPDATE": "WhatsApp disabled the account, or is about to.",
    "ACCOUNT_DELETED": "The WhatsApp Business account was deleted.",
    "PARTNER_REMOVED": "The app has no access to the account any more.",
    "PARTNER_APP_UNINSTALLED": "The app has no access to the account any more.",
    "ACCOUNT_OFFBOARDED": "The number was taken away from the Cloud API.",
}
#: Events that tell of one thing, its end too: the later one takes the place of the earlier.
_ONE_THING = {
    "PARTNER_ADDED": "access",
    "PARTNER_REMOVED": "access",
    "PARTNER_APP_INSTALLED": "access",
    "PARTNER_APP_UNINSTALLED": "access",
    "ACCOUNT_OFFBOARDED": "number",
    "ACCOUNT_RECONNECTED": "number",
}
_QUALITY_ALARMS = {
    "FLAGGED": "The number's quality is low; WhatsApp may lower its limit.",
    "DOWNGRADE": "WhatsApp lowered the number's sending limit.",
}
_WITHOUT_EFFECT = frozenset(
    {
        "account_settings_update",
        "payment_configuration_update",
        "partner_solutions",
        "flows",
        "tracking_events",
        "automatic_events",
        "messaging_handovers",
        "business_username_updates",
        "consumer_profile",
        "standby",
    }
)
_WORD = re.compile(r"[A-Za-z0-9_]{1,60}")


def read_account_field(source: Source, value: Tolerant, field: str, account_id: str) -> AnyEvent:
    """The event of one change of the account.

    :param account_id: of the WhatsApp Business account, from the entry.
    :raises AnomalousPayload: the field is not known, or a part has a wrong type.
    """
    number = value.text("display_phone_number") or value.text("phone_number")
    addressees = (named(NUMBER, number) if number else ()) or named(BUSINESS_ACCOUNT_ID, account_id)
    source = replace(source, addressees=addressees)
    if "message_template_name" in value or "message_template_id" in value:
        return _template(source, value, field)
    reader = _FIELDS.get(field)
    if reader is not None:
        return reader(source, value)
    if field in _WITHOUT_EFFECT:
        return ignored(source, value, f"{field} has no effect here")
    raise AnomalousPayload(f"the field {field[:60]!r} is not known")


def _notice(source: Source, value: Tolerant, kind: str, warning: str = "") -> ChannelNotice:
    return ChannelNotice(
        key=keys.hashed(source.seed, value.value),
        time=None,
        raw=value.value,
        addressees=source.addressees,
        kind=kind,
        facts=dict(value.value),
        warning=warning,
    )


def _account_update(source: Source, value: Tolerant) -> AnyEvent:
    event = value.text("event")
    name = _ONE_THING.get(event, event.lower())
    kind = f"account_update.{name}" if _WORD.fullmatch(event) else "account_update"
    warning = _ALARMS.get(event, "")
    if value.obj("ban_info").text("waba_ban_state").upper() == "REINSTATE":
        warning = ""  # the end of a ban has the same event as its beginning
    if warning:
        told = [_short(value.value.get(key)) for key in ("restriction_info", "violation_info")]
        told += [_short(value.value.get(key)) for key in ("ban_info", "disconnection_info")]
        words = "; ".join(filter(None, told))
        warning += (f" ({words})" if words else "") + " Look into WhatsApp Manager."
    return _notice(source, value, kind, warning)


def _short(value: Any) -> str:
    return "" if value is None else json.dumps(value, ensure_ascii=False)[:200]


def _review(source: Source, value: Tolerant) -> AnyEvent:
    rejected = value.text("decision") == "REJECTED"
    warning = "WhatsApp rejected the account's review. Look into WhatsApp Manager."
    return _notice(source, value, "account_review_update", warning if rejected else "")


def _alert(source: Source, value: Tolerant) -> AnyEvent:
    alert = value.obj("alert_info")
    words = alert.text("alert_description") or alert.text("alert_type")
    calm = alert.text("alert_severity").upper() in ("", "INFORMATIONAL")
    return _notice(source, value, "account_alerts", "" if calm else words)


def _capability(source: Source, value: Tolerant) -> AnyEvent:
    return _notice(source, value, "business_capability_update")


def _quality(source: Source, value: Tolerant) -> AnyEvent:
    return _notice(
        source,
        value,
        "phone_number_quality_update",
        _QUALITY_ALARMS.get(value.text("event"), ""),
    )


def _name(source: Source, value: Tolerant) -> AnyEvent:
    warning = ""
    if value.text("decision") == "REJECTED":
        reason = value.text("rejection_reason")
        warning = f"WhatsApp rejected the display name {value.text('requested_verified_name')!r}."
        warning += f" Reason: {reason}" if reason and reason != "NONE" else ""
    return _notice(source, value, "phone_number_name_update", warning)


def _security(source: Source, value: Tolerant) -> AnyEvent:
    event = value.text("event")
    words = {
        "PIN_CHANGED": "The number's two-step verification PIN was changed.",
        "PIN_RESET_REQUEST": "Somebody asked to switch off the number's two-step verification.",
    }
    return _notice(source, value, "security", words.get(event, ""))


_FIELDS: Mapping[str, Callable[[Source, Tolerant], AnyEvent]] = {
    "account_update": _account_update,
    "account_review_update": _review,
    "account_alerts": _alert,
    "business_capability_update": _capability,
    "phone_number_quality_update": _quality,
    "phone_number_name_update": _name,
    "security": _security,
}


# --- templates ------------------------------------------------------------------------------------


def _template(source: Source, value: Tolerant, field: str) -> AnyEvent:
    """A template changed. Dispatched by content: some bodies carry the name of another template field."""
    changes: dict[str, Any] = {}
    event = value.text("event").upper()
    if event in _TEMPLATE_STATES:
        changes["status"] = event
    reason = value.text("reason")
    if reason and reason != "NONE":
        changes["rejected_reason"] = reason
    if "new_quality_score" in value:
        changes["quality_score"] = {"score": value.text("new_quality_score")}
    if "previous_category" in value and "new_category" in value:
        changes["category"] = value.text("new_category")
    elif "correct_category" in value:
        changes["correct_category"] = value.text("correct_category")
    return TemplateChanged(
        key=keys.hashed(source.seed, value.value),
        time=None,
        raw=value.value,
        addressees=source.addressees,
        name=value.require("message_template_name"),
        language=language_code(value.text("message_template_language")),
        changes=changes,
    )


def language_code(text: str) -> str:
    """A language as the listing writes it: webhooks say ``en-US`` where the API says ``en_US``."""
    return text.strip().replace("-", "_")
