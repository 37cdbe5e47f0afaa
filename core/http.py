"""The one HTTP client of providers: time limits, size limits, guarded addresses, and errors told apart.

Owns: how a request leaves this process and what each way of failing means. Must not know: any provider, storage, Flask.

What matters for sending is whether the request *may have been carried out*: a failed connection surely was not
(``ServiceUnreachable``); a connection that broke after the request left may have been (``OutcomeUnknown``).
"""

from __future__ import annotations

import ipaddress
import json
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from .errors import OutcomeUnknown, ServiceUnreachable
from .guards import forbid_in_transaction

USER_AGENT = "chatport"
#: Largest answer of a service that is read into memory, in bytes.
MAX_ANSWER_BYTES = 16 * 1024 * 1024


class AddressRefused(urllib3.exceptions.HTTPError):
    """The address is private and not among the allowed ones."""


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """Which private addresses may be reached.

    :param allow_private_hosts: ``host`` or ``host:port``, as in ``CHATPORT_ALLOW_PRIVATE_HOSTS``; ``*`` allows all.
    """

    allow_private_hosts: tuple[str, ...] = ()

    def allows(self, host: str, port: int, address: str) -> bool:
        """Whether a connection to ``address`` for ``host:port`` may be used."""
        ip = ipaddress.ip_address(address.split("%", 1)[0])
        if getattr(ip, "ipv4_mapped", None):
            ip = ip.ipv4_mapped  # type: ignore[union-attr,assignment]
        if ip.is_global and not ip.is_multicast:
            return True
        host = host.strip("[]").lower()
        return any(
            allowed in ("*", host, f"{host}:{port}", f"[{host}]:{port}")
            for allowed in (entry.lower() for entry in self.allow_private_hosts)
        )


_policy = NetworkPolicy()


def set_network_policy(policy: NetworkPolicy) -> None:
    """Set the policy of this process. Called once, at start."""
    global _policy  # noqa: PLW0603 (one policy per process, by design)
    _policy = policy


def network_policy() -> NetworkPolicy:
    """The policy of this process."""
    return _policy


def refused_hint(host: str, port: int) -> str:
    """What to do about a refused private address."""
    return (
        f"If {host}:{port} is your own service, add it to CHATPORT_ALLOW_PRIVATE_HOSTS "
        f"(for instance CHATPORT_ALLOW_PRIVATE_HOSTS={host}:{port}) and restart."
    )


def _checked(sock: socket.socket, host: str, port: int) -> socket.socket:
    # The peer's real address is judged, after the connection and before a byte is sent: a name that resolves to
    # another address the second time cannot slip through.
    peer = sock.getpeername()
    address = peer[0] if isinstance(peer, tuple) else "127.0.0.1"
    if not _policy.allows(host, port, address):
        sock.close()
        raise AddressRefused(f"{host}:{port} is a private address. {refused_hint(host, port)}")
    return sock


class _GuardedHTTPConnection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host, self.port or 80)


class _GuardedHTTPSConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn(), self.host, self.port or 443)


class _GuardedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _GuardedHTTPConnection


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection


class GuardedAdapter(HTTPAdapter):
    """A requests adapter that refuses private addresses outside the policy, and never retries by itself."""

    def __init__(self) -> None:
        super().__init__(max_retries=0, pool_maxsize=16)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": _GuardedHTTPPool,
            "https": _GuardedHTTPSPool,
        }


