/*
 * mode_get: sink --get: an answer of the API without a server, for cron, pipes
 * and tests. Whoever may read the database is an administrator here.
 */
#include <stdio.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "sink/modes/modes.h"
#include "sink/resources/by_hand.h"

static enum exit_code
print_answer(struct sink *s, struct db **db)
{
	int64_t timeout_ms = conf_int(s->common.conf, "serve", "query_timeout");
	struct viewer v;
	struct web_answer a = { .status = 200 };
	enum exit_code code;

	db_allow(*db, timeout_ms);
	code = sink_find_viewer(s, *db, &v);
	if (code == PROG_OK) {
		by_hand_get(&v, *db, timeout_ms, s->get, &a);
		if (a.status >= 400) {
			code = by_hand_explain(&a, *db, s->get);
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
	return sink_with_schema(options, print_answer);
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
