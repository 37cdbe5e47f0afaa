"""Checks of all other hooks against the service, working and failing, and of custom authentication.

Owns: these checks. Must not know: any provider.
"""

from __future__ import annotations

import dataclasses
import json
import time

import pytest

from chatport import Connection, InboundRequest
from chatport.errors import (
    AuthenticationFailed,
    ChatportError,
    ConfigInvalid,
    ErrorClass,
    ProviderCrashed,
    ServiceUnreachable,
)

from . import verify
from .case import ProviderCase
from .faults import FAULTS, SHORT_DEADLINE, repeating
from .samples import RECEIVED_AT, arguments
from .scripted import Reply
from .world import Bench, hurry

#: Seconds that one hook may take when the service hangs: some calls, each with its deadline.
PATIENCE = SHORT_DEADLINE * 25


class ServiceChecks:
    """``hook`` runs over the implemented hooks, ``outage`` over faults."""

    case: ProviderCase

    def ask(self, bench: Bench, hook: str) -> object:
        """Call a hook with sample arguments, or the case's own."""
        given = self.case.arguments.get(hook, arguments(self.case.info.features)[hook])
        return bench.call(hook, **given)

    def test_hook_answers(self, bench: Bench, hook: str) -> None:
        answer = self.ask(bench, hook)

        assert verify.leaks(verify.shown(answer), bench.secrets) == 0
        for name in ("state", "facts", "raw"):
            json.dumps(dict(getattr(answer, name, {})))

    def test_hook_may_be_repeated(self, bench: Bench, hook: str) -> None:
        first, second = self.ask(bench, hook), self.ask(bench, hook)

        assert type(first) is type(second)

    def test_hook_survives_an_outage(
        self, bench: Bench, hook: str, outage: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A useful error or a proper answer, in time, and nothing else."""
        hurry(monkeypatch)
        fault = next(one for one in FAULTS if one.name == outage)
        if fault.reply is None:
            bench.service.stop()
        else:
            bench.service.fail_when(fault.reply)
        began = time.monotonic()
        error: ChatportError | None = None
        try:
            self.ask(bench, hook)
        except ChatportError as raised:
            error = raised
        spent = time.monotonic() - began

        if isinstance(error, ProviderCrashed):
            pytest.fail(f"{hook} after {outage}: {error} ({error.__cause__!r})")
        if error is not None:
            assert getattr(error, "error_class", None) != ErrorClass.BUG
            assert str(error).strip(), "an error must say what happened"
        assert spent < PATIENCE

    def test_hook_never_shows_a_secret(
        self, bench: Bench, hook: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        shown = []
        for status in (200, 400, 401, 500):
            bench.service.fail_when(repeating(bench.secrets, status))
            try:
                self.ask(bench, hook)
            except ChatportError as error:
                shown.append(verify.shown(error))

        assert verify.leaks("\n".join(shown), bench.secrets) == 0, "mask secrets in errors"
        assert verify.leaks(caplog.text, bench.secrets) == 0, "a secret was logged"

    def test_validate_config_asks_the_service(self, bench: Bench) -> None:
        answer = bench.handle.validate_config(bench.channel)

        assert isinstance(answer, Connection)
        assert bench.service.received, "validate_config must ask the service"
        sends = [r.path for r in bench.service.received if self.case.is_sending(r)]
        assert sends == [], "validate_config only reads (or is_sending of the case is wrong)"
        assert answer.connected or (answer.reason and answer.action)

    def test_validate_config_tells_wrong_credentials(self, bench: Bench) -> None:
        bench.service.fail_when(Reply(401, b"Unauthorized"))

        with pytest.raises((AuthenticationFailed, ConfigInvalid)):
            bench.handle.validate_config(bench.channel)

    def test_validate_config_tells_a_service_that_is_down(self, bench: Bench) -> None:
        bench.service.stop()

        with pytest.raises(ServiceUnreachable) as raised:
            bench.handle.validate_config(bench.channel)

        assert raised.value.action, "say what the administrator can do"

    def test_validate_config_works_before_the_channel_is_stored(self, bench: Bench) -> None:
        """On creation the channel has the id 0 and no state."""
        fresh = dataclasses.replace(bench.channel, id=0, state={})

        assert isinstance(bench.handle.validate_config(fresh), Connection)

    def test_custom_authentication_tells_true_from_false(self, bench: Bench) -> None:
        if self.case.info.authentication.kind != "custom":
            return
        assert self.case.sign is not None, "the authentication is custom: give sign in the case"
        body = self.case.webhooks[0].body
        good = dict(self.case.sign(body, bench.channel.config))

        assert self._accepts(bench, body, good)
        assert not self._accepts(bench, body, {})
        assert not self._accepts(bench, body, dict.fromkeys(good, ""))
        assert not self._accepts(bench, body, {name: v[:-1] for name, v in good.items()})
        assert not self._accepts(bench, body, {name: f"{v}x" for name, v in good.items()})

    def _accepts(self, bench: Bench, body: bytes, headers: dict[str, str]) -> bool:
        lower = {name.lower(): value for name, value in headers.items()}
        request = InboundRequest(body=body, headers=lower, received_at=RECEIVED_AT)
        return bench.handle.authenticate_request(bench.channel, request)
