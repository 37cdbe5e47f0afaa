"""Runs the simulated service in the foreground: ``python -m chatport_testkit.gowa``."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence

from .eras import ERA_VERSIONS
from .simulator import GowaSimulator


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m chatport_testkit.gowa",
        description="A simulated Go WhatsApp Web service. Open /_sim/phone to play the customers' phones.",
    )
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument("--basic-auth", metavar="USER:PASSWORD", default="", help="default: none")
    parser.add_argument("--webhook", metavar="URL", default="", help="several: comma, no blanks")
    parser.add_argument("--webhook-secret", metavar="SECRET", default="secret")
    parser.add_argument(
        "--device",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="start with a logged-in device (default) or without any",
    )
    parser.add_argument("--device-id", default="device-1", help="slot id of that device")
    parser.add_argument("--own-phone", default="5491100000000", metavar="DIGITS")
    parser.add_argument("--era", choices=ERA_VERSIONS, default="v9")
    parser.add_argument("--version", help="a release, e.g. v9.0.0; default: the newest of the era")
    parser.add_argument("--tick", choices=("auto", "manual"), default="manual")
    return parser


def build_simulator(arguments: Sequence[str] | None = None) -> GowaSimulator:
    """Return the simulator that the command line describes, not started."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    user, colon, password = options.basic_auth.partition(":")
    if options.basic_auth and not (user and colon):
        parser.error("--basic-auth needs the form USER:PASSWORD")
    return GowaSimulator(
        port=options.port,
        username=user,
        password=password,
        webhook_url=options.webhook or None,
        webhook_secret=options.webhook_secret,
        era=options.era,
        version=options.version,
        device=options.device,
        own_phone=options.own_phone,
        tick=options.tick,
        device_id=options.device_id,
    )


def main() -> None:
    simulator = build_simulator()
    finished = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: finished.set())
    with simulator:
        print(f"GoWA {simulator.config.version} (simulated) at {simulator.url}", flush=True)  # noqa: T201
        print(f"Customers' phones: {simulator.url}/_sim/phone", flush=True)  # noqa: T201
        finished.wait()


if __name__ == "__main__":
    main()
