"""Calls that answer with a JSON object.

Owns: telling a success from a failure, and keeping secrets out of errors. Must not know: what is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from chatport.errors import ProviderError
from chatport.http import Answer, ServiceClient

from .catalogue import Explain
from .failures import Told, judge, masked, unreadable

#: Seconds for whole calls. Hooks have thirty by default, so that these end before.
QUICK = 8.0
NORMAL = 15.0
SENDING = 27.0


class Service:
    """One service, with the credentials of one channel.

    :param name: the service's name for messages.
    :param headers: credentials; sent to this service only.
    :param secrets: values that must not come back in an error.
    :param told: finds the error in a decoded body; second, whether the status was a success.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str,
        headers: Mapping[str, str],
        secrets: Iterable[str],
        told: Callable[[Any, bool], Told | None],
        explain: Explain,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.name = name
        self.headers = dict(headers)
        self._secrets = tuple(filter(None, secrets))
        self._told, self._explain = told, explain
        self._client = ServiceClient(
            self.base_url, service=name, headers=self.headers, deadline=NORMAL
        )

    def __repr__(self) -> str:
        return f"Service({self.name!r} at {self.host!r})"

    @property
    def hostname(self) -> str:
        """The host without port, lower case."""
        return (urlsplit(self.base_url).hostname or "").lower()

    @property
    def host(self) -> str:
        """Host, with port where the address has one."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2].lower()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET; see :meth:`call`."""
        return self.call("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """POST of a JSON object whose repetition does no harm; see :meth:`call`."""
        return self.call("POST", path, json=body)

    def send(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST of a JSON object that must not be carried out twice; see :meth:`call`."""
        return self.call("POST", path, json=body, sending=True, deadline=SENDING)

    def call(
        self,
        method: str,
        path: str,
        *,
        sending: bool = False,
        empty: bool = False,
        **options: Any,
    ) -> dict[str, Any]:
        """Make a call and return the decoded body of its success.

        :param empty: a success without a body will do.
        :raises ProviderError: of the class that says what happened.
        """
        answer = self.answer(method, path, sending=sending, **options)
        body = answer.json()
        told = self._told(body, answer.ok)
        if not answer.ok or told is not None:
            raise masked(
                judge(answer, told, self._explain, service=self.name, sending=sending),
                self._secrets,
            )
        if empty and not answer.body.strip():
            return {}
        if not isinstance(body, dict):
            raise self.unreadable(answer, sending=sending)
        return body

    def unreadable(self, answer: Answer, *, sending: bool = False) -> ProviderError:
        """The error for a success that cannot be read."""
        return unreadable(answer, service=self.name, sending=sending)

    def answer(self, method: str, path: str, *, sending: bool = False, **options: Any) -> Answer:
        """Make a call and take whatever comes back.

        :raises ServiceUnreachable: nothing usable came.
        :raises OutcomeUnknown: only with ``sending``.
        """
        return self._client.request(method, path, sending=sending, **options)


def segment(value: str) -> str:
    """A value as one segment of a path."""
    quoted = quote(value, safe="")
    return "%2E" * len(quoted) if quoted.strip(".") == "" else quoted
