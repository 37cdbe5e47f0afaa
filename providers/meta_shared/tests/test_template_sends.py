"""Templates with their variables."""

from __future__ import annotations

from typing import Any

import pytest

from chatport.errors import ContentRefused, PolicyRefused
from chatport.messages import Template
from chatport_meta.outbound.templates import needs_phone, template_object

BODY = {"type": "BODY", "text": "Hello {{1}}, order {{2}} is ready."}
NAMED_BODY = {"type": "BODY", "text": "Hello {{first}}, {{discount}} off."}
IMAGE = {"type": "HEADER", "format": "IMAGE"}
BUTTONS = {
    "type": "BUTTONS",
    "buttons": [
        {"type": "QUICK_REPLY", "text": "Stop"},
        {"type": "URL", "text": "Track", "url": "https://a.test/{{1}}"},
        {"type": "URL", "text": "Shop", "url": "https://a.test/shop"},
        {"type": "COPY_CODE", "text": "Copy"},
    ],
}
OTP = {"type": "BUTTONS", "buttons": [{"type": "OTP", "text": "Copy code"}]}


def template(*components: Any, params: Any = None, **definition: Any) -> Template:
    known = {"name": "t", "language": "de", "status": "APPROVED", "components": list(components)}
    return Template("t", "de", params=params or {}, definition={**known, **definition})


def components(*given: Any, params: Any, **definition: Any) -> Any:
    return template_object(template(*given, params=params, **definition)).get("components")


def test_positional_body() -> None:
    (found,) = components(BODY, params={"body": {"2": "4471", "1": "D'Arcy"}})
    assert found == {
        "type": "body",
        "parameters": [{"type": "text", "text": "D'Arcy"}, {"type": "text", "text": "4471"}],
    }


@pytest.mark.parametrize("params", [{"1": "a", "2": "b"}, {"body": ["a", "b"]}])
def test_older_forms_of_parameters_mean_the_body(params: Any) -> None:
    (found,) = components(BODY, params=params)
    assert [p["text"] for p in found["parameters"]] == ["a", "b"]


def test_named_body() -> None:
    params = {"body": {"first": "Rosa", "discount": "20 %"}}
    (found,) = components(NAMED_BODY, params=params, parameter_format="NAMED")
    assert found["parameters"] == [
        {"type": "text", "text": "Rosa", "parameter_name": "first"},
        {"type": "text", "text": "20 %", "parameter_name": "discount"},
    ]


def test_component_without_variables_is_left_out() -> None:
    found = template_object(template({"type": "BODY", "text": "Hi"}, {"type": "FOOTER"}))
    assert found == {"name": "t", "language": {"policy": "deterministic", "code": "de"}}


def test_currency_is_passed_on() -> None:
    money = {"type": "currency", "fallback_value": "12 €", "code": "EUR", "amount_1000": 12000}
    (found,) = components(BODY, params={"body": {"1": money, "2": "x"}})
    assert found["parameters"][0] == {
        "type": "currency",
        "currency": {"fallback_value": "12 €", "code": "EUR", "amount_1000": 12000},
    }


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ({"media_url": "https://a.test/a b.png"}, {"link": "https://a.test/a%20b.png"}),
        ({"media_id": "77"}, {"id": "77"}),
    ],
)
def test_media_header(header: Any, wanted: Any) -> None:
    (found,) = components(IMAGE, params={"header": header})
    assert found == {"type": "header", "parameters": [{"type": "image", "image": wanted}]}


def test_document_header_has_its_name() -> None:
    document = {"type": "HEADER", "format": "DOCUMENT"}
    header = {"media_url": "https://a.test/a.pdf", "media_name": "Rechnung.pdf"}
    (found,) = components(document, params={"header": header})
    assert found["parameters"][0]["document"]["filename"] == "Rechnung.pdf"


def test_location_and_text_headers() -> None:
    place = {"latitude": 52.5, "longitude": 13.4, "name": "Kiosk"}
    (found,) = components({"type": "HEADER", "format": "LOCATION"}, params={"header": place})
    assert found["parameters"] == [{"type": "location", "location": place}]
    heading = {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"}
    (found,) = components(heading, params={"header": {"1": "7"}})
    assert found["parameters"] == [{"type": "text", "text": "7"}]


def test_buttons_by_their_place() -> None:
    buttons = [
        {"payload": "STOP"},
        {"type": "url", "parameter": "t/1"},
        None,
        {"parameter": "SAVE"},
    ]
    assert components(BUTTONS, params={"buttons": buttons}) == [
        _button("quick_reply", "0", {"type": "payload", "payload": "STOP"}),
        _button("url", "1", {"type": "text", "text": "t/1"}),
        _button("copy_code", "3", {"type": "coupon_code", "coupon_code": "SAVE"}),
    ]


def _button(sub_type: str, index: str, parameter: Any) -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter]}


