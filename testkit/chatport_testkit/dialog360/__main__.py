"""``python -m chatport_testkit.dialog360``: simulated 360dialog as a program."""

from __future__ import annotations

import argparse
import sys
import threading

from .simulator import Dialog360Simulator


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m chatport_testkit.dialog360", description=__doc__
    )
    parser.add_argument("--port", type=int, default=8092)
    parser.add_argument("--generation", choices=("v1", "v2"), default="v2")
    parser.add_argument("--api-key")
    parser.add_argument("--phone", help="the business's number")
    parser.add_argument("--webhook", help="where webhooks go until the API sets another address")
    parser.add_argument("--webhook-header", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--tick", choices=("auto", "manual"), default="auto")
    parser.add_argument("--window-mode", choices=("webhook", "sync", "off"), default="webhook")
    given = {k: v for k, v in vars(parser.parse_args(arguments)).items() if v is not None}
    pairs = [text.partition("=") for text in given.pop("webhook_header")]
    headers = {name: value for name, _, value in pairs}
    with Dialog360Simulator(webhook_headers=headers, **given) as sim:
        lines = [
            f"360dialog {sim.generation}      {sim.url}",
            f"Customer's phone  {sim.url}/_sim/phone",
            f"API key           {sim.api_key}",
        ]
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            return 0
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
