"""The declarative base and its naming conventions.

Owns: ``Base`` and its metadata. Must not know: any table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of all tables. ``flask_sqlalchemy`` and Alembic share its metadata."""

    metadata = sa.MetaData(naming_convention=NAMING)

    if TYPE_CHECKING:
        # Every class here maps a real table, which the library's own annotation does not say.
        __table__: ClassVar[sa.Table]
