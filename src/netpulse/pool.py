"""What is kept per device between commands: its transport, its session slots, its breaker.

Keyed by the device's key, so all of it survives a reload of the configuration; only a device whose way of being reached
changed gets a new transport.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Literal

from netpulse.errors import Busy, Fault, NetPulseError
from netpulse.inventory import BirdSocket, Device, Recording, Ssh
from netpulse.transports.local_user import have_a_name
from netpulse.transports.seam import Running, Transport

Clock = Callable[[], float]
DeviceState = Literal["up", "busy", "down"]

_BREAK_AFTER = 3
_PROBE_EVERY_S = 15.0
_PROBE_HERE_S = 1.0  # a socket of this host costs nothing to try
_LOGIN_HOLD_S = 60.0
_OPEN_AT_ONCE = frozenset({"router_login", "router_identity"})
_LONGEST_HINT_S = 60
_FULL = "All sessions of this router are taken and its queue is full; try again after the time given."
_LONGEST_COMMAND_S = 60.0
_REACH_CODES = frozenset({"router_unreachable", "router_identity", "router_login", "router_timeout", "router_garbled"})


class Lease:
    """One session of a device, taken. Release it once the command's end is known at the device."""

    def __init__(self, slots: Slots, keyed: bool) -> None:
        self._slots: Slots | None = slots
        self._keyed = keyed

    def release(self) -> None:
        if self._slots is not None:
            slots, self._slots = self._slots, None
            slots.give_back(self._keyed)


@dataclass(eq=False, slots=True)
class _Waiter:
    keyed: bool
    turn: asyncio.Future[None]
    moved: Callable[[int], None]
    place: int = 0


class Slots:
    """At most `most` commands at once, `reserved` of them only for callers with a key, and a short queue.

    Who finds the queue full, or waits longer than `wait_s`, gets Busy(`router_busy`) with an estimate of when to come back:
    how long commands took lately, for all who were told to come back before, so that they return one after another. Told
    in whole seconds they come in bunches, so no second is given to more of them than the queue has places.
    """

    def __init__(self, most: int, reserved: int, places: int, wait_s: float, clock: Clock) -> None:
        self._clock = clock
        self._taken = 0
        self._taken_open = 0  # by callers without a key
        self._queue: deque[_Waiter] = deque()
        self._usual_s = 2.0
        self._next_return = 0.0
        self.configure(most, reserved, places, wait_s)

    def configure(self, most: int, reserved: int, places: int, wait_s: float) -> None:
        self._most = most
        self._open = max(1, most - reserved) if most > 1 else most
        self._places = places
        self._wait_s = wait_s
        self._advance()

    @property
    def taken(self) -> int:
        return self._taken

    @property
    def waiting(self) -> int:
        return len(self._queue)

    @property
    def all_taken(self) -> bool:
        return self._taken >= self._most

    def usual_wait_s(self, place: int) -> float:
        """How long who is at this place of the queue waits, if commands take as long as lately."""
        return place * self._usual_s / self._most

    def took(self, seconds: float) -> None:
        """Tell how long a command held its session; the estimate follows slowly."""
        self._usual_s += 0.2 * (seconds - self._usual_s)

    def take_spare(self, keyed: bool) -> Lease:
        """A session that nobody will miss: one of at least two that are free, with nobody waiting; else Busy."""
        if self._queue or not self._fits(keyed) or self._most - self._taken < 2:
            raise Busy("router_busy", "The router has no session to spare.", retry_after_s=1)
        self._count(keyed, 1)
        return Lease(self, keyed)

    def check_room(self, keyed: bool, coming: int) -> None:
        """Busy if those who are coming already will take every free session and every place in the queue."""
        free = min(self._most - self._taken, self._most if keyed else self._open - self._taken_open)
        if len(self._queue) + coming >= self._places + max(0, free):
            raise self._busy(coming=coming)

    async def take(self, keyed: bool, moved: Callable[[int], None]) -> Lease:
        """A session, at once or in turn; `moved` hears the place in the queue, from 1, whenever it changes."""
        if not self._queue_matters(keyed) and self._fits(keyed):
            self._count(keyed, 1)
            return Lease(self, keyed)
        if len(self._queue) >= self._places:
            raise self._busy()
        waiter = _Waiter(keyed, asyncio.get_running_loop().create_future(), moved)
        self._queue.append(waiter)
        self._tell_places()
        try:
            async with asyncio.timeout(self._wait_s):
                await waiter.turn
        except TimeoutError:
            if not waiter.turn.cancelled() and waiter.turn.done():
                return Lease(self, keyed)
            self._leave(waiter)
            raise self._busy("No session of this router became free in time; try again after the time given.") from None
        except asyncio.CancelledError:
            if waiter.turn.done() and not waiter.turn.cancelled():
                self.give_back(keyed)
            else:
                self._leave(waiter)
            raise
        return Lease(self, keyed)

    def give_back(self, keyed: bool) -> None:
        self._count(keyed, -1)
        self._advance()

    def _count(self, keyed: bool, step: int) -> None:
        self._taken += step
        if not keyed:
            self._taken_open += step

    def _fits(self, keyed: bool) -> bool:
        return self._taken < self._most and (keyed or self._taken_open < self._open)

    def _queue_matters(self, keyed: bool) -> bool:
        """Whether somebody waits who would have to be passed."""
        return any(keyed <= waiter.keyed for waiter in self._queue)

    def _leave(self, waiter: _Waiter) -> None:
        if waiter in self._queue:  # it may have been passed over already, as one that is gone
            self._queue.remove(waiter)
        self._tell_places()

    def _advance(self) -> None:
        for waiter in list(self._queue):
            if waiter.turn.done():
                self._queue.remove(waiter)
            elif self._fits(waiter.keyed):
                self._queue.remove(waiter)
                self._count(waiter.keyed, 1)
                waiter.turn.set_result(None)
        self._tell_places()

    def _tell_places(self) -> None:
        for place, waiter in enumerate(self._queue, 1):
            if waiter.place != place:
                waiter.place = place
                waiter.moved(place)

    def _busy(self, sentence: str = _FULL, coming: int = 0) -> Busy:
        now = self._clock()
        pace_s = max(1 / max(1, self._places), self._usual_s / self._most)
        soonest = now + (len(self._queue) + coming + 1) * pace_s
        self._next_return = min(max(self._next_return + pace_s, soonest), now + _LONGEST_HINT_S)
        return Busy("router_busy", sentence, retry_after_s=min(_LONGEST_HINT_S, ceil(self._next_return - now)))


