"""events: what the original's generator publishes for the event counter: the
same routing keys, bodies and properties, and the expected counts; and what it
lacks: duplicates, garbage, a rate.
"""

import json
import os
import random
import subprocess
import threading
import time
import uuid
from collections import defaultdict

from harness import PUBLISHER, framed

TYPES = ("created", "updated", "deleted")
# Routing keys and bodies; without a key, past the exchange.
GARBAGE = (
    (b"user_a.event.created", b"no JSON"), (b"user_a.event.created", b""),
    (b"user_a.event.created", b'{"id":"cut'),
    (b"user_a.event.updated", b'["id"]'),
    (b"user_a.event.updated", b'{"id":17}'),
    (b"user_a.event.deleted", b'{"id":"\xff"}'),
    (b"user_a.event.deleted", b'{"id":"a"}{}'),
    (b"user_a.event.renamed", b'{"id":"r"}'),
    (b"user_a.event.", b'{"id":"s"}'), (b".event.created", b'{"id":"t"}'),
    (b"\xff.event.created", b'{"id":"u"}'), (b"user_a.event.created", b"{}"),
    (b"user_a.event.created", b'{"id":""}'),
    (b"user_a.event.created", b'{"id":null}'),
    (None, b'{"id":"past the exchange"}'))


class Events:
    """N messages of a number of USERS. So many percent are sent AGAIN later, by
    whomever and of whatever type, or are GARBAGE."""

    def __init__(self, seed=1, n=20, users=5, again=0, garbage=0):
        self.dice, self.users = random.Random(seed), users
        self.counts = {kind: defaultdict(int) for kind in TYPES}
        self.duplicates = self.garbage = 0
        ids, self.messages = [], []
        for _ in range(n):
            if self.dice.randrange(100) < garbage:
                self.messages.append(GARBAGE[self.garbage % len(GARBAGE)])
                self.garbage += 1
            elif ids and self.dice.randrange(100) < again:
                self._event(self.dice.choice(ids[-1000:]), garbage)
                self.duplicates += 1
            else:
                ids.append(str(uuid.UUID(int=self.dice.getrandbits(128),
                                         version=4)))
                kind, user = self._event(ids[-1], garbage)
                self.counts[kind][user] += 1
        self.new = len(ids)

    def _event(self, name, garbage):
        user = self.dice.randrange(self.users)
        user = f"user_{user if self.users > 26 else chr(ord('a') + user)}"
        kind = self.dice.choice(TYPES)
        # JSON may have any layout.
        body = f'{{\n  "id": "{name}"\n}}\n' \
            if garbage and self.dice.random() < 0.05 else f'{{"id":"{name}"}}'
        self.messages.append((f"{user}.event.{kind}".encode(), body.encode()))
        return kind, user

    def expect(self, folder):
        """Writes the expected files."""
        os.makedirs(folder, exist_ok=True)
        for kind, users in self.counts.items():
            if users:
                with open(f"{folder}/{kind}.json", "w", encoding="ascii") as f:
                    json.dump(users, f)

    def _sent_to(self, exchange, queue):
        """Exchange, routing key and body of each message."""
        for key, body in self.messages:
            yield ("", queue, body) if key is None else (exchange, key, body)

    def publish(self, lab, exchange, queue):
        lab.publish(self._sent_to(exchange, queue), 500)
        return self

    def trickle(self, lab, exchange, queue, rate):
        """Returns the process that publishes that many a second."""
        p = lab.start([PUBLISHER, "500"], stdin=subprocess.PIPE)

        def feed():
            began = time.monotonic()
            for n, message in enumerate(self._sent_to(exchange, queue)):
                time.sleep(max(0, began + n / rate - time.monotonic()))
                p.stdin.write(framed(message))
                p.stdin.flush()
            p.stdin.close()

        threading.Thread(target=feed, daemon=True).start()
        return p
