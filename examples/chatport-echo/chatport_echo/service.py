"""Calls to Echo.

Owns: the requests, and what each answer means. Must not know: webhooks.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlsplit

from chatport import Channel, Connection, MediaRequest, OutboundMessage, Sent
from chatport.errors import (
    AuthenticationFailed,
    ContentRefused,
    OutcomeUnknown,
    ProviderError,
    RateLimited,
    RecipientInvalid,
    ServiceUnreachable,
    TemporarilyRefused,
    UnsupportedFeature,
)
from chatport.events import MediaRef
from chatport.http import Answer, ServiceClient
from chatport.identities import IdentityKind
from chatport.messages import Media, Recipient, Text


def check(channel: Channel) -> Connection:
    """Ask Echo for the number behind the token."""
    answer = _client(channel).get("line")
    if not answer.ok:
        raise _refusal(channel, answer)
    line = answer.json()
    if not isinstance(line, dict) or not isinstance(line.get("number"), str):
        raise ServiceUnreachable(
            f"What answers at {_host(channel)} is not Echo.",
            action="Check the address of Echo.",
            code="not_echo",
        )
    return Connection(connected=True, linked_number=line["number"])


def send(channel: Channel, message: OutboundMessage) -> Sent:
    """Send a text or a picture."""
    body = {"to": _number(message.recipient), "reference": message.delivery_id}
    body |= _content(message)
    if message.reply_to is not None:
        body["reply_to"] = message.reply_to.source_id
    answer = _client(channel).post("messages", json=body, sending=True)
    if not answer.ok:
        raise _refusal(channel, answer)
    sent = answer.json()
    source_id = sent.get("id") if isinstance(sent, dict) else None
    if not isinstance(source_id, str) or not source_id:
        # A 2xx says that Echo took something; without an id nobody can tell what became of it.
        raise OutcomeUnknown(
            "Echo took the message but named no id; it may or may not have been sent.",
            action="Look into Echo before you send again.",
            code="no_id",
        )
    return Sent(source_id)


def file_request(channel: Channel, media: MediaRef) -> MediaRequest:
    """Files lie at Echo's own address, whatever a webhook says."""
    file_id = quote(str(media.locator.get("file", "")), safe="")
    return MediaRequest(
        url=f"{channel.config['url'].rstrip('/')}/files/{file_id}",
        headers=_headers(channel),
        allowed_hosts=(_host(channel),),
    )


def _content(message: OutboundMessage) -> dict[str, Any]:
    match message.content:
        case Text(body=text):
            return {"text": text}
        case Media(kind="image") as image:
            with image.open() as file:
                data = base64.b64encode(file.read()).decode()
            return {"image": data, "type": image.content_type, "text": image.caption}
    raise UnsupportedFeature("Echo can send text and pictures only.", code="unsupported")


def _number(recipient: Recipient) -> str:
    phone = recipient.first(IdentityKind.PHONE, IdentityKind.WA_ID)
    if phone is None or recipient.is_group:
        raise RecipientInvalid("Echo needs a phone number to write to.", code="no_number")
    return phone.value


def _client(channel: Channel) -> ServiceClient:
    return ServiceClient(channel.config["url"], service="Echo", headers=_headers(channel))


def _headers(channel: Channel) -> dict[str, str]:
    return {"Authorization": f"Bearer {channel.config['token']}"}


def _host(channel: Channel) -> str:
    return urlsplit(str(channel.config["url"])).netloc


def _refusal(channel: Channel, answer: Answer) -> ProviderError:
    more: dict[str, Any] = {
        "status_code": answer.status,
        "code": str(answer.status),
        "detail": _without_secrets(channel, answer.text()),
    }
    if answer.status in (401, 403):
        action = "Copy the token from Echo again: Settings, Access."
        return AuthenticationFailed("Echo does not accept the token.", action=action, **more)
    if answer.status == 429:
        more["retry_after"] = answer.retry_after()
        return RateLimited("Echo takes no more messages for now.", **more)
    if answer.status >= 500:
        return TemporarilyRefused("Echo failed inside.", action="Try again later.", **more)
    if answer.status >= 400:
        return ContentRefused("Echo refuses the message.", action="Change the message.", **more)
    action = "Check the address of Echo; a redirect is not followed."
    return ServiceUnreachable("Something else than Echo answers.", action=action, **more)


def _without_secrets(channel: Channel, text: str) -> str:
    """Services may repeat what they were sent, and an error is shown to people."""
    for name in ("token", "webhook_secret"):
        secret = str(channel.config.get(name) or "")
        text = text.replace(secret, "…") if secret else text
    return text
