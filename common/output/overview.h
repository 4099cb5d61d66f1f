/*
 * overview: a team's table for people: the totals of a tenant, its operators,
 * and waiting customers. The aggregator shows rows that it has just computed,
 * and the sink shows those from the database; nothing is computed here. The
 * longest wait comes first, for operators and chats alike; with targets, the
 * chat that must be answered first.
 */
#ifndef COMMON_OUTPUT_OVERVIEW_H
#define COMMON_OUTPUT_OVERVIEW_H

#include "common/base/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No value: no customer is waiting, there is nothing to average, or the CRM
 * does not report it. */
#define OVERVIEW_NONE INT64_MIN

/* Times, waits and averages are in ms. Texts are owned. */
struct overview_operator {
	char *name; /* or the id if there is no name */
	int64_t available, open_chats, waiting_chats, longest_wait, responses,
	    average, median, p90, average_first;
};

struct overview_chat {
	int64_t wait;
	int64_t answer_by; /* OVERVIEW_NONE: it has no target */
	char *due;         /* the same in words, or NULL */
	char *chat;
	char *operator; /* name of the assigned operator, or NULL */
	char *customer, *channel, *tag;
};

struct overview {
	int64_t open_chats, unassigned_chats, waiting_chats, longest_wait,
	    responses, average, skewed;
	bool has_targets; /* waiting chats show when an answer is due */
	bool has_hours;   /* averages are not in the team's time */
	struct overview_operator *operators;
	size_t operators_n, operators_cap; /* private, like the next member */
	struct overview_chat *chats;
	size_t chats_n, chats_cap;
};

/* Start with a zeroed struct. Add an element, zeroed, for the caller to fill;
 * the pointer is valid until the next one is added. */
struct overview_operator *overview_add_operator(struct overview *o);
struct overview_chat *overview_add_chat(struct overview *o);

/* Appends "acme, as of 2026-11-20 11:00:00 CET"; text such as "; stale" may
 * follow. width: SIZE_MAX is unlimited. */
void overview_heading(const char *tenant, int64_t as_of, const char *text,
    size_t width, struct buf *to);

/* Appends to a heading since when past figures are complete, in local time:
 * "; complete since 14:15 today"; if no publisher states that (!stated),
 * appends the time of the first record instead. now: the current time. */
void overview_since(bool stated, int64_t since, int64_t now, struct buf *to);

/* Sorts and appends totals, operators and the first waiting chats. */
void overview_show(struct overview *o, size_t width, struct buf *to);

void overview_release(struct overview *o);

#endif
