"""Signed links in answers: files and pictures that need no token until the link expires.

Owns: making and checking them. Must not know: routes, how files are served.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..db.types import utcnow
from ..services.media.serve import signed_link

if TYPE_CHECKING:
    from ..context import Core

#: How long a link in an answer works.
LINKS_WORK = timedelta(hours=24)
_AVATAR = "avatar"


def attachment_url(core: Core, row: Any) -> str:
    """A link to a stored file; empty while there is none."""
    return signed_link(core, row.id, LINKS_WORK) if row.storage_key is not None else ""


def avatar_url(core: Core, row: Any) -> str:
    """A link to a contact's picture; empty without one.

    :param row: with ``id`` and ``avatar_key`` of a contact.
    """
    if not row.avatar_key:
        return ""
    expires = int((utcnow() + LINKS_WORK).timestamp())
    signature = core.vault.sign(_AVATAR, f"{row.id}:{expires}")
    base = core.settings.public_url.rstrip("/")
    return f"{base}/files/contacts/{row.id}?expires={expires}&signature={signature}"


def is_valid_avatar_link(core: Core, contact_id: int, expires: str, signature: str) -> bool:
    """Whether a link is one of ours and has not expired."""
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):
        return False
    if not core.vault.verify(_AVATAR, f"{contact_id}:{expires}", signature):
        return False
    return int(expires) >= utcnow().timestamp()
