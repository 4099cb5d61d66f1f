/*
 * purge: a tenant is no customer any more; everything of it goes.
 */
#ifndef REAPER_PURGE_H
#define REAPER_PURGE_H

#include "common/db.h"
#include "common/strmap.h"
#include "reaper/archive.h"
#include "reaper/rows.h"

struct purge {
	struct db *db;
	struct archive *archive; /* NULL: none */
	const char *tenant;
	bool dry_run;

	/* The result: rows, table by table as in rules[]. */
	uint64_t *deleted;

	/* Private. */
	size_t rule;
	uint64_t affected;
	struct rows rows;
	struct buf why;
};

/* Marks the tenant as removed, so that no row on its way is stored any more,
 * then deletes its rows in small transactions; a run that was killed is simply
 * repeated. Errors are logged; PROG_NOINPUT when there is no such tenant. */
enum exit_code purge_run(struct purge *p) __attribute__((warn_unused_result));

void purge_release(struct purge *p);

#endif
