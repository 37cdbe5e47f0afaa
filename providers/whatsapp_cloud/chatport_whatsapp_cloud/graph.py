"""One channel's access to the Graph API.

Owns: credentials, version, paths, and the proof that the app's secret is known. Must not know: what is asked.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Any

from chatport import Channel
from chatport.errors import ProviderError
from chatport_meta.catalogue import explain
from chatport_meta.failures import graph_error
from chatport_meta.outbound import Edges
from chatport_meta.service import Service, segment

from .schema import GRAPH, VERSION

SERVICE = "WhatsApp's Cloud API"
#: Key of the channel's state that says that the app wants a proof with every call.
PROOF_NEEDED = "appsecret_proof_needed"


class Graph(Service):
    """The Graph API with the token of one channel.

    Apps can demand a proof of the app secret with each call; it is added once the service asked for it.
    """

    def __init__(self, channel: Channel, *, proof: bool | None = None) -> None:
        config = channel.config
        token = str(config.get("api_key") or "")
        self.version = str(config.get("api_version") or VERSION)
        self.secrets = [str(one) for one in config.get("app_secret") or () if one]
        self.number_id = str(config.get("phone_number_id") or "")
        self.account_id = str(config.get("business_account_id") or "")
        self.token = token
        self._proof = bool(channel.state.get(PROOF_NEEDED)) if proof is None else proof
        hidden = [token, *self.secrets, str(config.get("webhook_verify_token") or "")]
        super().__init__(
            str(config.get("api_base_url") or GRAPH).strip(),
            name=SERVICE,
            headers={"Authorization": f"Bearer {token}"},
            secrets=[*hidden, str(config.get("registration_pin") or "")],
            told=graph_error,
            explain=explain,
        )

    def path(self, *parts: str) -> str:
        """A path of this channel's version."""
        return "/".join((self.version, *map(segment, parts)))

    def number(self, *edge: str) -> str:
        """The path of the channel's number, or of one of its edges."""
        return self.path(self.number_id, *edge)

    def account(self, *edge: str) -> str:
        """The path of the channel's business account, or of one of its edges."""
        return self.path(self.account_id, *edge)

    @property
    def edges(self) -> Edges:
        """Where messages and files go."""
        return Edges(self.number("messages"), self.number("media"))

    def proof(self, secret: str) -> str:
        """The proof that the token's holder knows an app secret."""
        return hmac.digest(secret.encode(), self.token.encode(), hashlib.sha256).hex()

    def call(
        self,
        method: str,
        path: str,
        *,
        sending: bool = False,
        params: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> dict[str, Any]:
        """As :meth:`Service.call`; where the app demands a proof of its secret, once more with it."""
        given = dict(params or {})
        if "appsecret_proof" in given or not self.secrets:
            return super().call(method, path, sending=sending, params=given, **options)
        if "data" in options and self._proof and len(self.secrets) > 1:
            # A stream can be sent once only: ask beforehand which proof is accepted.
            self._each_proof(
                lambda proof: super(Graph, self).call("GET", self.number(), params=proof)
            )

        def attempt(proof: Mapping[str, str]) -> dict[str, Any]:
            return super(Graph, self).call(
                method, path, sending=sending, params={**given, **proof}, **options
            )

        if not self._proof:
            try:
                return attempt({})
            except ProviderError as error:
                # Refused before anything was done. An upload's stream is used up; the next try has the proof.
                if not wants_proof(error):
                    raise
                self._proof = True
                if "data" in options:
                    raise
        return self._each_proof(attempt)

    def _each_proof(self, attempt: Callable[[Mapping[str, str]], dict[str, Any]]) -> dict[str, Any]:
        """A call with the proof by the newest secret; while secrets are rotated, Meta may still want the older one's.
        What was accepted comes first from then on."""
        for position, secret in enumerate(list(self.secrets)):
            try:
                answer = attempt({"appsecret_proof": self.proof(secret)})
            except ProviderError as error:
                if not wants_proof(error) or position == len(self.secrets) - 1:
                    raise
            else:
                self.secrets.sort(key=lambda one: one != secret)
                return answer
        raise AssertionError("there is a secret")

    @property
    def uses_proof(self) -> bool:
        """Whether the app turned out to demand the proof."""
        return self._proof


def wants_proof(error: ProviderError) -> bool:
    """Whether an error says that the app demands a proof of its secret, or does not accept the one it got."""
    return error.code == "100" and "appsecret_proof" in error.detail
