/*
 * purge: see modes.h.
 */
#include "reaper/modes.h"

#include <stdlib.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "reaper/rights/subject.h"
#include "reaper/rows/rows.h"

struct purge {
	struct db *db;
	const char *tenant;
	bool dry_run;
	bool known;        /* the database has the tenant */
	uint64_t *deleted; /* rows of each table, as in tables[] */
};

/* From now on, sinks refuse rows up to the time in removed_at. */
static enum outcome
mark_removed(struct db *db, void *ctx)
{
	struct purge *p = ctx;
	struct tenant_row row;
	struct db_value args[2];
	enum outcome o = OUTCOME_DONE;

	if (!p->dry_run)
		o = tenant_row_lock(db, p->tenant);
	if (o == OUTCOME_DONE)
		o = tenant_row_read(db, p->tenant, &row);
	if (o != OUTCOME_DONE)
		return o;
	p->known = row.known;
	if (!row.known || p->dry_run)
		return OUTCOME_DONE;
	args[0] = db_time(row.crm_now);
	args[1] = db_str(p->tenant);
	return db_exec(db,
	    "UPDATE tenants SET removed_at = ?, pending_as_of = NULL, "
	    "pending_snapshot = NULL, pending_records = NULL "
	    "WHERE tenant = ?",
	    args, ARRAY_LEN(args), NULL);
}

static enum outcome
tell_sinks(struct db *db, void *ctx)
{
	const struct purge *p = ctx;

	return subject_notify_sinks(db, p->tenant, NULL);
}

static enum outcome
delete_all_rows(struct purge *p)
{
	struct row_condition theirs = {
		.values = { db_str(p->tenant) }, .n = 1, .alone = p->tenant
	};
	enum outcome o = OUTCOME_DONE;
	size_t i;

	buf_adds(&theirs.sql, "tenant = ?");
	for (i = 0; i < TABLES_STORED && o == OUTCOME_DONE; i++)
		if (rows_end(&tables[i]))
			o = row_delete(p->db, &tables[i], &theirs, p->dry_run,
			    &p->deleted[i]);
	buf_release(&theirs.sql);
	/* Entries of erased customers were deleted, too. */
	if (o == OUTCOME_DONE && !p->dry_run)
		o = db_transaction(p->db, tell_sinks, p, false);
	return o;
}

static enum exit_code
purge_tables(struct purge *p)
{
	enum outcome o = db_transaction(p->db, mark_removed, p, false);

	FAULT_POINT("reaper.purge_marked");
	if (o == OUTCOME_DONE && !p->known) {
		log_error("the database has no tenant '%s'", p->tenant);
		return PROG_NOINPUT;
	}
	if (o == OUTCOME_DONE)
		o = delete_all_rows(p);
	return o == OUTCOME_DONE ? PROG_OK : reaper_log_failure(p->db, o);
}

static enum exit_code
show_purged_rows(const struct reaper *r, const struct purge *p)
{
	static const struct output_column columns[] = {
		{ "table", OUTPUT_TEXT }, { "rows", OUTPUT_NUMBER }
	};
	struct counts counts;
	enum exit_code code;
	size_t i;

	counts_init(
	    &counts, r, "purged", p->tenant, columns, ARRAY_LEN(columns));
	for (i = 0; i < TABLES_STORED; i++)
		if (rows_end(&tables[i]))
			counts_add(&counts, tables[i].name, &p->deleted[i]);
	code = counts_print(&counts);
	counts_release(&counts);
	return code;
}

static enum exit_code
purge_tenant(const struct reaper *r)
{
	const char *tenant = r->purge;
	struct purge p = {
		.db = r->db, .tenant = tenant, .dry_run = r->dry_run
	};
	enum exit_code code;

	/* A tenant that is still polled would reappear within a minute. */
	if (!r->force && !r->dry_run &&
	    conf_has_tenant(r->common.conf, tenant)) {
		log_error(
		    "tenant '%s' is still configured, so the next poll would "
		    "bring it back; remove it first, or use --force",
		    tenant);
		return PROG_CONFIG;
	}
	p.deleted = xcalloc(TABLES_STORED, sizeof *p.deleted);
	code = purge_tables(&p);
	if (code == PROG_OK)
		code = show_purged_rows(r, &p);
	free(p.deleted);
	return code;
}

static int
check_purge(void *options)
{
	const struct reaper *r = options;

	return reaper_check_tenant("purge", r->purge);
}

static enum exit_code
run_purge(void *options)
{
	return reaper_with_db(options, purge_tenant);
}

static const struct option_row rows[] = {
	OPTION_FORMAT(struct reaper, format),
	REAPER_DRY_RUN,
	OPTION_FLAG("force", struct reaper, force,
	    "purge even if the tenant is configured"),
};

const struct option_mode reaper_mode_purge = {
	.choice = OPTION_TEXT(0, "purge", "TENANT", struct reaper, purge,
	    "delete all data of a removed tenant"),
	.about = "Deletes all data of TENANT, which was removed from the "
		 "configuration.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_purge,
	.run = run_purge,
};
