/*
 * list: which chats the CRM has to be asked about: those that left the
 * ongoing ones, and all chats of a tenant whose newest snapshot is older than
 * [reaper] stale, for then nobody knows who left.
 */
#ifndef REAPER_LIST_H
#define REAPER_LIST_H

#include "common/db.h"
#include "common/endpoint.h"
#include "common/out.h"

#include <stdbool.h>
#include <stdint.h>

struct list {
	struct db *db;
	int64_t stale_ms;
	struct endpoint *out; /* chat records go there, or, when NULL, */
	enum out_format format;
	struct out_table table; /* here */
	uint64_t count;
	bool enough; /* nobody reads any more */
};

/* Errors are logged; the exit code is returned. */
enum exit_code list_run(struct list *l) __attribute__((warn_unused_result));

#endif
