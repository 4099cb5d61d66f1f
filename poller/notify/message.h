/*
 * message: what a receiver gets: one or more notices of one rule and scope, in
 * one message.
 */
#ifndef POLLER_NOTIFY_MESSAGE_H
#define POLLER_NOTIFY_MESSAGE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"
#include "common/records/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A notice that was read. Owned texts, NULL if absent; times are CLOCK_NONE. */
struct notice {
	char *id, *tenant, *rule, *kind, *scope, *chat, *channel;
	int64_t begin, fired, over;
	int64_t value, target;
};

void notice_read(struct notice *n, const struct record *r);
void notice_release(struct notice *n);

/* Two notices can be in one message only if this returns true. */
bool notice_belongs(const struct notice *a, const struct notice *b);

/* The longest id, with NUL. */
#define MESSAGE_ID 33

/* Release it. */
struct message {
	char id[MESSAGE_ID]; /* follows from the notices */
	struct buf text;     /* for people: a line, then one for each chat */
	struct buf json;     /* the input of a format */
};

/* n is at least 1; the notices belong together. recipient may be NULL. */
void message_make(struct message *m, const struct conf *c,
    const struct notice *const *notices, size_t n, const char *recipient);
void message_release(struct message *m);

#endif
