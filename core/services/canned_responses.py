"""Canned answers: texts under short codes that agents insert while they write.

Owns: their rows, the order in which a search finds them, the variables in their texts. Must not know: HTTP, HTML.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Row

from ..db.tables import CannedResponse
from ..db.types import storable, utcnow
from ..db.upsert import insert_if_absent
from ..errors import ConfigInvalid
from .accounts import audit
from .outbox.errors import NotFound

if TYPE_CHECKING:
    from ..context import Core

MAX_CODE = 64
MAX_CONTENT = 10_000
_table = CannedResponse.__table__
_VARIABLE = re.compile(r"\{\{\s*([a-z]+\.[a-z_]+)\s*\}\}")


def find(
    connection: Connection, account_id: int, search: str = "", *, limit: int | None = None
) -> list[Row[Any]]:
    """The answers of an account by short code; with ``search`` those whose code or text holds it: codes that begin with
    it come first, then other codes, then texts."""
    query = sa.select(_table).where(_table.c.account_id == account_id)
    wanted = storable(search.strip(), MAX_CODE).lower()
    if wanted:
        begins = _table.c.short_code.startswith(wanted, autoescape=True)
        holds = _table.c.short_code.contains(wanted, autoescape=True)
        says = _table.c.content.icontains(wanted, autoescape=True)
        query = query.where(sa.or_(holds, says)).order_by(sa.case((begins, 0), (holds, 1), else_=2))
    return list(connection.execute(query.order_by(_table.c.short_code, _table.c.id).limit(limit)))


def load(connection: Connection, account_id: int, response_id: int) -> Row[Any]:
    """One answer.

    :raises NotFound: there is none in this account.
    """
    row = connection.execute(
        sa.select(_table).where(_table.c.id == response_id, _table.c.account_id == account_id)
    ).first()
    if row is None:
        raise NotFound("There is no such canned answer.")
    return row


def create(core: Core, *, account_id: int, short_code: str, content: str, user_id: int) -> int:
    """Keep an answer.

    :param short_code: kept in lower case, without a leading slash.
    :returns: its id.
    :raises ConfigInvalid: empty, too long, a code with spaces, or one that another answer has.
    """
    values = _checked({"short_code": short_code, "content": content})
    now = utcnow()
    row = {"account_id": account_id, "created_at": now, "updated_at": now, **values}
    with core.db.write("create canned answer") as connection:
        made = insert_if_absent(connection, _table, row)
        if made is not None:
            _note(connection, "created", account_id, user_id, made, values["short_code"])
    if made is None:
        raise _taken(values["short_code"])
    return made


def update(
    core: Core, *, account_id: int, response_id: int, values: Mapping[str, str], user_id: int
) -> None:
    """Change an answer; what ``values`` (``short_code``, ``content``) leaves out stays.

    :raises NotFound: there is none in this account.
    :raises ConfigInvalid: as :func:`create`.
    """
    checked = _checked(values)
    with core.db.write("change canned answer") as connection:
        load(connection, account_id, response_id)
        code = checked.get("short_code")
        other = connection.execute(
            sa.select(_table.c.id).where(
                _table.c.account_id == account_id,
                _table.c.short_code == code,
                _table.c.id != response_id,
            )
        ).first()
        if other is not None:
            raise _taken(code or "")
        row = connection.execute(
            sa.update(_table)
            .where(_table.c.id == response_id)
            .values(updated_at=utcnow(), **checked)
            .returning(_table.c.short_code)
        ).one()
        _note(connection, "changed", account_id, user_id, response_id, row.short_code)


def delete(core: Core, *, account_id: int, response_id: int, user_id: int) -> None:
    """Forget an answer.

    :raises NotFound: there is none in this account.
    """
    with core.db.write("delete canned answer") as connection:
        row = load(connection, account_id, response_id)
        connection.execute(sa.delete(_table).where(_table.c.id == response_id))
        _note(connection, "deleted", account_id, user_id, response_id, row.short_code)


def _note(
    connection: Connection, what: str, account_id: int, user_id: int, key: int, code: str
) -> None:
    audit(
        connection,
        f"canned_response.{what}",
        account_id=account_id,
        user_id=user_id,
        subject=f"canned_response:{key}",
        data={"short_code": code},
    )


def _checked(values: Mapping[str, str]) -> dict[str, str]:
    found: dict[str, str] = {}
    problems: dict[str, list[str]] = {}
    if "short_code" in values:
        code = storable(values["short_code"].strip().removeprefix("/")).lower()
        if not code:
            problems["short_code"] = ["Give a short code."]
        elif len(code) > MAX_CODE:
            problems["short_code"] = [f"A short code has at most {MAX_CODE} characters."]
        elif any(c.isspace() for c in code):
            problems["short_code"] = ["A short code has no spaces."]
        found["short_code"] = code
    if "content" in values:
        content = storable(values["content"].replace("\r\n", "\n").strip())
        if not content:
            problems["content"] = ["Write the answer."]
        elif len(content) > MAX_CONTENT:
            problems["content"] = [f"An answer has at most {MAX_CONTENT} characters."]
        found["content"] = content
    if problems:
        raise ConfigInvalid(problems)
    return found


def _taken(code: str) -> ConfigInvalid:
    return ConfigInvalid({"short_code": [f"Another answer has the short code {code}."]})


# --- variables --------------------------------------------------------------------------------------------------------


def filled(content: str, values: Mapping[str, str]) -> str:
    """A text with its variables, such as ``{{contact.name}}``, replaced. One without a value stays as it is, so that
    whoever writes sees it."""
    return _VARIABLE.sub(lambda found: values.get(found[1]) or found[0], content)


def variables(
    *,
    contact: Row[Any],
    conversation_number: int,
    inbox: Row[Any],
    agent_name: str,
    agent_email: str,
) -> dict[str, str]:
    """Values of all variables in one conversation."""
    return {
        **_person("contact", contact.name or ""),
        "contact.phone": contact.phone_number or "",
        "contact.email": contact.email or "",
        "contact.id": str(contact.id),
        "conversation.id": str(conversation_number),
        "inbox.id": str(inbox.id),
        "inbox.name": inbox.name,
        **_person("agent", agent_name),
        "agent.email": agent_email,
    }


def _person(what: str, name: str) -> dict[str, str]:
    first, _, last = name.strip().partition(" ")
    return {f"{what}.name": name, f"{what}.first_name": first, f"{what}.last_name": last.strip()}
