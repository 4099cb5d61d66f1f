"""longest_monologue: the most messages in a row by one side of a chat."""

import itertools

import counts
from clocks import id_key

KEY = ("conversation_id",)
ZERO_IF_RETRACTED = ("messages",)


def rows(messages, newest, conf):
    for chat, own in counts.groups(messages, lambda m: m["chat"]):
        own = counts.remembered(own, conf["forget"])
        own.sort(key=lambda m: (m["at"], id_key(m["id"])))
        yield {
            "conversation_id": chat, "last_message_at": own[-1]["at"],
            "messages": max(
                len(list(run)) for _, run in itertools.groupby(
                    own, lambda m: m["from"] == "customer"))}
