"""All settings of Chatport: one frozen record, declared in one table, read from the environment once.

Owns: which settings exist, their defaults, where each value came from, and which combinations are refused.
Must not know: the database, Flask, who uses a setting. Nothing else in Chatport reads ``os.environ`` for a setting.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values

from . import keyfile
from . import setting_types as kind
from .errors import ConfigurationError

PREFIX = "CHATPORT_"

#: Variables with our prefix that are read elsewhere and are no settings of a running Chatport.
_FOREIGN = ("CHATPORT_TEST_", "CHATPORT_REQUIRE_ALL")


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One declared setting.

    :param name: attribute of :class:`Settings`.
    :param env: the environment variable.
    :param parse: text to value; raises ``ValueError`` with the reason.
    :param default: the value, or a function of the values declared above it.
    :param meaning: what it does, for ``chatport config`` and the documentation.
    :param show: value to what may be shown to people; hides secrets.
    :param secret: the whole value is a secret.
    """

    name: str
    env: str
    parse: Callable[[str], Any]
    default: Any
    meaning: str
    show: Callable[[Any], str]
    secret: bool


def _show(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)


def _setting(
    parse: Callable[[str], Any],
    default: Any,
    meaning: str,
    *,
    env: str = "",
    secret: bool = False,
    address: bool = False,
) -> Any:
    """Declare a setting as a field; ``address`` hides the password inside it."""
    details = {
        "parse": parse,
        "default": default,
        "meaning": meaning,
        "env": env,
        "secret": secret,
        "address": address,
    }
    return dataclasses.field(metadata=details)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """The settings of one installation. Built by :meth:`from_env`; its ``repr`` shows no secret."""

    # Where things are
    data_dir: Path = _setting(
        kind.folder, "./data", "Folder for the database, files, keys and the embedded Valkey."
    )
    database_url: str = _setting(
        kind.database_address,
        lambda values: f"sqlite:///{values['data_dir'] / 'chatport.db'}",
        "SQLite file or PostgreSQL server.",
        address=True,
    )
    redis_url: str | None = _setting(
        kind.redis_address,
        None,
        "Redis or Valkey server; left out, `chatport up` runs an embedded Valkey.",
        address=True,
    )
    media_url: str = _setting(
        kind.storage_address,
        lambda values: f"file://{values['data_dir'] / 'media'}",
        "Where files are kept: any address that fsspec knows. Several machines need a shared one.",
        address=True,
    )
    public_url: str = _setting(
        kind.web_address,
        "http://127.0.0.1:5000",
        "Address under which people and WhatsApp services reach this Chatport.",
    )

    # Security
    secret_keys: tuple[str, ...] = _setting(
        kind.secrets,
        None,
        "Keys that encrypt and sign, newest first, separated by commas; left out, one is generated in"
        " the data folder.",
        env="CHATPORT_SECRET_KEY",
        secret=True,
    )
    allow_private_hosts: tuple[str, ...] = _setting(
        kind.hosts,
        (),
        "Private addresses that Chatport may call: host or host:port, separated by commas.",
    )
    allow_insecure_http: bool = _setting(
        kind.boolean,
        False,
        "Accept a public address without TLS. Passwords then cross the network in clear.",
    )
    trusted_proxies: int = _setting(
        kind.whole(0, 10),
        0,
        "How many reverse proxies stand in front; so many X-Forwarded-* entries are believed.",
    )
    session_cookie_name: str = _setting(
        kind.plain_name, "chatport_session", "Name of the login cookie."
    )
    session_cookie_secure: bool = _setting(
        kind.boolean,
        lambda values: values["public_url"].startswith("https://"),
        "Send the login cookie over TLS only; by default so when the public address is https.",
    )
    session_hours: int = _setting(
        kind.whole(1, 8760), 168, "A login ends after so many hours without use."
    )
    bootstrap_email: str | None = _setting(
        kind.mail_address, None, "Mail address of the first administrator, made on the first start."
    )
    bootstrap_password: str | None = _setting(
        kind.at_least(8), None, "Password of the first administrator.", secret=True
    )
    bootstrap_token: str | None = _setting(
        kind.at_least(8), None, "API access token of the first administrator.", secret=True
    )

    # Limits
    max_body_bytes: int = _setting(kind.size, 4 << 20, "Largest webhook body that is accepted.")
    max_media_bytes: int = _setting(
        kind.size, 100 << 20, "Largest file that is fetched or uploaded."
    )
    raw_retention_days: int = _setting(
        kind.whole(1, 3650), 14, "Days for which the bodies of webhooks are kept for replay."
    )
    followup_days: int = _setting(
        kind.whole(1, 365), 7, "Days for which a status, edit or reaction waits for its message."
    )
    hook_time_limit: float = _setting(
        kind.seconds(1, 600), 30.0, "Seconds that one call of a provider plugin may take."
    )

    # Plugins
    providers: tuple[str, ...] = _setting(
        kind.words, (), "Only these providers are loaded; left out, every installed one."
    )
    disabled_providers: tuple[str, ...] = _setting(kind.words, (), "Providers that are not loaded.")
    strict_plugins: bool = _setting(
        kind.boolean, False, "Refuse to start when an installed plugin cannot be used."
    )
    trace_plugins: bool = _setting(kind.boolean, False, "Log every hook call, with secrets masked.")

    # Processes
    workers: int = _setting(
        kind.whole(1, 64),
        2,
        "Worker processes for calls to providers; one more works on incoming events.",
    )
    web_processes: int = _setting(
        kind.whole(1, 32), 1, "Web processes of `chatport up`; one for each two cores is enough."
    )
    web_threads: int = _setting(kind.whole(1, 256), 16, "Threads that serve the API and the page.")
    queue_prefix: str = _setting(
        kind.plain_name,
        "chatport",
        "Prefix of every Redis key; two installations can share a server.",
    )

    # Telling people
    log_level: str = _setting(
        kind.one_of("DEBUG", "INFO", "WARNING", "ERROR"), "INFO", "Least level that is logged."
    )
    log_format: str = _setting(kind.one_of("text", "json"), "text", "Form of the log lines.")
    smtp_url: str | None = _setting(
        kind.mail_server, None, "Mail server for alerts; left out, no mail is sent.", address=True
    )
    smtp_from: str | None = _setting(kind.mail_address, None, "Sender of the alert mails.")
    demo_url: str | None = _setting(
        kind.web_address, None, "Page that plays a customer's phone; set by `chatport up --demo`."
    )
    map_tile_url: str | None = _setting(
        kind.tile_address,
        None,
        "Map tiles for a picture of locations, with {z}, {x} and {y}; left out, locations are links only.",
    )

    #: Where each value came from, by setting name.
    sources: Mapping[str, str] = dataclasses.field(default_factory=dict, compare=False)

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        dotenv: Path | None = None,
        **overrides: Any,
    ) -> Self:
        """Read the settings. Precedence: overrides, environment, the ``.env`` file, defaults. Makes no file or folder;
        ``secret_keys`` is empty where none is configured and the installation has not made its own yet.

        :param environ: the variables; the process's own by default.
        :param dotenv: a file of ``NAME=value`` lines; ``.env`` in the working folder when ``environ`` is left out.
        :param overrides: values by setting name, as typed or ready made; ``None`` means not given.
        :raises ConfigurationError: every value that cannot be used and every insecure combination, at once.
        """
        if environ is None:
            environ = os.environ
            dotenv = dotenv or Path(".env")
        unknown = overrides.keys() - {spec.name for spec in SETTINGS}
        if unknown:
            raise TypeError(f"no such setting: {', '.join(sorted(unknown))}")
        given = _collect(environ, _read_dotenv(dotenv), overrides)
        values, problems = _parse_all(given)
        if not problems:
            problems = [check for check in _insecure(values) if check]
        if problems:
            raise ConfigurationError(
                "the settings cannot be used:\n  " + "\n  ".join(problems),
                action="Correct them in the environment or the .env file; `chatport config` lists all.",
            )
        sources = {name: source for name, (_, source) in given.items()}
        if values["secret_keys"] is None:
            key = keyfile.read_secret_key(values["data_dir"])
            values["secret_keys"] = () if key is None else (key,)
            sources["secret_keys"] = _key_source(values["data_dir"], made=key is not None)
        return cls(**values, sources=sources)

    def with_own_key(self) -> Self:
        """These settings with the installation's own secret key where none is configured; the first start makes it,
        with the data folder. For what starts or uses an installation: reading the settings alone makes nothing.

        :raises ConfigurationError: the key can neither be read nor made.
        """
        if self.secret_keys:
            return self
        key = keyfile.make_secret_key(self.data_dir)
        sources = {**self.sources, "secret_keys": _key_source(self.data_dir, made=True)}
        return dataclasses.replace(self, secret_keys=(key,), sources=sources)

    def as_environment(self) -> dict[str, str]:
        """All values as variables, for a process of our own that reads them there. Holds secrets."""
        values = {spec.env: getattr(self, spec.name) for spec in SETTINGS}
        return {name: _show(value) for name, value in values.items() if value is not None}

    def __repr__(self) -> str:
        shown = ", ".join(
            f"{spec.name}={spec.show(getattr(self, spec.name))!r}" for spec in SETTINGS
        )
        return f"Settings({shown})"


