"""amqp_doors: proxies to the broker that examine the frames passing through
them."""

import threading
import time

from harness import Door

METHOD = 1
ACK = bytes([0, 60, 0, 80])
NACK = bytes([0, 60, 0, 120])


class Frames(Door):
    """Passes whole frames. `see` may drop one (an OSError breaks the
    connection)."""

    def pieces(self, source, upward):
        stream = source.makefile("rb")
        if upward:
            yield stream.read(8) # the protocol header
        while head := stream.read(7):
            frame = head + stream.read(int.from_bytes(head[3:], "big") + 1)
            yield from self.see(frame, source, upward)

    def see(self, frame, source, upward):
        yield frame


class Acks(Frames):
    """Drops the acknowledgement number `at` of a connection. With `cut`, that
    connection breaks, once. Otherwise nothing from that reader passes any more,
    as if it had died before its acknowledgement, or `after` it. `reached` is
    set when this happens."""

    def __init__(self, url):
        super().__init__(url)
        self.at, self.cut_there, self.after = 1, False, False
        self.reached, self.seen = threading.Event(), {}

    def see(self, frame, source, upward):
        if upward and frame[0] == METHOD and frame[7:11] == ACK:
            n = self.seen[source] = self.seen.get(source, 0) + 1
            if n == self.at and not self.reached.is_set():
                if self.after:
                    yield frame
                self.reached.set()
                while not self.cut_there and source.recv(65536):
                    pass
                raise OSError
        yield frame


class Confirms(Frames):
    """Drops the first `lost` confirms of the broker, and turns the next `nacks`
    into refusals. None passes before `free` is set."""

    def __init__(self, url):
        super().__init__(url)
        self.lost, self.nacks, self.free = 0, 0, threading.Event()

    def see(self, frame, source, upward):
        if not upward and frame[0] == METHOD and frame[7:11] == ACK:
            self.free.wait()
            if self.lost > 0:
                self.lost -= 1
                return
            if self.nacks > 0:
                self.nacks -= 1
                frame = frame[:7] + NACK + frame[11:]
        yield frame


class Slow(Frames):
    """Once `slow` is set, each method from the broker takes two seconds, as
    with a busy broker."""

    def __init__(self, url):
        super().__init__(url)
        self.slow = threading.Event()

    def see(self, frame, source, upward):
        if not upward and frame[0] == METHOD and self.slow.is_set():
            time.sleep(2)
        yield frame
