"""Dead letters by cause, alerts with their badge, the event log with its trace."""

from __future__ import annotations

import re
import secrets
from datetime import timedelta
from typing import Any

import pytest

from chatport.db import tables as t
from chatport.db import utcnow
from chatport.notices import Notice, NoticeKind
from chatport.services import accounts

BODY = b'{"event": "message", "payload": {"body": "<script>x</script>"}}'


def base(site: Any) -> str:
    return f"/app/accounts/{site.account_id}"


def request(site: Any, **values: Any) -> int:
    return int(
        site.add(
            t.RawRequest,
            **{
                "account_id": site.account_id,
                "channel_id": site.channel_id,
                "received_at": utcnow(),
                "headers": {"x-sign": "<i>"},
                "body": BODY,
                "state": "dead",
                **values,
            },
        )
    )


def letter(site: Any, **values: Any) -> int:
    given = {
        "account_id": site.account_id,
        "channel_id": site.channel_id,
        "kind": "request",
        "error_type": "AnomalousPayload",
        "error": "field 'a' of 12 is missing",
        "action": "Update the plugin.",
        "payload": BODY.decode(),
        **values,
    }
    if "subject_id" not in given:
        given["subject_id"] = request(site)
    return int(site.add(t.DeadLetter, **given))


def states(site: Any) -> list[str]:
    return [row.state for row in site.rows(t.DeadLetter)]


def test_letters_are_grouped_by_cause(site: Any) -> None:
    letter(site, error="field 'a' of 12 is missing")
    letter(site, error="field 'b' of 99 is missing")
    letter(site, error_type="KeyError", error="'x'")
    letter(site, kind="item", state="parked", error_type="Parked", error="ambiguous", item_key="k")

    page = site.admin.get(f"{base(site)}/failures").text

    assert re.findall(r'<span class="count" title="How many">(\d+)</span>', page) == ["2", "1", "1"]
    assert "Update the plugin." in page
    assert "perhaps the service is newer than the plugin" in page
    assert "Set aside for a decision" in page


def test_letter_shows_payload_and_the_way_to_its_delivery(site: Any) -> None:
    number = letter(site)

    page = site.admin.get(f"{base(site)}/failures/{number}").text

    assert "&lt;script&gt;x" in page and "<script>x" not in page
    assert f"/events/{site.one(t.RawRequest).id}" in page


def test_one_many_and_all_are_replayed(site: Any) -> None:
    first, second, third, _fourth = (letter(site) for _ in range(4))
    admin = site.admin

    admin.post(f"{base(site)}/failures/replay", id=str(first))
    assert states(site) == ["replayed", "dead", "dead", "dead"]

    admin.post(f"{base(site)}/failures/replay", id=[str(second), f"{third},junk"])
    assert states(site) == ["replayed", "replayed", "replayed", "dead"]

    answer = admin.post(f"{base(site)}/failures/replay", all="1")
    assert states(site) == ["replayed"] * 4
    assert answer.headers["Location"].endswith("replayed=1")
    assert {row.state for row in site.rows(t.RawRequest)} == {"pending"}


def test_letter_whose_subject_is_gone_is_refused_with_advice(site: Any) -> None:
    number = letter(site, subject_id=987654)

    answer = site.admin.post(f"{base(site)}/failures/replay", id=str(number))

    assert answer.status_code == 422 and "Discard it." in answer.text
    assert states(site) == ["dead"]


def test_nothing_chosen_is_told(site: Any) -> None:
    letter(site)

    assert site.admin.post(f"{base(site)}/failures/replay").status_code == 422
    assert site.admin.post(f"{base(site)}/failures/discard").status_code == 422
    assert states(site) == ["dead"]


