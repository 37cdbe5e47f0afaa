"""Small parts of the vocabulary: errors, checked reading, schema, phone variants, stored events."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from marshmallow import ValidationError, fields

from chatport import errors, phones
from chatport.errors import AnomalousPayload, ErrorClass, ProviderError
from chatport.events import Chat, Direction, MediaPart, MediaRef, MessageReceived, Party
from chatport.identities import lid, phone
from chatport.messages import MediaKind
from chatport.reader import Reader, parse_rfc3339, parse_unix
from chatport.schema import ProviderSchema, Secret, describe, generated_names, secret_names
from chatport.services.ingest.codec import from_json, to_json


def provider_errors() -> list[type[ProviderError]]:
    found = [
        cls
        for cls in vars(errors).values()
        if isinstance(cls, type) and issubclass(cls, ProviderError)
    ]
    assert len(found) > 10
    return found


@pytest.mark.parametrize("cls", provider_errors(), ids=lambda cls: cls.__name__)
def test_error_survives_pickling(cls: type[ProviderError]) -> None:
    error = cls(
        "it broke", action="mend it", code="7", status_code=500, retry_after=3.0, detail="x"
    )
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert (str(copy), copy.action, copy.code, copy.status_code, copy.retry_after, copy.detail) == (
        "it broke",
        "mend it",
        "7",
        500,
        3.0,
        "x",
    )


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (None, None),
        (2, 2.0),
        (-3.0, 0.0),
        (float("nan"), None),
        (float("inf"), 86_400.0),
        (10**400, 86_400.0),
    ],
)
def test_pause_that_a_service_asks_for_can_be_waited_for(
    given: float | None, kept: float | None
) -> None:
    assert errors.RateLimited("slowly", retry_after=given).retry_after == kept


def test_every_error_class_has_an_exception() -> None:
    assert {cls.error_class for cls in provider_errors()} == set(ErrorClass)


def test_hook_timeout_is_not_eaten_by_except_exception() -> None:
    assert not issubclass(errors.HookTimeout, Exception)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ({"a": 1}, lambda r: r.items("a").__next__()),
        ({"a": {}}, lambda r: r.text("a")),
        ({"a": True}, lambda r: r.text("a")),
        ({"a": "x"}, lambda r: r.number("a")),
        ({"a": "nan"}, lambda r: r.number("a")),
        ({"a": 1e999}, lambda r: r.number("a")),
        ({"a": 1}, lambda r: r.flag("a")),
        ({"a": []}, lambda r: r.obj("a")),
        ({"a": [1]}, lambda r: r.texts("a")),
        ({}, lambda r: r.require("a")),
        ([], lambda r: r.text("a")),
    ],
)
def test_reader_names_the_path_of_a_wrong_type(value: Any, read: Any) -> None:
    with pytest.raises(AnomalousPayload, match="body"):
        read(Reader(value))


def test_reader_takes_missing_and_null_as_default() -> None:
    reader = Reader({"a": None})
    assert (
        reader.text("a"),
        reader.number("b", 2.0),
        reader.flag("a"),
        list(reader.items("b")),
    ) == ("", 2.0, False, [])
    assert "a" not in reader


def test_times_are_aware_and_tolerant() -> None:
    assert parse_rfc3339("2026-08-22T10:00:00Z") == datetime(2026, 8, 22, 10, tzinfo=UTC)
    assert parse_rfc3339("2026-08-22T17:00:00+07:00") == datetime(2026, 8, 22, 10, tzinfo=UTC)
    assert parse_rfc3339("2026-08-22T10:00:00") is None
    assert parse_unix("1787000001") == parse_unix(1787000001000)
    assert parse_unix("soon") is None
    assert parse_unix(1e300) is None


class Example(ProviderSchema):
    address = fields.Url(required=True, metadata={"label": "Address", "help": "Where it is"})
    password = Secret(metadata={"label": "Password", "aliases": ["pass"]})
    token = Secret(metadata={"label": "Token", "generate": True})
    keys = fields.List(Secret(), metadata={"label": "Keys"})
    verify = fields.Boolean(load_default=True, metadata={"label": "Verify"})


def test_schema_describes_its_form_in_order() -> None:
    form = {field.name: field for field in describe(Example)}
    assert list(form) == ["address", "password", "token", "keys", "verify"]
    assert (form["address"].widget, form["address"].required, form["address"].help) == (
        "url",
        True,
        "Where it is",
    )
    assert (form["password"].widget, form["password"].secret) == ("password", True)
    assert form["token"].generated
    assert (form["verify"].widget, form["verify"].default) == ("checkbox", True)
    assert secret_names(Example) == {"password", "token", "keys"}
    assert generated_names(Example) == {"token"}


def test_schema_takes_aliases_and_refuses_unknown_keys() -> None:
    loaded = Example().load({"address": "http://x.example", "pass": "p"})
    assert loaded["password"] == "p"
    with pytest.raises(ValidationError):
        Example().load({"address": "http://x.example", "adress": "typo"})


@pytest.mark.parametrize(
    ("one", "others"),
    [
        ("5511987654321", ("551187654321",)),
        ("5491123456789", ("541123456789", "54111523456789")),
        ("5493516123456", ("543516123456", "54351156123456")),
        ("5215512345678", ("525512345678",)),
    ],
)
def test_phone_variants_are_symmetric(one: str, others: tuple[str, ...]) -> None:
    assert phones.variants(one) == others
    for other in others:
        assert phones.variants(other) == (one,)


@pytest.mark.parametrize(
    "number",
    ["551132654321", "6281290001122", "4915112340001", "15557001234", "54999999999999", "54", ""],
)
def test_phone_landlines_and_other_countries_have_no_variant(number: str) -> None:
    assert phones.variants(number) == ()


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("+62 812-9000-1122", "+6281290001122"),
        ("6281290001122", None),
        ("+0123456", None),
        ("+1 call me", None),
        ("", None),
    ],
)
def test_phone_numbers_are_taken_with_a_plus_only(typed: str, kept: str | None) -> None:
    assert phones.e164(typed) == kept


def test_codec_gives_back_the_same_event() -> None:
    event = MessageReceived(
        key="k",
        time=datetime(2026, 8, 22, tzinfo=UTC),
        raw={"a": [1, {"b": None}]},
        source_id="A1",
        direction=Direction.INCOMING,
        chat=Chat((phone("628"),)),
        sender=Party((phone("628"), lid("9@lid")), "rina"),
        parts=(MediaPart(MediaRef(MediaKind.IMAGE, {"path": "x"}), "caption"),),
        referral={"ref": "1"},
    )
    assert from_json(to_json(event)) == event
