"""Answers that agents keep at hand."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ..base import Base
from ..types import BigId, UtcDateTime, utcnow


class CannedResponse(Base):
    """A text under a short code, for everybody in the account. ``short_code`` is kept in lower case."""

    __tablename__ = "canned_responses"
    __table_args__ = (sa.UniqueConstraint("account_id", "short_code"),)

    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    account_id: Mapped[int] = mapped_column(sa.ForeignKey("accounts.id"))
    short_code: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[str] = mapped_column(sa.Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow, onupdate=utcnow)
