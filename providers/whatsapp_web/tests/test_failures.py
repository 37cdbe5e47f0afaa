"""Each error of GoWA has a class and an action."""

from __future__ import annotations

import json

import pytest

from chatport.errors import ErrorClass
from chatport.http import Answer
from chatport_whatsapp_web.failures import error_of

JSON = {"Content-Type": "application/json; charset=utf-8"}
TEXT = {"Content-Type": "text/plain; charset=utf-8"}
ISE = "INTERNAL_SERVER_ERROR"


def _told(status: int, code: str, message: str) -> Answer:
    return Answer(status, JSON, json.dumps({"code": code, "message": message}).encode())


@pytest.mark.parametrize(
    ("status", "code", "message", "expected"),
    [
        (400, "VALIDATION_ERROR", "message: cannot be blank.", "content"),
        (400, "VALIDATION_ERROR", "phone number must be in international format", "recipient"),
        (
            400,
            "VALIDATION_ERROR",
            "contact phone number must be in international format",
            "content",
        ),
        (400, "VALIDATION_ERROR", "contact_phone: cannot be blank.", "content"),
        (500, ISE, "failed to get group members: that group does not exist", "recipient"),
        (500, ISE, "failed: you're not participating in that group", "recipient"),
        (400, "INVALID_JID", "Phone 1@s.whatsapp.net is not on whatsapp", "recipient"),
        (400, "ALREADY_LOGGED_IN", "you are already logged in.", "content"),
        (400, "INVALID_GROUP_ID", "Group ID cannot be empty", "recipient"),
        (400, "INVALID_IMAGE_FORMAT", "Image validation failed", "content"),
        (400, "BAD_REQUEST", "Invalid request body", "content"),
        (400, "INVALID_REQUEST", "x", "content"),
        (400, "DEVICE_ID_REQUIRED", "device_id is required", "not_connected"),
        (400, "RECONNECT_ERROR", "reconnect error", "not_connected"),
        (400, "SOMETHING_NEW", "x", "content"),
        (401, "AUTHENTICATION_ERROR", "you are not logged in", "not_connected"),
        (401, "SOMETHING_NEW", "x", "not_connected"),
        (404, "DEVICE_NOT_FOUND", "device not found", "not_connected"),
        (404, "NOT_FOUND", "device not found", "not_connected"),
        (408, "CONTEXT_ERROR", "Error timeout get avatar!", "temporary"),
        (429, "WA_REACHOUT_TIMELOCK", "WhatsApp rejected this send with error 463", "rate_limited"),
        (429, "OTHER", "slow down", "rate_limited"),
        (500, ISE, "server returned error 463", "rate_limited"),
        (500, ISE, "server returned error 429", "rate_limited"),
        (500, ISE, "server returned error 403", "policy"),
        (500, ISE, "server returned error 479", "temporary"),
        (500, ISE, "device nope not found", "not_connected"),
        (500, ISE, "bind from body: unexpected end of JSON input", "bug"),
        (500, ISE, "Unprocessable Entity", "bug"),
        (500, ISE, "ffmpeg not installed", "content"),
        (500, ISE, "failed to open image unexpected EOF", "content"),
        (500, ISE, "websocket not connected", "not_connected"),
        (500, ISE, "something else", "temporary"),
        (500, "INVALID_WA_CLI", "your WhatsApp CLI is invalid or empty", "not_connected"),
        (500, "UPLOAD_MEDIA_ERROR", "Failed to upload image: timeout", "temporary"),
        (500, "QR_CHANNEL_ERROR", "QR channel error", "temporary"),
        (500, "SESSION_SAVED_ERROR", "your session have been saved", "temporary"),
        (503, "DEVICE_MANAGER_UNAVAILABLE", "Device manager is not initialized", "temporary"),
        (504, "GATEWAY_TIMEOUT", "Request timed out", "unknown_outcome"),
        (500, ISE, "failed: context deadline exceeded", "unknown_outcome"),
        (500, ISE, "timed out waiting for message send response", "unknown_outcome"),
        (500, ISE, "websocket disconnected before info query returned response", "unknown_outcome"),
        (500, ISE, "runtime error: invalid memory address", "unknown_outcome"),
    ],
)
def test_error_of_told_while_sending(status: int, code: str, message: str, expected: str) -> None:
    error = error_of(_told(status, code, message), sending=True)
    assert error.error_class == expected
    assert error.action and error.code == code and error.status_code == status
    assert message in error.message and error.detail == message


@pytest.mark.parametrize(
    ("status", "headers", "body", "expected"),
    [
        (401, TEXT, b"Unauthorized", "authentication"),
        (403, TEXT, b"", "authentication"),
        (404, TEXT, b"Not Found", "content"),
        (405, TEXT, b"Method Not Allowed", "content"),
        (413, TEXT, b"Request Entity Too Large", "content"),
        (429, TEXT, b"", "rate_limited"),
        (302, TEXT, b"", "unreachable"),
        (400, TEXT, b"Bad Request", "unreachable"),
        (502, TEXT, b"", "unreachable"),
        (503, TEXT, b"Service Unavailable", "temporary"),
        (500, JSON, b'{"code":7}', "temporary"),
        (200, TEXT, b"<html>", "unreachable"),
    ],
)
def test_error_of_plain_answers(
    status: int, headers: dict[str, str], body: bytes, expected: str
) -> None:
    error = error_of(Answer(status, headers, body))
    assert error.error_class == expected and error.action


@pytest.mark.parametrize("status", [500, 502, 504])
def test_error_of_a_broken_proxy_while_sending_is_unknown(status: int) -> None:
    assert (
        error_of(Answer(status, TEXT, b""), sending=True).error_class is ErrorClass.UNKNOWN_OUTCOME
    )


def test_error_of_504_while_reading_is_temporary() -> None:
    assert error_of(_told(504, "GATEWAY_TIMEOUT", "x")).error_class is ErrorClass.TEMPORARY


@pytest.mark.parametrize("code", ["WA_REACHOUT_TIMELOCK", ISE])
def test_error_463_is_not_tried_again_within_hours(code: str) -> None:
    error = error_of(_told(429, code, "rejected with error 463"), sending=True)
    assert error.retry_after is not None and error.retry_after >= 3600


@pytest.mark.parametrize(("told", "waited"), [("1", 6 * 3600.0), ("43200", 43200.0)])
def test_error_463_waits_its_hours_whatever_a_header_says(told: str, waited: float) -> None:
    body = b'{"code":"WA_REACHOUT_TIMELOCK","message":"error 463"}'
    error = error_of(Answer(429, {**JSON, "Retry-After": told}, body), sending=True)
    assert error.retry_after == waited


def test_error_of_retry_after_header_is_kept() -> None:
    answer = Answer(429, {**JSON, "Retry-After": "17"}, b'{"code":"X","message":"m"}')
    assert error_of(answer).retry_after == 17.0


def test_error_of_a_message_that_is_no_text() -> None:
    answer = Answer(500, JSON, b'{"code":"X","message":{"a":1}}')
    assert error_of(answer).error_class is ErrorClass.TEMPORARY


def test_error_of_a_redirect_asks_for_the_final_address() -> None:
    error = error_of(Answer(301, {"Location": "https://gowa.test/"}, b""))
    assert (error.error_class, error.code) == (ErrorClass.UNREACHABLE, "redirect")
    assert "final address" in error.action