class Breaker:
    """Keeps a device that cannot be reached from being tried for every question.

    After 3 failures in a row it answers at once with the last fault; every `probe_s` one question goes through to see. A
    refused login is tried at most once a minute, so that no account gets locked. Who shows another host key than the
    pinned one is not tried again before `look_again`: somebody has to look at it.
    """

    def __init__(self, clock: Clock, probe_s: float = _PROBE_EVERY_S) -> None:
        self._clock = clock
        self._probe_s = probe_s
        self._failures = 0
        self._next_try = 0.0
        self._last: Fault | None = None
        self.reached_at: float | None = None

    @property
    def open(self) -> bool:
        return self._failures >= _BREAK_AFTER or (self._last is not None and self._last.code in _OPEN_AT_ONCE)

    def check(self, *, attempt: bool) -> None:
        """Raises the last fault while the breaker is open; an attempt passes when it is time to look again."""
        if not self.open or self._last is None:
            return
        now = self._clock()
        if now < self._next_try:
            raise Fault(self._last.code, self._last.sentence, detail="breaker open: " + self._last.detail)
        if attempt:
            self._next_try = now + self._hold_s(self._last)

    def reached(self) -> None:
        self._failures, self._last, self.reached_at = 0, None, self._clock()

    def failed(self, fault: Fault) -> None:
        """One attempt failed. Callers that shared it bring the same fault, which counts once."""
        if fault is self._last:
            return
        self._failures += 1
        self._last = fault
        self._next_try = self._clock() + self._hold_s(fault)

    def look_again(self) -> None:
        """The operator has changed something: who showed another host key may be tried again."""
        if self._last is not None and self._last.code == "router_identity":
            self._failures, self._last = 0, None

    def _hold_s(self, fault: Fault) -> float:
        if fault.code == "router_identity":
            return inf
        return _LOGIN_HOLD_S if fault.code == "router_login" else self._probe_s


@dataclass(slots=True)
class Post:
    """One device as the service holds it."""

    device: Device
    transport: Transport
    slots: Slots
    breaker: Breaker
    behind: list[Transport] = field(default_factory=list)

    @property
    def state(self) -> DeviceState:
        if self.breaker.open:
            return "down"
        return "busy" if self.slots.all_taken else "up"

    async def start(self, command: str) -> Running:
        """Start the command unless the breaker says no; what happens is told to the breaker."""
        self.breaker.check(attempt=True)
        try:
            running = await self.transport.start(command)
        except NetPulseError as error:
            if isinstance(error, Fault) and error.code in _REACH_CODES:
                self.breaker.failed(error)
            else:
                self.breaker.reached()  # it said no, so it is there
            raise
        self.breaker.reached()
        return running

    async def close(self) -> None:
        for transport in (self.transport, *self.behind):
            await transport.close()


