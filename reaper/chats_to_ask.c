/*
 * chats_to_ask: see modes.h.
 */
#include "reaper/modes.h"

#include <inttypes.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/endpoint/endpoint.h"
#include "common/json/jsonw.h"

/* A run may fail soon if the server is unreachable: the next run of
 * scripts/reap asks for the same chats. */
#define WAIT_MS 3000

static const struct option_row rows[] = {
	OPTION_TAKE('t', "to", "TO", struct reaper, to, endpoint_take,
	    "where records go: -, a file, queue:NAME"),
};

struct chat_list {
	struct db *db;
	int64_t stale_ms; /* 0: use tenants.stale_at */
	struct db_rows *rows;
	struct endpoint *out;
	uint64_t count;
	bool reader_gone; /* the reader closed the pipe */
};

/* The columns of the query. */
enum { TENANT, CHAT, AS_OF, STATUS, NO_SNAPSHOT };

/* Chats that have left the snapshot, and all chats of a tenant without a recent
 * snapshot. A removed tenant is skipped, unless it was added again; a stream's
 * tenant, which has no snapshots, then has newer metrics. */
static enum outcome
query_chats(struct db *db, void *ctx)
{
	struct chat_list *l = ctx;
	struct db_value before = db_time(clock_now_ms() - l->stale_ms);
	struct buf sql = BUF_INIT;
	enum outcome o;

	db_rows_free(l->rows);
	l->rows = NULL;
	buf_addf(&sql,
	    "SELECT c.tenant, c.chat, c.as_of, c.status, "
	    "t.stored_at IS NULL FROM chat_metrics c "
	    "JOIN tenants t USING (tenant) "
	    "LEFT JOIN tenant_metrics m USING (tenant) "
	    "WHERE (t.removed_at IS NULL OR t.as_of > t.removed_at "
	    "OR m.as_of > t.removed_at) "
	    "AND (c.status = 'left' OR t.stored_at IS NULL "
	    "OR COALESCE(t.%s < ?, TRUE)) "
	    "ORDER BY c.tenant, c.chat",
	    l->stale_ms > 0 ? "stored_at" : "stale_at");
	o = db_query(db, buf_str(&sql), &before, 1, &l->rows);
	buf_release(&sql);
	return o;
}

/* It is not an error if the reader closes the pipe. */
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
write_chat(struct chat_list *l)
{
	const struct db_rows *r = l->rows;
	const char *status = db_get(r, STATUS);
	struct buf line = BUF_INIT;
	enum exit_code code = PROG_OK;

	l->count++;
	jsonw_open(&line);
	jsonw_str(&line, "type", "chat");
	jsonw_str(&line, "tenant", db_get(r, TENANT));
	jsonw_str(&line, "chat", db_get(r, CHAT));
	jsonw_time(&line, "at", db_get_time(r, AS_OF));
	/* The CRM is asked for the status of a chat that has left the snapshot.
	 * Without snapshots, a record has reported that it is closed, which
	 * counts if the tenant has no token. */
	if (strcmp(status, "left") != 0)
		jsonw_str(&line, "status", status);
	else if (db_get_int(r, NO_SNAPSHOT) != 0)
		jsonw_str(&line, "status", "closed");
	jsonw_close(&line);
	if (endpoint_write(l->out, line.data, line.len) == -1)
		code = stop_at_lost_reader(l);
	buf_release(&line);
	return code;
}

static enum exit_code
list_chats_of_all(struct chat_list *l)
{
	enum exit_code code = PROG_OK;

	if (db_transaction(l->db, query_chats, l, false) != OUTCOME_DONE) {
		log_error("%s", db_why(l->db));
		return db_code(l->db);
	}
	while (code == PROG_OK && !l->reader_gone && db_next(l->rows))
		code = write_chat(l);
	if (code == PROG_OK && !l->reader_gone &&
	    endpoint_flush(l->out) != OUTCOME_DONE)
		code = stop_at_lost_reader(l);
	log_info("chats_listed", "chats=%" PRIu64, l->count);
	return code;
}

static enum exit_code
list_chats(const struct reaper *r)
{
	struct endpoint_options opt = { .conf = r->common.conf };
	struct chat_list l = { .db = r->db,
		.stale_ms = conf_int(r->common.conf, "reaper", "stale") };
	struct buf why = BUF_INIT;
	enum exit_code code;

	db_hurry(r->db, WAIT_MS);
	l.out =
	    endpoint_open_write(r->to != NULL ? r->to : "-", &opt, &why, &code);
	if (l.out != NULL)
		code = list_chats_of_all(&l);
	else
		log_error("%s", buf_str(&why));
	db_rows_free(l.rows);
	endpoint_close(l.out);
	buf_release(&why);
	return code;
}

static enum exit_code
run_list(void *options)
{
	return reaper_with_db(options, list_chats);
}

const struct option_mode reaper_mode_list = {
	.choice = OPTION_MODE("list", "write the chats to ask the CRM about"),
	.about = "Writes the chats whose status is requested from the CRM, for "
		 "poller --status.\n",
	.rows = rows,
	.rows_n = ARRAY_LEN(rows),
	.run = run_list,
};