def test_login_code_stands_in_body_and_button() -> None:
    body = {"type": "BODY", "text": "{{1}} is your code."}
    found = components(body, OTP, params={"body": {"1": "123456"}})
    assert found[1] == _button("url", "0", {"type": "text", "text": "123456"})
    assert needs_phone(template(OTP)) and not needs_phone(template(BUTTONS))


@pytest.mark.parametrize(
    ("given", "params", "words"),
    [
        ((BODY,), {"body": {"1": "a"}}, "needs a value for: 2"),
        ((BODY,), {"body": {"1": "a", "2": "b", "3": "c"}}, "no variable called: 3"),
        ((BODY,), {"body": {"1": "a", "2": "  "}}, "is empty"),
        ((BODY,), {"body": {"1": "a\nb", "2": "b"}}, "line break"),
        ((BODY,), {"body": {"1": "a     b", "2": "b"}}, "line break"),
        ((BODY,), {"body": {"1": "a" * 1001, "2": "b"}}, "1001 characters"),
        ((BODY,), {"body": {"1": "a" * 999, "2": "b" * 50}}, "WhatsApp takes 1024"),
        ((BODY,), {"body": {"1": {"type": "poem"}, "2": "b"}}, "neither text"),
        ((IMAGE,), {}, "needs a file"),
        ((IMAGE,), {"header": {"media_url": "ftp://a"}}, "not usable"),
        ((IMAGE,), {"header": {"media_url": "https://a.test/" + "a" * 2000}}, "not usable"),
        ((IMAGE,), {"header": {"media_url": "https://scontent.whatsapp.net/v/1"}}, "own sample"),
        ((IMAGE,), {"header": {"media_url": "https://a.test", "media_type": "video"}}, "not video"),
        ((BUTTONS,), {"buttons": [None, None, None, {"parameter": "X"}]}, "end of its address"),
        ((BUTTONS,), {"buttons": [None, "t/1", None, {"parameter": "X" * 16}]}, "takes 15"),
        ((BUTTONS,), {"buttons": [None, "t\nu", None, "X"]}, "line break"),
        ((BUTTONS,), {"buttons": [None, "t", None, "X\tY"]}, "line break"),
        ((IMAGE,), {"header": {"media_url": "https://me:pass@a.test/b"}}, "not usable"),
        ((BUTTONS,), {"buttons": [None, "t", None, "X", "more"]}, "no button number 5"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(given: Any, params: Any, words: str) -> None:
    with pytest.raises(ContentRefused, match=words):
        components(*given, params=params)


def test_template_that_is_not_approved_or_not_known_is_refused() -> None:
    with pytest.raises(PolicyRefused, match="paused"):
        template_object(template(status="PAUSED"))
    with pytest.raises(ContentRefused, match="no template"):
        template_object(Template("t", "de"))


def test_numbered_values_go_by_their_number_wherever_the_text_has_them() -> None:
    """A translation may name {{2}} before {{1}}; WhatsApp fills the first value in for {{1}} all the same."""
    turned = {"type": "BODY", "text": "Order {{2}} for {{1}} is ready."}
    (found,) = components(turned, params={"body": {"1": "Rosa", "2": "4471"}})
    assert [p["text"] for p in found["parameters"]] == ["Rosa", "4471"]
    many = {"type": "BODY", "text": " ".join(f"{{{{{n}}}}}" for n in (10, 9, *range(1, 9)))}
    (found,) = components(many, params={"body": {str(n): f"v{n}" for n in range(1, 11)}})
    assert [p["text"] for p in found["parameters"]] == [f"v{n}" for n in range(1, 11)]


def test_place_on_the_equator_keeps_its_coordinates() -> None:
    place = {"latitude": 0, "longitude": 0.0, "name": "Null Island"}
    (found,) = components({"type": "HEADER", "format": "LOCATION"}, params={"header": place})
    assert found["parameters"][0]["location"] == place


@pytest.mark.parametrize("body", [["123456"], {1: 123456}])
def test_login_code_is_found_however_the_body_is_given(body: Any) -> None:
    text = {"type": "BODY", "text": "{{1}} is your code."}
    found = components(text, OTP, params={"body": body})
    assert found[1] == _button("url", "0", {"type": "text", "text": "123456"})


def test_value_zero_of_a_button_is_a_value() -> None:
    url = {"type": "BUTTONS", "buttons": [{"type": "URL", "url": "https://a.test/{{1}}"}]}
    found = components(url, params={"buttons": [{"parameter": 0}]})
    assert found == [_button("url", "0", {"type": "text", "text": "0"})]
