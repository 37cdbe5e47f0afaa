"""People and tokens from the command line: listing, a new password, a lost second factor, revoking."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli.shell import Installed

from chatport.db import tables as t
from chatport.db.types import utcnow
from chatport.services import accounts, auth

OLD, NEW = "correct horse", "staple battery"


def session_of(installed: Installed, user_id: int = 1) -> int:
    return installed.add(
        t.UserSession,
        kind="login",
        user_id=user_id,
        token_hash="0" * 64,
        expires_at=utcnow().replace(year=2999),
    )


def protect(installed: Installed) -> None:
    """Give the administrator a second factor."""
    sealed = installed.core.vault.seal("A" * 32)
    with installed.core.db.write("second factor") as connection:
        connection.execute(t.User.__table__.update().values(totp_secret=sealed))


def can_sign_in(installed: Installed, password: str) -> bool:
    return auth.check_password(installed.core, "ana@shop.test", password) is not None


def test_user_list_tells_roles_and_no_hash(installed: Installed) -> None:
    shell = installed.shell
    kiosk = shell.json("account", "create", "Kiosk")["account_id"]
    shell.json("user", "create", "ana@shop.test", "--account", str(kiosk))
    shell.json("user", "create", "bob@shop.test", "--no-password")
    ana, bob = shell.json("user", "list")["users"]
    assert (ana["email"], ana["name"], ana["second_factor"]) == ("ana@shop.test", "Ana", False)
    assert ana["roles"] == [
        {"account_id": 1, "role": "administrator"},
        {"account_id": kiosk, "role": "agent"},
    ]
    assert bob["roles"] == [{"account_id": 1, "role": "agent"}]
    assert set(ana) == {"id", "email", "name", "active", "second_factor", "created_at", "roles"}
    (only,) = shell.json("user", "list", "--account", str(kiosk))["users"]
    assert only["email"] == "ana@shop.test" and len(only["roles"]) == 2
    table = shell.run("user", "list").stdout
    assert f"administrator of 1, agent of {kiosk}" in table.splitlines()[1]


def test_user_password_is_taken_from_standard_input_and_signs_out(installed: Installed) -> None:
    session_of(installed)
    result = installed.shell.run(
        "user", "password", "Ana@shop.test", "--password-file", "-", stdin=f"{NEW}\n"
    )
    assert result.exit_code == 0, result.output
    assert NEW not in result.output
    assert can_sign_in(installed, NEW) and not can_sign_in(installed, OLD)
    assert installed.rows(t.UserSession)[0].revoked_at is not None


def test_user_password_is_taken_from_a_file(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{NEW}\n")
    path = str(tmp_path / "password")
    document = installed.shell.json("user", "password", "ana@shop.test", "--password-file", path)
    assert document == {"user_id": 1}
    assert can_sign_in(installed, NEW)


def test_user_password_asks_twice_without_echo(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["chatport.cli.users"], "can_ask", lambda: True)
    result = installed.shell.run("user", "password", "ana@shop.test", stdin=f"{NEW}\n{NEW}\n")
    assert result.exit_code == 0
    assert NEW not in result.output
    assert can_sign_in(installed, NEW)


def test_user_password_without_anybody_to_ask_says_how(installed: Installed) -> None:
    result = installed.shell.run("user", "password", "ana@shop.test", stdin="")
    assert result.exit_code == 2
    assert "--password-file" in result.stderr and "--no-password" not in result.stderr
    assert can_sign_in(installed, OLD)


def test_user_password_refuses_a_short_one(installed: Installed) -> None:
    result = installed.shell.run(
        "user", "password", "ana@shop.test", "--password-file", "-", stdin="hi\n"
    )
    assert result.exit_code == 1 and "at least 8 characters" in result.stderr
    assert can_sign_in(installed, OLD)


def test_user_reset_totp_turns_it_off_and_signs_out(installed: Installed) -> None:
    protect(installed)
    session_of(installed)
    assert installed.shell.json("user", "list")["users"][0]["second_factor"] is True
    document = installed.shell.json("user", "reset-totp", "ana@shop.test")
    assert document == {"user_id": 1, "had_second_factor": True}
    assert installed.rows(t.User)[0].totp_secret is None
    assert installed.rows(t.UserSession)[0].revoked_at is not None
    (entry,) = installed.rows(t.AuditEntry, t.AuditEntry.action == "user.totp_reset")
    assert (entry.subject, entry.user_id) == ("user:1", None)


def test_user_reset_totp_of_one_without_leaves_sessions(installed: Installed) -> None:
    session_of(installed)
    document = installed.shell.json("user", "reset-totp", "ana@shop.test")
    assert document["had_second_factor"] is False
    assert installed.rows(t.UserSession)[0].revoked_at is None


def test_token_list_tells_the_end_of_each_and_no_more(installed: Installed) -> None:
    made = accounts.create_token(installed.core, 1, "reports")
    bob = installed.shell.json("user", "create", "bob@shop.test", "--no-password")["user_id"]
    accounts.create_token(installed.core, bob, "robot")
    result = installed.shell.run("token", "list", "--json")
    assert made not in result.output
    first, second = installed.shell.json("token", "list")["tokens"]
    assert (first["email"], first["name"], first["hint"]) == ("ana@shop.test", "reports", made[-4:])
    assert set(first) == {"id", "user_id", "email", "name", "hint", "created_at", "last_used_at"}
    assert installed.shell.json("token", "list", "--user", "bob@shop.test")["tokens"] == [second]


def test_token_revoke_ends_it_and_takes_it_off_the_list(installed: Installed) -> None:
    made = [accounts.create_token(installed.core, 1, name) for name in ("one", "two", "three")]
    assert installed.shell.json("token", "revoke", "1", "3") == {"revoked": [1, 3]}
    works = [auth.authenticate_token(installed.core, token) is not None for token in made]
    assert works == [False, True, False]
    assert [row["id"] for row in installed.shell.json("token", "list")["tokens"]] == [2]


def test_token_revoke_of_one_that_is_not_there_revokes_none(installed: Installed) -> None:
    made = accounts.create_token(installed.core, 1, "one")
    document = installed.shell.json("token", "revoke", "1", "7", code=4)
    assert document["error"] == "There is no token 7 that works."
    assert "token list" in document["action"]
    assert auth.authenticate_token(installed.core, made) is not None
