"""The command ``chatport``: everything that an operator does at a terminal or in a script.

Owns: the names of commands, and how a failure is told. Must not know: how anything is done; each group of commands has
a module, and the services do the work.
"""

from __future__ import annotations

import click

from .program import Program

_EPILOG = """\b
Exit codes:
  0  done
  1  failed or refused; the reason is told
  2  wrong usage
  3  the configuration is refused
  4  there is no such thing

\b
Secrets are never arguments, which every user of the machine could read: they
come from a file, standard input, a prompt or the environment.
With --json, standard output is one JSON document, also for a failure:
{"error", "action", "exit_code"}. Settings are listed by: chatport config
"""


@click.group(cls=Program, epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="chatport")
def main() -> None:
    """Chatport, a self-hosted inbox for WhatsApp. Start everything with: chatport up"""


# Loaded when they are used: a list of dead letters needs no web server.
main.offer("up", "up")
main.offer("processes", "worker", "sweep", "stream")
main.offer("db", "db")
main.offer("config", "config")
main.offer("plugins", "plugins")
main.offer("setup", "setup")
main.offer("accounts", "account")
main.offer("users", "user")
main.offer("tokens", "token")
main.offer("channels", "channel")
main.offer("events", "events")
main.offer("dead", "dead")
main.offer("messages", "message")

__all__ = ["main"]
