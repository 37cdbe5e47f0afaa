"""Single messages: writing, sending again, reacting, changing, deleting; their files.

Owns: these routes. Must not know: how a message is sent.
"""

from __future__ import annotations

import hashlib
from typing import Any

from flask import Blueprint, Response, abort, redirect, request, url_for
from flask_babel import gettext as _
from sqlalchemy.engine import Row

from chatport.errors import ContentRefused
from chatport.services import outbox
from chatport.services.media.serve import load_attachment, safe_headers, serve
from chatport.services.media.sniff import sniff
from chatport.services.outbox.scenes import Scene, load_message

from ..access import Visit, in_account
from ..answers import is_fragment, page
from ..composer import (
    TemplateForm,
    features_of,
    missing_values,
    sendable_templates,
    template_params,
)
from ..queries import people, threads
from . import ACCOUNT, ID
from .conversations import ONE, find_scene

MESSAGE = f"{ONE}/messages/<{ID}:message_id>"


def add_routes(blueprint: Blueprint) -> None:
    """Add this module's routes."""
    rule = blueprint.add_url_rule
    rule(f"{ONE}/messages", "messages_create", create, methods=["POST"])
    rule(f"{ONE}/templates", "messages_templates", templates)
    rule(f"{ONE}/templates", "messages_send_template", send_template, methods=["POST"])
    rule(f"{MESSAGE}/details", "messages_details", details)
    rule(f"{MESSAGE}/text", "messages_text", text)
    for name, view in (("retry", retry), ("react", react), ("edit", edit), ("revoke", revoke)):
        rule(f"{MESSAGE}/{name}", f"messages_{name}", view, methods=["POST"])
    rule(f"{ACCOUNT}/files/<{ID}:attachment_id>", "file", file)
    rule(f"{ACCOUNT}/contacts/<{ID}:contact_id>/picture", "picture", picture)


# --- writing ----------------------------------------------------------------------------------------------------------


@in_account()
def create(visit: Visit, number: int) -> Any:
    """Send a message with its files, or keep a note."""
    scene = find_scene(visit, number)
    form = request.form
    files = [f for f in request.files.getlist("files") if f.filename]
    attributes: dict[str, Any] = {}
    if form.get("reply_to"):
        attributes["in_reply_to"] = form["reply_to"]
    if form.get("voice"):
        attributes["is_voice_message"] = True
    ids = outbox.create_message(
        visit.core,
        account_id=visit.account_id,
        conversation_id=scene.conversation.id,
        user_id=visit.user.user_id,
        content=form.get("content", "").replace("\r\n", "\n"),
        private=form.get("private") == "1",
        content_attributes=attributes,
        attachments=[
            outbox.Upload(f.filename or "", f.content_type or "", f.stream)  # type: ignore[arg-type]
            for f in files
        ],
        **_idempotency(visit, scene, form.get("draft_key", "")),
    )
    return _messages(visit, scene, number, ids)


def _idempotency(visit: Visit, scene: Scene, key: str) -> dict[str, Any]:
    """A form sent twice by a double click or a lost answer is one message."""
    if not key:
        return {}
    conversation_id = scene.conversation.id
    mark = f"dashboard:{visit.user.user_id}:{conversation_id}:{key}"[:255]
    digest = hashlib.sha256(mark.encode("utf-8", "replace")).hexdigest()
    return {"idempotency_key": mark, "request_hash": digest}


def _messages(visit: Visit, scene: Scene, number: int, ids: list[int]) -> Any:
    if not is_fragment():
        location = url_for(
            "dashboard.conversations_thread", account_id=visit.account_id, number=number
        )
        return redirect(location, 303)
    with visit.core.db.read("new messages") as connection:
        bubbles = threads.load_some(connection, scene.conversation, ids)
    features = features_of(visit.core, scene.channel.provider)
    thread = threads.ThreadPage(bubbles, older=True)
    return page("_messages.html", thread=thread, features=features, scene=scene, number=number)


@in_account()
def templates(visit: Visit, number: int) -> Any:
    """Templates to choose from."""
    scene = find_scene(visit, number)
    wanted = request.args.get("q", "").strip().lower()
    found = [
        form
        for form in sendable_templates(scene.channel.message_templates or ())
        if not wanted or wanted in form.name.lower() or wanted in form.body.lower()
    ]
    return page("_templates.html", forms=found, scene=scene, number=number, search=wanted)


@in_account()
def send_template(visit: Visit, number: int) -> Any:
    """Send a template with its values filled in."""
    scene = find_scene(visit, number)
    form = _chosen(scene)
    if missing_values(form, request.form):
        raise ContentRefused(
            _("Some values of the template are empty."), action=_("Fill in every field.")
        )
    ids = outbox.create_message(
        visit.core,
        account_id=visit.account_id,
        conversation_id=scene.conversation.id,
        user_id=visit.user.user_id,
        template_params=template_params(form, request.form),
        **_idempotency(visit, scene, request.form.get("draft_key", "")),
    )
    return _messages(visit, scene, number, ids)


