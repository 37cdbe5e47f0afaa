"""The Graph API simulator: accounts, tokens, and where webhooks go. The HTTP API itself is in ``http``."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Self

import requests
from flask import Flask

from ..cloud_shapes import GraphError, Simulation
from ..cloud_shapes.accounts import Callback, Number, Waba
from ..cloud_shapes.emission import Route
from ..cloud_shapes.envelope import Change
from ..cloud_shapes.media import Medium
from ..cloud_shapes.numbers import digits_of
from ..cloud_shapes.serving import Server
from ..cloud_shapes.wire import sign_sha1, sign_sha256
from .http import build_app
from .lookaside import build_lookaside

JSON = dict[str, Any]

ALL_SCOPES = ("whatsapp_business_management", "whatsapp_business_messaging")
#: Fields that an override address receives; everything else goes to the app's own address.
OVERRIDABLE = frozenset(
    {"messages", "message_echoes", "smb_message_echoes", "history", "smb_app_state_sync", "calls"}
)


@dataclass(slots=True)
class Token:
    """An access token. ``expires_at`` 0: never. ``wabas`` empty: all accounts."""

    value: str = field(repr=False)
    scopes: tuple[str, ...] = ALL_SCOPES
    expires_at: int = 0
    valid: bool = True
    subcode: int = 467
    wabas: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """Outcome of a verification request; ``status`` None when nobody answered."""

    ok: bool
    status: int | None
    body: str


class GraphSimulator(Simulation):
    """``https://graph.facebook.com`` on this machine, with the phones of customers attached.

    ``webhook`` is the app's own callback address, as set in the dashboard; the account is then subscribed.
    ``subscribed`` says it explicitly. ``media_origin`` "separate" serves media on another port, as the real
    service uses another host; "same" on the API's own port. More keyword arguments: see
    :class:`~chatport_testkit.cloud_shapes.Simulation` (``window_mode``, ``limits``, ``bsuids``, ``seed``,
    ``status_style``, ``map_wa_ids``, ``throttle_status``, ``webhook_timeout``, ``retry_delays``,
    ``webhook_workers``, ``transport``).
    """

    def __init__(
        self,
        port: int = 0,
        *,
        token: str = "EAAGsimulated0token0of0a0system0user",  # noqa: S107 - the simulator's own
        app_id: str = "670800000555001",
        app_secret: str = "0123456789abcdef0123456789abcdef",  # noqa: S107 - the simulator's own
        waba_id: str = "214700000111222",
        phone_number_id: str = "109870000333444",
        display_phone_number: str = "15557001234",
        verified_name: str = "Kiosk am Park",
        tick: str = "auto",
        webhook: str | None = None,
        verify_token: str = "",
        subscribed: bool | None = None,
        media_origin: str = "separate",
        missing_token_code: int = 104,
        require_appsecret_proof: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(port=port, tick=tick, **options)
        if media_origin not in {"separate", "same"}:
            raise ValueError(f"media_origin must be separate or same, not {media_origin!r}.")
        self.app_id = app_id
        self.app_name = "Demo App"
        self.app_secret = app_secret
        self.tokens: dict[str, Token] = {token: Token(token)}
        self.media_origin = media_origin
        self.missing_token_code = missing_token_code
        self.require_appsecret_proof = require_appsecret_proof
        self.refuse_default_user_agent = True
        self.app_callback: Callback | None = None
        #: Requests to the host that a ``redirect`` fault leads to; ``authorized`` there is a leak.
        self.elsewhere: list[Any] = []
        self.templates.default_waba = waba_id
        self._lookaside: Server | None = None
        self.add_number(
            phone_number_id, display_phone_number, waba_id=waba_id, verified_name=verified_name
        )
        if webhook:
            self.set_webhook(webhook, verify_token, subscribe=subscribed is not False)
        elif subscribed:
            self.wabas[waba_id].subscribed = True

    # -- life ---------------------------------------------------------------------------------------

    def app(self) -> Flask:
        return build_app(self)

    def start(self) -> Self:
        if self._lookaside is None:
            self._lookaside = Server(build_lookaside(self))
        return super().start()

    def stop(self) -> None:
        super().stop()
        if self._lookaside is not None:
            self._lookaside.stop()
            self._lookaside = None

    @property
    def media_url(self) -> str:
        """Base address of media downloads."""
        if self.media_origin == "same" or self._lookaside is None:
            return self.url
        return self._lookaside.url

    @property
    def other_host_url(self) -> str:
        """The media server under another host name: where a ``redirect`` fault leads."""
        return self.media_url.replace("127.0.0.1", "localhost")

    # -- accounts -----------------------------------------------------------------------------------

    def add_number(
        self,
        phone_number_id: str,
        display_phone_number: str,
        *,
        waba_id: str | None = None,
        verified_name: str = "Kiosk am Park",
        registered: bool = True,
        pin: str | None = None,
    ) -> Number:
        """One more number, in the first account or in ``waba_id`` (made when it is new)."""
        with self.lock:
            account = waba_id or next(iter(self.wabas))
            if account not in self.wabas:
                first = next(iter(self.wabas.values()), None)
                self.wabas[account] = Waba(account, subscribed=bool(first and first.subscribed))
            number = Number(
                phone_number_id,
                account,
                digits_of(display_phone_number),
                verified_name,
                registered=registered,
                pin=pin,
            )
            self.numbers[phone_number_id] = number
            return number

    def add_token(self, value: str, **fields: Any) -> Token:
        """A further token; fields as of :class:`Token`."""
        token = Token(value, **fields)
        with self.lock:
            self.tokens[value] = token
        return token

    def revoke_tokens(self, subcode: int = 467) -> None:
        """All tokens become invalid: 190 with this subcode (460 password changed, 463 expired, 467 revoked)."""
        with self.lock:
            for token in self.tokens.values():
                token.valid, token.subcode = False, subcode

    def check_token(self, value: str | None, proof: str | None) -> Token:
        """The token of a request.

        Raises:
            GraphError: missing, unknown, expired, revoked, or sent with a wrong ``appsecret_proof``.
        """
        if not value:
            raise GraphError(self.missing_token_code)
        token = self.tokens.get(value)
        if token is None:
            raise GraphError(190)
        if not token.valid:
            message = "Error validating access token: The session has been invalidated"
            raise GraphError(190, subcode=token.subcode, message=message)
        if token.expires_at and self.clock.now() >= token.expires_at:
            message = "Error validating access token: Session has expired"
            raise GraphError(190, subcode=463, message=message)
        expected = hmac.new(self.app_secret.encode(), value.encode(), sha256).hexdigest()
        if proof is None and self.require_appsecret_proof:
            raise GraphError(
                100, message="API calls from the server require an appsecret_proof argument"
            )
        if proof is not None and not hmac.compare_digest(proof, expected):
            raise GraphError(100, message="Invalid appsecret_proof provided in the API argument")
        return token

    # -- webhooks -----------------------------------------------------------------------------------

    def set_webhook(self, url: str, verify_token: str = "", *, subscribe: bool = True) -> None:
        """Set the app's own callback address as the dashboard does, without the verification request."""
        with self.lock:
            self.app_callback = Callback(url, verify_token)
            if subscribe:
                for waba in self.wabas.values():
                    waba.subscribed = True

    def verify_webhook(
        self, url: str | None = None, verify_token: str | None = None
    ) -> VerifyResult:
        """Make the GET request with a random challenge, as Meta does when an address is stored.

        Without arguments: the app's own callback.

        Raises:
            RuntimeError: no address is given and none is set.
        """
        callback = self.app_callback
        if url is None:
            if callback is None:
                raise RuntimeError("No webhook is set. Pass its url, or call set_webhook() first.")
            url = callback.url
        if verify_token is None:
            verify_token = callback.verify_token if callback else ""
        challenge = str(secrets.randbelow(2_000_000_000) + 100_000_000)
        query = {
            "hub.mode": "subscribe",
            "hub.challenge": challenge,
            "hub.verify_token": verify_token,
        }
        try:
            with requests.Session() as session:
                session.trust_env = False
                answer = session.get(url, params=query, timeout=10, allow_redirects=False)
        except requests.RequestException as error:
            return VerifyResult(False, None, type(error).__name__)
        ok = answer.status_code == 200 and answer.text == challenge
        return VerifyResult(ok, answer.status_code, answer.text)

    def checked_callback(self, url: str, verify_token: str) -> Callback:
        """The callback when its verification succeeds. Do not call with the lock held.

        Raises:
            GraphError: 100 for a bad address, 2200 for a failed verification.
        """
        if len(url) > 200:
            raise GraphError(
                100, message="Param override_callback_uri is longer than 200 characters"
            )
        if not url.startswith(("https://", "http://127.0.0.1", "http://localhost")):
            raise GraphError(100, message="The callback must be an https address")
        result = self.verify_webhook(url, verify_token)
        if not result.ok:
            status = "no answer" if result.status is None else f"HTTP Status Code = {result.status}"
            if result.status == 200:
                status = "the challenge was not returned"
            raise GraphError(2200, message=f"Callback verification failed: {status}")
        return Callback(url, verify_token)

    def route(self, change: Change) -> Route | str:
        with self.lock:
            waba = self.wabas.get(change.account)
            if waba is None or not waba.subscribed:
                return "The app is not subscribed to the account."
            callback = self.app_callback
            if change.number is not None and change.field in OVERRIDABLE:
                number = self.numbers.get(change.number)
                callback = (number and number.callback) or waba.callback or callback
        if callback is None:
            return "No callback address is set."
        return Route(callback.url, self._headers)

    def _headers(self, body: bytes, fault: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "User-Agent": "facebookexternalua"}
        signature = sign_sha256(body, self.app_secret)
        match fault:
            case "no_signature":
                return headers
            case "sha1_only":
                return {**headers, "X-Hub-Signature": sign_sha1(body, self.app_secret)}
            case "bad_signature":
                signature = sign_sha256(body, self.app_secret + "x")
            case "upper_case_signature":
                signature = "sha256=" + signature.removeprefix("sha256=").upper()
        return {
            **headers,
            "X-Hub-Signature": sign_sha1(body, self.app_secret),
            "X-Hub-Signature-256": signature,
        }

    def webhook_media_url(self, medium: Medium) -> str | None:
        return self.address_of(medium, source="webhook")

    def address_of(self, medium: Medium, *, source: str | None = None) -> str:
        """A download address that is valid for five minutes."""
        query = self.media.query(medium, self.clock.now(), source=source)
        return f"{self.media_url}/whatsapp_business/attachments/?{query}"
