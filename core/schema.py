"""The config schema of a provider, and its description as form fields.

Owns: ``ProviderSchema``, the ``Secret`` field, and ``describe``. Must not know: HTML, Flask, tables.
A provider's schema is the single source for validation, the form, the API's field errors and the documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, missing, pre_load, validate

#: Stands for a stored secret on every way out; when it comes back, the stored value is kept.
MASK = "••••••••"


#: Shorter values cannot be told from ordinary words.
SHORTEST_SECRET = 6


class Secret(fields.String):
    """A text that is encrypted at rest, never shown again, and drawn as a password field.

    Metadata key ``generate`` (True): made by us (32 hex digits) when absent, and shown once.
    """


class ProviderSchema(Schema):
    """Base of all config schemas. Field metadata: ``label``, ``help``, ``placeholder``, ``group``, ``generate``,
    ``aliases`` (older names of the key)."""

    class Meta:
        unknown = RAISE

    @pre_load
    def _accept_aliases(self, data: Any, **_: Any) -> Any:
        if not isinstance(data, Mapping):
            raise ValidationError("must be an object", field_name="_schema")
        known = dict(data)
        for name, field in self.fields.items():
            for alias in field.metadata.get("aliases", ()):
                if alias in known:
                    value = known.pop(alias)
                    known.setdefault(name, value)
        return known


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of a provider's form. ``widget`` is one of text, password, url, number, checkbox, select, textarea."""

    name: str
    label: str
    widget: str
    required: bool
    secret: bool
    generated: bool
    help: str
    placeholder: str
    group: str
    default: Any
    choices: list[dict[str, str]]

    def to_dict(self) -> dict[str, Any]:
        """As JSON for the API."""
        return asdict(self)


_WIDGETS: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (Secret, "password"),
    (fields.Url, "url"),
    (fields.Boolean, "checkbox"),
    (fields.Number, "number"),
)


def describe(schema: type[ProviderSchema]) -> list[FormField]:
    """The form of a schema, in declaration order."""
    return [_form_field(name, field) for name, field in schema().fields.items()]


def secret_names(schema: type[ProviderSchema]) -> frozenset[str]:
    """Names of the fields whose values are secrets (also lists of secrets)."""
    return frozenset(name for name, field in schema().fields.items() if is_secret(field))


def secret_values(schema: type[ProviderSchema], config: Mapping[str, Any]) -> list[str]:
    """The secrets of a loaded configuration, longest first; values so short that they occur in ordinary words are left
    out."""
    found: list[Any] = []
    for name in secret_names(schema):
        value = config.get(name)
        found += value if isinstance(value, list) else [value]
    texts = {text for text in map(str, filter(None, found)) if len(text) >= SHORTEST_SECRET}
    return sorted(texts, key=len, reverse=True)


def is_secret(field: fields.Field[Any]) -> bool:
    """Whether a field holds a secret, or a list of them."""
    return isinstance(field, Secret) or (
        isinstance(field, fields.List) and isinstance(field.inner, Secret)
    )


def generated_names(schema: type[ProviderSchema]) -> frozenset[str]:
    """Names of the secrets that we make when they are absent."""
    return frozenset(n for n, field in schema().fields.items() if field.metadata.get("generate"))


def address_names(schema: type[ProviderSchema]) -> list[str]:
    """Names of the fields that say where the service is."""
    return [field.name for field in describe(schema) if field.widget == "url"]


def credential_names(schema: type[ProviderSchema]) -> list[str]:
    """Names of the secrets that an administrator types, those of the service first."""
    return [field.name for field in describe(schema) if field.secret and not field.generated]


def _form_field(name: str, field: fields.Field[Any]) -> FormField:
    meta = field.metadata
    choices = _choices(field)
    widget = meta.get("widget") or ("select" if choices else _widget(field))
    default = None if field.load_default is missing else field.load_default
    return FormField(
        name=name,
        label=str(meta.get("label", name)),
        widget=widget,
        required=bool(field.required),
        secret=is_secret(field),
        generated=bool(meta.get("generate", False)),
        help=str(meta.get("help", "")),
        placeholder=str(meta.get("placeholder", "")),
        group=str(meta.get("group", "")),
        default=default() if callable(default) else default,
        choices=choices,
    )


def _widget(field: fields.Field[Any]) -> str:
    return next((widget for cls, widget in _WIDGETS if isinstance(field, cls)), "text")


def _choices(field: fields.Field[Any]) -> list[dict[str, str]]:
    for validator in field.validators:
        if isinstance(validator, validate.OneOf):
            labels = list(validator.labels) or [str(choice) for choice in validator.choices]
            return [
                {"value": str(choice), "label": str(label)}
                for choice, label in zip(validator.choices, labels, strict=False)
            ]
    return []
