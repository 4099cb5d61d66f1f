/*
 * modes: see modes.h.
 */
#include "sink/modes/modes.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/records/record.h"
#include "sink/store/hours_versions.h"

/* Time limit for a statement: longer than any statement needs, even on the
 * largest table. */
#define STATEMENT_MS DAY_MS

/* Reads hours and targets; files of holidays that have disappeared are read
 * from the database. */
static bool
load_terms(struct sink *s, struct db *db)
{
	bool stored = db != NULL && !s->common.only_check;
	struct buf why = BUF_INIT;

	s->terms = terms_load(
	    s->common.conf, stored ? hours_versions_read_file : NULL, db, &why);
	if (s->terms == NULL)
		log_error("%s", buf_str(&why));
	buf_release(&why);
	return s->terms != NULL;
}

static enum exit_code
work_with_db(struct sink *s, bool any_schema, bool needs_terms,
    enum exit_code (*work)(struct sink *s, struct db **db))
{
	struct buf why = BUF_INIT;
	enum exit_code code;
	struct db *db = db_open(s->common.conf, &why, &code);

	if (db != NULL && !any_schema)
		db_check_schema(db);
	if (needs_terms && !load_terms(s, db))
		code = PROG_CONFIG;
	else if (db == NULL)
		log_error("%s", buf_str(&why));
	else
		code = s->common.only_check ? PROG_OK : work(s, &db);
	db_close(db);
	buf_release(&why);
	return code;
}

enum exit_code
sink_with_db(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db))
{
	return work_with_db(s, true, false, work);
}

enum exit_code
sink_with_terms(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db))
{
	return work_with_db(s, true, true, work);
}

enum exit_code
sink_with_schema(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db))
{
	return work_with_db(s, false, true, work);
}

void
sink_allow_long_statements(struct db *db)
{
	db_allow(db, STATEMENT_MS);
}

void
sink_answer_within(struct db *db, int64_t ms)
{
	db_limit(db, ms);
	db_allow(db, ms);
}

int
sink_read_tokens(struct jwt_conf *tokens, const struct conf *conf,
    enum exit_code *code, struct buf *why)
{
	if (jwt_conf_read(tokens, conf, "serve", code, why) != 0)
		return -1;
	if (tokens->rules.keys_n > 0)
		return 0;
	*code = PROG_CONFIG;
	buf_setf(why, "[serve] has no secret_key_file, which logins need; run "
		      "scripts/setup, or put the output of 'openssl rand -hex "
		      "32' into a private file and set secret_key_file to it");
	conf_add_source(conf, why);
	return -1;
}

int
sink_check_tenant(void *options)
{
	const struct sink *s = options;

	if (s->tenant == NULL || parse_is_name(s->tenant, RECORD_MAX_TENANT))
		return -1;
	return prog_usage_error(
	    "--tenant '%s' is not a valid tenant name", s->tenant);
}

/* Finds at most two tenants of that name, or of any (NULL). A misspelled name
 * has no rows; a tenant without recent data has one. */
static enum outcome
find_tenants(struct db *db, const char *name, struct db_rows **rows)
{
	const struct db_value arg = db_str(name);
	enum outcome o = db_connect(db);

	if (o != OUTCOME_DONE)
		return o;
	return db_query(db,
	    "SELECT tenant FROM (SELECT tenant FROM tenants "
	    "WHERE removed_at IS NULL UNION SELECT tenant FROM "
	    "tenant_metrics) t WHERE tenant = COALESCE(?, tenant) LIMIT 2",
	    &arg, 1, rows);
}

enum outcome
sink_look_for_tenant(struct db *db, const char *tenant, bool *there)
{
	struct db_rows *rows = NULL;
	enum outcome o = find_tenants(db, tenant, &rows);

	*there = o == OUTCOME_DONE && db_rows_count(rows) > 0;
	db_rows_free(rows);
	return o;
}

enum exit_code
sink_find_tenant(const struct sink *s, struct db *db)
{
	bool there = true;

	if (s->tenant != NULL &&
	    sink_look_for_tenant(db, s->tenant, &there) != OUTCOME_DONE) {
		log_error("%s", db_why(db));
		return db_code(db);
	}
	if (there)
		return PROG_OK;
	log_error("the database has no tenant '%s'", s->tenant);
	return PROG_NOINPUT;
}

/* Uses the only tenant. */
static enum exit_code
find_only_tenant(struct db *db, struct viewer *v)
{
	struct db_rows *rows = NULL;
	enum exit_code code = PROG_OK;

	if (find_tenants(db, NULL, &rows) != OUTCOME_DONE) {
		log_error("%s", db_why(db));
		return db_code(db);
	}
	if (db_rows_count(rows) == 1 && db_next(rows)) {
		(void)snprintf(
		    v->tenant, sizeof v->tenant, "%s", db_get(rows, 0));
	} else {
		log_error("%s; give --tenant",
		    db_rows_count(rows) == 0 ? "no tenant is stored yet"
					     : "several tenants are stored");
		code = PROG_USAGE;
	}
	db_rows_free(rows);
	return code;
}

enum exit_code
sink_find_viewer(const struct sink *s, struct db *db, struct viewer *v)
{
	*v = (struct viewer){
		.role = VIEWER_ADMIN, .conf = s->common.conf, .terms = s->terms
	};
	if (s->tenant == NULL)
		return find_only_tenant(db, v);
	(void)snprintf(v->tenant, sizeof v->tenant, "%s", s->tenant);
	return sink_find_tenant(s, db);
}
