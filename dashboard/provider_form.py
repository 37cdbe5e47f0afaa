"""A provider's form: its schema as groups of fields, and what was typed as a configuration.

Owns: names of inputs, which values are shown again, messages by field. Must not know: HTML, any provider.
Secrets are never given to a page: a stored one is only told to be there, and an empty input keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flask_babel import gettext as _
from marshmallow import ValidationError

from chatport.phones import e164
from chatport.schema import MASK, FormField, describe

if TYPE_CHECKING:
    from chatport.plugins.handle import ProviderHandle

#: Inputs of the provider's own fields begin with this: a schema may have a field called ``name``.
PREFIX = "config-"
CLEAR = "clear-"
ADVANCED = "advanced"


@dataclass(frozen=True, slots=True)
class Shown:
    """One field as drawn.

    :param value: what stands in it; never a secret.
    :param stored: a secret is stored already.
    :param clearable: the stored secret may be taken away.
    :param again: a secret was typed, and is not sent back with the refused form.
    """

    field: FormField
    name: str
    value: Any = ""
    stored: bool = False
    clearable: bool = False
    again: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """Fields under one heading."""

    key: str
    title: str
    fields: tuple[Shown, ...]

    @property
    def folded(self) -> bool:
        """Whether most people need not look at it."""
        return self.key == ADVANCED and not any(one.problem for one in self.fields)


def groups(
    handle: ProviderHandle,
    values: Mapping[str, Any],
    problems: Mapping[str, str] | None = None,
    *,
    stored: Mapping[str, Any] | None = None,
) -> list[Group]:
    """The form, in the schema's order.

    :param values: by field name, as typed or as stored without secrets.
    :param stored: the masked configuration of an existing channel.
    """
    found: dict[str, list[Shown]] = {}
    for field in describe(handle.info.schema):
        found.setdefault(field.group, []).append(
            _shown(field, values, problems or {}, stored or {})
        )
    return [
        Group(key, _title(key), tuple(fields))
        for key, fields in sorted(found.items(), key=lambda pair: pair[0] == ADVANCED)
    ]


def _shown(
    field: FormField,
    values: Mapping[str, Any],
    problems: Mapping[str, str],
    stored: Mapping[str, Any],
) -> Shown:
    known = field.secret and stored.get(field.name) == MASK
    typed = values.get(field.name)
    return Shown(
        field=field,
        name=f"{PREFIX}{field.name}",
        value="" if field.secret else _text(values.get(field.name, field.default)),
        stored=known,
        clearable=known and not field.required and not field.generated,
        again=field.secret and bool(typed) and typed != MASK,
        problem=problems.get(field.name, ""),
    )


def _text(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return value


def _title(group: str) -> str:
    known = {
        "": "",
        "service": _("The service"),
        "webhook": _("Webhook"),
        "login": _("Login"),
        ADVANCED: _("Advanced"),
    }
    return str(known.get(group, group.replace("_", " ").capitalize()))


def labels(handle: ProviderHandle) -> dict[str, str]:
    """What the form calls its fields, by field name."""
    return {field.name: field.label for field in describe(handle.info.schema)}


def read(
    handle: ProviderHandle, form: Mapping[str, str], *, editing: bool = False
) -> dict[str, Any]:
    """What was typed, as a configuration. An empty input is left out, so that the schema's default holds.

    :param editing: an emptied field is set back, and an empty secret keeps the stored one.
    """
    config: dict[str, Any] = {}
    for field in describe(handle.info.schema):
        typed = form.get(f"{PREFIX}{field.name}", "")
        if field.widget == "checkbox":
            config[field.name] = bool(typed)
        elif field.secret:
            if typed:
                config[field.name] = typed
            elif editing:
                config[field.name] = "" if form.get(f"{CLEAR}{field.name}") else MASK
        elif typed.strip():
            config[field.name] = typed.strip()
        elif editing and not field.required:
            config[field.name] = "" if field.default is None else field.default
    return config


def problems(handle: ProviderHandle, config: Mapping[str, Any]) -> dict[str, str]:
    """What the schema finds wrong, by field, without asking the service."""
    given = {key: value for key, value in config.items() if value != MASK}
    kept = {key for key, value in config.items() if value == MASK}
    try:
        handle.info.schema().load(given)
    except ValidationError as error:
        messages: Any = error.messages
        found = {str(name): readable(texts) for name, texts in messages.items()}
        return {name: text for name, text in found.items() if name not in kept}
    return {}


def number_problem(number: str) -> str:
    """What is wrong with a channel's telephone number; empty when nothing."""
    if not number.strip():
        return str(_("Please write the number."))
    if e164(number) is None:
        return str(_("Give the number with + and country code, such as +4915112340001."))
    return ""


def readable(messages: Any) -> str:
    """marshmallow's messages, however nested, as one text."""
    if isinstance(messages, Mapping):
        texts = [readable(part) for part in messages.values()]
    elif isinstance(messages, list | tuple):
        texts = [readable(part) for part in messages]
    else:
        texts = [str(messages)]
    known = {
        "Missing data for required field.": _("Please fill this in."),
        "Field may not be null.": _("Please fill this in."),
        "Not a valid URL.": _("This is no web address; it begins with https://."),
        "Not a valid integer.": _("This is no whole number."),
        "Not a valid number.": _("This is no number."),
    }
    return " ".join(dict.fromkeys(str(known.get(text, text)) for text in texts))