def _key_source(data_dir: Path, *, made: bool) -> str:
    path = data_dir / keyfile.FILE_NAME
    return str(path) if made else f"{path}, made on the first start"


def _spec(field: dataclasses.Field[Any]) -> SettingSpec:
    details = field.metadata
    show: Callable[[Any], str] = _show
    if details["secret"]:
        show = _masked
    elif details["address"]:
        show = _masked_address
    return SettingSpec(
        name=field.name,
        env=details["env"] or PREFIX + field.name.upper(),
        parse=details["parse"],
        default=details["default"],
        meaning=details["meaning"],
        show=show,
        secret=details["secret"],
    )


def _masked(value: Any) -> str:
    return kind.MASK if value else ""


def _masked_address(value: str | None) -> str:
    return kind.masked_address(value) if value else ""


#: Every setting, in the order in which people should read them.
SETTINGS: tuple[SettingSpec, ...] = tuple(
    _spec(field) for field in dataclasses.fields(Settings) if field.metadata
)


def describe(settings: Settings) -> list[dict[str, Any]]:
    """What ``chatport config`` shows: name, variable, value without secrets, source, meaning."""
    return [
        {
            "name": spec.name,
            "env": spec.env,
            "value": spec.show(getattr(settings, spec.name)),
            "source": settings.sources.get(spec.name, "default"),
            "meaning": spec.meaning,
            "secret": spec.secret,
        }
        for spec in SETTINGS
    ]


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Variables that begin like ours and that nothing reads: most often a spelling mistake."""
    known = {spec.env for spec in SETTINGS}
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(_FOREIGN)
    )


def _read_dotenv(path: Path | None) -> Mapping[str, str]:
    if path is None or not path.is_file():
        return {}
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the file {path} cannot be read: {error}", action="Make it readable, or remove it."
        ) from None


def _collect(
    environ: Mapping[str, str], dotenv: Mapping[str, str], overrides: Mapping[str, Any]
) -> dict[str, tuple[Any, str]]:
    """The given value and its source for each setting that was given at all. An empty text is not given."""
    found: dict[str, tuple[Any, str]] = {}
    for spec in SETTINGS:
        if overrides.get(spec.name) is not None:
            found[spec.name] = (overrides[spec.name], "command line")
        elif environ.get(spec.env, "").strip():
            found[spec.name] = (environ[spec.env], "environment")
        elif dotenv.get(spec.env, "").strip():
            found[spec.name] = (dotenv[spec.env], ".env file")
    return found


def _parse_all(given: Mapping[str, tuple[Any, str]]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    problems: list[str] = []
    for spec in SETTINGS:
        raw = given[spec.name][0] if spec.name in given else _default(spec, values)
        try:
            values[spec.name] = spec.parse(raw) if isinstance(raw, str) else raw
        except ValueError as error:
            problems.append(f"{spec.env}: {_reason(spec, error)}")
            # so that later defaults can be computed and every mistake is named at once
            fallback = _default(spec, values)
            values[spec.name] = spec.parse(fallback) if isinstance(fallback, str) else fallback
    return values, problems


def _default(spec: SettingSpec, values: Mapping[str, Any]) -> Any:
    return spec.default(values) if callable(spec.default) else spec.default


def _reason(spec: SettingSpec, error: ValueError) -> str:
    """The parser's words. Parsers of secrets and addresses never repeat what was typed."""
    return str(error) or f"not a valid value ({spec.meaning})"


