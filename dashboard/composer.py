"""What can be written in a conversation now.

Owns: turning a provider's features, the channel's state and the customer-service window into what the composer offers.
Pure. Must not know: HTML, the database.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from chatport.channels import Features
from chatport.errors import PluginMissing
from chatport.messages import MediaKind
from chatport.services.outbox.scenes import Scene, unsendable_reason

if TYPE_CHECKING:
    from chatport.context import Core

#: Where a template's header takes a file.
MEDIA_HEADERS = ("IMAGE", "VIDEO", "DOCUMENT")
_VARIABLE = re.compile(r"\{\{\s*([\w.]+)\s*\}\}")


@dataclass(frozen=True, slots=True)
class Composer:
    """What the composer offers.

    :param state: ``open``, ``template_only`` or ``closed`` (nothing but notes).
    :param window_until: when the customer-service window closes; ``None`` where there is no window.
    :param limits: bytes by kind of file.
    """

    state: str
    reason: str = ""
    action: str = ""
    window_until: datetime | None = None
    has_window: bool = False
    max_text: int = 4096
    features: Features | None = None
    limits: Mapping[str, int] = field(default_factory=dict)
    accept: str = ""

    @property
    def can_attach(self) -> bool:
        """Whether files can be sent."""
        return bool(self.limits)

    @property
    def can_record(self) -> bool:
        """Whether voice messages can be sent."""
        return MediaKind.VOICE in self.limits


def features_of(core: Core, provider: str) -> Features | None:
    """What a provider can do; ``None`` while its plugin is missing."""
    try:
        return core.plugins.provider(provider).info.features
    except PluginMissing:
        return None


def composer(scene: Scene, features: Features | None, now: datetime) -> Composer:
    """What the composer of a conversation offers now."""
    if features is None:
        return Composer(
            "closed",
            f"The provider {scene.channel.provider} is not installed.",
            "Install its plugin and restart Chatport.",
        )
    refused = unsendable_reason(scene.channel, scene.account_active)
    if refused is None and scene.contact.kind == "group" and not features.groups:
        refused = ("This provider cannot write to groups.", "Write to a member instead.")
    if refused is not None:
        return Composer("closed", *refused, features=features)
    until = None
    if features.window_hours is not None and scene.window_from is not None:
        until = scene.window_from + timedelta(hours=features.window_hours)
    closed = features.window_hours is not None and (until is None or until <= now)
    return Composer(
        "template_only" if closed else "open",
        window_until=until,
        has_window=features.window_hours is not None,
        max_text=features.max_text,
        features=features,
        limits={str(kind): limit.max_bytes for kind, limit in features.media.items()},
        accept=_accept(features),
    )


def _accept(features: Features) -> str:
    """Types for the file picker; empty where documents of any type are taken."""
    types: set[str] = set()
    for limit in features.media.values():
        if not limit.content_types:
            return ""
        types |= {accepted.split(";", 1)[0].strip() for accepted in limit.content_types}
    return ",".join(sorted(types))


# --- templates --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TemplateForm:
    """A template that can be sent, and what it asks for.

    :param variables: names of the body's variables, in order.
    :param buttons: (index, type, title) of buttons that take a value.
    """

    name: str
    language: str
    category: str
    header: str
    header_kind: str
    body: str
    footer: str
    variables: tuple[str, ...]
    buttons: tuple[tuple[int, str, str], ...]
    shown_buttons: tuple[str, ...]


def sendable_templates(templates: Sequence[Any]) -> list[TemplateForm]:
    """Templates that an agent can send: approved, not for authentication."""
    found = []
    for told in templates:
        if not isinstance(told, Mapping) or not isinstance(told.get("name"), str):
            continue
        approved = str(told.get("status", "approved")).lower() == "approved"
        if not approved or str(told.get("category", "")).upper() == "AUTHENTICATION":
            continue
        form = _form(told)
        if form is not None:
            found.append(form)
    return sorted(found, key=lambda form: (form.name, form.language))


def _form(told: Mapping[str, Any]) -> TemplateForm | None:
    parts = {
        str(part.get("type", "")).upper(): part
        for part in told.get("components") or ()
        if isinstance(part, Mapping)
    }
    header = parts.get("HEADER", {})
    kind = str(header.get("format", "TEXT" if header else "")).upper()
    if kind == "LOCATION":
        return None
    body = str(parts.get("BODY", {}).get("text", ""))
    given = parts.get("BUTTONS", {}).get("buttons")
    buttons = [b for b in given if isinstance(b, Mapping)] if isinstance(given, Sequence) else []
    return TemplateForm(
        name=str(told["name"]),
        language=str(told.get("language", "")),
        category=str(told.get("category", "")),
        header=str(header.get("text", "")) if kind == "TEXT" else "",
        header_kind=kind if kind in MEDIA_HEADERS else "",
        body=body,
        footer=str(parts.get("FOOTER", {}).get("text", "")),
        variables=tuple(dict.fromkeys(_VARIABLE.findall(body))),
        buttons=tuple(_asked(buttons)),
        shown_buttons=tuple(str(b.get("text", "")) for b in buttons),
    )


def _asked(buttons: Sequence[Mapping[str, Any]]) -> list[tuple[int, str, str]]:
    asked = []
    for index, button in enumerate(buttons):
        kind = str(button.get("type", "")).upper()
        if (kind == "URL" and "{{" in str(button.get("url", ""))) or kind == "COPY_CODE":
            asked.append((index, kind.lower(), str(button.get("text", ""))))
    return asked


def template_params(form: TemplateForm, given: Mapping[str, str]) -> dict[str, Any]:
    """The parameters that the outbox expects, from the fields of the form.

    :param given: ``body.<name>``, ``button.<index>``, ``media_url``, ``media_name``.
    """
    params: dict[str, Any] = {}
    if form.variables:
        params["body"] = {name: given.get(f"body.{name}", "").strip() for name in form.variables}
    if form.header_kind:
        params["header"] = {
            "media_url": given.get("media_url", "").strip(),
            "media_type": form.header_kind.lower(),
        }
        if form.header_kind == "DOCUMENT" and given.get("media_name", "").strip():
            params["header"]["media_name"] = given["media_name"].strip()
    if form.buttons:
        asked = {index: kind for index, kind, _ in form.buttons}
        params["buttons"] = [
            {"type": asked[index], "parameter": given.get(f"button.{index}", "").strip()}
            if index in asked
            else {}
            for index in range(max(asked) + 1)
        ]
    return {
        "name": form.name,
        "language": form.language,
        "category": form.category,
        "processed_params": params,
    }


def missing_values(form: TemplateForm, given: Mapping[str, str]) -> list[str]:
    """Names of fields that are still empty."""
    wanted = [f"body.{name}" for name in form.variables]
    wanted += [f"button.{index}" for index, _, _ in form.buttons]
    if form.header_kind:
        wanted.append("media_url")
    return [name for name in wanted if not given.get(name, "").strip()]
