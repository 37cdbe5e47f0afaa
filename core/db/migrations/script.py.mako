"""${message}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from chatport.db.types import BigId, Json, UtcDateTime

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """To ${up_revision}."""
    ${upgrades if upgrades else "pass"}
