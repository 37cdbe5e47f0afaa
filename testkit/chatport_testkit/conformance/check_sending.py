"""Checks of ``send_message``: every claim holds, everything else is refused, and failures get the right class.

Owns: these checks. Must not know: any provider.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from chatport import MediaKind, OutboundMessage, Sent
from chatport.errors import ContentRefused, ErrorClass, ProviderError, UnsupportedFeature
from chatport.messages import Media, Text

from . import verify
from .case import ProviderCase
from .faults import FAULTS, Fault, repeating
from .samples import KINDS, Kind, media, message
from .scripted import Received
from .world import Bench, hurry


class SendingChecks:
    """Messages to the service. ``kind`` and ``fault`` are names that run over the kit's tables."""

    case: ProviderCase

    def content(self, kind: Kind) -> OutboundMessage:
        """A sample message, with the case's own bytes for files."""
        content = kind.content()
        if isinstance(content, Media) and str(content.kind) in self.case.files:
            content = media(content.kind, self.case.files[str(content.kind)])
        return message(content)

    def sending(self, bench: Bench) -> list[Received]:
        """The requests that sent something."""
        return [r for r in bench.service.received if self.case.is_sending(r)]

    def test_message_is_sent_or_refused_as_declared(self, bench: Bench, kind: str) -> None:
        sample = next(one for one in KINDS if one.name == kind)
        claimed = sample.claimed(self.case.info.features)
        try:
            answer = bench.call("send_message", message=self.content(sample))
        except UnsupportedFeature:
            assert not claimed, f"the features declare {kind}, but sending it is not supported"
            assert self.sending(bench) == [], "it was refused after something had been sent"
            return
        assert claimed, f"{kind} was sent, but the features do not declare it"
        _check_sent(answer, bench)
        assert self.sending(bench), "nothing was sent (or is_sending of the case is wrong)"

    def test_reply_is_sent_where_declared(self, bench: Bench) -> None:
        if not self.case.info.features.reply:
            return
        plain, reply = message(Text("hello")), message(Text("hello"), reply=True)

        bench.call("send_message", message=plain)
        without = [r.body for r in self.sending(bench)]
        bench.service.received.clear()
        bench.call("send_message", message=reply)

        assert reply.reply_to is not None
        sent = b"".join(r.body for r in self.sending(bench))
        assert reply.reply_to.source_id.encode() in sent, "the message replied to is not named"
        assert reply.reply_to.source_id.encode() not in b"".join(without)

    def test_group_is_written_to_where_declared(self, bench: Bench) -> None:
        to_group = message(Text("hello"), group=True)
        if self.case.info.features.groups:
            _check_sent(bench.call("send_message", message=to_group), bench)
            return
        with pytest.raises(ProviderError) as raised:
            bench.call("send_message", message=to_group)
        assert raised.value.error_class in (ErrorClass.CONTENT, ErrorClass.RECIPIENT)
        assert self.sending(bench) == []

    def test_longest_text_is_sent_whole(self, bench: Bench) -> None:
        text = _long_text(self.case.info.features.max_text)

        _check_sent(bench.call("send_message", message=message(Text(text))), bench)

        assert any(_holds(request, text) for request in self.sending(bench)), "the text was changed"

    def test_too_long_text_is_never_cut(self, bench: Bench) -> None:
        text = _long_text(self.case.info.features.max_text + 1)
        try:
            bench.call("send_message", message=message(Text(text)))
        except ContentRefused:
            assert self.sending(bench) == []
            return
        assert any(_holds(request, text) for request in self.sending(bench)), "the text was cut"

    def test_caption_is_sent_where_declared(self, bench: Bench) -> None:
        for kind, limit in self.case.info.features.media.items():
            if not limit.caption:
                continue
            bench.service.received.clear()
            content = media(MediaKind(kind), self.case.files.get(str(kind)), "our new prices")
            _check_sent(bench.call("send_message", message=message(content)), bench)
            bodies = b"".join(request.body for request in bench.service.received)
            assert b"our new prices" in bodies, f"the caption of {kind} was not sent"

    def test_source_ids_differ(self, bench: Bench) -> None:
        """Ids come from the service's answer, never from the message."""
        first = bench.call("send_message", message=message(Text("one")))
        second = bench.call("send_message", message=message(Text("two")))

        assert first.source_id != second.source_id, "let the case's service count its ids up"

    def test_failure_has_the_right_class(
        self, bench: Bench, fault: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hurry(monkeypatch)
        given = next(one for one in FAULTS if one.name == fault)
        self.put(bench, given)

        with pytest.raises(ProviderError) as raised:
            bench.call("send_message", message=message(Text("hello")))

        error = raised.value
        assert error.error_class in given.sending, f"{error!r} after {fault}"
        assert str(error).strip(), "an error must say what happened"
        assert given.retry_after is None or error.retry_after == given.retry_after
        assert verify.leaks(verify.shown(error), bench.secrets) == 0

    def test_redirect_is_not_followed(self, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        hurry(monkeypatch)
        self.put(bench, next(one for one in FAULTS if one.name == "redirect"))

        with pytest.raises(ProviderError):
            bench.call("send_message", message=message(Text("hello")))

        assert [r.path for r in bench.service.received if r.path == "/elsewhere"] == []

    @pytest.mark.parametrize("trouble", ["no-answer", "500-empty", "503", "429", "ok-without-id"])
    def test_message_is_sent_once(
        self, bench: Bench, trouble: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The core alone decides on repeating: a provider never tries a send again by itself."""
        hurry(monkeypatch)
        self.put(bench, next(one for one in FAULTS if one.name == trouble))

        with pytest.raises(ProviderError):
            bench.call("send_message", message=message(Text("hello")))

        assert len(self.sending(bench)) == 1

    @pytest.mark.parametrize("status", [400, 401, 403, 422, 500])
    def test_no_secret_comes_back_in_an_error(
        self, bench: Bench, status: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Some services repeat what they were sent. Their words must be masked before they are shown."""
        bench.service.fail_when(repeating(bench.secrets, status), self.case.is_sending)

        with pytest.raises(ProviderError) as raised:
            bench.call("send_message", message=message(Text("hello")))

        assert verify.leaks(verify.shown(raised.value), bench.secrets) == 0, "mask secrets"
        assert verify.leaks(caplog.text, bench.secrets) == 0, "a secret was logged"

    def test_no_secret_in_addresses(self, bench: Bench) -> None:
        """Addresses stand in the log of every proxy on the way."""
        bench.call("send_message", message=message(Text("hello")))

        asked = [f"{request.path} {dict(request.query)}" for request in bench.service.received]
        assert verify.leaks(" ".join(asked), bench.secrets) == 0

    def put(self, bench: Bench, fault: Fault) -> None:
        """Let the service fail in one way."""
        if fault.reply is None:
            bench.service.stop()
        else:
            bench.service.fail_when(fault.reply, self.case.is_sending)


def _check_sent(answer: object, bench: Bench) -> None:
    assert isinstance(answer, Sent)
    json.dumps(dict(answer.raw))
    assert len(answer.source_id) <= 255
    assert verify.leaks(verify.shown(answer), bench.secrets) == 0


def _long_text(length: int) -> str:
    return ("a" * (length - 1) + "Z") if length else ""


def _holds(request: Received, text: str) -> bool:
    return text.encode() in request.body or text in _texts(request.json())


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
