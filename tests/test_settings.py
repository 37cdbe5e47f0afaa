"""Settings: sources, parsing, refusals, and that nothing shows a secret."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from chatport import setting_types as kind
from chatport.errors import ConfigurationError
from chatport.settings import SETTINGS, Settings, describe, unknown_variables

KEY = "k" * 32


def load(environ: dict[str, str] | None = None, **overrides: Any) -> Settings:
    return Settings.from_env({"CHATPORT_SECRET_KEY": KEY, **(environ or {})}, **overrides)


def refused(environ: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as error:
        load(environ)
    return str(error.value)


def shown(settings: Settings, name: str) -> dict[str, Any]:
    return next(entry for entry in describe(settings) if entry["name"] == name)


def test_defaults_follow_the_data_folder(tmp_path: Path) -> None:
    settings = load({"CHATPORT_DATA_DIR": str(tmp_path)})

    assert settings.data_dir == tmp_path
    assert settings.database_url == f"sqlite:///{tmp_path}/chatport.db"
    assert settings.media_url == f"file://{tmp_path}/media"
    assert settings.redis_url is None
    assert settings.public_url == "http://127.0.0.1:5000"
    assert settings.raw_retention_days == 14
    assert settings.followup_days == 7
    assert settings.max_body_bytes == 4 * 1024 * 1024
    assert settings.max_media_bytes == 100 * 1024 * 1024


def test_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert load().data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("CHATPORT_DATABASE_URL", "postgres://u:p@db/chat", "postgresql+psycopg://u:p@db/chat"),
        ("CHATPORT_DATABASE_URL", "postgresql://db/chat", "postgresql+psycopg://db/chat"),
        ("CHATPORT_DATABASE_URL", "sqlite:////var/chat.db", "sqlite:////var/chat.db"),
        ("CHATPORT_REDIS_URL", "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        ("CHATPORT_PUBLIC_URL", "https://chat.example.com/", "https://chat.example.com"),
        (
            "CHATPORT_ALLOW_PRIVATE_HOSTS",
            "GoWA:3000, 10.0.0.7,[::1]:80",
            ("gowa:3000", "10.0.0.7", "[::1]:80"),
        ),
        ("CHATPORT_MAX_MEDIA_BYTES", "25 MiB", 25 * 1024 * 1024),
        ("CHATPORT_MAX_BODY_BYTES", "65536", 65536),
        ("CHATPORT_PROVIDERS", "whatsapp_web, whatsapp_cloud", ("whatsapp_web", "whatsapp_cloud")),
        ("CHATPORT_STRICT_PLUGINS", "yes", True),
        ("CHATPORT_LOG_LEVEL", "debug", "DEBUG"),
        ("CHATPORT_HOOK_TIME_LIMIT", "2.5", 2.5),
        ("CHATPORT_WORKERS", "5", 5),
        ("CHATPORT_TRUSTED_PROXIES", "1", 1),
        ("CHATPORT_LOG_FORMAT", "", "text"),
    ],
)
def test_environment_is_parsed(name: str, typed: str, value: Any) -> None:
    settings = load({name: typed})

    field = next(spec.name for spec in SETTINGS if spec.env == name)
    assert getattr(settings, field) == value


@pytest.mark.parametrize(
    ("name", "typed", "reason"),
    [
        ("CHATPORT_DATABASE_URL", "mysql://db/chat", "'mysql' is not supported"),
        ("CHATPORT_DATABASE_URL", "sqlite://", "memory"),
        ("CHATPORT_DATABASE_URL", "chat.db", "no address"),
        ("CHATPORT_REDIS_URL", "http://redis", "redis://"),
        ("CHATPORT_PUBLIC_URL", "chat.example.com", "not an address"),
        ("CHATPORT_PUBLIC_URL", "https://me@chat.example.com", "must not hold a user"),
        ("CHATPORT_ALLOW_PRIVATE_HOSTS", "*", "wildcards"),
        ("CHATPORT_ALLOW_PRIVATE_HOSTS", "10.0.0.0/8", "networks"),
        ("CHATPORT_ALLOW_PRIVATE_HOSTS", "gowa:70000", "port"),
        ("CHATPORT_MAX_BODY_BYTES", "0", "not a size"),
        ("CHATPORT_MAX_BODY_BYTES", "big", "not a size"),
        ("CHATPORT_WORKERS", "0", "less than 1"),
        ("CHATPORT_WORKERS", "many", "whole number"),
        ("CHATPORT_HOOK_TIME_LIMIT", "nan", "outside"),
        ("CHATPORT_LOG_FORMAT", "xml", "text, json"),
        ("CHATPORT_STRICT_PLUGINS", "maybe", "neither yes nor no"),
        ("CHATPORT_BOOTSTRAP_EMAIL", "nobody", "mail address"),
        ("CHATPORT_QUEUE_PREFIX", "a:b", "letters"),
        ("CHATPORT_MAP_TILE_URL", "https://tiles.example.com/{z}", "{z}, {x} and {y}"),
        ("CHATPORT_SMTP_URL", "mail.example.com", "smtp://"),
        ("CHATPORT_MEDIA_URL", "/srv/media", "storage address"),
        ("CHATPORT_SECRET_KEY", "short", "16 characters"),
        ("CHATPORT_SECRET_KEY", "please-changeme-please", "placeholder"),
        ("CHATPORT_SECRET_KEY", ",", "no key"),
    ],
)
def test_wrong_value_is_refused_with_its_variable(name: str, typed: str, reason: str) -> None:
    message = refused({name: typed})

    assert name in message
    assert reason in message


def test_every_wrong_value_is_named_at_once() -> None:
    message = refused(
        {"CHATPORT_WORKERS": "0", "CHATPORT_LOG_LEVEL": "LOUD", "CHATPORT_DATA_DIR": "/srv"}
    )

    assert "CHATPORT_WORKERS" in message
    assert "CHATPORT_LOG_LEVEL" in message


@pytest.mark.parametrize(
    ("environ", "reason"),
    [
        ({"CHATPORT_PUBLIC_URL": "http://chat.example.com"}, "unencrypted"),
        ({"CHATPORT_PUBLIC_URL": "http://8.8.8.8:5000"}, "unencrypted"),
        (
            {
                "CHATPORT_PUBLIC_URL": "https://chat.example.com",
                "CHATPORT_SESSION_COOKIE_SECURE": "0",
            },
            "CHATPORT_SESSION_COOKIE_SECURE",
        ),
        ({"CHATPORT_SESSION_COOKIE_SECURE": "1"}, "nobody could log in"),
        ({"CHATPORT_BOOTSTRAP_PASSWORD": "correct horse"}, "CHATPORT_BOOTSTRAP_EMAIL"),
        ({"CHATPORT_BOOTSTRAP_EMAIL": "a@example.com"}, "CHATPORT_BOOTSTRAP_PASSWORD"),
        ({"CHATPORT_SMTP_URL": "smtp://mail.example.com"}, "CHATPORT_SMTP_FROM"),
        ({"CHATPORT_PROVIDERS": "a,b", "CHATPORT_DISABLED_PROVIDERS": "b"}, "b is also in"),
    ],
)
def test_insecure_or_contradictory_combination_is_refused(
    environ: dict[str, str], reason: str
) -> None:
    assert reason in refused(environ)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:5000",
        "http://chatport:5000",
        "http://10.1.2.3",
        "http://[::1]:5000",
        "http://chat.internal",
    ],
)
def test_plain_http_is_accepted_on_a_private_network(address: str) -> None:
    assert load({"CHATPORT_PUBLIC_URL": address}).session_cookie_secure is False


def test_plain_http_in_public_is_accepted_when_asked_for() -> None:
    settings = load(
        {"CHATPORT_PUBLIC_URL": "http://chat.example.com", "CHATPORT_ALLOW_INSECURE_HTTP": "1"}
    )

    assert settings.public_url == "http://chat.example.com"


def test_https_makes_the_cookie_secure() -> None:
    assert load({"CHATPORT_PUBLIC_URL": "https://chat.example.com"}).session_cookie_secure is True


def test_precedence_is_override_environment_file_default(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(
        "CHATPORT_WORKERS=3\nCHATPORT_WEB_THREADS=3\nexport CHATPORT_SESSION_HOURS='3'\n"
    )

    settings = Settings.from_env(
        {"CHATPORT_SECRET_KEY": KEY, "CHATPORT_WORKERS": "4", "CHATPORT_WEB_THREADS": "4"},
        dotenv,
        workers=5,
    )

    assert (settings.workers, settings.web_threads, settings.session_hours) == (5, 4, 3)
    assert shown(settings, "workers")["source"] == "command line"
    assert shown(settings, "web_threads")["source"] == "environment"
    assert shown(settings, "session_hours")["source"] == ".env file"
    assert shown(settings, "followup_days")["source"] == "default"


def test_working_folder_dotenv_is_read_for_the_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"CHATPORT_WORKERS=7\nCHATPORT_SECRET_KEY={KEY}\n")
    monkeypatch.chdir(tmp_path)

    assert Settings.from_env().workers == 7


def test_override_is_parsed_when_text_and_kept_when_ready(tmp_path: Path) -> None:
    settings = load(allow_private_hosts="LOCALHOST:3000", data_dir=tmp_path, workers=None)

    assert settings.allow_private_hosts == ("localhost:3000",)
    assert settings.data_dir == tmp_path
    assert settings.workers == 2


def test_unknown_override_is_a_programming_error() -> None:
    with pytest.raises(TypeError, match="colour"):
        load(colour="red")


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        load().workers = 3  # type: ignore[misc]


def test_reading_the_settings_makes_no_file_and_no_folder(tmp_path: Path) -> None:
    settings = Settings.from_env({}, data_dir=tmp_path / "data")

    assert list(tmp_path.iterdir()) == []
    assert settings.secret_keys == ()
    source = f"{tmp_path}/data/secret_key, made on the first start"
    assert shown(settings, "secret_keys")["source"] == source
    assert "CHATPORT_SECRET_KEY" not in {k for k, v in settings.as_environment().items() if v}


def test_own_key_is_not_made_where_one_is_configured(tmp_path: Path) -> None:
    settings = load(data_dir=tmp_path / "data")

    assert settings.with_own_key() is settings
    assert list(tmp_path.iterdir()) == []


def test_secret_key_is_generated_once_for_the_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"

    first = Settings.from_env({}, data_dir=data).with_own_key()
    second = Settings.from_env({}, data_dir=data)

    assert first.secret_keys == second.secret_keys
    assert len(first.secret_keys[0]) >= 43
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    for settings in (first, second):
        assert shown(settings, "secret_keys")["source"] == str(data / "secret_key")
    assert [path.name for path in data.iterdir()] == ["secret_key"]


def test_secret_key_is_the_same_for_processes_that_start_together(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(
            pool.map(
                lambda _: Settings.from_env({}, data_dir=tmp_path).with_own_key().secret_keys,
                range(64),
            )
        )

    assert len(set(found)) == 1


def test_secret_key_list_is_newest_first() -> None:
    assert load({"CHATPORT_SECRET_KEY": f"{'n' * 32}, {'o' * 32}"}).secret_keys == (
        "n" * 32,
        "o" * 32,
    )


def test_secret_key_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    Settings.from_env({}, data_dir=tmp_path).with_own_key()
    (tmp_path / "secret_key").chmod(0o644)

    with pytest.raises(ConfigurationError, match="other users") as error:
        Settings.from_env({}, data_dir=tmp_path)

    assert "chmod 600" in error.value.action


def test_empty_secret_key_file_is_refused_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "secret_key").touch(mode=0o600)

    with pytest.raises(ConfigurationError, match="cut short"):
        Settings.from_env({}, data_dir=tmp_path)


def test_data_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ConfigurationError, match="cannot be read or made"):
        Settings.from_env({}, data_dir=tmp_path / "file" / "data")


SECRETS = {
    "CHATPORT_SECRET_KEY": "hidden-" + "s" * 32,
    "CHATPORT_DATABASE_URL": "postgresql://chat:hidden-pw@db/chat?sslpassword=hidden-query&sslmode=require",
    "CHATPORT_REDIS_URL": "redis://:hidden-p@ss/word@redis:6379/0",
    "CHATPORT_SMTP_URL": "smtp://user:hidden-mail@mail.example.com:587",
    "CHATPORT_SMTP_FROM": "chat@example.com",
    "CHATPORT_BOOTSTRAP_EMAIL": "a@example.com",
    "CHATPORT_BOOTSTRAP_PASSWORD": "hidden-password",
    "CHATPORT_BOOTSTRAP_TOKEN": "hidden-token",
}


def test_no_secret_in_repr_or_description() -> None:
    settings = Settings.from_env(SECRETS)

    assert "hidden" not in repr(settings)
    assert "hidden" not in str(describe(settings))
    assert shown(settings, "database_url")["value"] == (
        f"postgresql+psycopg://chat:{kind.MASK}@db/chat?sslpassword={kind.MASK}&sslmode=require"
    )
    assert shown(settings, "redis_url")["value"] == f"redis://:{kind.MASK}@redis:6379/0"


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_no_secret_in_the_error_of_a_wrong_value(name: str) -> None:
    wrong = {**SECRETS, name: "hidden", "CHATPORT_WORKERS": "0"}

    with pytest.raises(ConfigurationError) as error:
        Settings.from_env(wrong)

    if name not in ("CHATPORT_SMTP_FROM", "CHATPORT_BOOTSTRAP_EMAIL"):
        assert "hidden" not in str(error.value)


@pytest.mark.parametrize(
    "address",
    [
        "sqlite:////var/lib/chat.db",
        "file:///srv/media",
        "unix:///run/valkey.sock",
        "redis://host:1/0",
    ],
)
def test_masked_address_keeps_one_without_secrets(address: str) -> None:
    assert kind.masked_address(address) == address


def test_describe_names_every_setting_with_its_meaning() -> None:
    entries = describe(load())

    assert [entry["name"] for entry in entries] == [spec.name for spec in SETTINGS]
    assert all(
        entry["env"].startswith("CHATPORT_") and entry["meaning"].endswith(".") for entry in entries
    )
    assert len({entry["env"] for entry in entries}) == len(entries)


def test_unknown_variables_finds_a_misspelling() -> None:
    environ = {
        "CHATPORT_WORKRES": "2",
        "CHATPORT_WORKERS": "2",
        "CHATPORT_TEST_POSTGRES_URL": "x",
        "PATH": "",
    }

    assert unknown_variables(environ) == ["CHATPORT_WORKRES"]


def test_reading_settings_needs_neither_flask_nor_sqlalchemy() -> None:
    code = "import sys, chatport.settings; print(sorted({'flask', 'sqlalchemy', 'rq'} & set(sys.modules)))"

    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )

    assert answer.stdout.strip() == "[]"
