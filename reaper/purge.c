/*
 * purge: see modes.h.
 */
#include "reaper/modes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/fault.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/db/db.h"
#include "common/os/stop.h"
#include "reaper/rights/subject.h"
#include "reaper/rows/rules.h"

#define BATCH 1000
#define BATCH_TEXT "1000"

struct purge {
	struct db *db;
	const char *tenant;
	bool dry_run;
	size_t table; /* the current table */
	uint64_t affected;
	uint64_t *deleted; /* rows of each table, as in tables[] */
};

static enum outcome
lock_purged_tenant(struct purge *p, struct db_rows **found)
{
	const struct text tenant = { p->tenant, strlen(p->tenant) };
	struct db_value arg = db_str(p->tenant);
	enum outcome o = OUTCOME_DONE;

	*found = NULL;
	if (!p->dry_run)
		o = tenant_lock_alone(p->db, &tenant, 1);
	return o == OUTCOME_DONE ? db_query(p->db,
				       "SELECT as_of, stored_at FROM tenants "
				       "WHERE tenant = ?",
				       &arg, 1, found)
				 : o;
}

/* Sets affected to 1 if there is such a tenant. */
static enum outcome
mark_removed(struct db *db, void *ctx)
{
	struct purge *p = ctx;
	struct db_value args[2];
	struct db_rows *found;
	enum outcome o = lock_purged_tenant(p, &found);

	if (o != OUTCOME_DONE)
		return o;
	p->affected = db_next(found);
	if (p->affected && !p->dry_run) {
		/* Sinks refuse rows up to this time. */
		args[0] = db_time(
		    rule_crm_now(db_get_time(found, 0), db_get_time(found, 1)));
		args[1] = db_str(p->tenant);
		o = db_exec(db,
		    "UPDATE tenants SET removed_at = ?, pending_as_of = NULL, "
		    "pending_snapshot = NULL, pending_records = NULL "
		    "WHERE tenant = ?",
		    args, ARRAY_LEN(args), NULL);
	}
	db_rows_free(found);
	return o;
}

static enum outcome
delete_purged_rows(struct db *db, void *ctx)
{
	struct purge *p = ctx;
	struct db_value arg = db_str(p->tenant);
	struct buf sql = BUF_INIT;
	struct db_rows *found;
	enum outcome o = lock_purged_tenant(p, &found);

	if (o != OUTCOME_DONE)
		return o;
	db_rows_free(found);
	buf_addf(&sql, "DELETE FROM %s WHERE tenant = ? LIMIT " BATCH_TEXT,
	    tables[p->table].name);
	o = db_exec(db, buf_str(&sql), &arg, 1, &p->affected);
	if (o == OUTCOME_DONE && p->table == TABLE_forgotten)
		o = subject_notify_sinks(db, p->tenant, NULL);
	buf_release(&sql);
	/* Commit point: db_transaction() commits when this returns DONE. */
	return o;
}

static enum outcome
count_purged_rows(struct db *db, void *ctx)
{
	struct purge *p = ctx;
	struct db_value arg = db_str(p->tenant);
	struct buf sql = BUF_INIT;
	enum outcome o;

	buf_addf(&sql, "SELECT COUNT(*) FROM %s WHERE tenant = ?",
	    tables[p->table].name);
	o = db_query_count(db, buf_str(&sql), &arg, 1, &p->affected);
	buf_release(&sql);
	return o;
}

static enum exit_code
log_purge_failure(struct purge *p)
{
	log_error("%s", db_why(p->db));
	return db_code(p->db);
}

static enum exit_code
log_unfinished_purge(struct purge *p)
{
	log_error("the purge of '%s' was interrupted by a signal; "
		  "run it again",
	    p->tenant);
	return PROG_TEMPFAIL;
}

static enum exit_code
purge_tables(struct purge *p)
{
	enum outcome o = db_transaction(p->db, mark_removed, p, false);
	bool more;

	FAULT_POINT("reaper.purge_marked");
	if (o == OUTCOME_DONE && p->affected == 0) {
		log_error("the database has no tenant '%s'", p->tenant);
		return PROG_NOINPUT;
	}
	for (p->table = 0; p->table < TABLES_STORED && o == OUTCOME_DONE;
	     p->table++) {
		if (!rule_ends(&tables[p->table]))
			continue;
		do {
			o = db_transaction(p->db,
			    p->dry_run ? count_purged_rows : delete_purged_rows,
			    p, false);
			FAULT_POINT("reaper.purged");
			if (o == OUTCOME_DONE)
				p->deleted[p->table] += p->affected;
			more = o == OUTCOME_DONE && !p->dry_run &&
			       p->affected == BATCH;
			if (more && stop_asked())
				return log_unfinished_purge(p);
		} while (more);
	}
	return o == OUTCOME_DONE ? PROG_OK : log_purge_failure(p);
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
	for (i = 0; i < TABLES_STORED; i++) {
		if (!rule_ends(&tables[i]))
			continue;
		if (!p->dry_run)
			log_info("tenant_purged",
			    "tenant=%s table=%s rows=%" PRIu64, p->tenant,
			    tables[i].name, p->deleted[i]);
		counts_add(&counts, tables[i].name, &p->deleted[i]);
	}
	code = counts_print(&counts);
	counts_release(&counts);
	return code;
}

/* A tenant that is still polled would reappear within a minute. */
static bool
is_configured(const struct conf *conf, const char *tenant)
{
	size_t i;

	for (i = 0; i < conf_tenants(conf); i++)
		if (strcmp(conf_tenant(conf, i), tenant) == 0)
			return true;
	return false;
}

static enum exit_code
purge_tenant(const struct reaper *r)
{
	const char *tenant = r->purge;
	struct purge p = {
		.db = r->db, .tenant = tenant, .dry_run = r->dry_run
	};
	enum exit_code code;

	if (!r->force && !r->dry_run && is_configured(r->common.conf, tenant)) {
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
