"""The error catalogue of the Cloud API: codes, HTTP statuses, titles, and how an error is written.

Titles and statuses follow Meta's published error codes; details are worded by the simulator. Clients must
decide on the code, which is what the catalogue is exact about.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class ErrorKind(NamedTuple):
    http_status: int
    title: str


#: Codes that older API versions answer with 400 and newer ones with 429.
THROTTLES = frozenset({4, 80007, 130429, 131048, 131056, 133016})

CATALOGUE: dict[int, ErrorKind] = {
    0: ErrorKind(401, "AuthException"),
    1: ErrorKind(500, "An unknown error occurred"),
    2: ErrorKind(503, "Service temporarily unavailable"),
    3: ErrorKind(500, "Application does not have the capability to make this API call"),
    4: ErrorKind(429, "Application request limit reached"),
    10: ErrorKind(403, "Application does not have permission for this action"),
    33: ErrorKind(400, "Parameter value is not valid: the phone number has been deleted"),
    100: ErrorKind(400, "Invalid parameter"),
    104: ErrorKind(401, "An access token is required to request this resource."),
    190: ErrorKind(401, "Invalid OAuth access token - Cannot parse access token"),
    200: ErrorKind(403, "Missing permission for this account"),
    368: ErrorKind(403, "Temporarily blocked for policies violations"),
    613: ErrorKind(400, "Calls to this api have exceeded the rate limit."),
    2200: ErrorKind(400, "Callback verification failed"),
    2201: ErrorKind(400, "Callback verification failed"),
    2500: ErrorKind(400, "An active access token must be used to query information."),
    80007: ErrorKind(429, "Too many calls to this WhatsApp Business account"),
    130429: ErrorKind(429, "Rate limit hit"),
    130472: ErrorKind(400, "User's number is part of an experiment"),
    130497: ErrorKind(403, "Business account is restricted from messaging users in this country"),
    131000: ErrorKind(500, "Something went wrong"),
    131005: ErrorKind(403, "Access denied"),
    131008: ErrorKind(400, "Required parameter is missing"),
    131009: ErrorKind(400, "Parameter value is not valid"),
    131016: ErrorKind(500, "Service unavailable"),
    131021: ErrorKind(400, "Recipient cannot be sender"),
    131026: ErrorKind(400, "Message undeliverable"),
    131030: ErrorKind(400, "Recipient phone number not in allowed list"),
    131031: ErrorKind(403, "Business Account locked"),
    131037: ErrorKind(400, "Display name approval is needed before a message can be sent"),
    131042: ErrorKind(400, "Business eligibility payment issue"),
    131044: ErrorKind(400, "Business eligibility issue"),
    131045: ErrorKind(500, "Incorrect certificate"),
    131047: ErrorKind(400, "Re-engagement message"),
    131048: ErrorKind(429, "Spam rate limit hit"),
    131049: ErrorKind(
        400, "This message was not delivered to maintain healthy ecosystem engagement."
    ),
    131050: ErrorKind(400, "User has stopped marketing messages"),
    131051: ErrorKind(400, "Message type unknown"),
    131052: ErrorKind(400, "Media download error"),
    131053: ErrorKind(400, "Media upload error"),
    131055: ErrorKind(400, "Method not allowed"),
    131056: ErrorKind(429, "(Business Account, Consumer Account) pair rate limit hit"),
    131057: ErrorKind(500, "Account in maintenance mode"),
    131059: ErrorKind(400, "Invalid paging cursor"),
    131060: ErrorKind(400, "This message is unavailable"),
    131062: ErrorKind(400, "Business-scoped user ids cannot receive this kind of message"),
    131063: ErrorKind(400, "Marketing templates must use the marketing messages endpoint"),
    131064: ErrorKind(429, "Messaging limit of this template classification reached"),
    132000: ErrorKind(400, "Number of parameters does not match the expected number of params"),
    132001: ErrorKind(404, "Template name does not exist in the translation"),
    132005: ErrorKind(400, "Translated text too long"),
    132007: ErrorKind(400, "Template format character policy violated"),
    132008: ErrorKind(400, "Template parameter value is not valid"),
    132012: ErrorKind(400, "Parameter format does not match format in the created template"),
    132015: ErrorKind(400, "Template is paused"),
    132016: ErrorKind(400, "Template is disabled"),
    132018: ErrorKind(400, "Template parameters are not valid"),
    132068: ErrorKind(400, "Flow is blocked"),
    132069: ErrorKind(400, "Flow is throttled"),
    133000: ErrorKind(500, "Incomplete deregistration"),
    133004: ErrorKind(503, "Server is temporarily unavailable"),
    133005: ErrorKind(400, "Two-step verification PIN mismatch"),
    133006: ErrorKind(400, "Phone number re-verification needed"),
    133008: ErrorKind(400, "Too many two-step verification PIN guesses"),
    133009: ErrorKind(400, "Two-step verification PIN guessed too fast"),
    133010: ErrorKind(400, "The account is not registered"),
    133015: ErrorKind(400, "Please wait a few minutes before registering this phone number"),
    133016: ErrorKind(429, "Account register or deregister rate limit exceeded"),
    134011: ErrorKind(400, "Payments terms of service have not been accepted"),
    134100: ErrorKind(400, "Only marketing messages are supported here"),
    134101: ErrorKind(400, "Template is still syncing"),
    134102: ErrorKind(400, "Template is not available for this endpoint"),
    135000: ErrorKind(400, "Generic user error"),
    137000: ErrorKind(400, "User identity key hash does not match"),
    139101: ErrorKind(400, "Block list limit reached"),
    2494100: ErrorKind(400, "Phone number is under maintenance"),
    2593109: ErrorKind(400, "History sync is turned off by the business"),
}

_STATUS_DETAILS = {
    130472: "The recipient belongs to an experiment group.",
    131026: "The message could not be delivered to this recipient.",
    131047: "More than 24 hours have passed since the recipient last replied to this number.",
    131049: "Held back by the limit of marketing messages per user.",
    131050: "The recipient opted out of marketing messages from this business.",
    131053: "The media could not be fetched or is of a kind that cannot be sent.",
}

#: Parameter errors of plain Graph API code carry no ``error_data``.
_PLAIN_TYPES = {0, 1, 2, 3, 4, 10, 100, 104, 190, 200, 613, 2200, 2201, 2500, 80007}


class GraphError(Exception):
    """An error that the service answers, in the terms of the catalogue.

    ``message`` replaces the title, ``details`` fills ``error_data.details``.
    """

    def __init__(
        self,
        code: int,
        details: str = "",
        *,
        subcode: int | None = None,
        message: str = "",
        http_status: int | None = None,
        kind: str = "OAuthException",
        user_title: str = "",
        user_message: str = "",
        transient: bool | None = None,
    ) -> None:
        known = CATALOGUE.get(code, ErrorKind(400, "Error"))
        super().__init__(f"(#{code}) {message or known.title}")
        self.code = code
        self.subcode = subcode
        self.title = message or known.title
        self.details = details
        self.http_status = http_status or known.http_status
        self.kind = kind
        self.user_title = user_title
        self.user_message = user_message
        self.transient = transient if transient is not None else code in {2, 4}

    def body(self, trace: str) -> dict[str, Any]:
        """The JSON answer with this error."""
        prefixed = self.code not in {1, 2, 104, 190, 2500} and self.kind == "OAuthException"
        error: dict[str, Any] = {
            "message": f"(#{self.code}) {self.title}" if prefixed else self.title,
            "type": self.kind,
        }
        if self.transient:
            error["is_transient"] = True
        error["code"] = self.code
        if self.subcode is not None:
            error["error_subcode"] = self.subcode
        if self.details and self.code not in _PLAIN_TYPES:
            error["error_data"] = {"messaging_product": "whatsapp", "details": self.details}
        if self.user_title:
            error["error_user_title"] = self.user_title
            error["error_user_msg"] = self.user_message or self.user_title
        error["fbtrace_id"] = trace
        return {"error": error}


def unknown_object(object_id: str, method: str) -> GraphError:
    """The answer for an id that does not exist or that the token may not see; Graph does not tell which."""
    return GraphError(
        100,
        subcode=33,
        kind="GraphMethodException",
        message=f"Unsupported {method.lower()} request. Object with ID '{object_id}' does not exist, "
        "cannot be loaded due to missing permissions, or does not support this operation",
    )


def webhook_error(code: int, details: str = "") -> dict[str, Any]:
    """The error as it stands in ``statuses[].errors`` and ``messages[].errors``."""
    title = CATALOGUE[code].title if code in CATALOGUE else "Error"
    return {
        "code": code,
        "title": title,
        "message": title,
        "error_data": {"details": details or _STATUS_DETAILS.get(code, title)},
        "href": "/documentation/business-messaging/whatsapp/support/error-codes",
    }
