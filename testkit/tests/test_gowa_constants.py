"""Fixed values of the protocol, as literals."""

from __future__ import annotations

import re

from chatport_testkit.gowa import GowaSimulator, checks, jids, sender, wire
from chatport_testkit.gowa.events import RECEIPT_TEXTS
from chatport_testkit.gowa.rest import uploads


def test_webhook_signature_constants() -> None:
    assert wire.DEFAULT_SECRET == "secret"
    assert wire.SIGNATURE_HEADER == "X-Hub-Signature-256"
    assert wire.SIGNATURE_PREFIX == "sha256="


def test_webhook_attempts_start_at_the_documented_seconds() -> None:
    offsets = [sum(sender.PAUSES[:number]) for number in range(len(sender.PAUSES) + 1)]

    assert offsets == [0, 1, 3, 7, 15]
    assert (sender.TIMEOUT, sender.BUDGET) == (10, 30)


def test_limits_and_durations() -> None:
    config = GowaSimulator().config

    assert (config.max_image, config.max_file, config.max_video) == (
        20_000_000,
        50_000_000,
        100_000_000,
    )
    assert config.max_body == 100_000_000
    assert config.max_download == 500_000_000
    assert (config.rest_timeout, config.lookup_timeout) == (45, 10)
    assert checks.DURATIONS == (0, 86400, 604800, 7776000)
    assert uploads.FETCH_SECONDS == 30


def test_identifiers_have_the_documented_form() -> None:
    assert jids.OWN_ID.pattern == "^3EB0[0-9A-F]{18}$"
    assert jids.OWN_ID.match(jids.own_message_id())
    assert jids.RECEIVED_PATH.pattern == r"^statics/media/(\d{10}-[0-9a-f-]{36})(\.[^/]*)?$"
    assert jids.DOWNLOADED_PATH.pattern == (
        r"^statics/media/\d+/\d{4}-\d\d-\d\d/\d{10}-[0-9a-f-]{36}(\.[^/]*)?$"
    )
    assert re.fullmatch(r"[0-9A-F]{20}", jids.phone_message_id())


def test_only_three_receipts_exist() -> None:
    assert list(RECEIPT_TEXTS) == ["delivered", "read", "read-self"]
