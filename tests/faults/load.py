"""Traffic in the background: customers write, edit and react, agents answer.

Owns: threads and pace. Must not know: faults, checks.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from .world import World


@contextmanager
def traffic(
    world: World, *, customers: int = 4, per_second: float = 20.0, agents: int = 2
) -> Iterator[None]:
    """Keep customers and agents busy for as long as the block runs; afterwards both have come to an end.

    :param per_second: messages of customers.
    :param agents: how many answer at once, each twice a second at most.
    """
    phones = [world.new_phone() for _ in range(customers)]
    for phone in phones:
        world.open_chat(phone)
    stop = threading.Event()
    threads = [
        threading.Thread(
            target=_customers, args=(world, phones, per_second, stop, world.rng.random())
        )
    ]
    threads += [
        threading.Thread(target=_agent, args=(world, phones, stop, world.rng.random()))
        for _ in range(agents)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)


def _customers(
    world: World, phones: list[str], per_second: float, stop: threading.Event, seed: float
) -> None:
    rng = random.Random(seed)
    written: list[str] = []
    while not stop.wait(rng.expovariate(per_second)):
        dice = rng.random()
        if written and dice < 0.05:
            world.react(rng.choice(written[-20:]), rng.choice("👍🎉❤"))
        elif written and dice < 0.1:
            # Each message once: two changes within one second have no order that a service could tell.
            changed = written.pop(rng.randrange(len(written)))
            world.edit(changed, f"{world.ledger.incoming[changed].text} edited")
        else:
            written.append(world.write(rng.choice(phones)))


def _agent(world: World, phones: list[str], stop: threading.Event, seed: float) -> None:
    rng = random.Random(seed)
    while not stop.is_set():
        world.say(rng.choice(phones))
        time.sleep(rng.uniform(0.2, 0.8))
