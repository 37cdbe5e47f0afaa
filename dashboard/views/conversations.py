"""The list of conversations, a thread, and what can be done with a conversation as a whole.

Owns: these routes. Must not know: single messages (``messages``), how a change is stored (``conversation_actions``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.engine import Row

from chatport.db.types import utcnow
from chatport.services import conversation_actions as actions
from chatport.services.outbox import NotFound, NotPossible
from chatport.services.outbox.scenes import Scene, load_scene

from .. import navigation, outreach
from ..access import Visit, in_account
from ..answers import done, go, is_fragment, page
from ..composer import Composer, composer, features_of
from ..queries import conversations as lists
from ..queries import people, threads
from ..queries.found import load_hits
from . import ACCOUNT, ID

PATH = f"{ACCOUNT}/conversations"
ONE = f"{PATH}/<{ID}:number>"
#: A script asks for at most this many rows or messages at once.
MAX_IDS = 100
MAX_LABEL = 64
MAX_LABELS = 20


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    rule(PATH, "conversations", show_list)
    rule(f"{PATH}/more", "conversations_more", more)
    rule(f"{PATH}/rows", "conversations_rows", rows)
    rule(f"{PATH}/new", "conversations_new", new)
    rule(f"{PATH}/new", "conversations_start", start, methods=["POST"])
    rule(ONE, "conversations_thread", show_thread)
    rule(f"{ONE}/log", "conversations_log", log)
    rule(f"{ONE}/state", "conversations_state", state)
    for name, view in (
        ("status", set_status),
        ("assignee", assign),
        ("labels", set_labels),
        ("mute", mute),
        ("seen", seen),
        ("typing", typing),
    ):
        rule(f"{ONE}/{name}", f"conversations_{name}", view, methods=["POST"])


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation with all that its page shows besides the messages."""

    scene: Scene
    composer: Composer
    labels: tuple[str, ...]
    agents: list[Row[Any]]
    known_labels: list[str]

    @property
    def row(self) -> Row[Any]:
        """The conversation's row."""
        return self.scene.conversation

    @property
    def assignee(self) -> str:
        """The name of who answers."""
        wanted = self.row.assignee_id
        return next((agent.name for agent in self.agents if agent.id == wanted), "")