MakeTransport = Callable[[Device, float], tuple[Transport, list[Transport]]]


def make_transport(device: Device, login_s: float) -> tuple[Transport, list[Transport]]:
    """The transport for how this device is reached, and those it stands on; imported when first made. Connects to nothing."""
    reach = device.reach
    have_a_name()
    if isinstance(reach, Ssh):
        from netpulse.transports.ssh import SshTransport

        return SshTransport(reach, login_s=login_s), []
    if isinstance(reach, BirdSocket):
        from netpulse.transports.bird_socket import BirdTransport, local_socket

        if reach.ssh is None:
            return BirdTransport(local_socket(reach.path), login_s=login_s), []
        from netpulse.transports.ssh import SshTransport, forwarded_socket

        ssh = SshTransport(reach.ssh, login_s=login_s)
        return BirdTransport(forwarded_socket(ssh, reach.path), login_s=login_s), [ssh]
    if isinstance(reach, Recording):
        from netpulse.transports.recording import RecordingTransport

        return RecordingTransport(reach.path, device.key), []
    from netpulse.transports.this_host import ThisHostTransport

    return ThisHostTransport(), []


def import_transports(devices: Iterable[Device]) -> None:
    """Import what reaching these devices needs; what has been imported already costs nothing."""
    for device in devices:
        make_transport(device, 0.0)


class Pool:
    """Every device that was asked so far, by key."""

    def __init__(
        self,
        *,
        queue_places: int,
        queue_wait_s: float,
        login_s: float,
        clock: Clock,
        make: MakeTransport = make_transport,
    ) -> None:
        self._queue_places = queue_places
        self._queue_wait_s = queue_wait_s
        self._login_s = login_s
        self._clock = clock
        self._make = make
        self._posts: dict[str, Post] = {}
        self._retired: list[Post] = []
        self._closing: set[asyncio.Task[None]] = set()

    def post(self, device: Device) -> Post:
        """The post of the device with this key, made when it is first asked."""
        post = self._posts.get(device.key)
        if post is None:
            post = self._posts[device.key] = self._made(device, None)
        return post

    def adopt(self, devices: Mapping[str, Device]) -> None:
        """Hold these devices from now on: gone ones are let go, those reached in another way get a new transport."""
        for key, post in list(self._posts.items()):
            device = devices.get(key)
            if device is None:
                del self._posts[key]
                self._close_later(post)
                continue
            post.slots.configure(device.max_sessions, device.reserved_sessions, self._queue_places, self._queue_wait_s)
            if post.device.reach != device.reach:
                self._posts[key] = self._made(device, post.slots)
                self._close_later(post)
            else:
                post.breaker.look_again()
            post.device = device

    def _made(self, device: Device, slots: Slots | None) -> Post:
        transport, behind = self._make(device, self._login_s)
        slots = slots or Slots(
            device.max_sessions, device.reserved_sessions, self._queue_places, self._queue_wait_s, self._clock
        )
        here = isinstance(device.reach, BirdSocket) and device.reach.ssh is None
        breaker = Breaker(self._clock, _PROBE_HERE_S if here else _PROBE_EVERY_S)
        return Post(device, transport, slots, breaker, behind)

    def state(self, device: Device) -> DeviceState:
        """Our own access to the device; one that was never asked counts as up."""
        post = self._posts.get(device.key)
        return "up" if post is None else post.state

    def answered_s_ago(self, device: Device) -> float | None:
        """Seconds since the device last took a command or refused it; None if it never did."""
        post = self._posts.get(device.key)
        reached_at = post.breaker.reached_at if post else None
        return None if reached_at is None else self._clock() - reached_at

    def posts(self) -> list[Post]:
        return list(self._posts.values())

    def configure(self, *, queue_places: int, queue_wait_s: float, login_s: float) -> None:
        self._queue_places = queue_places
        self._queue_wait_s = queue_wait_s
        self._login_s = login_s

    def _close_later(self, post: Post) -> None:
        """New commands go to the new transport; what runs on the old one may end as it began."""
        self._retired.append(post)

        async def close() -> None:
            await asyncio.sleep(_LONGEST_COMMAND_S)
            self._retired.remove(post)
            await post.close()

        task = asyncio.create_task(close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        for task in list(self._closing):
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        for post in (*self._posts.values(), *self._retired):
            await post.close()
        self._posts.clear()
        self._retired.clear()
