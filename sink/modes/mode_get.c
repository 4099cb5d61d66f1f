/*
 * mode_get: sink --get: an answer of the API without a server, for cron, pipes
 * and tests. Whoever may read the database is an administrator here.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "sink/modes/modes.h"
#include "sink/resources/by_hand.h"

/* Takes the only tenant there is. */
static enum exit_code
find_tenant(struct db *db, struct viewer *v)
{
	struct db_rows *rows = NULL;
	enum exit_code code = PROG_OK;
	enum outcome o = db_connect(db);

	if (o == OUTCOME_DONE)
		o = db_query(db,
		    "SELECT tenant FROM tenants WHERE removed_at IS NULL "
		    "UNION SELECT tenant FROM tenant_metrics_all LIMIT 2",
		    NULL, 0, &rows);
	if (o != OUTCOME_DONE) {
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

static enum exit_code
explain_problem(const struct web_answer *a, const char *target)
{
	json_t *problem = json_loadb(a->body.data, a->body.len, 0, NULL);
	const char *detail =
	    json_string_value(json_object_get(problem, "detail"));

	log_error("%s: %s", target, detail != NULL ? detail : "no answer");
	json_decref(problem);
	switch (a->status) {
	case 400:
	case 406:
		return PROG_USAGE;
	case 404:
		return PROG_NOINPUT;
	case 503:
		return PROG_TEMPFAIL;
	default:
		return PROG_UNAVAILABLE;
	}
}

static enum exit_code
print_answer(struct sink *s, struct db **db)
{
	struct viewer v = { .role = VIEWER_ADMIN };
	struct web_answer a = { .status = 200 };
	enum exit_code code = PROG_OK;

	if (s->tenant != NULL)
		(void)snprintf(v.tenant, sizeof v.tenant, "%s", s->tenant);
	else
		code = find_tenant(*db, &v);
	if (code == PROG_OK) {
		by_hand_get(&v, *db,
		    conf_int(s->common.conf, "serve", "query_timeout"), s->get,
		    &a);
		if (a.status >= 400) {
			code = explain_problem(&a, s->get);
		} else {
			fwrite(a.body.data, 1, a.body.len, stdout);
			if (a.body.len > 0 &&
			    a.body.data[a.body.len - 1] != '\n')
				putchar('\n');
			code = prog_flush();
		}
	}
	buf_release(&a.body);
	buf_release(&a.headers);
	return code;
}

static const struct option_row rows[] = {
	OPTION_TEXT(0, "tenant", "NAME", struct sink, tenant,
	    "whose tables; needed when there are several"),
};

static int
check_get(void *options)
{
	return sink_check_tenant(options);
}

static enum exit_code
run_get(void *options)
{
	return sink_with_db(options, print_answer);
}

const struct option_mode sink_mode_get = {
	.choice = OPTION_TEXT(0, "get", "PATH", struct sink, get,
	    "print an answer of the API: --get /api/v1/now"),
	.about = "Prints an answer of the API, see messaging-api(7), without a "
		 "server.\nPATH is /api/v1/now, '/api/v1/chats.csv?limit=5' "
		 "and so on.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_get,
	.run = run_get,
};
