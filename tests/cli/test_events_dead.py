"""Stored requests and dead letters: looking, replaying, putting away."""

from __future__ import annotations

from cli.shell import NUMBER, Installed

from chatport.db import tables as t

ITEM = {"key": "m:1", "kind": "MessageReceived", "state": "applied", "reason": "", "message_id": 5}


def test_events_list_filters_and_never_shows_bodies(installed: Installed) -> None:
    done, dead = installed.request(), installed.request(state="dead", error="no JSON")
    shell = installed.shell
    assert [row["id"] for row in shell.json("events", "list")["events"]] == [dead, done]
    (row,) = shell.json("events", "list", "--state", "dead", "--channel", NUMBER)["events"]
    assert (row["id"], row["error"]) == (dead, "no JSON")
    assert "body" not in row and "secret_hash" not in row
    assert [r["id"] for r in shell.json("events", "list", "--before", str(dead))["events"]] == [
        done
    ]
    kiosk = str(shell.json("account", "create", "Kiosk")["account_id"])
    assert shell.json("events", "list", "--account", kiosk)["events"] == []


def test_events_show_tells_body_and_items(installed: Installed) -> None:
    event = str(installed.request(items=[ITEM]))
    document = installed.shell.json("events", "show", event)
    assert document["body"] == '{"hello": "world"}'
    assert document["items"] == [ITEM]
    shown = installed.shell.run("events", "show", event).stdout
    assert '{"hello": "world"}' in shown and "MessageReceived" in shown


def test_events_show_cannot_steer_the_terminal(installed: Installed) -> None:
    event = installed.request(body=b"\x1b[2J{}")
    assert "\x1b" not in installed.shell.run("events", "show", str(event)).stdout


def test_events_replay_makes_requests_pending(installed: Installed) -> None:
    event = installed.request(state="dead", tries=5)
    assert installed.shell.json("events", "replay", str(event)) == {"replayed": [event]}
    (row,) = installed.rows(t.RawRequest)
    assert (row.state, row.tries) == ("pending", 0)


def test_events_replay_by_state_and_channel(installed: Installed) -> None:
    held, gone = installed.request(state="held"), installed.request(state="held", body=None)
    dead = installed.request(state="dead")
    done = installed.shell.json("events", "replay", "--state", "held", "--channel", NUMBER)
    assert done == {"replayed": [held]}
    states = {row.id: row.state for row in installed.rows(t.RawRequest)}
    assert states == {held: "pending", gone: "held", dead: "dead"}


def test_events_replay_without_a_body_is_refused_as_a_whole(installed: Installed) -> None:
    kept, gone = installed.request(), installed.request(body=None)
    result = installed.shell.run("events", "replay", str(kept), str(gone))
    assert result.exit_code == 1
    assert "CHATPORT_RAW_RETENTION_DAYS" in result.stderr
    assert {row.state for row in installed.rows(t.RawRequest)} == {"done"}


def test_events_replay_wants_ids_or_a_state(installed: Installed) -> None:
    assert installed.shell.run("events", "replay").exit_code == 2
    assert installed.shell.run("events", "replay", "1", "--state", "held").exit_code == 2


def test_events_of_unknown_id_are_not_found(installed: Installed) -> None:
    assert installed.shell.run("events", "show", "99").exit_code == 4
    assert installed.shell.run("events", "replay", "99").exit_code == 4


def test_dead_list_shows_open_letters_unless_asked(installed: Installed) -> None:
    first = installed.letter(installed.request(state="dead"))
    second = installed.letter(installed.request(), state="resolved")
    shell = installed.shell
    assert [r["id"] for r in shell.json("dead", "list")["dead_letters"]] == [first]
    assert [r["id"] for r in shell.json("dead", "list", "--state", "any")["dead_letters"]] == [
        second,
        first,
    ]
    assert "the body is not JSON" in shell.run("dead", "list").stdout


def test_dead_show_tells_payload_and_action(installed: Installed) -> None:
    letter = installed.letter(installed.request(state="dead"))
    document = installed.shell.json("dead", "show", str(letter))
    assert document["payload"] == {"body": "hello"}
    assert "Look for a newer version." in installed.shell.run("dead", "show", str(letter)).stdout
    assert installed.shell.run("dead", "show", "99").exit_code == 4


def test_dead_replay_makes_its_request_pending(installed: Installed) -> None:
    request = installed.request(state="dead")
    letter = installed.letter(request)
    assert installed.shell.json("dead", "replay", str(letter)) == {
        "replayed": [letter],
        "refused": [],
    }
    assert installed.rows(t.RawRequest)[0].state == "pending"
    assert installed.rows(t.DeadLetter)[0].state == "replayed"


def test_dead_replay_tells_what_cannot_be_replayed(installed: Installed) -> None:
    good = installed.letter(installed.request(state="dead"))
    gone = installed.letter(installed.request(state="dead", body=None))
    document = installed.shell.json("dead", "replay", "--all", code=1)
    assert document["replayed"] == [good]
    assert [one["id"] for one in document["refused"]] == [gone]
    gone = installed.letter(installed.request(state="dead", body=None))
    result = installed.shell.run("dead", "replay", str(gone))
    assert result.exit_code == 1
    assert f"{gone}: What this dead letter needs is not there any more." in result.stderr


def test_dead_replay_of_all_in_one_account(installed: Installed) -> None:
    other = installed.shell.json("account", "create", "Kiosk")["account_id"]
    letter = installed.letter(installed.request(state="dead"))
    document = installed.shell.json("dead", "replay", "--all", "--account", str(other))
    assert document["replayed"] == []
    assert installed.rows(t.DeadLetter, t.DeadLetter.id == letter)[0].state == "dead"


def test_dead_discard_puts_away_and_does_nothing_else(installed: Installed) -> None:
    letter = installed.letter(installed.request(state="dead"))
    assert installed.shell.json("dead", "discard", str(letter)) == {"discarded": [letter]}
    assert installed.rows(t.DeadLetter)[0].state == "resolved"
    assert installed.rows(t.RawRequest)[0].state == "dead"
    result = installed.shell.run("dead", "discard", str(letter))
    assert result.exit_code == 1
    assert "resolved already" in result.stderr
