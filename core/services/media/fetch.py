"""Fetching the files of incoming messages: each by its own retried row, after its message is shown.

Owns: which files are due, the guarded download, what comes of it. Must not know: how a provider finds a file.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import sqlalchemy as sa
import urllib3
from sqlalchemy.engine import Row

from ...channels import MediaRequest
from ...db.tables import Attachment, Channel, Inbox, Message
from ...db.types import utcnow
from ...errors import (
    ChatportError,
    HookTimeout,
    MediaGone,
    ProviderCrashed,
    ProviderError,
    ServiceUnreachable,
    TemporarilyRefused,
)
from ...events import MediaRef
from ...guards import forbid_in_transaction
from ...http import AddressRefused, guarded_session, refused_hint
from ..channels import load_channel
from ..hook_calls import limited
from ..ingest.codec import from_json
from . import outcome
from .outcome import AddressLost, Job
from .storage import CHUNK, FileTooLarge, MediaStorage, StoredFile

if TYPE_CHECKING:
    from ...context import Core

logger = logging.getLogger(__name__)

#: Files that one process fetches at once, and of those from one channel.
MAX_AT_ONCE = 6
MAX_PER_CHANNEL = 2
#: Seconds for connecting, for a pause between two pieces, and for a whole file.
CONNECT_TIMEOUT, READ_TIMEOUT, DEADLINE = 5.0, 20.0, 120.0
#: A file that is being fetched is nobody else's for so long. Renewed while it is fetched, so that the file of a killed
#: process waits no longer than this.
LEASE = timedelta(seconds=45)
#: How often the provider is asked for another address within one try, when the address leads nowhere.
MAX_ADDRESSES = 3

_attachments = Attachment.__table__


@dataclass(frozen=True, slots=True)
class FetchResult:
    """What a round did. ``more``: files are left that could be fetched now."""

    fetched: int
    failed: int
    more: bool


class FileTooLargeHere(ProviderError):
    """The file is larger than this installation takes. Not tried again."""


def fetch_due(
    core: Core, budget_seconds: float = 10.0, stop: Callable[[], bool] = lambda: False
) -> FetchResult:
    """Fetch files that are due, several at once, no channel more than its share.

    :raises DBAPIError: the database does not work; try again later.
    """
    end = time.monotonic() + budget_seconds
    fetched = failed = 0
    running: dict[Future[bool | None], Row[Any]] = {}
    renewed = time.monotonic()
    with ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix="media") as pool:
        while True:
            if time.monotonic() < end and not stop():
                for row in _next(core, list(running.values())):
                    running[pool.submit(_fetch_one, core, row.id, row.tries)] = row
            if not running:
                break
            if time.monotonic() - renewed > LEASE.total_seconds() / 3:
                renewed = time.monotonic()
                _renew(core, [row for future, row in running.items() if not future.done()])
            done, _ = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in done:
                running.pop(future)
                ok = future.result()
                fetched += ok is True
                failed += ok is False
    return FetchResult(fetched, failed, more=bool(_next(core, [])))


def _next(core: Core, running: list[Row[Any]]) -> list[Row[Any]]:
    """Due files that may start now, oldest first."""
    query = (
        sa.select(_attachments.c.id, _attachments.c.tries, Inbox.channel_id)
        .join(Message.__table__, Message.id == _attachments.c.message_id)
        .join(Inbox.__table__, Inbox.id == Message.inbox_id)
        .where(
            _attachments.c.state == "pending",
            _attachments.c.media_ref.is_not(None),
            _attachments.c.next_try_at <= utcnow(),
        )
        .order_by(_attachments.c.next_try_at, _attachments.c.id)
        .limit(200)
    )
    busy = {row.id for row in running}
    per_channel: dict[int, int] = {}
    for row in running:
        per_channel[row.channel_id] = per_channel.get(row.channel_id, 0) + 1
    chosen: list[Row[Any]] = []
    with core.db.read("due files") as connection:
        for row in connection.execute(query):
            share = per_channel.get(row.channel_id, 0)
            if row.id in busy or share >= MAX_PER_CHANNEL:
                continue
            if len(running) + len(chosen) >= MAX_AT_ONCE:
                break
            per_channel[row.channel_id] = share + 1
            chosen.append(row)
    return chosen


def _fetch_one(core: Core, attachment_id: int, tries: int) -> bool | None:
    """Fetch one file: whether it is there now; ``None`` when somebody else has it."""
    job = _claim(core, attachment_id, tries)
    if job is None:
        return None
    try:
        stored, request = _download_any(core, job)
    except ProviderError as error:
        logger.info("file %s of channel %s: %s", attachment_id, job.channel.id, error)
        settled = outcome.not_fetched(core, job, error, final=_is_final(error))
    else:
        settled = _keep(core, job, stored, request)
    core.publish(settled.notices)
    return settled.stored


def _keep(core: Core, job: Job, stored: StoredFile, request: MediaRequest) -> outcome.Settled:
    kept = False
    try:
        settled = outcome.fetched(core, job, stored, request)
        kept = settled.stored
        return settled
    finally:
        if not kept:
            core.storage.delete(stored.key)  # no row speaks of it


def _is_final(error: ProviderError) -> bool:
    return isinstance(error, FileTooLargeHere | MediaGone)


def _claim(core: Core, attachment_id: int, tries: int) -> Job | None:
    now = utcnow()
    with core.db.write("claim a file") as connection:
        row = connection.execute(
            sa.update(_attachments)
            .where(
                _attachments.c.id == attachment_id,
                _attachments.c.state == "pending",
                _attachments.c.tries == tries,
            )
            .values(tries=tries + 1, next_try_at=now + LEASE)
            .returning(_attachments)
        ).first()
        if row is None:
            return None
        message = connection.execute(
            sa.select(Message.__table__).where(Message.id == row.message_id)
        ).one()
        channel = connection.execute(
            sa.select(Channel.__table__)
            .join(Inbox.__table__, Inbox.channel_id == Channel.id)
            .where(Inbox.id == message.inbox_id)
        ).one()
    return Job(row, message, channel)


def _renew(core: Core, running: list[Row[Any]]) -> None:
    """Keep the files that are being fetched, each while the try is the one that began here."""
    with core.db.write("keep files") as connection:
        for row in running:
            connection.execute(
                sa.update(_attachments)
                .where(
                    _attachments.c.id == row.id,
                    _attachments.c.state == "pending",
                    _attachments.c.tries == row.tries + 1,
                )
                .values(next_try_at=utcnow() + LEASE)
            )


def _download_any(core: Core, job: Job) -> tuple[StoredFile, MediaRequest]:
    """Ask the provider where the file is, and fetch it; where the address leads nowhere, ask again.

    :raises ProviderError: it cannot be had now, or (``MediaGone``) any more.
    """
    if job.channel.deleted_at is not None:
        raise MediaGone("The inbox was deleted before the file was fetched.")
    first = int(job.attachment.meta.get("fetch_attempt", 0))
    last: ProviderError | None = None
    for attempt in range(first, first + MAX_ADDRESSES):
        media, request = _ask(core, job, attempt)
        try:
            return download(
                core.storage, request, core.settings.max_media_bytes, media.sha256
            ), request
        except AddressLost as error:
            last = error
    assert last is not None
    raise last


def _ask(core: Core, job: Job, attempt: int) -> tuple[MediaRef, MediaRequest]:
    try:
        media = from_json(job.attachment.media_ref)
        handle = core.plugins.provider(job.channel.provider)
        channel = load_channel(core, job.channel)
    except ChatportError as error:  # the plugin is missing, a secret cannot be read
        raise TemporarilyRefused(str(error), action=error.action) from None
    try:
        request = limited(
            core.settings.hook_time_limit, lambda: handle.media_url(channel, media, attempt)
        )
    except ProviderError:
        raise
    except ChatportError as error:
        raise ProviderCrashed(str(error), action=error.action) from None
    except HookTimeout:
        raise TemporarilyRefused("The provider's plugin did not come to an end in time.") from None
    return media, request


# --- the download itself ----------------------------------------------------------------------------------------------


def download(
    storage: MediaStorage, request: MediaRequest, max_bytes: int, sha256: str = ""
) -> StoredFile:
    """GET a file into storage: only from the allowed hosts, redirects off, no larger than ``max_bytes``.

    :param sha256: of the bytes, where it is known; the request's own comes first.
    :raises ProviderError: of a class that says whether it is worth trying again.
    """
    forbid_in_transaction("fetching a file")
    _check_address(request)
    wanted = (request.sha256 or sha256).lower()
    try:
        with guarded_session() as session:
            session.headers.update({"Accept": "*/*", "Accept-Encoding": "identity"})
            response = session.get(
                request.url,
                headers=dict(request.headers),
                stream=True,
                allow_redirects=False,
                timeout=(CONNECT_TIMEOUT, READ_TIMEOUT),
            )
            with response:
                _check_answer(response, max_bytes)
                stored = storage.save(_body(response), max_bytes=max_bytes)
    except FileTooLarge:
        raise _too_large(max_bytes) from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _network_error(error, request) from None
    except OSError as error:
        raise TemporarilyRefused(
            f"The file cannot be written to storage ({type(error).__name__}).",
            action="Look at the storage's free space and rights.",
        ) from error
    if wanted and stored.sha256 != wanted:
        storage.delete(stored.key)
        raise TemporarilyRefused(
            "The file that came is not the one that was announced (its hash differs)."
        )
    return stored


def _check_address(request: MediaRequest) -> None:
    """Read the address as the HTTP client will: another reader may see another host in an odd one."""
    try:
        parts = urllib3.util.parse_url(request.url)
    except urllib3.exceptions.LocationParseError:
        raise MediaGone("The file's address cannot be read; it is not fetched.") from None
    host = (parts.host or "").lower().strip("[]")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    allowed = {entry.lower() for entry in request.allowed_hosts}
    if parts.scheme not in ("http", "https") or not host:
        raise MediaGone("The file's address is not a web address; it is not fetched.")
    if not allowed & {host, f"{host}:{port}", f"[{host}]:{port}"}:
        raise MediaGone(
            f"The file lies at {host}:{port}, which is not the channel's service; it is not fetched.",
            action="If this is the service, correct the address in the channel's configuration.",
        )


def _check_answer(response: requests.Response, max_bytes: int) -> None:
    status = response.status_code
    if status in (401, 403, 404, 410):
        raise AddressLost(f"The service does not have the file at its address (HTTP {status}).")
    if 300 <= status < 400:
        raise TemporarilyRefused(
            "The service answered with a redirect, which is not followed.",
            action="Give the service's final address in the channel's configuration.",
        )
    if status != 200:
        raise TemporarilyRefused(f"The service answered with HTTP {status}.")
    length = response.headers.get("Content-Length", "")
    if length.isascii() and length.isdigit() and int(length) > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> FileTooLargeHere:
    return FileTooLargeHere(
        f"The file is larger than {max_bytes} bytes, the limit of this installation.",
        action="Ask for a smaller file, or raise CHATPORT_MAX_MEDIA_BYTES.",
        code="file_too_large",
    )


def _body(response: requests.Response) -> Iterator[bytes]:
    end = time.monotonic() + DEADLINE
    for chunk in response.iter_content(CHUNK):
        if time.monotonic() > end:
            raise requests.ReadTimeout(f"the file did not come within {DEADLINE:.0f} seconds")
        yield chunk


def _network_error(error: Exception, request: MediaRequest) -> ProviderError:
    parts = urlsplit(request.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if _caused_by(error, AddressRefused):
        return ServiceUnreachable(
            f"{host}:{port} is a private address; the file is not fetched.",
            action=refused_hint(host, port),
            code="private_address",
        )
    return ServiceUnreachable(f"{host}:{port} did not deliver the file ({type(error).__name__}).")


def _caused_by(error: BaseException, kind: type[BaseException]) -> bool:
    seen: list[Any] = [error]
    for current in seen:
        if isinstance(current, kind):
            return True
        if isinstance(current, BaseException):
            more = [
                current.__cause__,
                current.__context__,
                getattr(current, "reason", None),
                *current.args,
            ]
            seen += [item for item in more if isinstance(item, BaseException) and item not in seen]
    return False


# --- asking again -----------------------------------------------------------------------------------------------------


def refetch(core: Core, account_id: int, attachment_id: int) -> bool:
    """A person asks for a file again that could not be fetched.

    :returns: whether there is such a file.
    """
    with core.db.write("fetch a file again") as connection:
        result: Any = connection.execute(
            sa.update(_attachments)
            .where(
                _attachments.c.id == attachment_id,
                _attachments.c.account_id == account_id,
                _attachments.c.state.in_(("failed", "gone")),
                _attachments.c.media_ref.is_not(None),
            )
            .values(state="pending", tries=0, next_try_at=utcnow(), error="", error_action="")
        )
        if result.rowcount:
            outcome.resolve_letter(connection, account_id, attachment_id)
    if result.rowcount:
        core.bells.ring_calls()
    return bool(result.rowcount)
