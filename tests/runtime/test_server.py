"""The web process's application as a process of its own has it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from chatport.settings import Settings

PROGRAM = """
import gc
from chatport.runtime.server import application
made = application()
print(gc.get_freeze_count() > len(gc.get_objects()), len(gc.get_objects()))
"""


def test_what_is_loaded_is_not_looked_through_for_garbage(
    database_url: str, tmp_path: Path
) -> None:
    settings = Settings.from_env({}, data_dir=str(tmp_path), database_url=database_url)
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, **settings.as_environment()},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert result.stdout.startswith("True"), result.stdout + result.stderr