def _chosen(scene: Scene) -> TemplateForm:
    wanted = request.form.get("name", ""), request.form.get("language", "")
    for form in sendable_templates(scene.channel.message_templates or ()):
        if (form.name, form.language) == wanted:
            return form
    raise ContentRefused(
        _("There is no such template any more."), action=_("Choose another template.")
    )


# --- what can be done with a message ----------------------------------------------------------------------------------


def _message(visit: Visit, number: int, message_id: int) -> tuple[Scene, Row[Any]]:
    """A message of a conversation that the visitor may see.

    :raises NotFound: there is none.
    """
    scene = find_scene(visit, number)
    with visit.core.db.read("message") as connection:
        row = load_message(connection, visit.account_id, message_id)
    if row.conversation_id != scene.conversation.id:
        raise outbox.NotFound("There is no such message.")
    return scene, row


def _of(visit: Visit, message_id: int) -> dict[str, Any]:
    return {
        "account_id": visit.account_id,
        "message_id": message_id,
        "user_id": visit.user.user_id,
    }


@in_account()
def retry(visit: Visit, number: int, message_id: int) -> Any:
    """Send a failed message again."""
    scene, _row = _message(visit, number, message_id)
    outbox.retry_message(visit.core, **_of(visit, message_id))
    return _messages(visit, scene, number, [message_id])


@in_account()
def react(visit: Visit, number: int, message_id: int) -> Any:
    """React with an emoji, or take the reaction back."""
    scene, _row = _message(visit, number, message_id)
    outbox.react(visit.core, emoji=request.form.get("emoji", ""), **_of(visit, message_id))
    return _messages(visit, scene, number, [message_id])


@in_account()
def edit(visit: Visit, number: int, message_id: int) -> Any:
    """Change the text of a message."""
    scene, _row = _message(visit, number, message_id)
    content = request.form.get("content", "").replace("\r\n", "\n")
    outbox.edit_message(visit.core, content=content, **_of(visit, message_id))
    return _messages(visit, scene, number, [message_id])


@in_account()
def revoke(visit: Visit, number: int, message_id: int) -> Any:
    """Delete a message for everyone."""
    scene, _row = _message(visit, number, message_id)
    outbox.revoke_message(visit.core, **_of(visit, message_id))
    return _messages(visit, scene, number, [message_id])


@in_account()
def text(visit: Visit, number: int, message_id: int) -> Any:
    """A message's text as it was typed, to be changed."""
    _scene, row = _message(visit, number, message_id)
    return Response(row.content or "", content_type="text/plain; charset=utf-8")


@in_account()
def details(visit: Visit, number: int, message_id: int) -> Any:
    """What is known about a message: when it reached whom, what it said before."""
    scene, row = _message(visit, number, message_id)
    with visit.core.db.read("message details") as connection:
        bubble = threads.load_some(connection, scene.conversation, [message_id])[0]
        # What was deleted stays out of sight here too.
        revisions = [] if bubble.deleted else threads.load_revisions(connection, message_id)
        statuses = threads.load_statuses(connection, message_id)
    return page("_details.html", bubble=bubble, row=row, revisions=revisions, statuses=statuses)


# --- files ------------------------------------------------------------------------------------------------------------


def _file_inbox(visit: Visit, attachment: Row[Any]) -> int:
    with visit.core.db.read("whose file") as connection:
        message = load_message(connection, visit.account_id, attachment.message_id)
        return 0 if message.deleted_at is not None else int(message.inbox_id)


@in_account()
def file(visit: Visit, attachment_id: int) -> Any:
    """A file of a message that the visitor may see."""
    row = load_attachment(visit.core, attachment_id, visit.account_id)
    if row is None or row.state != "ready" or not row.storage_key:
        abort(404)
    inbox_id = _file_inbox(visit, row)
    if not inbox_id or not visit.place.may_see(inbox_id):
        abort(404)
    try:
        served = serve(
            visit.core,
            row,
            range_header=request.headers.get("Range", ""),
            download=request.args.get("download") == "1",
        )
    except FileNotFoundError:
        abort(404)
    return Response(served.chunks, served.status, dict(served.headers))


@in_account()
def picture(visit: Visit, contact_id: int) -> Any:
    """A contact's picture."""
    core = visit.core
    with core.db.read("picture") as connection:
        key = people.find(connection, visit.place, contact_id).avatar_key
    if not key:
        abort(404)
    try:
        with core.storage.open(key) as stored:
            head = stored.read(512)
    except FileNotFoundError:
        abort(404)
    headers = safe_headers(sniff(head, "", ""), "picture")
    return Response(core.storage.chunks(key), 200, headers)
