"""Whether the configuration works: token, number and account, and that they belong together.

Owns: these checks, each named when it fails. Must not know: sending, storage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chatport import Channel, Connection
from chatport.errors import (
    AuthenticationFailed,
    ConfigInvalid,
    ProviderError,
    RateLimited,
    ServiceUnreachable,
    TemporarilyRefused,
)
from chatport.phones import variants
from chatport_meta.addresses import digits
from chatport_meta.paging import all_pages

from .graph import PROOF_NEEDED, Graph, wants_proof

NUMBER_FIELDS = (
    "id,display_phone_number,verified_name,quality_rating,code_verification_status,name_status,"
    "status,platform_type,throughput,webhook_configuration"
)
SCOPES = ("whatsapp_business_messaging", "whatsapp_business_management")
#: Errors that say nothing about the relations: the token is bad altogether, or Meta is.
_TELLING_NOTHING = (AuthenticationFailed, ServiceUnreachable, RateLimited, TemporarilyRefused)


def validate(channel: Channel) -> Connection:
    """Prove the relations: token and number, number and account, the token's rights, the app's secret.

    :raises ConfigInvalid: names the field whose value does not fit the others.
    :raises AuthenticationFailed: the token is not accepted.
    :raises ServiceUnreachable: Meta does not answer.
    """
    graph = Graph(channel)
    number = _number(graph)
    _check_own_number(channel, number)
    _check_account(graph)
    _check_secret(graph)
    facts = _check_token(graph)
    shown = str(number.get("display_phone_number") or "")
    problem = connection_problem(number)
    return Connection(
        connected=not problem,
        reason=problem,
        action="Set the inbox up again under its settings: that registers the number."
        if problem
        else "",
        linked_number="+" + digits(shown) if digits(shown) else "",
        facts={
            "verified_name": str(number.get("verified_name") or ""),
            "quality_rating": str(number.get("quality_rating") or ""),
            "platform_type": str(number.get("platform_type") or ""),
            **facts,
        },
        state={PROOF_NEEDED: True} if graph.uses_proof else {},
    )


def connection_problem(number: Mapping[str, Any]) -> str:
    """Why messages cannot be sent with a number in this state; empty where they can."""
    state, platform = str(number.get("status") or ""), str(number.get("platform_type") or "")
    if platform and platform != "CLOUD_API":
        return "The number is not registered at the Cloud API yet."
    if state in ("DISCONNECTED", "PENDING", "DELETED", "BANNED"):
        return f"Meta calls the number's state {state}."
    return ""


def _number(graph: Graph) -> dict[str, Any]:
    try:
        return graph.get(graph.number(), {"fields": NUMBER_FIELDS})
    except ProviderError as error:
        if wants_proof(error):
            raise _wrong_secret(error) from None
        if error.code in ("100", "33", "10") or error.status_code == 404:
            raise _invalid(
                "phone_number_id",
                "Meta knows no number with this id, or the token has no right to it.",
                "Copy the phone number id from API Setup, and give the token's system user the account.",
            ) from None
        raise


def _check_own_number(channel: Channel, number: Mapping[str, Any]) -> None:
    """The id must be of the inbox's own number: ids look alike, and the test number has one too."""
    told, own = digits(str(number.get("display_phone_number") or "")), channel.phone_digits
    if told and own and told != own and own not in variants(told):
        raise _invalid(
            "phone_number_id",
            f"This id belongs to the number +{told}, not to +{own}.",
            "Copy the id of this inbox's own number, or correct the inbox's number.",
        )


def _check_account(graph: Graph) -> None:
    try:
        numbers = all_pages(
            graph, graph.account("phone_numbers"), {"fields": "id,display_phone_number"}
        )
    except ProviderError as error:
        if isinstance(error, _TELLING_NOTHING):
            raise
        raise _invalid(
            "business_account_id",
            "Meta knows no WhatsApp Business account with this id, or the token has no right to it.",
            "Copy the account's id from API Setup, and give the token whatsapp_business_management.",
        ) from None
    if graph.number_id not in {str(one.get("id")) for one in numbers}:
        raise _invalid(
            "business_account_id",
            f"The number with the id {graph.number_id} does not belong to this account,"
            f" which has {len(numbers)} number{'' if len(numbers) == 1 else 's'}.",
            "Take both ids from the same page of API Setup.",
        )


def _check_secret(graph: Graph) -> None:
    """Whether an app secret is that of the token's app. Meta tells only by refusing a wrong proof."""
    last: ProviderError | None = None
    for secret in graph.secrets:
        try:
            proof = {"fields": "id", "appsecret_proof": graph.proof(secret)}
            graph.get(graph.number(), proof)
            return
        except ProviderError as error:
            if not wants_proof(error):
                raise
            last = error
    if last is not None:
        raise _wrong_secret(last) from None


def _wrong_secret(error: ProviderError) -> ConfigInvalid:
    return _invalid(
        "app_secret",
        "The app secret is not that of the app that the access token belongs to.",
        "Copy the app secret from App settings, Basic, of the same app.",
    )


def _check_token(graph: Graph) -> dict[str, Any]:
    """The token's rights, where Meta lets them be read.

    Meta has only this call for it, with the token among the parameters; nothing of ours logs addresses.
    """
    try:
        told = graph.get(graph.path("debug_token"), {"input_token": graph.token}).get("data")
    except ProviderError as error:
        if isinstance(error, _TELLING_NOTHING):
            raise
        return {}
    if not isinstance(told, dict):
        return {}
    if told.get("is_valid") is False:
        raise AuthenticationFailed(
            "The access token is not valid any more.",
            action="Put a valid token into the inbox's settings; a system user's does not expire.",
            code="190",
        )
    scopes = told.get("scopes")
    if isinstance(scopes, list):
        missing = [scope for scope in SCOPES if scope not in scopes]
        if missing:
            raise _invalid(
                "api_key",
                f"The token lacks the permission {' and '.join(missing)}.",
                "Make a token that has both permissions.",
            )
    expires = told.get("expires_at")
    return {"token_expires_at": expires} if isinstance(expires, int) and expires else {}


def _invalid(field: str, message: str, action: str) -> ConfigInvalid:
    return ConfigInvalid({field: [message]}, action=action)