def filters() -> lists.Filters:
    """The filters of the request's address; what is not understood is left out."""
    given = request.args
    tab, status = given.get("tab", "all"), given.get("status", "open")
    return lists.Filters(
        tab=tab if tab in lists.TABS else "all",
        status=status if status in lists.STATUSES else "open",
        inbox_id=_number(given.get("inbox", "")),
        label=given.get("label", "")[:MAX_LABEL],
        search=given.get("q", "").strip()[: lists.MAX_SEARCH],
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else 0


def _ids(text: str) -> list[int]:
    found = [_number(part) for part in text.split(",")[:MAX_IDS]]
    return [number for number in found if number]


def find_scene(visit: Visit, number: int) -> Scene:
    """A conversation that the visitor may see.

    :raises NotFound: there is none.
    """
    with visit.core.db.read("conversation") as connection:
        row = lists.find(connection, visit.place, number)
        return load_scene(connection, visit.account_id, row.id)


def open_conversation(visit: Visit, number: int) -> Opened:
    """A conversation with what its page shows.

    :raises NotFound: there is none that the visitor may see.
    """
    with visit.core.db.read("open conversation") as connection:
        row = lists.find(connection, visit.place, number)
        scene = load_scene(connection, visit.account_id, row.id)
        labels = lists.labels_of(connection, [row.id]).get(row.id, ())
        agents = lists.assignable(connection, visit.account_id, row.inbox_id)
        known = lists.labels(connection, visit.account_id)
    features = features_of(visit.core, scene.channel.provider)
    return Opened(scene, composer(scene, features, utcnow()), labels, agents, known)


def _list_values(visit: Visit, wanted: lists.Filters) -> dict[str, Any]:
    with visit.core.db.read("list of conversations") as connection:
        return {
            "filters": wanted,
            "listing": lists.load_page(connection, visit.place, wanted),
            "hits": load_hits(connection, visit.place, wanted),
            "counts": lists.count_tabs(connection, visit.place, wanted),
            "unread_total": lists.count_unread(connection, visit.place),
            "inboxes": lists.inboxes(connection, visit.place),
            "many_inboxes": lists.has_many_inboxes(connection, visit.place),
            "all_labels": lists.labels(connection, visit.account_id),
            "add_url": _add_url(visit),
        }


def _add_url(visit: Visit) -> str:
    return navigation.link("channels_add", account_id=visit.account_id)


def _thread_values(visit: Visit, number: int) -> dict[str, Any]:
    opened = open_conversation(visit, number)
    with visit.core.db.read("thread") as connection:
        target = _number(request.args.get("message", ""))
        if target:
            thread = threads.load_around(connection, opened.row, target)
        else:
            thread = threads.load_latest(connection, opened.row)
    return {
        "opened": opened,
        "thread": thread,
        "features": opened.composer.features,
        "draft_key": uuid4().hex,
    }


@in_account()
def show_list(visit: Visit) -> Any:
    """The list, without a thread."""
    return page("conversations.html", opened=None, **_list_values(visit, filters()))


@in_account()
def show_thread(visit: Visit, number: int) -> Any:
    """A thread, alone for a script that shows the list already."""
    values = _thread_values(visit, number)
    if is_fragment() and request.headers.get("HX-Target") == "thread":
        return page("_thread.html", filters=filters(), **values)
    return page("conversations.html", **_list_values(visit, filters()), **values)


@in_account()
def more(visit: Visit) -> Any:
    """Further rows of the list."""
    wanted = filters()
    try:
        with visit.core.db.read("list of conversations") as connection:
            listing = lists.load_page(
                connection, visit.place, wanted, before=request.args.get("before", "")
            )
            many = lists.has_many_inboxes(connection, visit.place)
    except ValueError:
        abort(400)
    return page("_rows.html", listing=listing, filters=wanted, opened=None, many_inboxes=many)


@in_account()
def rows(visit: Visit) -> Any:
    """The rows of some conversations as they are now, with the counts; without ids the whole first page.

    Rows that do not belong into the list any more are left out.
    """
    wanted = filters()
    ids = _ids(request.args.get("ids", ""))
    with visit.core.db.read("rows of the list") as connection:
        listing = (
            lists.ListPage(lists.load_rows(connection, visit.place, wanted, ids))
            if ids
            else lists.load_page(connection, visit.place, wanted)
        )
        hits = [] if ids else load_hits(connection, visit.place, wanted)
        counts = lists.count_tabs(connection, visit.place, wanted)
        unread = lists.count_unread(connection, visit.place)
        inboxes = lists.inboxes(connection, visit.place)
    # With ids these are not all rows, and say nothing about an empty list.
    whole: dict[str, Any] = {} if ids else {"inboxes": inboxes, "add_url": _add_url(visit)}
    return page(
        "_update.html",
        **whole,
        many_inboxes=len(inboxes) > 1,
        listing=listing,
        hits=hits,
        counts=counts,
        unread_total=unread,
        filters=wanted,
        opened=None,
    )


@in_account()
def log(visit: Visit, number: int) -> Any:
    """Messages: older ones (``before``), all from a place on (``from``), or single ones (``ids``). Nothing, where the
    page has them as they are (``known``)."""
    given = request.args
    with visit.core.db.read("messages of a thread") as connection:
        row = lists.find(connection, visit.place, number)
        scene = load_scene(connection, visit.account_id, row.id)
        if "ids" in given:
            thread = threads.ThreadPage(
                threads.load_some(connection, row, _ids(given["ids"])), older=True
            )
        elif "before" in given:
            thread = threads.load_before(connection, row, given["before"])
        elif given.get("from"):
            thread = threads.load_from(connection, row, given["from"])
        else:
            thread = threads.load_latest(connection, row)
    if given.get("known") == thread.digest:
        return "", 204
    features = features_of(visit.core, scene.channel.provider)
    return page("_messages.html", thread=thread, features=features, scene=scene, number=number)


@in_account()
def state(visit: Visit, number: int) -> Any:
    """Head and composer state of a thread as they are now."""
    opened = open_conversation(visit, number)
    return page("_state.html", opened=opened, filters=filters())


# --- changes ----------------------------------------------------------------------------------------------------------


def _back(visit: Visit, number: int, *, trigger: str = "thread-changed") -> Any:
    location = url_for("dashboard.conversations_thread", account_id=visit.account_id, number=number)
    if not is_fragment():
        return redirect(location, 303)
    opened = open_conversation(visit, number)
    response = page("_state.html", opened=opened, filters=filters())
    response.headers["HX-Trigger"] = trigger
    return response


_SNOOZES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}


