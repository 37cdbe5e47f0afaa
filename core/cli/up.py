"""``chatport up``.

Owns: its options, the public address of an installation that names none, the demonstration. Must not know: how
processes are run.
"""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import click

from ..errors import ConfigurationError
from ..runtime.supervisor import Supervisor, free_port
from ..settings import Settings
from ..vault import Vault
from .opening import load_settings
from .output import process_options

#: The administrator that the demonstration makes where the settings name none.
DEMO_EMAIL = "demo@example.com"
_DEMO_MODULE = "chatport_testkit.demo"


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=5000,
    show_default=True,
    help="Port to listen on; 0 takes a free one.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Worker processes for calls to services; by default CHATPORT_WORKERS.",
)
@click.option(
    "--demo",
    is_flag=True,
    help="Also run simulated WhatsApp services with an inbox for each. Needs the test kit; for trying out only.",
)
@process_options
def up(host: str, port: int, workers: int | None, demo: bool) -> None:
    """Run everything: web server, workers, sweeper, and a Valkey where no Redis is configured.

    Brings the database up to date first. Prints one line with "ready" and the address when it serves. SIGTERM or
    Ctrl-C ends it.
    """
    if port == 0:
        port = free_port(host, 0)
    settings = own_settings(host, port, workers).with_own_key()
    if not demo:
        Supervisor(settings, host, port).run()
        return
    settings = with_demo_administrator(settings)
    shown = load_demo()(settings.data_dir, port)
    settings = dataclasses.replace(
        settings,
        allow_private_hosts=(*settings.allow_private_hosts, *shown.private_hosts),
        demo_url=shown.phone_url,
    )
    Supervisor(settings, host, port, extras={"demonstration": shown.run}).run()


def own_settings(host: str, port: int, workers: int | None) -> Settings:
    """The settings; the public address is the one that is listened on where none is configured."""
    settings = load_settings(workers=workers)
    if "public_url" in settings.sources:
        return settings
    return load_settings(workers=workers, public_url=f"http://{_reachable(host)}:{port}")


def _reachable(host: str) -> str:
    """A host under which one that is listened on can be reached."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 (compared, not bound)
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def load_demo() -> Any:
    """The demonstration's class, from the test kit.

    :raises ConfigurationError: the test kit, or something that it needs, is not installed.
    """
    try:
        return importlib.import_module(_DEMO_MODULE).Demo
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"the demonstration cannot run: {error.name} is not installed",
            action="Run: pip install chatport-testkit. Or leave out --demo.",
        ) from None


def with_demo_administrator(settings: Settings) -> Settings:
    """Settings with an administrator for the demonstration, whose password is told; as they are where they name one.

    The password follows from the installation's own key: the same on each start, and nobody can guess it.
    """
    if settings.bootstrap_email:
        return settings
    password = Vault(settings.secret_keys).sign("demonstration", DEMO_EMAIL)[:16]
    click.echo(f"Log in as {DEMO_EMAIL} with the password {password}")
    return dataclasses.replace(settings, bootstrap_email=DEMO_EMAIL, bootstrap_password=password)
