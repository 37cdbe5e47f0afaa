"""The error codes of the WhatsApp Business Platform: what each means, whether it passes, what a person can do.

Owns: the table. Must not know: HTTP, webhooks, channels. A code means the same whether it comes as the answer to a call
or later in a status. Source: Meta's lists of Graph API and Cloud API error codes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from chatport.errors import (
    AuthenticationFailed,
    ContentRefused,
    MediaGone,
    NotConnected,
    PolicyRefused,
    ProviderError,
    RateLimited,
    RecipientInvalid,
    TemporarilyRefused,
    UnsupportedFeature,
    WindowClosed,
)

HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """What one error means.

    :param kind: decides on retry and display; see ``chatport.errors.ErrorClass``.
    :param retry_after: seconds before another try can succeed, where the platform's rules say so.
    """

    kind: type[ProviderError]
    message: str
    action: str
    retry_after: float | None = None


#: Finds the meaning of a code and subcode; ``None`` where it is not in the table.
Explain = Callable[[str, str], Meaning | None]

_TOKEN = "Put a valid token into the inbox's settings; a system user's does not expire."  # noqa: S105 (advice)
_RIGHTS = "Give the token's system user the permission at Meta, or make a token that has it."
_REGISTER = "Set the inbox up again under its settings: that registers the number."
_TEMPLATE = "Send a template, or wait until the customer writes."
_CHANGE = "Change what is named and send it again."
_SYNC = "Synchronise the templates and look at this one."
_LATER = "Nothing to do; it is tried again."
_META = "Look at the account's quality and limits in WhatsApp Manager."
_FILE = "Send the file in another format, or smaller."
_BILLING = "Look at the payment settings in WhatsApp Manager."
_NOT_NOW = "Do not repeat it; the person gets marketing from others too. Try again after a day at the earliest."

_CODES: Mapping[int, Meaning] = {
    # --- credentials and rights
    0: Meaning(AuthenticationFailed, "WhatsApp does not accept the access token.", _TOKEN),
    3: Meaning(PolicyRefused, "The app at Meta lacks the right to do this.", _RIGHTS),
    10: Meaning(
        PolicyRefused, "The token's permission for this was not granted or was removed.", _RIGHTS
    ),
    33: Meaning(
        NotConnected,
        "The phone number id does not exist any more.",
        "Put the number's present id into the inbox's settings.",
    ),
    102: Meaning(AuthenticationFailed, "WhatsApp does not accept the access token.", _TOKEN),
    104: Meaning(AuthenticationFailed, "WhatsApp got no access token.", _TOKEN),
    190: Meaning(AuthenticationFailed, "The access token is not valid any more.", _TOKEN),
    131005: Meaning(PolicyRefused, "The token has no access to this.", _RIGHTS),
    # --- the account
    368: Meaning(
        PolicyRefused, "WhatsApp blocks the account for a time because of its policy.", _META
    ),
    130497: Meaning(
        PolicyRefused,
        "The business may not write to people in this country.",
        "Nothing can be done from here.",
    ),
    131031: Meaning(PolicyRefused, "The WhatsApp Business account is locked or restricted.", _META),
    131037: Meaning(
        PolicyRefused,
        "The number's display name is not approved yet.",
        "Wait for the approval in WhatsApp Manager, or ask for another name.",
    ),
    131042: Meaning(PolicyRefused, "The account's payment method does not work.", _BILLING),
    131044: Meaning(
        PolicyRefused, "The account may not do this because of its payment settings.", _BILLING
    ),
    131045: Meaning(NotConnected, "The number is not registered at the Cloud API.", _REGISTER),
    131063: Meaning(
        PolicyRefused,
        "Marketing templates of this account must be sent through Meta's marketing API.",
        "Switch that off in WhatsApp Manager, or use another template.",
    ),
    133000: Meaning(
        TemporarilyRefused, "An earlier deregistration of the number is not complete.", _REGISTER
    ),
    133005: Meaning(
        PolicyRefused,
        "The two-step verification PIN is wrong.",
        "Put the number's PIN into the inbox's settings, or change it in WhatsApp Manager.",
    ),
    133006: Meaning(
        PolicyRefused, "The number must be verified first.", "Verify it in WhatsApp Manager."
    ),
    133008: Meaning(
        PolicyRefused, "The PIN was tried too often.", "Wait until Meta allows another try."
    ),
    133009: Meaning(
        PolicyRefused, "The PIN was tried too fast.", "Wait a while and set the inbox up again."
    ),
    133010: Meaning(NotConnected, "The number is not registered at the Cloud API.", _REGISTER),
    133015: Meaning(
        TemporarilyRefused,
        "The number was deleted a moment ago.",
        "Wait five minutes and set the inbox up again.",
        300.0,
    ),
    133016: Meaning(
        PolicyRefused,
        "The number was registered too often within 72 hours.",
        "Wait three days and try again.",
    ),
    134011: Meaning(PolicyRefused, "The terms of payment were not accepted.", _BILLING),
    2200: Meaning(
        ContentRefused,
        "Meta could not verify the webhook address.",
        "Make sure that the inbox's webhook address is reachable over public https, then set the inbox up again.",
    ),
    2201: Meaning(
        ContentRefused,
        "Meta could not verify the webhook address.",
        "Make sure that the inbox's webhook address is reachable over public https, then set the inbox up again.",
    ),
    # --- too much
    4: Meaning(RateLimited, "The app made too many calls.", _LATER, 60.0),
    17: Meaning(RateLimited, "The token made too many calls.", _LATER, 60.0),
    613: Meaning(RateLimited, "Too many calls of this kind.", _LATER, 30.0),
    80007: Meaning(RateLimited, "Too many calls for this WhatsApp Business account.", _LATER, 60.0),
    130429: Meaning(RateLimited, "The number sends too much at once.", _LATER, 2.0),
    131048: Meaning(
        PolicyRefused,
        "WhatsApp stops this number for a time: too many people blocked or reported it.",
        "Stop campaigns, and wait some hours.",
    ),
    131056: Meaning(RateLimited, "Too many messages to this person in a short time.", _LATER, 8.0),
    131020: Meaning(PolicyRefused, "The group cannot be written to.", "Choose another recipient."),
    131041: Meaning(
        PolicyRefused, "The number may not write to this group.", "Choose another recipient."
    ),
    134100: Meaning(
        ContentRefused,
        "Meta's marketing API takes marketing templates only.",
        "Use another template.",
    ),
    134102: Meaning(PolicyRefused, "The template cannot be used at Meta's marketing API.", _SYNC),
    131064: Meaning(
        PolicyRefused, "The account's limit for this kind of template is used up.", _META
    ),
    132069: Meaning(RateLimited, "This Flow is sent too often.", _LATER, 360.0),
    # --- passing
    1: Meaning(TemporarilyRefused, "WhatsApp failed without saying why.", _LATER),
    2: Meaning(TemporarilyRefused, "WhatsApp's service is down for a moment.", _LATER),
    131000: Meaning(TemporarilyRefused, "Something went wrong at WhatsApp.", _LATER),
    131016: Meaning(TemporarilyRefused, "WhatsApp's service is overloaded or down.", _LATER),
    131057: Meaning(TemporarilyRefused, "The account is in maintenance.", _LATER, 60.0),
    133004: Meaning(TemporarilyRefused, "WhatsApp's server is not available for a moment.", _LATER),
    134101: Meaning(
        TemporarilyRefused, "The template is just being synchronised at Meta.", _LATER, 120.0
    ),
    2494100: Meaning(TemporarilyRefused, "The number is in maintenance.", _LATER, 60.0),
    # --- the window and the recipient
    131047: Meaning(
        WindowClosed, "The customer's last message is more than 24 hours ago.", _TEMPLATE
    ),
    130472: Meaning(
        PolicyRefused,
        "The person takes part in an experiment of Meta and gets no marketing.",
        "Do not repeat it; wait until the customer writes.",
    ),
    131021: Meaning(
        RecipientInvalid, "The recipient is the sender's own number.", "Choose another recipient."
    ),
    131026: Meaning(
        RecipientInvalid,
        "WhatsApp cannot deliver to this number.",
        "Check the number. The person may not use WhatsApp, may use an old version, or may have blocked this number.",
    ),
    131030: Meaning(
        RecipientInvalid,
        "A test number writes only to the numbers on its list.",
        "Add the recipient to the list in the app's dashboard, written exactly as here.",
    ),
    131049: Meaning(
        PolicyRefused, "WhatsApp limits how much marketing this person gets.", _NOT_NOW
    ),
    131050: Meaning(
        PolicyRefused,
        "The person does not want marketing from this number.",
        "Send no marketing to this person.",
    ),
    131062: Meaning(
        RecipientInvalid,
        "This kind of template needs the person's phone number, and only the user id is known.",
        "Ask the customer for the phone number.",
    ),
    137000: Meaning(
        RecipientInvalid,
        "The person's security code changed.",
        "Make sure that it is the same person, and send again.",
    ),
    # --- the message
    100: Meaning(ContentRefused, "WhatsApp refuses a value of the request.", _CHANGE),
    131008: Meaning(ContentRefused, "A value that WhatsApp needs is missing.", _CHANGE),
    131009: Meaning(ContentRefused, "WhatsApp does not accept a value of the message.", _CHANGE),
    131051: Meaning(
        ContentRefused, "WhatsApp does not support this kind of message here.", "Send it as text."
    ),
    131052: Meaning(
        MediaGone,
        "The file could not be fetched from WhatsApp.",
        "Ask the customer to send it again.",
    ),
    131053: Meaning(ContentRefused, "WhatsApp could not take the file.", _FILE),
    131055: Meaning(UnsupportedFeature, "WhatsApp does not allow this call.", "Send it as text."),
    131059: Meaning(TemporarilyRefused, "The listing changed while it was read.", _LATER),
    131060: Meaning(
        ContentRefused,
        "The message is only on the phone.",
        "Read it in the WhatsApp Business app on the phone.",
    ),
    135000: Meaning(ContentRefused, "WhatsApp refuses the message's values.", _CHANGE),
    # --- templates
    132000: Meaning(ContentRefused, "The number of variables does not fit the template.", _SYNC),
    132001: Meaning(
        ContentRefused, "The template does not exist in this language, or is not approved.", _SYNC
    ),
    132005: Meaning(
        ContentRefused, "The template is too long with these values.", "Shorten the values."
    ),
    132007: Meaning(
        PolicyRefused, "The template's content breaks WhatsApp's policy.", "Use another template."
    ),
    132008: Meaning(ContentRefused, "A value does not fit the template.", _SYNC),
    132012: Meaning(ContentRefused, "A value has another format than the template wants.", _SYNC),
    132015: Meaning(
        PolicyRefused,
        "The template is paused because of its quality.",
        "Use another template, or wait until WhatsApp releases this one.",
    ),
    132016: Meaning(PolicyRefused, "The template is disabled for good.", "Make a new template."),
    132018: Meaning(ContentRefused, "A variable of the template is not acceptable.", _CHANGE),
    132068: Meaning(PolicyRefused, "This Flow is blocked.", "Mend the Flow in WhatsApp Manager."),
    2593109: Meaning(
        PolicyRefused,
        "The phone does not share its history.",
        "Allow it on the phone when you link again.",
    ),
}

_UNKNOWN_OBJECT = Meaning(
    NotConnected,
    "Meta knows no such number or account, or the token has no right to it.",
    "Check phone number id, business account id and token in the inbox's settings.",
)


def explain(code: str, subcode: str = "") -> Meaning | None:
    """The meaning of an error code of the Graph or Cloud API; ``None`` for one that is not in the table."""
    try:
        number = int(code)
    except ValueError:
        return None
    if number == 100 and subcode == "33":
        return _UNKNOWN_OBJECT
    if 200 <= number <= 299:
        return Meaning(PolicyRefused, "The token lacks a permission.", _RIGHTS)
    return _CODES.get(number)
