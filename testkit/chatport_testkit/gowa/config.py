"""Settings of the simulated service, as its operator would choose them. Plain record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .eras import Version
from .wire import DEFAULT_SECRET

Tick = Literal["auto", "manual"]


@dataclass(slots=True)
class Config:
    """What the service was started with. Sizes in bytes, times in seconds.

    Attributes:
        users: basic authentication; empty means an open service.
        webhook_urls: comma list as GoWA reads it, without trimming.
        webhook_events: names of events to post; empty means all.
        ignore_jids: JIDs, or ``@…`` suffixes, whose events are not posted.
        auto_download: whether received files are stored before their webhook is posted.
        media_extensions: extension by content type, where it should differ from the usual one.
        account_validation: whether recipients are looked up before a send.
        time_scale: factor on every waiting time below and of webhook delivery; 0.01 makes a test fast.
        rest_timeout: a request that WhatsApp has not answered by then gets a 504, whatever becomes of it (v8.1.0+).
        lookup_timeout: a recipient whose lookup hangs that long counts as unknown.
        tick_delays: seconds until the automatic ``delivered`` and ``read``.
        ack_first: post ``delivered`` before the send is answered.
        parallel: deliver each event on its own thread as GoWA does; otherwise one after the other.
    """

    version: Version
    users: dict[str, str] = field(default_factory=dict)
    base_path: str = ""
    webhook_urls: str = ""
    webhook_secret: str = DEFAULT_SECRET
    webhook_events: tuple[str, ...] = ()
    ignore_jids: tuple[str, ...] = ()
    insecure_skip_verify: bool = False
    auto_download: bool = True
    media_extensions: dict[str, str] = field(default_factory=dict)
    account_validation: bool = True
    time_scale: float = 1.0
    tick: Tick = "auto"
    tick_delays: tuple[float, float] = (0.05, 0.1)
    ack_first: bool = False
    parallel: bool = True
    max_image: int = 20_000_000
    max_file: int = 50_000_000
    max_video: int = 100_000_000
    max_body: int = 100_000_000
    #: a larger received file is not fetched
    max_download: int = 500_000_000
    rest_timeout: float = 45.0
    lookup_timeout: float = 10.0
