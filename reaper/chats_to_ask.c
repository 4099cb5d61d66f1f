/*
 * chats_to_ask: see modes.h. Chats are read a page at a time by key: the
 * list may be long and its reader slow.
 */
#include "reaper/modes.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/text/jsonw.h"

#define PAGE 1000
#define PAGE_TEXT "1000"

/* While the server is away a run can fail early: the next run of scripts/reap
 * asks for the same chats. */
#define WAIT_MS 3000

static const struct option_row rows[] = {
	OPTION_FORMAT(struct reaper, format),
	OPTION_TAKE('t', "to", "TO", struct reaper, to, endpoint_take_to,
	    "where records go: -, a file, queue:NAME, exchange:NAME"),
};

struct chat_list {
	struct db *db;
	int64_t stale_ms;     /* 0: as tenants.stale_at says */
	struct endpoint *out; /* for chat records; NULL: use table */
	struct output_table table;
	uint64_t count;
	bool reader_gone; /* the reader closed the pipe */
};

/* A query, repeated while the server is away. */
struct chat_query {
	const char *sql;
	struct db_value args[2];
	size_t n;
	struct db_rows *rows;
};

static enum outcome
query_in_transaction(struct db *db, void *ctx)
{
	struct chat_query *a = ctx;

	db_rows_free(a->rows);
	a->rows = NULL;
	return db_query(db, a->sql, a->args, a->n, &a->rows);
}

static enum exit_code
run_chat_query(struct chat_list *l, struct chat_query *a)
{
	if (db_transaction(l->db, query_in_transaction, a, false) ==
	    OUTCOME_DONE)
		return PROG_OK;
	log_error("%s", db_why(l->db));
	return db_code(l->db);
}

/* A reader that closes the pipe has read enough: no error. */
static enum exit_code
stop_at_lost_reader(struct chat_list *l)
{
	enum exit_code code = endpoint_code(l->out);

	l->reader_gone = true;
	if (code != PROG_OK)
		log_error("%s", endpoint_why(l->out));
	return code;
}

static enum exit_code
write_chat(struct chat_list *l, const char *tenant, const struct db_rows *r)
{
	const char *status = db_get(r, 2);
	char at[CLOCK_TEXT];
	struct buf line = BUF_INIT;
	enum exit_code code = PROG_OK;

	l->count++;
	if (l->out == NULL) {
		clock_format(db_get_time(r, 1), at);
		output_table_cell(&l->table, tenant);
		output_table_cell(&l->table, db_get(r, 0));
		output_table_cell(&l->table, status);
		output_table_cell(&l->table, at);
		return PROG_OK;
	}
	jsonw_open(&line);
	jsonw_str(&line, "type", "chat");
	jsonw_str(&line, "tenant", tenant);
	jsonw_str(&line, "chat", db_get(r, 0));
	jsonw_time(&line, "at", db_get_time(r, 1));
	/* The status of a chat that left is what the CRM is asked for. */
	if (strcmp(status, "left") != 0)
		jsonw_str(&line, "status", status);
	jsonw_close(&line);
	if (endpoint_write(l->out, line.data, line.len) == -1)
		code = stop_at_lost_reader(l);
	buf_release(&line);
	return code;
}

static enum exit_code
list_chats_of_tenant(struct chat_list *l, const char *tenant, bool all)
{
	struct chat_query a = { .n = 2 };
	char *last = xstrdup("");
	enum exit_code code;
	size_t n;

	a.sql = all ? "SELECT chat, as_of, status FROM chat_metrics "
		      "WHERE tenant = ? AND chat > ? "
		      "ORDER BY chat LIMIT " PAGE_TEXT
		    : "SELECT chat, as_of, status FROM chat_metrics "
		      "WHERE tenant = ? AND chat > ? AND status = 'left' "
		      "ORDER BY chat LIMIT " PAGE_TEXT;
	do {
		a.args[0] = db_str(tenant);
		a.args[1] = db_str(last);
		n = 0;
		code = run_chat_query(l, &a);
		while (code == PROG_OK && !l->reader_gone && db_next(a.rows)) {
			code = write_chat(l, tenant, a.rows);
			if (++n == PAGE) {
				free(last);
				last = xstrdup(db_get(a.rows, 0));
			}
		}
	} while (code == PROG_OK && !l->reader_gone && n == PAGE);
	db_rows_free(a.rows);
	free(last);
	return code;
}

