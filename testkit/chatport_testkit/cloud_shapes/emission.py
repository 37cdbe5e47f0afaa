"""How changes become webhook posts: batches, destinations, delivery options. Part of the simulation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from .accounts import Number
from .delivery import Delivery, HeaderMaker
from .envelope import Change, number_value, pack
from .records import Undelivered
from .wire import meta_json

if TYPE_CHECKING:
    from .simulation import Simulation

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """Where a webhook goes, and what makes its headers."""

    url: str
    make_headers: HeaderMaker


@dataclass(slots=True)
class DeliveryOptions:
    """How every webhook is delivered until changed."""

    doubled: bool = False
    reordered: bool = False
    delay: float = 0.0
    reversed_contacts: bool = False
    shuffle_seed: int | None = None


class Emission:
    """Methods of the simulation that hand changes to the webhook sender."""

    def __init__(self) -> None:
        self.delivery = DeliveryOptions()
        self._collecting = threading.local()
        self._swap = False

    @property
    def _emitter(self) -> Simulation:
        return cast("Simulation", self)

    @property
    def deliveries(self) -> list[Delivery]:
        """Every webhook body with its attempts, oldest first."""
        return self._emitter.webhooks.log

    def emit_for_number(self, number: Number, field: str, content: JSON) -> None:
        """Emit a change that concerns one number."""
        value = number_value(number.display, number.id, content)
        self.emit(Change(number.waba_id, number.id, field, value))

    def emit(self, change: Change) -> None:
        """Queue a change for delivery, or collect it when a batch is open on this thread."""
        collected: list[Change] | None = getattr(self._collecting, "changes", None)
        if collected is not None:
            collected.append(change)
            return
        delay = self.delivery.delay
        if self.delivery.reordered:
            with self._emitter.lock:
                self._swap = not self._swap
            delay += 0.2 if self._swap else 0.0
        self._post([change], "changes", doubled=self.delivery.doubled, delay=delay)

    @contextmanager
    def batch(
        self,
        layout: str = "changes",
        *,
        doubled: bool = False,
        reordered: bool = False,
        delayed: float = 0.0,
        reversed_contacts: bool = False,
    ) -> Iterator[None]:
        """Collect what this thread emits inside into one POST for each destination.

        ``layout``: ``changes``, ``messages`` (joined into one value), ``entries``. ``reordered`` reverses the
        changes, ``doubled`` posts everything twice, ``delayed`` waits that many seconds.
        """
        if getattr(self._collecting, "changes", None) is not None:
            raise RuntimeError("A batch is already open on this thread.")
        self._collecting.changes = []
        try:
            yield
            changes: list[Change] = self._collecting.changes
        finally:
            self._collecting.changes = None
        if reordered:
            changes.reverse()
        if changes:
            self._post(
                changes,
                layout,
                doubled=doubled,
                delay=delayed,
                reversed_contacts=reversed_contacts,
            )

    def route(self, change: Change) -> Route | str:
        """Where a change goes, or the reason why it goes nowhere. Implemented by the simulators."""
        raise NotImplementedError

    def render(self, changes: list[Change], layout: str, *, reversed_contacts: bool) -> list[bytes]:
        """Bodies that carry ``changes``."""
        body = pack(
            changes,
            layout,
            reversed_contacts=reversed_contacts or self.delivery.reversed_contacts,
            shuffle_seed=self.delivery.shuffle_seed,
        )
        return [meta_json(body)]

    def _post(
        self,
        changes: list[Change],
        layout: str,
        *,
        doubled: bool,
        delay: float,
        reversed_contacts: bool = False,
    ) -> None:
        groups: dict[str, tuple[Route, list[Change]]] = {}
        for change in changes:
            route = self.route(change)
            if isinstance(route, str):
                with self._emitter.lock:
                    self._emitter.undelivered.append(Undelivered(change.field, change.value, route))
                continue
            groups.setdefault(route.url, (route, []))[1].append(change)
        for route, group in groups.values():
            for body in self.render(group, layout, reversed_contacts=reversed_contacts):
                self.deliver(route, body, group, doubled=doubled, delay=delay)

    def deliver(
        self, route: Route, body: bytes, changes: list[Change], *, doubled: bool, delay: float
    ) -> None:
        """Hand one body to the sender."""
        fields = tuple(change.field for change in changes)
        self._emitter.webhooks.send(
            route.url, body, route.make_headers, fields=fields, doubled=doubled, delay=delay
        )

    def replay(self, body: Mapping[str, Any] | bytes) -> None:
        """Deliver a finished body (an example file, say) to where messages of the first number go.

        Raises:
            RuntimeError: no webhook is set.
        """
        number = self._emitter.number_of()
        change = Change(number.waba_id, number.id, "messages", {})
        route = self.route(change)
        if isinstance(route, str):
            raise RuntimeError(f"Nothing can be delivered: {route}")
        raw = body if isinstance(body, bytes) else meta_json(body)
        self.deliver(route, raw, [change], doubled=False, delay=0.0)
