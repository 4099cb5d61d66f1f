/*
 * crew: the operators of one tenant as they were last read: for the snapshot,
 * for the questions that are put about each of them, and for the profile,
 * which may know people by more than their ids.
 */
#ifndef POLLER_CREW_H
#define POLLER_CREW_H

#include "common/buf.h"
#include "poller/emit.h"
#include "poller/profile.h"
#include "poller/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct crew {
	size_t n;
	int64_t asked_ms; /* when the last page of them was asked for */

	/* Private: one after the other, each with its NUL. */
	struct buf bodies, ids;
	struct buf list; /* JSON, without its brackets */
};

void crew_release(struct crew *c);

/* One that was read; any other record is skipped. */
void crew_add(struct crew *c, const struct crm_record *r, int64_t asked_ms);

/* Keeps them, and takes them out again if they are younger than that. False:
 * they are to be asked for. */
void crew_keep(const struct crew *c, struct store *s);
bool crew_load(
    struct crew *c, struct store *s, int64_t now_ms, int64_t every_ms);

/* From now on they are asked for, however young they are. */
void crew_forget(struct store *s);

/* All of them, as records of a snapshot. */
void crew_emit(const struct crew *c, struct emit *e);

/* Tells the profile who they are. */
void crew_tell(const struct crew *c, struct profile *p);

/* The next id, borrowed, NULL behind the last. Start with NULL. */
const char *crew_next(const struct crew *c, const char *id);

#endif