def test_discarding_leaves_other_accounts_alone(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    theirs = letter(site, account_id=other, channel_id=None, subject_id=5)
    ours = letter(site)
    admin = site.admin

    answer = admin.post(f"{base(site)}/failures/discard", id=f"{ours},{theirs}")

    assert answer.headers["Location"].endswith("discarded=1")
    assert states(site) == ["dead", "resolved"]
    assert admin.get(f"{base(site)}/failures/{theirs}").status_code == 404
    assert "discarded" in admin.get(f"{base(site)}/failures", state="closed").text


def test_letters_are_filtered_by_channel(site: Any) -> None:
    inbox_id, channel_id = site.inbox("Second", "+6281100000010")
    letter(site, channel_id=channel_id, error_type="OnlyHere")
    letter(site)

    page = site.admin.get(f"{base(site)}/failures", inbox_id=inbox_id).text

    assert "OnlyHere" in page and "AnomalousPayload" not in page


# --- alerts -----------------------------------------------------------------------------------------------------------


def alert(site: Any, **values: Any) -> int:
    return int(
        site.add(
            t.Alert,
            **{
                "account_id": site.account_id,
                "channel_id": site.channel_id,
                "kind": "login_lost",
                "dedupe_key": "k",
                "title": "Login <lost>",
                "action": "Link it again.",
                **values,
            },
        )
    )


def test_alert_counts_in_the_navigation_until_it_is_resolved(site: Any) -> None:
    number = alert(site)
    admin, agent = site.admin, site.agent

    before = admin.get(f"{base(site)}/failures/alerts").text
    assert '<b class="rail-badge" aria-hidden="true">1</b>' in before
    assert "Login &lt;lost&gt;" in before and "Link it again." in before
    assert "rail-badge" not in agent.get(f"{base(site)}/conversations").text

    admin.post(f"{base(site)}/failures/alerts/{number}")

    after = admin.get(f"{base(site)}/failures/alerts").text
    assert "rail-badge" not in after and "No alerts" in after
    assert "Login" in admin.get(f"{base(site)}/failures/alerts", state="resolved").text


def test_alert_of_another_account_cannot_be_resolved(site: Any) -> None:
    other = accounts.create_account(site.core, "Other")
    number = alert(site, account_id=other, channel_id=None)

    assert site.admin.post(f"{base(site)}/failures/alerts/{number}").status_code == 404
    assert site.one(t.Alert).resolved_at is None


# --- events -----------------------------------------------------------------------------------------------------------


def test_event_log_tells_verdict_result_and_items(site: Any) -> None:
    request(site, verdict="channel_inactive", state="held")
    request(
        site,
        state="done",
        done_at=utcnow(),
        items=[{"key": "m:1", "kind": "message", "state": "duplicate", "reason": "seen"}],
    )
    admin = site.admin

    page = admin.get(f"{base(site)}/events").text
    held = admin.get(f"{base(site)}/events", state="held").text

    assert "Verified; the channel is switched off" in page and "Kept, not applied" in page
    assert "Known already" in page
    assert "Known already" not in held.split("<tbody>")[1]


@pytest.mark.parametrize(
    ("language", "took", "after"),
    [("en", "0.09 sec", "after 0.09 sec"), ("id", "0,09 dtk", "setelah 0,09 dtk")],
)
def test_time_an_event_took_is_in_the_readers_language(
    site: Any, language: str, took: str, after: str
) -> None:
    came = utcnow()
    number = request(
        site, state="done", received_at=came, done_at=came + timedelta(milliseconds=90)
    )
    site.set(t.User, t.User.id == site.admin_id, locale=language)
    admin = site.admin

    assert f">{took}</td>" in admin.get(f"{base(site)}/events").text
    assert after in admin.get(f"{base(site)}/events/{number}").text


def test_event_pages_follow_each_other(site: Any) -> None:
    for _ in range(51):
        request(site)
    admin = site.admin

    page = admin.get(f"{base(site)}/events").text
    older = re.search(r"before=(\d+)", page)

    assert page.count("<tr>") == 51  # the head and 50 rows
    assert older is not None
    assert admin.get(f"{base(site)}/events", before=older[1]).text.count("<tr>") == 2


def test_event_traces_to_message_file_and_ticks(site: Any) -> None:
    chat = site.chat()
    message = chat.ours("On its way", status="read")
    site.add(t.MessageStatusRow, message_id=message, status="read", at=utcnow())
    number = request(
        site,
        state="done",
        items=[{"key": "s:1", "kind": "status", "state": "applied", "message_id": message}],
    )
    letter(site, subject_id=number, kind="item", item_key="x", error="boom")

    page = site.admin.get(f"{base(site)}/events/{number}").text

    assert f"/conversations/{chat.number}?message={message}" in page
    assert "On its way" in page and "boom" in page
    assert "<script>x" not in page and "&lt;script&gt;x" in page
    assert "&lt;i&gt;" in page


def test_trace_does_not_reach_into_other_accounts(site: Any) -> None:
    chat = site.chat()
    message = chat.message("their words")
    other = accounts.create_account(site.core, "Other")
    accounts.create_user(
        site.core,
        account_id=other,
        email="eve@other.test",
        name="Eve",
        role="administrator",
        password="correct horse battery",
    )
    items = [{"key": "m", "kind": "message", "state": "applied", "message_id": message}]
    number = request(site, account_id=other, items=items)

    page = site.sign_in("eve@other.test").get(f"/app/accounts/{other}/events/{number}")

    assert page.status_code == 200 and "their words" not in page.text


def test_event_is_replayed_while_its_body_is_kept(site: Any) -> None:
    kept, gone = request(site), request(site, body=None)
    admin = site.admin

    assert admin.post(f"{base(site)}/events/{kept}/replay").status_code == 303
    assert site.rows(t.RawRequest)[0].state == "pending"
    assert admin.post(f"{base(site)}/events/{gone}/replay").status_code == 422
    assert "this one is gone" in admin.get(f"{base(site)}/events/{gone}").text


# --- live -------------------------------------------------------------------------------------------------------------


@pytest.mark.processes
def test_event_log_and_failures_follow_the_stream(live_site: Any, desks: Any) -> None:
    desk = desks()
    desk.open("/app/accounts/1/events")
    desk.expect("#events-live", "No deliveries")

    live_site.add(
        t.RawRequest,
        account_id=1,
        channel_id=live_site.channel_id,
        received_at=utcnow(),
        headers={},
        body=b"{}",
        secret_hash="",
        verdict="accepted",
        state="done",
        items=[],
    )
    live_site.core.publish([Notice(NoticeKind.EVENT_RECEIVED, 1, inbox_id=live_site.inbox_id)])

    desk.expect("#events-live tbody tr")
    assert desk.was_not_reloaded()


@pytest.mark.processes
def test_health_of_a_channel_follows_the_stream(live_site: Any, desks: Any) -> None:
    desk = desks()
    desk.open(f"/app/accounts/1/channels/{live_site.inbox_id}")

    live_site.set(t.Channel, connection="unreachable", connection_reason="The cable is out.")
    live_site.core.publish(
        [Notice(NoticeKind.CHANNEL_HEALTH_CHANGED, 1, inbox_id=live_site.inbox_id)]
    )

    desk.expect("#evidence .verdict.bad", "The cable is out")
    assert desk.was_not_reloaded()


def test_log_of_what_was_sent_tells_the_answer_and_the_ticks(site: Any) -> None:
    chat = site.chat("Rina <b>")
    read, refused = chat.ours("On its way", status="read"), chat.ours("Lost", status="failed")
    for status in ("sent", "read"):
        site.add(t.MessageStatusRow, message_id=read, status=status, at=utcnow())
    send(site, chat, read, state="sent", tries=1)
    send(site, chat, refused, state="failed", error="phone: not registered", action="Look.")
    send(site, chat, read, state="unknown", operation="edit")

    page = site.admin.get(f"{base(site)}/events/sent").text
    failed = site.admin.get(f"{base(site)}/events/sent", state="failed").text

    assert f"{base(site)}/events/sent" in site.admin.get(f"{base(site)}/events").text
    assert f"/conversations/{chat.number}?message={read}" in page and "Rina &lt;b&gt;" in page
    assert re.findall(r'badge \w*">([\w ]+)<', page) == ["Outcome unknown", "Not sent", "Accepted"]
    assert "phone: not registered Look." in page
    assert page.count('class="tick-line"') == 2
    assert "Lost" in failed and "On its way" not in failed


def test_what_was_sent_pages_past_what_a_filter_leaves_out(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    chat = site.chat()
    message = chat.ours("hi")
    send(site, chat, message, state="failed")
    for _ in range(60):
        send(site, chat, message, state="sent")
    monkeypatch.setattr("chatport_dashboard.queries.outgoing.WINDOW", 20)
    path, query = f"{base(site)}/events/sent", {"state": "failed"}

    unfiltered = site.admin.get(path).text
    for _ in range(4):
        page = site.admin.get(path, **query).text
        older = re.search(r'before=(\d+)">Older', page)
        if older is None:
            break
        query["before"] = older[1]

    assert unfiltered.count("<tr>") == 51 and re.search(r'before=\d+">Older', unfiltered)
    assert older is None and page.count("<tr>") == 2


def test_what_others_sent_is_not_shown(site: Any) -> None:
    chat = site.chat()
    send(site, chat, chat.ours("secret"), account_id=site.add(t.Account, name="Other"))

    assert "secret" not in site.admin.get(f"{base(site)}/events/sent").text
    assert site.agent.get(f"{base(site)}/events/sent").status_code == 403


def send(site: Any, chat: Any, message_id: int, **values: Any) -> int:
    return int(
        site.add(
            t.Send,
            **{
                "account_id": site.account_id,
                "channel_id": site.channel_id,
                "conversation_id": chat.id,
                "message_id": message_id,
                "delivery_id": secrets.token_hex(8),
                **values,
            },
        )
    )
