"""The installation's own secret key: a file in the data folder, made once, readable by its owner only.

Owns: making, reading and refusing that file. Must not know: what the key is for, other settings.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from .errors import ConfigurationError

FILE_NAME = "secret_key"


def read_secret_key(data_dir: Path) -> str | None:
    """The key in the data folder; ``None`` where none was made yet. Makes nothing.

    :raises ConfigurationError: not readable, readable by others, or cut short. Never replaced by itself.
    """
    path = data_dir / FILE_NAME
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        key = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, error) from None
    if mode & 0o077:
        raise ConfigurationError(
            f"the key file {path} can be read by other users of this machine (mode {mode:o})",
            action=f"Run: chmod 600 {path}",
        )
    if len(key) < 16:
        raise ConfigurationError(
            f"the key file {path} is empty or cut short",
            action="Restore it from a backup. Without it, stored credentials cannot be decrypted.",
        )
    return key


def make_secret_key(data_dir: Path) -> str:
    """The key in the data folder; made on the first start with the folder, by exactly one of several processes.

    :raises ConfigurationError: as :func:`read_secret_key`, or it cannot be made.
    """
    path = data_dir / FILE_NAME
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _create_once(path, secrets.token_urlsafe(48))
    except OSError as error:
        raise _unusable(path, error) from None
    key = read_secret_key(data_dir)
    if key is None:
        raise _unusable(path, FileNotFoundError("it was taken away again"))
    return key


def _unusable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"the key file {path} cannot be read or made: {error}",
        action="Make the folder writable, choose another CHATPORT_DATA_DIR, or set CHATPORT_SECRET_KEY.",
    )


def _create_once(path: Path, key: str) -> None:
    """Write the file whole and readable by the owner only, unless another process was faster."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    temporary = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(file.fileno())
        # another process may have made it between our look and our link; then its key holds
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(temporary)
    finally:
        temporary.unlink()
