"""What happened in a conversation, in the reader's language.

Owns: the lines between messages. Must not know: tables, HTML. The stored English line is shown where one says nothing
of its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _


def activity_line(content: str, told: Mapping[str, Any]) -> str:
    """The line of an activity.

    :param content: the line as it was stored, in English.
    :param told: its ``kind``, ``who`` it is about, ``by`` whom it was done; any may be missing.
    """
    who = str(told.get("who") or "")
    lines = {
        "status_open": _("Conversation was reopened"),
        "status_resolved": _("Conversation was resolved"),
        "status_pending": _("Conversation was marked as pending"),
        "status_snoozed": _("Conversation was snoozed"),
        "assigned": _("Assigned to %(who)s", who=who),
        "unassigned": _("Conversation was unassigned"),
        "group_join": _("%(who)s joined the group", who=who),
        "group_leave": _("%(who)s left the group", who=who),
        "group_promote": _("%(who)s became a group administrator", who=who),
        "group_demote": _("%(who)s is no longer a group administrator", who=who),
        "group_added_us": _("This number was added to the group"),
        "called": _("%(who)s called", who=who),
        "number_changed": _("The number changed to %(who)s", who=who),
    }
    line = lines.get(str(told.get("kind")))
    if line is None:
        return content
    return f"{line} · {told['by']}" if told.get("by") else str(line)


FILTERS = {"activity_line": activity_line}