def _where(visit: Visit, scene: Scene) -> dict[str, Any]:
    return {"account_id": visit.account_id, "conversation_id": scene.conversation.id}


@in_account()
def set_status(visit: Visit, number: int) -> Any:
    """Resolve, reopen, put aside or snooze."""
    scene = find_scene(visit, number)
    status = request.form.get("status", "")
    if status not in actions.STATUSES:
        raise NotPossible(_("There is no such status."), action=_("Reload the page."))
    wait = _SNOOZES.get(request.form.get("for", ""))
    actions.set_status(
        visit.core,
        **_where(visit, scene),
        status=status,
        snoozed_until=utcnow() + wait if wait else None,
        user_id=visit.user.user_id,
    )
    return _back(visit, number)


@in_account()
def assign(visit: Visit, number: int) -> Any:
    """Say who answers."""
    opened = open_conversation(visit, number)
    wanted = _number(request.form.get("user_id", ""))
    if wanted and wanted not in {agent.id for agent in opened.agents}:
        raise NotPossible(
            _("This person cannot see the inbox."), action=_("Choose somebody of the inbox.")
        )
    actions.assign(
        visit.core,
        **_where(visit, opened.scene),
        assignee_id=wanted or None,
        user_id=visit.user.user_id,
    )
    return _back(visit, number)


@in_account()
def set_labels(visit: Visit, number: int) -> Any:
    """Add or remove a label."""
    opened = open_conversation(visit, number)
    kept = [label for label in opened.labels if label != request.form.get("remove")]
    added = " ".join(request.form.get("add", "").split())
    labels = [*kept, added][:MAX_LABELS]
    actions.set_labels(visit.core, **_where(visit, opened.scene), labels=labels)
    return _back(visit, number)


@in_account()
def mute(visit: Visit, number: int) -> Any:
    """Ignore what the contact writes, or listen again."""
    scene = find_scene(visit, number)
    muted = request.form.get("muted") == "1"
    actions.mute(visit.core, **_where(visit, scene), muted=muted)
    return _back(visit, number)


@in_account()
def seen(visit: Visit, number: int) -> Any:
    """An agent looks at the thread."""
    scene = find_scene(visit, number)
    actions.mark_seen(visit.core, **_where(visit, scene), user_id=visit.user.user_id)
    return done(_thread_address(visit, number))


@in_account()
def typing(visit: Visit, number: int) -> Any:
    """An agent writes."""
    scene = find_scene(visit, number)
    told = request.form.get("state", "")
    if told not in ("on", "recording", "off"):
        abort(400)
    features = features_of(visit.core, scene.channel.provider)
    if features is not None and features.typing:
        actions.typing(visit.core, **_where(visit, scene), state=told)
    return done(_thread_address(visit, number))


def _thread_address(visit: Visit, number: int) -> str:
    return url_for("dashboard.conversations_thread", account_id=visit.account_id, number=number)


# --- new conversations ------------------------------------------------------------------------------------------------


@in_account()
def new(visit: Visit) -> Any:
    """The form that starts a conversation."""
    search = request.args.get("q", "")
    with visit.core.db.read("new conversation") as connection:
        inboxes = lists.inboxes(connection, visit.place)
        found = people.search(connection, visit.place, search)
    template = "_new_results.html" if request.args.get("results") else "_new.html"
    return page(template, inboxes=inboxes, found=found, search=search)


@in_account()
def start(visit: Visit) -> Any:
    """Start a conversation, or open the one that is there."""
    inbox_id = _number(request.form.get("inbox_id", ""))
    if not visit.place.may_see(inbox_id):
        raise NotFound("There is no such inbox.")
    contact_id = _number(request.form.get("contact_id", ""))
    if contact_id:
        with visit.core.db.read("contact") as connection:
            people.find(connection, visit.place, contact_id)
    else:
        given = request.form.get("number", "").strip()
        contact_id = outreach.contact_of_number(visit.core, visit.account_id, given)
    number = outreach.start_conversation(visit.core, visit.account_id, inbox_id, contact_id)
    return go(_thread_address(visit, number))
