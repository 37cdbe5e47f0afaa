"""What a provider can do, in words.

Owns: these words. Must not know: any provider.
"""

from __future__ import annotations

from flask_babel import gettext as _

from chatport.channels import Features
from chatport.messages import MediaKind


def chips(features: Features) -> list[str]:
    """One or two words for each thing that a provider can do; the most important first."""
    found = [
        (features.groups, _("Groups")),
        (features.templates, _("Templates")),
        (
            bool(features.pairing),
            _("Link by QR code") if "qr" in features.pairing else _("Link by code"),
        ),
        (features.history, _("Fetches missed messages")),
        (features.find_sent, _("Confirms doubtful sends")),
        (bool(features.media), _media(features)),
        (features.reply, _("Replies")),
        (features.reactions, _("Reactions")),
        (features.edit, _("Edits")),
        (features.revoke, _("Deletes for everyone")),
        (features.polls, _("Polls")),
        (bool(features.buttons), _("Buttons")),
        (bool(features.list_rows), _("Lists")),
        (features.cta_url, _("Link buttons")),
        (features.location, _("Locations")),
        (features.contacts, _("Contact cards")),
        (features.read_receipts, _("Read receipts")),
        (features.typing, _("Typing")),
        (features.avatars, _("Profile pictures")),
    ]
    return [str(words) for there, words in found if there]


def _media(features: Features) -> str:
    names = {
        MediaKind.IMAGE: _("pictures"),
        MediaKind.VIDEO: _("videos"),
        MediaKind.AUDIO: _("audio"),
        MediaKind.VOICE: _("voice"),
        MediaKind.DOCUMENT: _("files"),
        MediaKind.STICKER: _("stickers"),
    }
    known = [str(names[kind]) for kind in names if kind in features.media]
    return ", ".join(known)[:1].upper() + ", ".join(known)[1:]


def limits(features: Features) -> list[str]:
    """What an operator should know beforehand."""
    found = []
    if features.window_hours:
        found.append(
            str(
                _(
                    "Free text only within %(hours)s hours after the customer wrote; templates after that.",
                    hours=features.window_hours,
                )
            )
        )
    if not features.groups:
        found.append(str(_("No groups.")))
    return found
