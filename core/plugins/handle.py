"""One provider, called by typed methods: the only way in which the core reaches a provider's code.

Owns: the rules of a call (no open transaction, a time limit, errors told apart, answers checked) and the defaults of
hooks that a provider does not implement. Must not know: entry points, tables, who calls.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, NoReturn

from ..channels import (
    Channel,
    Connection,
    ContactInfo,
    GroupInfo,
    HealthFact,
    HistoryPage,
    InboundRequest,
    MediaRequest,
    PairingPrompt,
    ProviderInfo,
    Provisioned,
    SentLookup,
)
from ..errors import (
    ChatportError,
    HookTimeout,
    OutcomeUnknown,
    ProviderCrashed,
    ProviderError,
    UnsupportedFeature,
)
from ..events import AnyEvent, Event, MediaRef
from ..guards import forbid_in_transaction
from ..identities import Identity
from ..messages import MessageRef, OutboundMessage, Recipient, Sent
from ..schema import MASK, secret_values
from .discovery import Found, one_line
from .limits import time_limit

logger = logging.getLogger(__name__)

#: Seconds that one hook call may take where the settings say nothing.
HOOK_TIME_LIMIT = 30.0

Judge = Callable[[Any], bool]


def _a(kind: type) -> Judge:
    return lambda answer: isinstance(answer, kind)


def _collection(container: tuple[type[Collection[Any]], ...], kind: type) -> Judge:
    return lambda answer: (
        isinstance(answer, container) and all(isinstance(item, kind) for item in answer)
    )


def _sent(answer: Any) -> bool:
    return isinstance(answer, Sent) and isinstance(answer.source_id, str) and bool(answer.source_id)


def _sent_tuple(answer: Any) -> bool:
    return isinstance(answer, tuple) and all(_sent(item) for item in answer)


def _events(answer: Any) -> bool:
    return isinstance(answer, list) and all(
        isinstance(item, Event) and isinstance(item.key, str) and item.key for item in answer
    )


def _history(answer: Any) -> bool:
    return isinstance(answer, HistoryPage) and _events(list(answer.events))


def _holds(judge: Judge, answer: Any) -> bool:
    try:
        return judge(answer)
    except Exception:  # noqa: BLE001 (a record can hold anything, also something that cannot be looked through)
        return False


#: What each hook must answer: in words, and as a check.
_ANSWERS: Mapping[str, tuple[str, Judge]] = {
    "validate_config": ("a Connection", _a(Connection)),
    "send_message": ("a Sent with a source_id", _sent),
    "media_url": ("a MediaRequest", _a(MediaRequest)),
    "handle_event": ("a list of events that each have a key", _events),
    "channel_addresses": ("a frozenset of texts", _collection((set, frozenset), str)),
    "provision": ("a Provisioned", _a(Provisioned)),
    "unprovision": ("a Provisioned", _a(Provisioned)),
    "authenticate_request": ("True or False", _a(bool)),
    "start_pairing": ("a PairingPrompt", _a(PairingPrompt)),
    "connection_status": ("a Connection", _a(Connection)),
    "logout": ("a Connection", _a(Connection)),
    "reconnect": ("a Connection", _a(Connection)),
    "mark_read": ("True or False", _a(bool)),
    "send_typing": ("True or False", _a(bool)),
    "group_info": ("a GroupInfo", _a(GroupInfo)),
    "contact_info": ("a ContactInfo", _a(ContactInfo)),
    "fetch_history": ("a HistoryPage of events that each have a key", _history),
    "find_sent": ("a tuple of Sent", _sent_tuple),
    "fetch_templates": ("a list of objects", _collection((list,), dict)),
    "check_health": ("a list of HealthFact", _collection((list,), HealthFact)),
}


class ProviderHandle:
    """A usable provider.

    Every method calls the hook of the same name, with other plugins' wrappers and guards around it, and raises what the
    hook may raise: a :class:`~chatport.errors.ChatportError` passes, anything else becomes ``ProviderCrashed``. A hook
    that the provider lacks raises ``UnsupportedFeature``, unless the method says otherwise.

    :param hooks: names of the hooks that the provider implements.
    :param caller: gives the caller of a hook that reaches this provider alone.
    :param time_limit: seconds that one call may take (in the main thread of a process).
    """

    def __init__(
        self,
        found: Found,
        info: ProviderInfo,
        hooks: frozenset[str],
        caller: Callable[[str], Callable[..., Any]],
        *,
        time_limit: float = HOOK_TIME_LIMIT,
    ) -> None:
        self.key = found.name
        self.distribution = found.distribution
        self.version = found.version
        self.info = info
        self.hooks = hooks
        self._caller = caller
        self._time_limit = time_limit

    def __repr__(self) -> str:
        return f"ProviderHandle({self.key!r}, {self.distribution} {self.version})"

    def implements(self, hook: str) -> bool:
        """Whether the provider has code of its own for a hook."""
        return hook in self.hooks

    # --- required -----------------------------------------------------------------------------------------------------

    def validate_config(self, channel: Channel) -> Connection:
        """Ask the service whether the configuration works."""
        answer: Connection = self._call("validate_config", channel=channel)
        return answer

    def send_message(self, channel: Channel, message: OutboundMessage) -> Sent:
        """Send one message.

        :raises OutcomeUnknown: also when the hook used up its time: the request may have left.
        """
        answer: Sent = self._call("send_message", channel=channel, message=message)
        return answer

    def media_url(self, channel: Channel, media: MediaRef, attempt: int = 0) -> MediaRequest:
        """Say how to fetch a file of an event."""
        answer: MediaRequest = self._call(
            "media_url", channel=channel, media=media, attempt=attempt
        )
        return answer

    def handle_event(self, channel: Channel, request: InboundRequest) -> list[AnyEvent]:
        """Turn a stored webhook request into events."""
        answer: list[AnyEvent] = self._call("handle_event", channel=channel, request=request)
        return answer

    # --- setting up ---------------------------------------------------------------------------------------------------

    def channel_addresses(self, channel: Channel) -> frozenset[str]:
        """Addresses by which items name this channel; none where the provider lacks the hook.

        Pure by contract, so it may run while a transaction is open.
        """
        if not self.implements("channel_addresses"):
            return frozenset()
        return frozenset(self._call_pure("channel_addresses", channel=channel))

    def provision(self, channel: Channel) -> Provisioned:
        """Prepare the service for this channel; nothing is done where the provider lacks the hook."""
        if not self.implements("provision"):
            return Provisioned()
        answer: Provisioned = self._call("provision", channel=channel)
        return answer

    def unprovision(self, channel: Channel) -> Provisioned:
        """Undo ``provision``; nothing is done where the provider lacks the hook."""
        if not self.implements("unprovision"):
            return Provisioned()
        answer: Provisioned = self._call("unprovision", channel=channel)
        return answer

    def authenticate_request(self, channel: Channel, request: InboundRequest) -> bool:
        """Whether a request is the service's own; ``False`` where the provider lacks the hook."""
        if not self.implements("authenticate_request"):
            return False
        return self._call("authenticate_request", channel=channel, request=request) is True

    # --- the WhatsApp login -------------------------------------------------------------------------------------------

    def start_pairing(self, channel: Channel, method: str, phone_number: str) -> PairingPrompt:
        """Begin, or go on with, linking a phone."""
        answer: PairingPrompt = self._optional(
            "start_pairing", channel=channel, method=method, phone_number=phone_number
        )
        return answer

    def connection_status(self, channel: Channel) -> Connection:
        """Whether messages can be sent now; asks ``validate_config`` where the provider lacks the hook."""
        if not self.implements("connection_status"):
            return self.validate_config(channel)
        answer: Connection = self._call("connection_status", channel=channel)
        return answer

    def logout(self, channel: Channel) -> Connection:
        """Unlink the phone."""
        answer: Connection = self._optional("logout", channel=channel)
        return answer

    def reconnect(self, channel: Channel) -> Connection:
        """Ask the service to connect its existing session again."""
        answer: Connection = self._optional("reconnect", channel=channel)
        return answer

    # --- conversations ------------------------------------------------------------------------------------------------

    def mark_read(
        self, channel: Channel, recipient: Recipient, messages: tuple[MessageRef, ...]
    ) -> bool:
        """Tell the customer that we read these messages."""
        answer: bool = self._optional(
            "mark_read", channel=channel, recipient=recipient, messages=messages
        )
        return answer

    def send_typing(
        self,
        channel: Channel,
        recipient: Recipient,
        state: str,
        last_message: MessageRef | None = None,
    ) -> bool:
        """Show the customer that an agent types."""
        answer: bool = self._optional(
            "send_typing",
            channel=channel,
            recipient=recipient,
            state=state,
            last_message=last_message,
        )
        return answer

    def group_info(self, channel: Channel, group: Identity) -> GroupInfo:
        """Name and members of a group."""
        answer: GroupInfo = self._optional("group_info", channel=channel, group=group)
        return answer

    def contact_info(self, channel: Channel, contact: tuple[Identity, ...]) -> ContactInfo:
        """Name and picture of a person."""
        answer: ContactInfo = self._optional("contact_info", channel=channel, contact=contact)
        return answer

    def fetch_history(
        self, channel: Channel, since: datetime, cursor: str | None = None
    ) -> HistoryPage:
        """A page of the service's own store since a moment."""
        answer: HistoryPage = self._optional(
            "fetch_history", channel=channel, since=since, cursor=cursor
        )
        return answer

    def find_sent(self, channel: Channel, lookup: SentLookup) -> tuple[Sent, ...]:
        """Look for a send of unknown outcome."""
        answer: tuple[Sent, ...] = self._optional("find_sent", channel=channel, lookup=lookup)
        return answer

    # --- templates, health --------------------------------------------------------------------------------------------

    def fetch_templates(self, channel: Channel) -> list[dict[str, object]]:
        """All message templates."""
        answer: list[dict[str, object]] = self._optional("fetch_templates", channel=channel)
        return answer

    def check_health(self, channel: Channel) -> list[HealthFact]:
        """Evidence about the channel at the service; none where the provider lacks the hook."""
        if not self.implements("check_health"):
            return []
        answer: list[HealthFact] = self._call("check_health", channel=channel)
        return answer

    # --- calling ------------------------------------------------------------------------------------------------------

    def _optional(self, hook: str, **arguments: Any) -> Any:
        if not self.implements(hook):
            raise UnsupportedFeature(
                f"{self.info.title} cannot do this ({hook.replace('_', ' ')}).",
                action="Use a provider that can, or do it at the service itself.",
                code=hook,
            )
        return self._call(hook, **arguments)

    def _call(self, hook: str, **arguments: Any) -> Any:
        forbid_in_transaction(f"the hook {hook} of {self.key}")
        return self._call_pure(hook, **arguments)

    def _call_pure(self, hook: str, **arguments: Any) -> Any:
        try:
            with time_limit(self._time_limit):
                answer = self._caller(hook)(**arguments)
        except ProviderError as error:
            self._hide_secrets(error, arguments.get("channel"))
            raise
        except ChatportError:
            raise
        except HookTimeout:
            self._timed_out(hook)
        except (Exception, SystemExit) as error:
            if is_job_timeout(error):
                raise
            logger.warning("hook %s of %s failed", hook, self.key, exc_info=True)
            raise self._crashed(hook, f"raised {type(error).__name__}") from error
        return self._judged(hook, answer)

    def _hide_secrets(self, error: ProviderError, channel: Channel | None) -> None:
        """Take the channel's secrets out of an error's words: some services repeat what they were sent, and errors are
        shown to people, stored and logged."""
        if channel is None:
            return
        for secret in secret_values(self.info.schema, channel.config):
            error.message = _hidden(error.message, secret)
            error.action = _hidden(error.action, secret)
            error.detail = _hidden(error.detail, secret)
            error.code = error.code and _hidden(error.code, secret)
        error.args = (error.message,)

    def _judged(self, hook: str, answer: Any) -> Any:
        if inspect.isawaitable(answer):
            if inspect.iscoroutine(answer):
                answer.close()
            raise self._crashed(hook, "answered an awaitable; hooks are synchronous")
        wanted, judge = _ANSWERS[hook]
        if answer is None:
            raise self._crashed(hook, f"answered None instead of {wanted}")
        if not _holds(judge, answer):
            raise self._crashed(hook, f"answered a {type(answer).__name__} that is not {wanted}")
        return answer

    def _timed_out(self, hook: str) -> NoReturn:
        words = f"did not end within {self._time_limit:g} seconds"
        logger.warning("hook %s of %s %s", hook, self.key, words)
        if hook == "send_message":
            raise OutcomeUnknown(
                f"{self.info.title} {words}; the message may or may not have been sent.",
                action="Look at the phone or wait for a tick before you send again.",
                code="hook_timeout",
            ) from None
        raise self._crashed(hook, words) from None

    def _crashed(self, hook: str, what: str) -> ProviderCrashed:
        return ProviderCrashed(
            f"{self.info.title}: the plugin's hook {hook} {what}.",
            action=f"Report it to the makers of {self.distribution} {self.version}; the log has the details.",
            code="plugin_error",
            detail=one_line(f"{hook} of {self.distribution} {self.version} {what}"),
        )


def is_job_timeout(error: BaseException) -> bool:
    """Whether an exception is the job queue's own time limit, which must reach the worker. It derives from
    ``Exception``, and plugins know no queue, so it is recognised by name."""
    return any(base.__name__ == "BaseTimeoutException" for base in type(error).__mro__)


#: The beginning of a secret gives it away from so many characters on.
_TELLING = 8


def _hidden(text: str, secret: str) -> str:
    """``text`` without the secret, nor its beginning where the text was cut off in the middle of it."""
    text = text.replace(secret, MASK)
    kept = text.rstrip(".… ")
    for length in range(min(len(secret), len(kept)) - 1, _TELLING - 1, -1):
        if kept.endswith(secret[:length]):
            return kept[:-length] + MASK
    return text
