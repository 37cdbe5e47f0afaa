"""Settings, plugins and the database, as an operator sees them."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from cli.shell import Installed, Shell

from chatport.channels import Features, MediaLimit
from chatport.cli.plugins import words
from chatport.db import migrate
from chatport.errors import PluginLoadError
from chatport.messages import MediaKind
from chatport.plugins.registry import Registry

# --- config -----------------------------------------------------------------------------------------------------------


def test_config_tells_value_source_and_meaning(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_WORKERS", "7")
    rows = {row["name"]: row for row in shell.json("config")["settings"]}
    assert rows["workers"]["value"] == "7"
    assert rows["workers"]["source"] == "environment"
    assert rows["workers"]["meaning"]
    assert rows["web_threads"]["source"] == "default"


def test_config_makes_no_folder(shell: Shell) -> None:
    assert shell.run("config").exit_code == 0
    assert list(shell.folder.iterdir()) == []


def test_db_upgrade_makes_a_folder_that_only_its_owner_reads(shell: Shell) -> None:
    assert shell.json("db", "upgrade")["changed"] is True
    assert stat.S_IMODE((shell.folder / "data").stat().st_mode) == 0o700
    assert stat.S_IMODE((shell.folder / "data" / "secret_key").stat().st_mode) == 0o600


def test_config_hides_secrets(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATPORT_SECRET_KEY", "sixteen-letters-and-more")
    monkeypatch.setenv("CHATPORT_REDIS_URL", "redis://:hunter2@localhost/0")
    for form in ((), ("--json",)):
        shown = shell.run("config", *form).output
        assert "sixteen-letters" not in shown and "hunter2" not in shown
        assert "CHATPORT_SECRET_KEY" in shown


def test_config_names_misspelt_variables(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHATPORT_WROKERS", "7")
    (shell.folder / ".env").write_text("CHATPORT_PUBLIK_URL=http://localhost\n")
    assert shell.json("config")["unknown"] == ["CHATPORT_PUBLIK_URL", "CHATPORT_WROKERS"]
    assert "CHATPORT_WROKERS" in shell.run("config").output


def test_config_refused_exits_with_3_and_names_the_variable(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_WORKERS", "many")
    result = shell.run("config")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "CHATPORT_WORKERS" in result.stderr and "Traceback" not in result.stderr


def test_data_dir_option_wins_over_the_environment(shell: Shell) -> None:
    rows = shell.json("config", "--data-dir", str(shell.folder / "other"))["settings"]
    found = next(row for row in rows if row["name"] == "data_dir")
    assert (found["value"], found["source"]) == (str(shell.folder / "other"), "command line")


# --- plugins ----------------------------------------------------------------------------------------------------------


def test_plugins_lists_usable_and_broken_ones(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = PluginLoadError("odd", "chatport-odd", "2.1", "No module named 'left_pad'")
    registry = Registry.from_modules({"fake": shell.provider})
    registry.failed.append(broken)
    monkeypatch.setattr(Registry, "load", lambda settings: registry)
    found = {one["name"]: one for one in shell.json("plugins")["plugins"]}
    assert found["fake"]["usable"] is True
    assert found["fake"]["features"]["max_text"] == 200
    assert found["odd"]["error"] == "No module named 'left_pad'"
    shown = shell.run("plugins").output
    assert "odd  chatport-odd 2.1" in shown and "left_pad" in shown
    assert shell.run("plugins").exit_code == 0
    assert shell.run("plugins", "--check").exit_code == 1


def test_plugins_lists_even_where_strictness_would_refuse(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def load(settings: object) -> Registry:
        asked.append(settings.strict_plugins)  # type: ignore[attr-defined]
        return Registry()

    monkeypatch.setattr(Registry, "load", load)
    monkeypatch.setenv("CHATPORT_STRICT_PLUGINS", "1")
    assert shell.run("plugins").output == "No plugin is installed.\n"
    assert asked == [False]


def test_words_name_what_a_provider_can_do() -> None:
    features = Features(
        media={MediaKind.IMAGE: MediaLimit(1000)},
        max_text=1024,
        read_receipts=True,
        buttons=3,
        window_hours=24,
        pairing=("qr",),
    )
    assert words(features) == [
        "text of 1024 characters",
        "image",
        "read receipts",
        "3 buttons",
        "window of 24 hours",
        "pairing by qr",
    ]


# --- db ---------------------------------------------------------------------------------------------------------------


def test_db_upgrade_makes_the_database_once(shell: Shell) -> None:
    assert shell.json("db", "upgrade") == {"changed": True, "from": None, "to": migrate.head()}
    assert shell.json("db", "upgrade")["changed"] is False
    assert shell.json("db", "current") == {
        "current": migrate.head(),
        "needed": migrate.head(),
        "matches": True,
    }


def test_db_current_refuses_a_missing_file_and_makes_none(shell: Shell) -> None:
    result = shell.run("db", "current")
    assert result.exit_code == 3
    assert "there is no database at" in result.stderr and "--data-dir" in result.stderr
    assert not (shell.folder / "data" / "chatport.db").exists()


def test_db_current_tells_a_database_of_another_version(installed: Installed) -> None:
    with installed.core.db.write("age") as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'from_the_future'"))
    document = installed.shell.json("db", "current", code=1)
    assert (document["current"], document["matches"]) == ("from_the_future", False)


def test_every_command_refuses_a_database_of_another_version(installed: Installed) -> None:
    with installed.core.db.write("age") as connection:
        connection.execute(sa.text("DELETE FROM alembic_version"))
    result = installed.shell.run("dead", "list")
    assert result.exit_code == 3
    assert "chatport db upgrade" in result.stderr


def test_db_backup_copies_the_data(installed: Installed) -> None:
    path = Path(installed.shell.json("db", "backup")["path"])
    copy = sa.create_engine(f"sqlite:///{path}")
    with copy.connect() as connection:
        assert connection.execute(sa.text("SELECT name FROM accounts")).scalar_one() == "Shop"
    copy.dispose()


def test_db_backup_tells_how_to_restore_and_that_works(installed: Installed) -> None:
    result = installed.shell.run("db", "backup")
    assert result.exit_code == 0 and result.stderr == ""
    lines = result.stdout.splitlines()
    copy = lines[0].removeprefix("Copied to ")
    assert Path(copy).is_file()
    assert lines[1].startswith("To restore it, stop Chatport")
    assert lines[-1] == f"It is the file {installed.shell.folder}/data/secret_key"
    steps = [line.strip() for line in lines if line.startswith("  ")]

    installed.shell.json("account", "create", "Made after the copy")
    installed.core.close()
    # A journal that was left behind, as after a crash.
    journal = installed.shell.folder / "data" / "chatport.db-wal"
    journal.write_bytes(b"left behind")
    for step in steps:
        subprocess.run(["sh", "-c", step], check=True)
    assert not journal.exists()
    assert [row["name"] for row in installed.shell.json("account", "list")["accounts"]] == ["Shop"]


def test_db_backup_as_json_holds_the_steps(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = installed.shell.json("db", "backup")
    assert len(document["restore"]) == 2 and document["path"] in document["restore"][1]
    monkeypatch.setenv("CHATPORT_SECRET_KEY", "given-by-the-environment")
    shown = installed.shell.run("db", "backup").stdout
    assert "what CHATPORT_SECRET_KEY is set to" in shown and "given-by" not in shown


@pytest.mark.postgresql
def test_db_backup_leaves_postgresql_to_its_own_tools(
    shell: Shell, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CHATPORT_DATABASE_URL", postgres_url)
    result = shell.run("db", "backup")
    assert result.exit_code == 3
    assert "pg_dump" in result.stderr


def test_a_wrong_secret_key_is_refused(
    installed: Installed, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed.shell.run("channel", "list").exit_code == 0
    monkeypatch.setenv("CHATPORT_SECRET_KEY", "another-key-of-enough-letters")
    result = installed.shell.run("channel", "list")
    assert result.exit_code == 3
    assert "CHATPORT_SECRET_KEY" in result.stderr