def guarded_session() -> requests.Session:
    """A session that ignores proxies and ``.netrc`` of the environment and guards addresses."""
    session = requests.Session()
    session.trust_env = False
    session.headers["User-Agent"] = USER_AGENT
    adapter = GuardedAdapter()
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def content_type(self) -> str:
        """Media type without parameters, lower case."""
        return str(self.headers.get("Content-Type", "")).split(";", 1)[0].strip().lower()

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300

    def json(self) -> Any:
        """The body as JSON, or ``None`` where it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):  # nested too deeply is as unreadable as no JSON at all
            return None

    def text(self, limit: int = 300) -> str:
        """The beginning of the body, for messages."""
        return self.body[: limit * 4].decode("utf-8", "replace")[:limit].strip()

    def retry_after(self) -> float | None:
        """Seconds of the Retry-After header, where it is a number."""
        try:
            return max(0.0, float(self.headers.get("Retry-After", "")))
        except ValueError:
            return None


class ServiceClient:
    """Calls one service. Redirects are not followed; each call has a total deadline.

    :param base_url: with or without a path; calls append to it.
    :param service: the service's name as people know it, for messages.
    :param auth: user and password for HTTP Basic.
    :param deadline: seconds for a whole call, from connecting to the last byte of the answer.
    """

    def __init__(
        self,
        base_url: str,
        *,
        service: str,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        connect_timeout: float = 5.0,
        deadline: float = 30.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.service = service
        self._connect_timeout = connect_timeout
        self._deadline = deadline
        self._session = guarded_session()
        self._session.headers.update(headers or {})
        if auth:
            # Encoded as UTF-8: requests would encode as Latin-1 and fail for other letters.
            self._session.auth = (auth[0].encode(), auth[1].encode())  # type: ignore[assignment]

    def get(self, path: str, **kwargs: Any) -> Answer:
        """GET; see :meth:`request`."""
        return self.request("GET", path, **kwargs)

    def post(self, path: str, **kwargs: Any) -> Answer:
        """POST; see :meth:`request`."""
        return self.request("POST", path, **kwargs)

    def request(
        self,
        method: str,
        path: str,
        *,
        sending: bool = False,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        data: Any = None,
        files: Mapping[str, Any] | Sequence[Any] | None = None,
        headers: Mapping[str, str] | None = None,
        deadline: float | None = None,
        auth: Any = None,
    ) -> Answer:
        """Make one call.

        :param path: appended to the base URL; or a whole URL.
        :param sending: the call has an effect that must not happen twice: a break after the request left raises
            ``OutcomeUnknown`` instead of ``ServiceUnreachable``.
        :param deadline: seconds, instead of the client's own.
        :raises ServiceUnreachable: surely not carried out, or (``sending`` false) no usable answer.
        :raises OutcomeUnknown: only with ``sending``.
        """
        forbid_in_transaction(f"an HTTP call to {self.service}")
        url = path if "://" in path else f"{self.base_url}/{path.lstrip('/')}"
        limit = deadline or self._deadline
        end = time.monotonic() + limit
        try:
            response = self._session.request(
                method,
                url,
                params=params,
                json=json,
                data=data,
                files=files,
                headers=headers,
                auth=auth,
                timeout=(min(self._connect_timeout, limit), limit),
                allow_redirects=False,
                stream=True,
            )
            with response:
                body = _read(response, end)
                return Answer(response.status_code, response.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(error, url, sending) from None

    def _failure(
        self, error: Exception, url: str, sending: bool
    ) -> ServiceUnreachable | OutcomeUnknown:
        parts = urlsplit(url)
        where = f"{self.service} at {parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
        refused = _find_cause(error, AddressRefused)
        if refused is not None:
            message, _, hint = str(refused).partition(". ")
            return ServiceUnreachable(
                f"{self.service}: {message}.", action=hint, code="private_address"
            )
        if _never_left(error):
            return ServiceUnreachable(
                f"{where} does not answer ({_plain(error)}).",
                action="Check that the service runs and that this address and port are right.",
                code="unreachable",
            )
        if sending:
            return OutcomeUnknown(
                f"{where} broke off before it answered ({_plain(error)}); the message may or may not have been sent.",
                action="Look at the phone or wait for a tick before you send again.",
                code="no_answer",
            )
        return ServiceUnreachable(
            f"{where} gave no complete answer ({_plain(error)}).",
            action="Check the service's log; try again in a moment.",
            code="no_answer",
        )


def _read(response: requests.Response, end: float) -> bytes:
    chunks: list[bytes] = []
    size = 0
    # read1 gives what is there: a dripping answer cannot hold us past the deadline.
    while chunk := response.raw.read1(65536, decode_content=True):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_ANSWER_BYTES:
            raise requests.ConnectionError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
        if time.monotonic() > end:
            raise requests.ReadTimeout("the answer took too long")
    return b"".join(chunks)


_NEVER_LEFT = (
    requests.ConnectTimeout,
    requests.exceptions.InvalidSchema,
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.SSLError,
)


def _never_left(error: BaseException) -> bool:
    return (
        isinstance(error, _NEVER_LEFT)
        or _find_cause(error, urllib3.exceptions.NewConnectionError) is not None
        or _find_cause(error, urllib3.exceptions.ConnectTimeoutError) is not None
        or _find_cause(error, ConnectionRefusedError) is not None
    )


def _find_cause(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    seen: set[int] = set()
    queue: list[Any] = [error]
    while queue:
        current = queue.pop()
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, kind):
            return current
        queue += [
            current.__cause__,
            current.__context__,
            getattr(current, "reason", None),
            *current.args,
        ]
    return None


def _plain(error: BaseException) -> str:
    """A short cause without addresses or object representations (which could carry credentials)."""
    for kind, words in _WORDS:
        if _find_cause(error, kind) is not None:
            return words
    return type(error).__name__


_WORDS: tuple[tuple[type[BaseException], str], ...] = (
    (ConnectionRefusedError, "connection refused"),
    (urllib3.exceptions.NameResolutionError, "the name cannot be resolved"),
    (urllib3.exceptions.ConnectTimeoutError, "no connection in time"),
    (urllib3.exceptions.SSLError, "TLS failed"),
    (requests.exceptions.InvalidURL, "the address is not valid"),
    (requests.exceptions.MissingSchema, "the address is not valid"),
    (requests.exceptions.ReadTimeout, "no answer in time"),
    (urllib3.exceptions.ReadTimeoutError, "no answer in time"),
    (ConnectionResetError, "connection reset"),
    (urllib3.exceptions.ProtocolError, "connection broken"),
)
