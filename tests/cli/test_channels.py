"""Channels from the command line: configuration without secrets in arguments, and the state of the connection."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli.shell import NUMBER, Installed

from chatport.channels import Connection
from chatport.db import tables as t
from chatport.errors import AuthenticationFailed
from chatport.schema import MASK
from chatport.services.channels import load_config

OTHER = "+6281100000010"
ADD = ("channel", "add", "--provider", "fake", "--phone", OTHER, "--name", "Support")


def config_of(installed: Installed, number: str) -> dict[str, object]:
    row = installed.rows(t.Channel, t.Channel.phone_number == number)[0]
    return load_config(installed.core, row)


def test_channel_add_reads_the_configuration_from_standard_input(installed: Installed) -> None:
    document = installed.shell.json(
        *(*ADD, "--config-file", "-"),
        stdin='{"api_base_url": "http://other.test", "webhook_verify_token": "hunter2"}',
    )
    assert document["phone_number"] == OTHER
    assert document["callback_url"].endswith("/webhooks/whatsapp/6281100000010")
    assert document["connection"]["connected"] is True
    assert document["generated_secrets"] == {}
    assert "hunter2" not in json.dumps(document)
    assert config_of(installed, OTHER) == {
        "api_base_url": "http://other.test",
        "webhook_verify_token": "hunter2",
    }


def test_channel_add_takes_plain_fields_from_options_and_secrets_from_variables(
    installed: Installed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text('{"api_base_url": "http://file.test"}')
    monkeypatch.setenv("MY_SECRET", "hunter2")
    result = installed.shell.run(
        *(*ADD, "--config-file", str(tmp_path / "config.json")),
        *("--set", "api_base_url=http://option.test"),
        *("--secret-env", "webhook_verify_token=MY_SECRET"),
    )
    assert result.exit_code == 0, result.output
    assert "hunter2" not in result.output
    assert config_of(installed, OTHER) == {
        "api_base_url": "http://option.test",
        "webhook_verify_token": "hunter2",
    }


def test_channel_add_refuses_a_secret_as_argument(installed: Installed) -> None:
    result = installed.shell.run(*ADD, "--set", "webhook_verify_token=hunter2")
    assert result.exit_code == 2
    assert "--secret-env" in result.stderr and "hunter2" not in result.output
    assert len(installed.rows(t.Channel)) == 1


def test_channel_add_asks_for_a_secret_that_is_needed(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    field = installed.shell.provider.PROVIDER.schema._declared_fields["webhook_verify_token"]
    monkeypatch.setattr(field, "required", True)
    monkeypatch.setattr(sys.modules["chatport.cli.channels"], "can_ask", lambda: True)
    result = installed.shell.run(*ADD, stdin="hunter2\n")
    assert result.exit_code == 0, result.output
    assert "hunter2" not in result.output
    assert config_of(installed, OTHER)["webhook_verify_token"] == "hunter2"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('{"webhook_verify_token": "hunter2"', "is not JSON (line 1)"),
        ('["hunter2"]', "holds no JSON object"),
    ],
)
def test_channel_add_refuses_a_file_that_is_no_object_without_repeating_it(
    installed: Installed, text: str, told: str
) -> None:
    result = installed.shell.run(*ADD, "--config-file", "-", stdin=text)
    assert result.exit_code == 1
    assert told in result.stderr and "hunter2" not in result.output


def test_channel_add_tells_field_errors(installed: Installed) -> None:
    document = installed.shell.json(*ADD, "--set", "colour=red", code=1)
    assert list(document["fields"]) == ["colour"]


def test_channel_add_tells_what_the_service_refused(installed: Installed) -> None:
    installed.shell.provider.answers["validate_config"] = AuthenticationFailed(
        "The service does not accept the password.", action="Look it up at the service."
    )
    result = installed.shell.run(*ADD)
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The service does not accept the password.\nLook it up at the service.\n"
    )
    assert len(installed.rows(t.Channel)) == 1


def test_channel_add_with_an_unknown_provider_names_the_installed_ones(
    installed: Installed,
) -> None:
    result = installed.shell.run(
        "channel", "add", "--provider", "telex", "--phone", OTHER, "--name", "Support"
    )
    assert result.exit_code == 4
    assert "telex" in result.stderr and "Installed are: fake." in result.stderr


def test_channel_add_for_an_unknown_account_is_not_found(installed: Installed) -> None:
    assert installed.shell.run(*ADD, "--account", "77").exit_code == 4


def test_channel_list_tells_the_connection_and_no_configuration(installed: Installed) -> None:
    result = installed.shell.run("channel", "list", "--json")
    assert "s3cret" not in result.output
    (channel,) = json.loads(result.stdout)["channels"]
    assert channel["id"] == installed.channel_id
    assert channel["inbox_id"] == installed.inbox_id
    assert channel["phone_number"] == NUMBER
    assert channel["connection"] == "connected"
    assert "provider_config" not in channel and "provider_secrets" not in channel
    table = installed.shell.run("channel", "list").stdout
    assert table.splitlines()[1].split()[:4] == ["1", "1", NUMBER, "fake"]


def test_channel_test_uses_the_stored_secrets(installed: Installed) -> None:
    installed.shell.provider.calls.clear()
    document = installed.shell.json("channel", "test", NUMBER)
    assert document["connection"]["connected"] is True
    ((hook, asked),) = installed.shell.provider.calls
    assert hook == "validate_config"
    assert asked.config["webhook_verify_token"] == "s3cret"


def test_channel_test_exits_with_1_when_it_is_not_connected(installed: Installed) -> None:
    installed.shell.provider.answers["validate_config"] = Connection(
        connected=False, reason="the phone is not linked", action="Scan the code."
    )
    result = installed.shell.run("channel", "test", str(installed.channel_id))
    assert result.exit_code == 1
    assert "not connected: the phone is not linked" in result.stdout
    assert "Scan the code." in result.stdout


@pytest.mark.parametrize(("word", "code"), [("99", 4), ("+4915100000000", 4), ("shop", 2)])
def test_channel_test_of_what_is_no_channel(installed: Installed, word: str, code: int) -> None:
    assert installed.shell.run("channel", "test", word).exit_code == code


def test_a_plugin_that_crashes_is_told_without_traceback(installed: Installed) -> None:
    installed.shell.provider.answers["validate_config"] = ZeroDivisionError("hunter2")
    result = installed.shell.run("channel", "test", NUMBER)
    assert result.exit_code == 1
    assert "the plugin's hook validate_config raised ZeroDivisionError" in result.stderr
    assert "Traceback" not in result.stderr and "hunter2" not in result.output
    assert "Traceback" in installed.shell.run("channel", "test", NUMBER, "--debug").stderr


def test_channel_show_masks_secrets(installed: Installed) -> None:
    result = installed.shell.run("channel", "show", NUMBER, "--json")
    assert result.exit_code == 0 and "s3cret" not in result.output
    document = json.loads(result.stdout)
    assert (document["id"], document["name"]) == (installed.channel_id, "Sales")
    assert document["callback_url"].endswith("/webhooks/whatsapp/6281100000009")
    assert document["connection"] == "connected"
    assert document["refused_count"] == 0
    assert document["provider_config"]["webhook_verify_token"] == MASK
    assert "provider_secrets" not in document and "state" not in document
    assert "s3cret" not in installed.shell.run("channel", "show", NUMBER).output


def test_channel_show_works_without_its_provider(installed: Installed) -> None:
    del installed.core.plugins.providers["fake"]
    result = installed.shell.run("channel", "show", NUMBER)
    assert result.exit_code == 0, result.output
    assert "fake" in result.stderr and "s3cret" not in result.output
    assert NUMBER in result.stdout


def test_channel_delete_asks_and_leaves_it_on_no(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["chatport.cli.channels"], "can_ask", lambda: True)
    result = installed.shell.run("channel", "delete", NUMBER, stdin="n\n")
    assert result.exit_code == 1
    assert "Delete channel 1, +6281100000009, with inbox Sales?" in result.stderr
    assert installed.rows(t.Channel)[0].deleted_at is None
    assert installed.shell.run("channel", "delete", NUMBER, stdin="y\n").exit_code == 0
    assert installed.rows(t.Channel)[0].deleted_at is not None


def test_channel_delete_without_anybody_to_ask_needs_yes(installed: Installed) -> None:
    result = installed.shell.run("channel", "delete", NUMBER, stdin="y\n")
    assert result.exit_code == 2 and "--yes" in result.stderr
    assert installed.rows(t.Channel)[0].deleted_at is None


def test_channel_delete_with_yes_deletes_inbox_and_undoes_the_setting_up(
    installed: Installed,
) -> None:
    document = installed.shell.json("channel", "delete", str(installed.channel_id), "--yes")
    assert document == {
        "channel_id": installed.channel_id,
        "inbox_id": installed.inbox_id,
        "phone_number": NUMBER,
        "deleted": True,
    }
    assert installed.rows(t.Inbox)[0].deleted_at is not None
    assert "unprovision" in {row.kind for row in installed.rows(t.Task)}
    assert installed.shell.json("channel", "list")["channels"] == []
