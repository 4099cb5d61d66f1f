/*
 * operators: the operators of one tenant as they were last read: for the
 * snapshot, for the questions that are put about each of them, and for the
 * profile, which may know people by more than their ids.
 */
#ifndef POLLER_POLL_OPERATORS_H
#define POLLER_POLL_OPERATORS_H

#include "common/base/buf.h"
#include "poller/poll/emit.h"
#include "poller/profile/profile.h"
#include "poller/store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct operators {
	size_t n;
	int64_t asked_ms; /* when the last page of them was asked for */

	/* Private: one after the other, each with its NUL. */
	struct buf bodies, ids;
	struct buf list; /* JSON, without its brackets */
};

void operators_release(struct operators *c);

/* One that was read; any other record is skipped. */
void operators_add(
    struct operators *c, const struct crm_record *r, int64_t asked_ms);

/* Keeps them, and takes them out again if they are younger than that. False:
 * they are to be asked for. */
void operators_keep(const struct operators *c, struct store *s);
bool operators_load(
    struct operators *c, struct store *s, int64_t now_ms, int64_t every_ms);

/* From now on they are asked for, however young they are. */
void operators_invalidate(struct store *s);

/* All of them, as records of a snapshot. */
void operators_emit(const struct operators *c, struct emit *e);

/* Tells the profile who they are. */
void operators_set_in_profile(const struct operators *c, struct profile *p);

/* The next id, borrowed, NULL behind the last. Start with NULL. */
const char *operators_next(const struct operators *c, const char *id);

#endif
