"""The second factor: one-time codes by time (RFC 6238: SHA-1, six digits, 30 seconds), as authenticator apps make them.

Owns: secrets, their QR codes, codes, and that each works once. Must not know: HTTP, passwords.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

import segno
import sqlalchemy as sa

from chatport.db.tables import User
from chatport.services.accounts import audit

if TYPE_CHECKING:
    from chatport.context import Core

STEP = 30
DIGITS = 6
#: Codes of this many steps before and after are taken, because clocks differ.
DRIFT = 1
_ISSUER = "Chatport"
#: Key of the last used step among a user's preferences.
_USED = "totp_step"


def new_secret() -> str:
    """A new secret, in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def is_secret(text: str) -> bool:
    """Whether a text is a secret of ours."""
    return len(text) == 32 and set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")


def address(secret: str, email: str) -> str:
    """The ``otpauth:`` address that adds the secret to an app."""
    query = urlencode({"secret": secret, "issuer": _ISSUER})
    return f"otpauth://totp/{quote(f'{_ISSUER}:{email}')}?{query}"


def picture(secret: str, email: str) -> str:
    """The address as a QR code: an SVG image in a ``data:`` address."""
    return str(
        segno.make(address(secret, email), micro=False).svg_data_uri(border=2, omitsize=True)
    )


def code_at(secret: str, step: int) -> str:
    """The code of one step (RFC 4226)."""
    digest = hmac.new(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def matching_step(secret: str, code: str, now: float, *, after: int = 0) -> int | None:
    """The step of a code, if it is right now.

    :param now: seconds since 1970.
    :param after: steps up to this one are used already.
    """
    given = "".join(code.split())
    if len(given) != DIGITS or not (given.isascii() and given.isdigit()):
        return None
    current = int(now) // STEP
    for step in range(current - DRIFT, current + DRIFT + 1):
        if step > after and hmac.compare_digest(code_at(secret, step), given):
            return step
    return None


def is_on(core: Core, user_id: int) -> bool:
    """Whether a user has a second factor."""
    with core.db.read("second factor") as connection:
        return bool(
            connection.execute(sa.select(User.totp_secret).where(User.id == user_id)).scalar()
        )


def turn_on(core: Core, user_id: int, secret: str, code: str) -> bool:
    """Keep a secret, once a code shows that the user's app has it."""
    step = matching_step(secret, code, time.time())
    if step is None:
        return False
    _store(core, user_id, core.vault.seal(secret), step, "user.totp_on")
    return True


def turn_off(core: Core, user_id: int) -> None:
    """Do without a second factor."""
    _store(core, user_id, None, 0, "user.totp_off")


def _store(core: Core, user_id: int, sealed: str | None, step: int, action: str) -> None:
    with core.db.write("second factor") as connection:
        kept = connection.execute(
            sa.select(User.preferences).where(User.id == user_id).with_for_update()
        ).scalar_one()
        connection.execute(
            sa.update(User)
            .where(User.id == user_id)
            .values(totp_secret=sealed, preferences={**(kept or {}), _USED: step})
        )
        audit(connection, action, account_id=None, user_id=user_id)


def check(core: Core, user_id: int, code: str) -> bool:
    """Whether a code is right; it does not work a second time."""
    with core.db.write("check second factor") as connection:
        row = connection.execute(
            sa.select(User.totp_secret, User.preferences)
            .where(User.id == user_id, User.active)
            .with_for_update()
        ).first()
        if row is None or not row.totp_secret:
            return False
        used = int((row.preferences or {}).get(_USED, 0))
        step = matching_step(core.vault.open(row.totp_secret), code, time.time(), after=used)
        if step is None:
            return False
        connection.execute(
            sa.update(User)
            .where(User.id == user_id)
            .values(preferences={**(row.preferences or {}), _USED: step})
        )
    return True
