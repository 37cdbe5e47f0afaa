"""Housekeeping: mails to administrators, and forgetting what has been kept long enough.

Owns: these kinds. Must not know: what alerts are about.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Mapping
from datetime import timedelta
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.engine import Row

from ...db.tables import Account, Alert, Membership, RawRequest, Task, User, UserSession
from ...db.types import utcnow
from ...errors import TemporarilyRefused
from ...guards import forbid_in_transaction
from ..ingest.followups import expire
from .kinds import Kind

if TYPE_CHECKING:
    from ...context import Core

SMTP_TIMEOUT = 20.0
#: Rows that one statement changes, so that nobody else waits long for the database.
BATCH = 500
#: Finished tasks are kept for so long.
TASKS_KEPT = timedelta(days=14)


def mail_alert(core: Core, task: Row[Any]) -> None:
    """Mail an alert to the account's administrators, where a mail server is configured."""
    if not core.settings.smtp_url or not core.settings.smtp_from:
        return
    with core.db.read("alert to mail") as connection:
        alert = connection.execute(
            sa.select(Alert.__table__).where(Alert.id == task.payload["alert_id"])
        ).first()
        account = connection.execute(
            sa.select(Account.name).where(Account.id == task.account_id)
        ).scalar_one()
        receivers = (
            connection.execute(
                sa.select(User.email)
                .join(Membership, Membership.user_id == User.id)
                .where(
                    Membership.account_id == task.account_id,
                    Membership.role == "administrator",
                    User.active,
                )
                .order_by(User.id)
            )
            .scalars()
            .all()
        )
    if (
        alert is None
        or alert.mailed_at is not None
        or alert.resolved_at is not None
        or not receivers
    ):
        return
    _send_mail(core.settings.smtp_url, _mail(core, alert, account, list(receivers)))
    with core.db.write("alert mailed") as connection:
        connection.execute(sa.update(Alert).where(Alert.id == alert.id).values(mailed_at=utcnow()))


def _mail(core: Core, alert: Row[Any], account: str, receivers: list[str]) -> EmailMessage:
    mail = EmailMessage()
    title = " ".join(
        f"[Chatport] {account}: {alert.title}".split()
    )  # a line break would end the header
    mail["Subject"] = title
    mail["From"] = core.settings.smtp_from
    mail["To"] = ", ".join(receivers)
    mail.set_content(
        "\n\n".join(
            t for t in (alert.title, alert.body, alert.action, core.settings.public_url) if t
        )
    )
    return mail


def _send_mail(url: str, mail: EmailMessage) -> None:
    """Hand a mail to the server of the settings: TLS at once for ``smtps``, STARTTLS where offered for ``smtp``.

    :raises TemporarilyRefused: the server did not take it; without the server's address, which may hold a password.
    """
    forbid_in_transaction("sending a mail")
    parts = urlsplit(url)
    host = parts.hostname or ""
    context = ssl.create_default_context()
    try:
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                host, parts.port or 465, timeout=SMTP_TIMEOUT, context=context
            )
        else:
            server = smtplib.SMTP(host, parts.port or 587, timeout=SMTP_TIMEOUT)
        with server:
            server.ehlo()
            if parts.scheme == "smtp" and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
            if parts.username:
                server.login(unquote(parts.username), unquote(parts.password or ""))
            server.send_message(mail)
    except (OSError, smtplib.SMTPException) as error:
        raise TemporarilyRefused(
            f"The mail server {host} did not take the mail ({type(error).__name__}).",
            action="Check CHATPORT_SMTP_URL and the mail server.",
        ) from None


def prune(core: Core, task: Row[Any]) -> None:
    """Forget bodies of webhooks after the retention time, finished tasks and expired sessions; end what waited too
    long. Keys, items and verdicts of webhooks stay."""
    now = utcnow()
    cutoff = now - timedelta(days=core.settings.raw_retention_days)
    requests, tasks = RawRequest.__table__, Task.__table__
    old_bodies = (
        sa.select(requests.c.id)
        .where(
            requests.c.account_id == task.account_id,
            requests.c.received_at < cutoff,
            requests.c.body.is_not(None),
            # What still has to be done, or what a person still has to look at, keeps its body.
            requests.c.state.not_in(("pending", "parked")),
        )
        .limit(BATCH)
    )
    _in_batches(
        core, sa.update(requests).where(requests.c.id.in_(old_bodies)).values(body=None, headers={})
    )
    old_tasks = (
        sa.select(tasks.c.id)
        .where(
            tasks.c.account_id == task.account_id,
            tasks.c.state == "done",
            tasks.c.finished_at < now - TASKS_KEPT,
        )
        .limit(BATCH)
    )
    _in_batches(core, sa.delete(tasks).where(tasks.c.id.in_(old_tasks)))
    with core.db.write("expire") as connection:
        expire(connection, now)
        connection.execute(
            sa.delete(UserSession).where(UserSession.expires_at < now - timedelta(days=30))
        )


def _in_batches(core: Core, statement: Any) -> None:
    while True:
        with core.db.write("prune") as connection:
            if connection.execute(statement).rowcount < BATCH:
                return


KINDS: Mapping[str, Kind] = {"mail_alert": Kind(mail_alert), "prune": Kind(prune)}