def _insecure(values: Mapping[str, Any]) -> list[str]:
    """Combinations under which Chatport does not start, each with what to do."""
    problems = []
    public = urlsplit(values["public_url"])
    plain = public.scheme == "http"
    if (
        plain
        and not kind.is_private_host(public.hostname or "")
        and not values["allow_insecure_http"]
    ):
        problems.append(
            "CHATPORT_PUBLIC_URL: passwords and messages would cross the internet unencrypted; write https://,"
            " or set CHATPORT_ALLOW_INSECURE_HTTP=1 to accept that"
        )
    if not plain and not values["session_cookie_secure"]:
        problems.append(
            "CHATPORT_SESSION_COOKIE_SECURE: must not be off while CHATPORT_PUBLIC_URL is https; leave it out"
        )
    if plain and values["session_cookie_secure"]:
        problems.append(
            "CHATPORT_SESSION_COOKIE_SECURE: nobody could log in while CHATPORT_PUBLIC_URL is http; leave it out"
        )
    if values["bootstrap_email"] is None and (
        values["bootstrap_password"] or values["bootstrap_token"]
    ):
        problems.append(
            "CHATPORT_BOOTSTRAP_EMAIL: needed with CHATPORT_BOOTSTRAP_PASSWORD and _TOKEN"
        )
    if values["bootstrap_email"] and not (
        values["bootstrap_password"] or values["bootstrap_token"]
    ):
        problems.append(
            "CHATPORT_BOOTSTRAP_PASSWORD: needed with CHATPORT_BOOTSTRAP_EMAIL, else nobody can log in"
        )
    if bool(values["smtp_url"]) != bool(values["smtp_from"]):
        problems.append("CHATPORT_SMTP_URL and CHATPORT_SMTP_FROM: give both, or neither")
    both = set(values["providers"]) & set(values["disabled_providers"])
    if both:
        problems.append(
            f"CHATPORT_DISABLED_PROVIDERS: {', '.join(sorted(both))} is also in CHATPORT_PROVIDERS"
        )
    return problems
