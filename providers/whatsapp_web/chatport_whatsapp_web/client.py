"""Calls to GoWA: its envelope, its device header, its credentials.

Owns: how a call is made and its success told from failure. Must not know: what is asked, events, messages.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from chatport import Channel
from chatport.errors import OutcomeUnknown, ProviderError
from chatport.http import Answer, ServiceClient

from . import own
from .failures import SERVICE, error_of, not_gowa

#: Seconds for whole calls. Hooks have thirty by default, so that these end before.
QUICK = 8.0
NORMAL = 20.0
SENDING = 27.0
#: GoWA holds a login request until the first QR code is there, up to 45 seconds.
PAIRING = 50.0
#: A literal plus or percent sign would be decoded by GoWA; these others need no escape.
_HEADER_SAFE = "@:.-_~!$&'()*,;= /"


@dataclass(frozen=True, slots=True)
class Result:
    """A success: what the envelope holds."""

    results: Any
    message: str

    def mapping(self) -> dict[str, Any]:
        """The results as an object; empty where they are none."""
        return self.results if isinstance(self.results, dict) else {}

    def listing(self) -> list[dict[str, Any]]:
        """The results as a list of objects; Go writes an empty list as null."""
        found = self.results
        if isinstance(found, dict):
            found = found.get("data")
        return (
            [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []
        )


class Gowa:
    """The service of one channel.

    :param device: id of the device that is meant, instead of the channel's own.
    """

    def __init__(self, channel: Channel, *, device: str | None = None) -> None:
        self.base_url = str(channel.config.get("api_base_url", "")).strip().rstrip("/")
        self.device = own.device_id(channel) if device is None else device
        self._user = str(channel.config.get("basic_auth_username") or "")
        self._password = str(channel.config.get("basic_auth_password") or "")
        self._secret = str(channel.config.get("webhook_verify_token") or "")
        self._client = ServiceClient(
            self.base_url,
            service=SERVICE,
            auth=(self._user, self._password) if self._user else None,
            deadline=NORMAL,
        )

    def __repr__(self) -> str:
        return f"Gowa({self.host!r}, device={self.device!r})"

    @property
    def host(self) -> str:
        """Host, with port where the address has one."""
        parts = urlsplit(self.base_url)
        host = parts.hostname or ""
        shown = f"[{host}]" if ":" in host else host
        return f"{shown}:{parts.port}" if parts.port else shown

    def authorization(self) -> dict[str, str]:
        """Headers by which others may fetch from the service."""
        if not self._user:
            return {}
        pair = f"{self._user}:{self._password}".encode()
        return {"Authorization": "Basic " + base64.b64encode(pair).decode()}

    def scope(self) -> dict[str, str]:
        """The header that names the device; without it a service with several refuses even to look for a file."""
        return {"X-Device-Id": quote(self.device, safe=_HEADER_SAFE)} if self.device else {}

    def get(
        self, path: str, params: Mapping[str, Any] | None = None, *, deadline: float = NORMAL
    ) -> Result:
        """GET; see :meth:`call`."""
        return self.call("GET", path, params=params, deadline=deadline)

    def post(self, path: str, body: Mapping[str, Any], *, sending: bool = False) -> Result:
        """POST of a JSON object; see :meth:`call`."""
        deadline = SENDING if sending else NORMAL
        return self.call("POST", path, json=body, sending=sending, deadline=deadline)

    def call(self, method: str, path: str, *, sending: bool = False, **options: Any) -> Result:
        """Make a call that answers in GoWA's envelope.

        :raises ProviderError: of the class that says what happened.
        """
        answer = self.answer(method, path, sending=sending, **options)
        told = answer.json() if answer.ok else None
        if isinstance(told, dict) and isinstance(told.get("code"), str):
            message = told.get("message")
            return Result(told.get("results"), message if isinstance(message, str) else "")
        if not answer.ok:
            raise self.error(answer, sending=sending)
        if sending:
            raise OutcomeUnknown(
                "The service took the message but its answer cannot be read.",
                action="Look at the phone or wait for a tick before you send again.",
                code="unreadable",
                status_code=answer.status,
            )
        raise not_gowa(answer)

    def answer(
        self,
        method: str,
        path: str,
        *,
        sending: bool = False,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """Make a call and take whatever comes back.

        :raises ServiceUnreachable: nothing usable came.
        :raises OutcomeUnknown: only with ``sending``.
        """
        sent = {**(headers or {}), **self.scope()}
        return self._client.request(method, path, sending=sending, headers=sent, **options)

    def error(self, answer: Answer, *, sending: bool = False) -> ProviderError:
        """The error that an answer without success means, without our secrets, should the service repeat them."""
        error = error_of(answer, sending=sending)
        message, detail, code = map(self._hidden, (error.message, error.detail, error.code or ""))
        return type(error)(
            message,
            action=error.action,
            code=code,
            status_code=error.status_code,
            retry_after=error.retry_after,
            detail=detail,
        )

    def _hidden(self, text: str) -> str:
        for secret in (self._password, self._secret):
            text = text.replace(secret, "…") if len(secret) > 3 else text
        return text


def segment(value: str) -> str:
    """A value as one segment of a path."""
    quoted = quote(value, safe="@")
    return "%2E" * len(quoted) if quoted.strip(".") == "" else quoted
