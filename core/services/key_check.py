"""Whether the secret key is the one that this database was made with.

Owns: one sealed row. Must not know: what else the key seals.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..db.tables import Heartbeat
from ..db.types import utcnow

if TYPE_CHECKING:
    from ..context import Core

_NAME = "secret_key"


def require_right_key(core: Core) -> None:
    """Refuse to run with a key that cannot open what is stored; note the key on the first start.

    :raises ConfigurationError: naming the setting.
    """
    with core.db.write("note the key") as connection:
        data = connection.execute(
            sa.select(Heartbeat.data).where(Heartbeat.name == _NAME).with_for_update()
        ).scalar()
        if data is None:
            data = {"sealed": core.vault.seal(_NAME)}
            connection.execute(sa.insert(Heartbeat).values(name=_NAME, at=utcnow(), data=data))
    core.vault.open(data["sealed"])
