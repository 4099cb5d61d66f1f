"""What the tests of assigning chats of a simulated CRM share."""

import datetime
import json

from harness import Checklist

GET, PUT = "GET /v1/dialogs/{id}", "PUT /v1/dialogs/{id}"
PAST = "2020-01-01T00:00:00Z"


class Assigning(Checklist):
    def __init__(self, lab, dialogs):
        super().__init__(lab)
        # Also while the clock runs, only the test does something.
        self.sim = lab.sim("--dialogs", dialogs, "--messages", 3, "--operators",
                           5, "--pace", 0)
        self.chats = sorted(self.sim.open_dialogs())
        self.operators = [o["id"] for o in self.sim.get("/operators")["data"]]
        self.a, self.b, self.c = self.operators[:3]
        self.d = self.chats[0]
        self.later = self.at(360000)

    def at(self, seconds):
        """A time on the CRM's clock."""
        now = datetime.datetime.fromisoformat(self.sim.stats()["now"][:19])
        return (now + datetime.timedelta(seconds=seconds)).isoformat() + "Z"

    def reservation(self, name, chat, operator, expires=None, **more):
        return json.dumps({
            "type": "assignment", "tenant": "acme", "id": name,
            "chat": str(chat), "operator": str(operator),
            "expires": expires or self.later, **more}) + "\n"

    def free(self, *chats):
        """Chats that no operator has; resets counters and faults."""
        for chat in chats:
            self.sim.control("act", do="transfer", dialog=chat)
        self.sim.fault()
        self.sim.control("reset-stats")

    def holder(self, chat):
        data = self.sim.get(f"/dialogs/{chat}")["data"]
        return (data[0] if isinstance(data, list) else data)["operator_id"]
