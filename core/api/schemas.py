"""Building blocks of requests and answers.

Owns: the base schema, ids, times, the error's schema. Must not know: routes.
"""

from __future__ import annotations

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

_MAX_ID = 2**63 - 1
#: A key of an answer that is always there; one that may be null.
SOME: dict[str, Any] = {"required": True}
MAYBE: dict[str, Any] = {"required": True, "allow_none": True}


class ApiSchema(Schema):
    """Base of all requests and answers. Unknown keys of a request are left out: older and newer clients may send
    more."""

    class Meta:
        unknown = EXCLUDE


class Id(fields.Integer):
    """An id."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("validate", validate.Range(1, _MAX_ID))
        super().__init__(**kwargs)


class Page(fields.Integer):
    """A page's number, from 1."""

    def __init__(self) -> None:
        super().__init__(load_default=1, validate=validate.Range(1, 1_000_000))


class Seconds(fields.Integer):
    """A time in whole seconds since 1970."""

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("metadata", {"description": "Seconds since 1970."})
        super().__init__(**kwargs)


class Text(fields.String):
    """Text with a greatest length."""

    def __init__(self, longest: int, *, shortest: int = 0, **kwargs: Any) -> None:
        kwargs.setdefault("validate", validate.Length(shortest, longest))
        super().__init__(**kwargs)


class Words(fields.List[str]):
    """A list of short texts; one text with commas is understood as well."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(validate=validate.Length(1, 64)), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        if isinstance(value, str):
            value = [word.strip() for word in value.split(",") if word.strip()]
        loaded: list[Any] = super()._deserialize(value, *args, **kwargs)
        return loaded


def json_object(**kwargs: Any) -> fields.Dict:
    """A free JSON object."""
    return fields.Dict(keys=fields.String(), **kwargs)


class ErrorAnswer(Schema):
    """Why a request failed."""

    error = fields.String(required=True, metadata={"description": "What happened, in a sentence."})
    message = fields.String(
        required=True, metadata={"description": "The same, with field errors joined."}
    )
    attributes = fields.List(
        fields.String(), required=True, metadata={"description": "Names of the refused fields."}
    )
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        required=True,
        metadata={"description": "Messages by field."},
    )
    action = fields.String(required=True, metadata={"description": "What to do next."})
    code = fields.String(required=True, metadata={"description": "A word for programs."})


class Empty(Schema):
    """An empty object."""


class Told(Schema):
    """A sentence about what was begun."""

    message = fields.String(required=True)


class PageQuery(ApiSchema):
    """A page of a list."""

    page = Page()
