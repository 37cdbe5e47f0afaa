"""What the stories of providers share that speak the Cloud API's messages: each type, both ways.

``RECEIVED`` and ``SENT`` are tables: a name, what somebody does, what the other side then sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chatport_testkit.cloud_shapes import samples

from .steps import Chat, download

JSON = dict[str, Any]


# --- received: what the customer does, and the fields of the message that the agent sees ------------------------------

Received = tuple[str, Callable[[Any], str], Mapping[str, Any], Mapping[str, Any]]

#: name, deed, fields of the message, fields of its first attachment
RECEIVED: tuple[Received, ...] = (
    (
        "text",
        lambda c: c.text("¿Tienen pan? 🥐"),
        {"kind": "text", "content": "¿Tienen pan? 🥐"},
        {},
    ),
    (
        "location",
        lambda c: c.location(52.52, 13.405, name="Kiosk", address="Am Park 1"),
        {"kind": "location", "content": "Kiosk, Am Park 1"},
        {"file_type": "location", "coordinates_lat": 52.52, "coordinates_long": 13.405},
    ),
    (
        "forwarded",
        lambda c: c.text("weiter", forwarded=True),
        {"kind": "text", "content": "weiter"},
        {},
    ),
    (
        "template_button",
        lambda c: c.template_button(None, "Stop", "STOP-1"),
        {"kind": "structured", "content": "Stop"},
        {},
    ),
)

#: name, deed, kind of the attachment, its bytes, the message's text
FILES: tuple[tuple[str, Callable[[Any], str], str, bytes, str], ...] = (
    ("image", lambda c: c.image(caption="mira"), "image", samples.JPEG, "mira"),
    ("video", lambda c: c.video(caption="film"), "video", samples.MP4, "film"),
    ("audio", lambda c: c.audio(), "audio", samples.MP3, ""),
    ("voice", lambda c: c.voice(), "voice", samples.OGG_OPUS, ""),
    (
        "document",
        lambda c: c.document(filename="Angebot ü.pdf", caption="bitte"),
        "document",
        samples.PDF,
        "bitte",
    ),
    ("sticker", lambda c: c.sticker(), "sticker", samples.WEBP, ""),
)


def check_received(chat: Chat, case: Received) -> JSON:
    """A message arrives with the fields that are wanted."""
    _, deed, fields, attachment = case
    message = chat.arrived(deed(chat.customer))
    assert {key: message[key] for key in fields} == dict(fields)
    shown = message["attachments"][0] if attachment else {}
    assert {key: shown[key] for key in attachment} == dict(attachment)
    return message


def check_file(
    chat: Chat, case: tuple[str, Callable[[Any], str], str, bytes, str]
) -> tuple[JSON, JSON]:
    """A file arrives with its bytes; the message and the file."""
    _, deed, kind, data, text = case
    source_id = deed(chat.customer)
    file = chat.file(source_id)
    message = chat.arrived(source_id)
    assert (message["kind"], message["content"] or "") == ("media", text)
    assert (file["kind"], file["file_size"]) == (kind, len(data))
    assert download(file["data_url"]) == data
    return message, file


# --- sent: what the agent sends, and the object that the service got --------------------------------------------------

#: name, request of the API, type at the service, object at the service (or a part of it)
SENT: tuple[tuple[str, JSON, str, JSON], ...] = (
    ("text", {"content": "Sí, **recién** horneado"}, "text", {"body": "Sí, *recién* horneado"}),
    (
        "text_without_preview",
        {"content": "https://example.com", "content_attributes": {"preview_url": False}},
        "text",
        {"body": "https://example.com", "preview_url": False},
    ),
    (
        "location",
        {
            "content_type": "location",
            "content_attributes": {
                "location": {"latitude": -34.6, "longitude": -58.38, "name": "Obelisco"}
            },
        },
        "location",
        {"latitude": -34.6, "longitude": -58.38, "name": "Obelisco"},
    ),
    (
        "buttons",
        {
            "content": "¿Cuál?",
            "content_type": "input_select",
            "content_attributes": {
                "items": [{"title": "Sí", "value": "y"}, {"title": "No", "value": "n"}]
            },
        },
        "interactive",
        {
            "type": "button",
            "body": {"text": "¿Cuál?"},
            "action": {
                "buttons": [
                    {"type": "reply", "reply": {"id": "y", "title": "Sí"}},
                    {"type": "reply", "reply": {"id": "n", "title": "No"}},
                ]
            },
        },
    ),
    (
        "list",
        {
            "content": "¿Cuál?",
            "content_type": "input_select",
            "content_attributes": {
                "button": "Elegir",
                "items": [
                    {"title": f"Pan {n}", "value": f"pan-{n}", "description": "fresco"}
                    for n in range(1, 6)
                ],
            },
        },
        "interactive",
        {
            "type": "list",
            "body": {"text": "¿Cuál?"},
            "action": {
                "button": "Elegir",
                "sections": [
                    {
                        "rows": [
                            {"id": f"pan-{n}", "title": f"Pan {n}", "description": "fresco"}
                            for n in range(1, 6)
                        ]
                    }
                ],
            },
        },
    ),
)

CARDS = [{"name": "Ana Gómez", "phones": ["+4915112340001"], "emails": ["ana@example.com"]}]
CTA = {
    "content": "Nuestra carta",
    "content_type": "link",
    "content_attributes": {"link": {"url": "https://example.com/menu", "button": "Abrir"}},
}

#: name, file name, bytes, type of content, form fields, type and object at the service
UPLOADS: tuple[tuple[str, str, bytes, str, dict[str, str], str, JSON], ...] = (
    ("image", "a.png", samples.PNG, "image/png", {"content": "foto"}, "image", {"caption": "foto"}),
    ("video", "a.mp4", samples.MP4, "video/mp4", {"content": "film"}, "video", {"caption": "film"}),
    ("audio", "a.mp3", samples.MP3, "audio/mpeg", {}, "audio", {}),
    (
        "voice",
        "a.ogg",
        samples.OGG_OPUS,
        "audio/ogg",
        {"is_voice_message": "true"},
        "audio",
        {"voice": True},
    ),
    (
        "document",
        "Preise.pdf",
        samples.PDF,
        "application/pdf",
        {"content": "lista"},
        "document",
        {"filename": "Preise.pdf", "caption": "lista"},
    ),
    (
        "sticker",
        "s.webp",
        samples.WEBP,
        "image/webp",
        {"content_attributes": '{"send_as": "sticker"}'},
        "sticker",
        {},
    ),
)

TEMPLATE = (
    "order_ready",
    "es_AR",
    "UTILITY",
    [
        {
            "type": "HEADER",
            "format": "TEXT",
            "text": "Hola {{1}}",
            "example": {"header_text": ["x"]},
        },
        {"type": "BODY", "text": "Su pedido {{1}} está listo a las {{2}}."},
        {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Gracias"}]},
    ],
)
TEMPLATE_PARAMS = {
    "name": "order_ready",
    "language": "es_AR",
    "processed_params": {"header": {"1": "Ana"}, "body": {"1": "N-77", "2": "17:00"}},
}