/* Whether no snapshot shows which chats left. */
static bool
is_stale(const struct chat_list *l, int64_t stored_at, int64_t stale_at)
{
	if (stored_at == CLOCK_NONE)
		return true;
	return clock_now_ms() >
	       (l->stale_ms > 0 ? stored_at + l->stale_ms : stale_at);
}

static enum exit_code
list_chats_of_all(struct chat_list *l)
{
	/* A removed tenant is left out, unless it was added again; that of a
	 * stream, which has no snapshots, has newer metrics then. */
	struct chat_query a = {
		.sql =
		    "SELECT t.tenant, t.stored_at, t.stale_at FROM tenants t "
		    "LEFT JOIN tenant_metrics_all m USING (tenant) "
		    "WHERE t.removed_at IS NULL OR t.as_of > t.removed_at "
		    "OR m.as_of > t.removed_at ORDER BY t.tenant"
	};
	enum exit_code code = run_chat_query(l, &a);

	while (code == PROG_OK && !l->reader_gone && db_next(a.rows))
		code = list_chats_of_tenant(l, db_get(a.rows, 0),
		    is_stale(
			l, db_get_time(a.rows, 1), db_get_time(a.rows, 2)));
	db_rows_free(a.rows);
	if (code == PROG_OK && !l->reader_gone && l->out != NULL &&
	    endpoint_flush(l->out) != OUTCOME_DONE)
		code = stop_at_lost_reader(l);
	log_info("chats_listed", "chats=%" PRIu64, l->count);
	return code;
}

static enum exit_code
list_chats(const struct reaper *r)
{
	static const struct output_column columns[] = {
		{ "tenant", OUTPUT_TEXT }, { "chat", OUTPUT_TEXT },
		{ "status", OUTPUT_TEXT }, { "as_of", OUTPUT_TEXT }
	};
	enum output_format format =
	    r->to != NULL ? OUTPUT_NDJSON : output_format_resolve(r->format);
	struct endpoint_options opt = { .conf = r->common.conf };
	struct chat_list l = { .db = r->db,
		.stale_ms = conf_int(r->common.conf, "reaper", "stale") };
	struct buf text = BUF_INIT;
	enum exit_code code;

	db_hurry(r->db, WAIT_MS);
	if (format == OUTPUT_NDJSON) {
		l.out = endpoint_open_write(
		    r->to != NULL ? r->to : "-", &opt, &text, &code);
		if (l.out == NULL) {
			log_error("%s", buf_str(&text));
			buf_release(&text);
			return code;
		}
	}
	output_table_init(&l.table, columns, ARRAY_LEN(columns));
	code = list_chats_of_all(&l);
	if (code == PROG_OK && l.out == NULL) {
		output_table_show(&l.table, format, &text);
		code = reaper_print(&text);
	}
	output_table_release(&l.table);
	endpoint_close(l.out);
	buf_release(&text);
	return code;
}

static int
check_list_options(void *options)
{
	const struct reaper *r = options;

	if (r->to != NULL && r->format != OUTPUT_AUTO &&
	    r->format != OUTPUT_NDJSON)
		return prog_usage_error("-t takes records: -o ndjson");
	return -1;
}

static enum exit_code
run_list(void *options)
{
	return reaper_with_db(options, list_chats);
}

const struct option_mode reaper_mode_list = {
	.choice = OPTION_MODE("list", "write the chats to ask the CRM about"),
	.about = "Writes the chats whose status the CRM has to be asked for, "
		 "for poller --status.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.check = check_list_options,
	.run = run_list,
};
