"""Checks of ``handle_event``: pure, the same every time, and never at a loss.

Owns: these checks. Must not know: any provider.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chatport.errors import AnomalousPayload, ChatportError, ProviderCrashed
from chatport.events import AnyEvent, MediaRef, MessageReceived, StatusChanged, UnknownEvent

from . import mutations, verify
from .case import ProviderCase, Webhook
from .world import Bench, no_network

#: Seconds that one body may take.
SLOWEST = 2.0
#: Problems shown of one sample; the rest is only counted.
MOST_SHOWN = 10
EVIL = "http://evil.invalid/file"


def parse(bench: Bench, webhook: Webhook, body: bytes | None = None) -> list[AnyEvent]:
    """Events of a body, without network."""
    with no_network():
        return bench.handle.handle_event(bench.channel, webhook.request(body))


class ReceivingChecks:
    """What the service delivers. ``webhook`` runs over the case's samples."""

    case: ProviderCase

    def test_samples_hold_an_incoming_message(self, bench: Bench) -> None:
        events = [event for webhook in self.case.webhooks for event in parse(bench, webhook)]

        assert any(isinstance(event, MessageReceived) for event in events)

    def test_samples_have_different_names(self) -> None:
        names = Counter(webhook.name for webhook in self.case.webhooks)

        assert [name for name, count in names.items() if count > 1] == []

    def test_body_gives_the_expected_events(self, bench: Bench, webhook: Webhook) -> None:
        events = parse(bench, webhook)
        classes = tuple(type(event) for event in events)

        assert events, "a body that the service sends must give at least one event"
        if webhook.expect:
            assert [c.__name__ for c in classes] == [c.__name__ for c in webhook.expect]
        else:
            unknown = [event.reason for event in events if isinstance(event, UnknownEvent)]
            assert unknown == [], "name UnknownEvent in expect where it is meant"

    def test_events_keep_the_rules(self, bench: Bench, webhook: Webhook) -> None:
        events = parse(bench, webhook)

        problems = [problem for event in events for problem in verify.event_problems(event)]
        problems += [problem for event in events for problem in verify.identity_problems(event)]

        assert problems == []

    def test_events_keep_the_service_item(self, bench: Bench, webhook: Webhook) -> None:
        events = parse(bench, webhook)

        assert [event.key for event in events if event.raw is None] == []

    def test_same_body_gives_equal_events(
        self, bench: Bench, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also later, and also when it was received at another moment: replay must meet the same keys."""
        first = parse(bench, webhook)
        later = time.time() + 86_400
        monkeypatch.setattr(time, "time", lambda: later)
        again = replace(
            webhook.request(), received_at=webhook.request().received_at + timedelta(days=40)
        )
        with no_network():
            second = bench.handle.handle_event(bench.channel, again)

        keys = [event.key for event in first]
        assert [event.key for event in second] == keys, "other keys the second time"
        assert parse(bench, webhook) == first, "other events the second time"

    def test_keys_of_one_body_are_distinct(self, bench: Bench, webhook: Webhook) -> None:
        keys = Counter(event.key for event in parse(bench, webhook))

        assert [key for key, count in keys.items() if count > 1] == []

    def test_keys_of_all_samples_are_distinct(self, bench: Bench) -> None:
        owners: dict[str, str] = {}
        clashes = []
        for webhook in sorted(self.case.webhooks, key=lambda webhook: webhook.repeats):
            for key in {event.key for event in parse(bench, webhook)}:
                other = owners.setdefault(key, webhook.name)
                if other != webhook.name and not webhook.repeats:
                    clashes.append(f"{other} and {webhook.name} share {key!r}")

        assert clashes == [], "different facts need different keys (or say repeats=True)"

    def test_addressees_fit_the_channel(self, bench: Bench, webhook: Webhook) -> None:
        addresses = bench.handle.channel_addresses(bench.channel)
        named = [event for event in parse(bench, webhook) if event.addressees]
        own = [event for event in named if addresses & set(event.addressees)]

        if webhook.own:
            strangers = [event.addressees for event in named if event not in own]
            assert strangers == [], f"the channel's addresses are {sorted(addresses)}"
        else:
            assert named, "a body for another channel must give events that name it as addressee"
            assert [event.addressees for event in own] == []

    def test_changed_bodies_give_events_or_anomalous_payload(
        self, bench: Bench, webhook: Webhook
    ) -> None:
        """Cut off, wrong types, missing keys, NUL, lone surrogates, huge values: never another exception."""
        problems: list[str] = []
        for words, body in mutations.bodies(webhook.body):
            problems += [f"{words}: {problem}" for problem in _problems(bench, webhook, body)]

        assert problems[:MOST_SHOWN] == [], f"{len(problems)} problems in all"

    def test_media_of_events_can_be_fetched(self, bench: Bench, webhook: Webhook) -> None:
        for media in verify.records_in(parse(bench, webhook), MediaRef):
            request = bench.handle.media_url(bench.channel, media, 0)

            assert verify.media_problems(request, bench.secrets) == []
            assert verify.leaks(repr(request), bench.secrets) == 0

    def test_media_of_events_tell_no_secret(self, bench: Bench, webhook: Webhook) -> None:
        found = list(verify.records_in(parse(bench, webhook), MediaRef))

        assert [verify.leaks(repr(media), bench.secrets) for media in found] == [0] * len(found)

    def test_credentials_never_follow_an_address_of_a_body(
        self, bench: Bench, webhook: Webhook
    ) -> None:
        """Whoever writes an address into a webhook must not receive our credentials."""
        body = mutations.with_foreign_addresses(webhook.body, EVIL)
        try:
            events = parse(bench, webhook, body)
        except AnomalousPayload:
            return
        for media in verify.records_in(events, MediaRef):
            try:
                request = bench.handle.media_url(bench.channel, media, 0)
            except ProviderCrashed:
                raise
            except ChatportError:
                continue
            if "evil.invalid" in request.url and verify.is_allowed(request):
                assert verify.leaks(str(dict(request.headers)), bench.secrets) == 0
                assert not {name.lower() for name in request.headers} & {"authorization", "cookie"}

    def test_status_names_the_message_it_is_about(self, bench: Bench, webhook: Webhook) -> None:
        statuses = [e for e in parse(bench, webhook) if isinstance(e, StatusChanged)]

        assert [s.key for s in statuses if s.status == "failed" and not s.error_message] == []


def _problems(bench: Bench, webhook: Webhook, body: bytes) -> list[str]:
    began = time.monotonic()
    outcome = _outcome(bench, webhook, body)
    spent = time.monotonic() - began
    if isinstance(outcome, str):
        return [outcome] if outcome else []
    problems = [problem for event in outcome for problem in verify.event_problems(event)]
    if spent > SLOWEST:
        problems.append(f"took {spent:.1f} seconds")
    if [event.key for event in outcome] != [e.key for e in _again(bench, webhook, body)]:
        problems.append("gives other keys the second time")
    return problems


def _again(bench: Bench, webhook: Webhook, body: bytes) -> list[Any]:
    again = _outcome(bench, webhook, body)
    return [] if isinstance(again, str) else again


def _outcome(bench: Bench, webhook: Webhook, body: bytes) -> list[Any] | str:
    """Events, or a problem in words, or the empty text for ``AnomalousPayload``."""
    try:
        return list(parse(bench, webhook, body))
    except AnomalousPayload:
        return ""
    except ProviderCrashed as error:
        cause = error.__cause__
        return f"{type(cause).__name__}: {cause}"[:200] if cause else str(error)
    except ChatportError as error:
        return f"{type(error).__name__} instead of AnomalousPayload: {error}"[:200]
