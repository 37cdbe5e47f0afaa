"""What went wrong, in words that an operator understands.

Owns: titles and explanations of dead letters. Must not know: tables, HTML.
"""

from __future__ import annotations

from flask_babel import gettext as _


def title(kind: str, state: str) -> str:
    """What a letter is."""
    if state == "parked":
        return str(_("Set aside for a decision"))
    known = {
        "request": _("A delivery could not be understood"),
        "item": _("One event of a delivery could not be applied"),
        "send": _("A message could not be sent"),
        "media": _("A file could not be fetched"),
        "task": _("A task could not be done"),
    }
    return str(known.get(kind, kind))


def explanation(kind: str, state: str, error_type: str) -> str:
    """Why it probably happened, and what that means for customers."""
    if state == "parked":
        return str(
            _(
                "Chatport did not want to guess what this is. It is not shown in a conversation until it is replayed."
            )
        )
    by_type = {
        "ProcessKilled": _(
            "The process ended several times while it worked on this: too little memory, or a fault in a plugin."
        ),
        "HookTimeout": _("The provider's plugin took longer than CHATPORT_HOOK_TIME_LIMIT."),
        "ProviderCrashed": _(
            "The provider's plugin has a fault: it raised an error that it should not."
        ),
        "AnomalousPayload": _(
            "The service sent something that its plugin does not know: perhaps the service is newer than the plugin."
        ),
        "MediaGone": _("The file is no longer at the service."),
        "AuthenticationFailed": _("The service refuses our credentials."),
        "ServiceUnreachable": _("The service did not answer for a long time."),
        "OperationalError": _("The database could not take it."),
        "IntegrityError": _("The database refused it because it contradicts what is stored."),
    }
    by_kind = {
        "request": _("The delivery is kept as it came. Its messages are not shown yet."),
        "item": _("The other events of the same delivery were applied."),
        "send": _("The customer did not get it."),
        "media": _("The message is shown without its file."),
        "task": _("Chatport tried several times and gave up."),
    }
    parts = [by_type.get(error_type), by_kind.get(kind)]
    return " ".join(str(part) for part in parts if part)


def verdict(word: str) -> tuple[str, str]:
    """The receiver's verdict about a delivery: tone and words."""
    known = {
        "accepted": ("good", _("Verified")),
        "channel_inactive": ("warn", _("Verified; the channel is switched off")),
        "account_suspended": ("warn", _("Verified; the account is suspended")),
        "reconciled": ("", _("Fetched by us")),
    }
    tone, words = known.get(word, ("", word))
    return tone, str(words)


def request_state(word: str) -> tuple[str, str]:
    """What became of a delivery: tone and words."""
    known = {
        "pending": ("warn", _("Waiting")),
        "done": ("good", _("Applied")),
        "parked": ("warn", _("Provider missing")),
        "dead": ("bad", _("Failed")),
        "held": ("warn", _("Kept, not applied")),
    }
    tone, words = known.get(word, ("", word))
    return tone, str(words)


def item_state(word: str) -> tuple[str, str]:
    """What became of one item: tone and words."""
    known = {
        "applied": ("good", _("Applied")),
        "duplicate": ("", _("Known already")),
        "ignored": ("", _("Ignored")),
        "waiting": ("warn", _("Waits for its message")),
        "parked": ("warn", _("Set aside")),
        "dead": ("bad", _("Failed")),
    }
    tone, words = known.get(word, ("", word))
    return tone, str(words)


def send_state(word: str) -> tuple[str, str]:
    """What became of a send: tone and words."""
    known = {
        "queued": ("warn", _("Waiting")),
        "sending": ("warn", _("Sending")),
        "sent": ("good", _("Accepted")),
        "failed": ("bad", _("Not sent")),
        "unknown": ("warn", _("Outcome unknown")),
        "cancelled": ("", _("Cancelled")),
    }
    tone, words = known.get(word, ("", word))
    return tone, str(words)


def operation(word: str) -> str:
    """What a send does, where it is no new message."""
    known = {"reaction": _("Reaction"), "edit": _("Edit"), "revoke": _("Delete")}
    return str(known.get(word, word))
