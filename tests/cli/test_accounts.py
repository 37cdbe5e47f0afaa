"""Accounts, users and tokens from the command line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from cli.shell import Installed

from chatport.db import tables as t
from chatport.services import auth

PASSWORD = "staple battery"


def test_account_create_and_list(installed: Installed) -> None:
    made = installed.shell.json("account", "create", "Kiosk", "--provider", "fake")
    listed = installed.shell.json("account", "list")["accounts"]
    assert [(row["id"], row["name"], row["providers_allowed"]) for row in listed] == [
        (installed.account_id, "Shop", None),
        (made["account_id"], "Kiosk", ["fake"]),
    ]


def test_account_create_refuses_an_unknown_provider(installed: Installed) -> None:
    result = installed.shell.run("account", "create", "Kiosk", "--provider", "telegraph")
    assert result.exit_code == 1
    assert "There is no provider telegraph" in result.stderr and "fake" in result.stderr


def test_account_suspend_and_resume(installed: Installed) -> None:
    shell, account = installed.shell, str(installed.account_id)
    assert shell.json("account", "suspend", account)["active"] is False
    assert installed.rows(t.Account)[0].active is False
    assert shell.json("account", "resume", account)["active"] is True
    assert installed.rows(t.Account)[0].active is True


def test_account_suspend_of_nobody_is_not_found(installed: Installed) -> None:
    result = installed.shell.run("account", "suspend", "99")
    assert result.exit_code == 4
    assert "no account 99" in result.stderr


def test_user_create_takes_the_password_from_standard_input(installed: Installed) -> None:
    made = installed.shell.json(
        *("user", "create", "Bob@Shop.test", "--password-file", "-"), stdin=f"{PASSWORD}\n"
    )
    assert made == {"user_id": made["user_id"], "account_id": 1, "role": "agent", "existed": False}
    signed_in = auth.check_password(installed.core, "bob@shop.test", PASSWORD)
    assert signed_in is not None and signed_in.user_id == made["user_id"]


def test_user_create_takes_the_password_from_a_file(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    result = installed.shell.run(
        *("user", "create", "bob@shop.test", "--role", "administrator"),
        *("--password-file", str(tmp_path / "password")),
    )
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert auth.check_password(installed.core, "bob@shop.test", PASSWORD) is not None


def test_user_create_asks_without_echo(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["chatport.cli.users"], "can_ask", lambda: True)
    result = installed.shell.run(
        "user", "create", "bob@shop.test", stdin=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    assert auth.check_password(installed.core, "bob@shop.test", PASSWORD) is not None


def test_user_create_without_anybody_to_ask_says_how(installed: Installed) -> None:
    result = installed.shell.run("user", "create", "bob@shop.test", stdin="")
    assert result.exit_code == 2
    assert "--password-file" in result.stderr
    assert len(installed.rows(t.User)) == 1


def test_user_create_has_no_option_for_the_password_itself(installed: Installed) -> None:
    result = installed.shell.run("user", "create", "bob@shop.test", "--password", PASSWORD)
    assert result.exit_code == 2


def test_user_create_refuses_a_short_password(installed: Installed) -> None:
    result = installed.shell.run(
        "user", "create", "bob@shop.test", "--password-file", "-", stdin="hi\n"
    )
    assert result.exit_code == 1
    assert "at least 8 characters" in result.stderr


def test_user_create_adds_a_known_person_and_keeps_his_password(installed: Installed) -> None:
    other = installed.shell.json("account", "create", "Kiosk")["account_id"]
    made = installed.shell.json("user", "create", "ana@shop.test", "--account", str(other))
    assert made["existed"] is True
    assert auth.check_password(installed.core, "ana@shop.test", "correct horse") is not None
    assert {row.account_id for row in installed.rows(t.Membership)} == {1, other}


def test_user_create_changes_the_role_of_a_member_only_when_told(installed: Installed) -> None:
    refused = installed.shell.run("user", "create", "ana@shop.test")
    assert refused.exit_code == 1 and "belongs to the account already" in refused.stderr
    assert [row.role for row in installed.rows(t.Membership)] == ["administrator"]

    installed.shell.json("user", "create", "ana@shop.test", "--role", "agent")
    assert [row.role for row in installed.rows(t.Membership)] == ["agent"]


def test_token_create_prints_a_token_that_works(installed: Installed) -> None:
    result = installed.shell.run("token", "create", "ana@shop.test", "--name", "reports")
    token = result.stdout.strip()
    signed_in = auth.authenticate_token(installed.core, token)
    assert signed_in is not None and signed_in.email == "ana@shop.test"
    assert [row.name for row in installed.rows(t.AccessToken)] == ["reports"]


def test_token_create_for_nobody_is_not_found(installed: Installed) -> None:
    document = installed.shell.json("token", "create", "eve@shop.test", code=4)
    assert document["error"] == "There is no user eve@shop.test."
    assert "user create" in document["action"]
