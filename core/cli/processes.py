"""``chatport worker``, ``chatport sweep`` and ``chatport stream``: single processes, for operators who supervise them.

Owns: their options and what is checked before they start. Must not know: what they do.
"""

from __future__ import annotations

import signal
import threading
from functools import partial

import click

from ..errors import ConfigurationError
from ..jobs.sweeper import run_sweeper
from ..jobs.worker import run_worker
from ..plugins.registry import Registry
from ..runtime import logs
from ..runtime.children import Children
from ..runtime.stream_server import serve_stream
from ..runtime.supervisor import STOP_WITHIN, free_port
from ..services.bells import CALLS, EVENTS
from ..settings import Settings
from .opening import load_settings, require_ready_database
from .output import process_options


@click.command()
@click.argument("kind", type=click.Choice([EVENTS, CALLS]), required=False)
@process_options
def worker(kind: str | None) -> None:
    """Work: on incoming EVENTS, or on CALLS to services.

    One process for each kind when KIND is left out. Needs CHATPORT_REDIS_URL. SIGTERM lets it finish what it does.
    """
    settings = _ready_settings("worker", redis=True)
    if kind is not None:
        logs.configure(settings, kind)
        run_worker(settings, kind)
        return
    plugins = Registry.load(settings)  # imported once, before any fork
    children = Children()
    for each in (EVENTS, CALLS):
        children.add(f"{each} worker", partial(_work, settings, each, plugins))
    _keep_running(children)


def _work(settings: Settings, kind: str, plugins: Registry) -> None:
    logs.configure(settings, kind)
    run_worker(settings, kind, plugins)


def _keep_running(children: Children) -> None:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        children.tend()
        while not stop.wait(0.2):
            children.tend()
    finally:
        children.stop(STOP_WITHIN)


@click.command()
@process_options
def sweep() -> None:
    """Look for work that was left lying, and ring for it; does it itself while Redis is away.

    Run at least one; several share the work.
    """
    run_sweeper(_ready_settings("sweeper", redis=False))


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=5001,
    show_default=True,
    help="Port to listen on.",
)
@click.option("--processes", type=click.IntRange(1, 64), default=1, show_default=True)
@process_options
def stream(host: str, port: int, processes: int) -> None:
    """Serve the event stream alone: /api/v1/accounts/ID/stream.

    For installations whose web processes are plain WSGI servers. Needs CHATPORT_REDIS_URL.
    """
    settings = _ready_settings("stream", redis=True)
    serve_stream(settings, host, free_port(host, port), processes)


def _ready_settings(process: str, *, redis: bool) -> Settings:
    """Settings of a process that others are to find.

    :raises ConfigurationError: it cannot work.
    """
    settings = load_settings()
    logs.configure(settings, process)
    if redis and settings.redis_url is None:
        raise ConfigurationError(
            "CHATPORT_REDIS_URL is not set, and separate processes meet at a Redis or Valkey server",
            action="Set it, or run everything with `chatport up`, which brings a Valkey of its own.",
        )
    require_ready_database(settings)
    return settings
