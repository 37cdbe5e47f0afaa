"""``python -m chatport.cli``."""

from __future__ import annotations

from . import main

main(prog_name="chatport")
