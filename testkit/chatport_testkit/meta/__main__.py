"""``python -m chatport_testkit.meta``: the simulated Graph API as a program."""

from __future__ import annotations

import argparse
import sys
import threading

from .simulator import GraphSimulator


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m chatport_testkit.meta", description=__doc__)
    parser.add_argument("--port", type=int, default=8091)
    parser.add_argument("--webhook", help="the app's callback address")
    parser.add_argument("--verify-token", default="", help="token of the verification request")
    parser.add_argument("--token", help="access token that clients must send")
    parser.add_argument("--app-id")
    parser.add_argument("--app-secret")
    parser.add_argument("--waba-id")
    parser.add_argument("--phone-number-id")
    parser.add_argument("--display-phone-number")
    parser.add_argument("--tick", choices=("auto", "manual"), default="auto")
    parser.add_argument("--window-mode", choices=("webhook", "sync", "off"), default="webhook")
    parser.add_argument("--media-origin", choices=("separate", "same"), default="separate")
    given = vars(parser.parse_args(arguments))
    simulator = GraphSimulator(**{key: value for key, value in given.items() if value is not None})
    with simulator as sim:
        number = sim.number_of()
        lines = [
            f"Graph API         {sim.url}",
            f"Customer's phone  {sim.url}/_sim/phone",
            f"Account {number.waba_id}, number {number.id} ({number.pretty})",
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
