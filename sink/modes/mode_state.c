/*
 * mode_state: sink --state STREAM: what a stream's aggregator lacks of the
 * state that flushes have stored (flush_heads.h). Standard input has what it
 * holds, a line for each tenant:
 *
 *   {"tenant":T,"version":V,"writer":R}
 *
 * The output has, for each tenant that the input or the database has, a head
 * and then the changes to load; "end" is its last line:
 *
 *   {"type":"head","tenant":T,"version":V,"writer":R,"identity":I,"load":L}
 *   {"type":"state","version":V,"data":"BASE64"}
 *   {"type":"end"}
 *
 * L is one of
 *
 *   nothing   the input has the last flush
 *   newer     the changes follow those of the input
 *   all       the changes yield the whole state
 *   older     the input is newer than the last flush
 *   removed   the tenant was removed after the input's version
 *   missing   the database has no state of the tenant
 *
 * A tenant is read as of one moment. The log is read in pieces, because it may
 * be larger than the memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/containers/strmap.h"
#include "common/db/db.h"
#include "common/digest/encoding.h"
#include "common/json/jsonw.h"
#include "common/os/lines.h"
#include "common/records/record.h"
#include "sink/modes/modes.h"
#include "sink/rows/flush.h"

#define LINE_MAX_BYTES 4096
/* Changes read at once, of at most half a MiB each. */
#define PIECE "16"

struct held {
	int64_t version; /* 0: nothing */
	char writer[FLUSH_WRITER + 1];
};

struct loading {
	struct db *db;
	const char *stream;
	struct strmap tenants; /* name -> struct held */
	uint64_t connects;     /* the connection whose session is set up */
	struct buf out;
};

/* The database's side of a tenant. */
struct stored {
	struct held head;
	int64_t from_version, removed_at;
	char identity[RECORD_MAX_ID + 1];
};

static int
read_held(struct loading *l, const char *line, size_t len)
{
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct held *h;
	struct flush_version v;
	void **slot;
	int bad = flat_parse(&flat, line, len, &why);

	if (bad == 0)
		bad = flush_version_read(&v, &flat, &why);
	if (bad == 0) {
		slot = strmap_put(&l->tenants, v.tenant.p, v.tenant.len);
		free(*slot);
		*slot = h = xcalloc(1, sizeof *h);
		h->version = v.version;
		memcpy(h->writer, v.writer.p, FLUSH_WRITER);
	} else {
		log_error("the input has a bad line: %s", buf_str(&why));
	}
	flat_release(&flat);
	buf_release(&why);
	return bad;
}

static enum exit_code
read_input(struct loading *l)
{
	struct lines lines;
	enum line_status status;
	char *line;
	size_t len;
	int bad = 0;

	lines_init(&lines, STDIN_FILENO, LINE_MAX_BYTES);
	while (bad == 0 &&
	       (status = lines_next(&lines, &line, &len, -1)) == LINE_OK)
		bad = read_held(l, line, len);
	lines_release(&lines);
	if (bad == 0 && status == LINE_END)
		return PROG_OK;
	if (bad == 0)
		log_error("the input cannot be read, or ends inside a line");
	return PROG_DATA;
}

/* On a Galera cluster, reads only after everything that other nodes have
 * committed is here. */
static enum outcome
set_up_session(struct loading *l)
{
	struct db_rows *rows;
	enum outcome o = db_connect(l->db);
	bool galera;

	if (o != OUTCOME_DONE || db_server(l->db)->connects == l->connects)
		return o;
	o = db_query(l->db, "SHOW SESSION VARIABLES LIKE 'wsrep_sync_wait'",
	    NULL, 0, &rows);
	if (o != OUTCOME_DONE)
		return o;
	galera = db_rows_count(rows) > 0;
	db_rows_free(rows);
	if (galera)
		o = db_exec(
		    l->db, "SET SESSION wsrep_sync_wait = 1", NULL, 0, NULL);
	l->connects = db_server(l->db)->connects;
	return o;
}

/* Adds the tenants that only the database has. */
static enum outcome
list_tenants(struct loading *l)
{
	const struct db_value stream = db_str(l->stream);
	struct db_rows *rows;
	enum outcome o = set_up_session(l);
	void **slot;

	if (o == OUTCOME_DONE)
		o = db_query(l->db,
		    "SELECT tenant FROM stream_heads WHERE stream = ?", &stream,
		    1, &rows);
	if (o != OUTCOME_DONE)
		return o;
	while (db_next(rows)) {
		slot = strmap_put(
		    &l->tenants, db_get(rows, 0), db_get_len(rows, 0));
		if (*slot == NULL)
			*slot = xcalloc(1, sizeof(struct held));
	}
	db_rows_free(rows);
	return OUTCOME_DONE;
}

static enum outcome
read_stored(struct loading *l, const char *tenant, struct stored *s)
{
	const struct db_value args[] = { db_str(tenant), db_str(l->stream),
		db_str(tenant) };
	struct db_rows *rows;
	enum outcome o = db_query(l->db,
	    "SELECT h.version, h.writer, h.from_version, h.identity, "
	    "t.removed_at FROM (SELECT ? AS tenant) x "
	    "LEFT JOIN stream_heads h ON h.tenant = x.tenant AND "
	    "h.stream = ? "
	    "LEFT JOIN tenants t ON t.tenant = ?",
	    args, ARRAY_LEN(args), &rows);

	memset(s, 0, sizeof *s);
	if (o != OUTCOME_DONE)
		return o;
	s->removed_at = CLOCK_NONE;
	if (db_next(rows)) {
		s->removed_at = db_get_time(rows, 4);
		/* Of a removed tenant, it is about to be deleted. */
		if (db_get(rows, 0) != NULL &&
		    db_get_int(rows, 0) > s->removed_at) {
			s->head.version = db_get_int(rows, 0);
			s->from_version = db_get_int(rows, 2);
			(void)snprintf(s->head.writer, sizeof s->head.writer,
			    "%s", db_get(rows, 1));
			(void)snprintf(s->identity, sizeof s->identity, "%s",
			    db_get(rows, 3));
		}
	}
	db_rows_free(rows);
	return OUTCOME_DONE;
}

/* True if the changes of that flush are in the log, and so are all later
 * ones. */
static enum outcome
find_in_log(
    struct loading *l, const char *tenant, const struct held *has, bool *found)
{
	const struct db_value args[] = { db_str(tenant), db_str(l->stream),
		db_int(has->version), db_str(has->writer) };
	uint64_t n;
	enum outcome o = db_query_count(l->db,
	    "SELECT 1 FROM stream_state WHERE tenant = ? AND stream = ? AND "
	    "version = ? AND writer = ? LIMIT 1",
	    args, ARRAY_LEN(args), &n);

	*found = o == OUTCOME_DONE && n > 0;
	return o;
}

/* Sets *load, and the version from which on changes are to be loaded. */
static enum outcome
decide_load(struct loading *l, const char *tenant, const struct held *has,
    const struct stored *s, const char **load, int64_t *from)
{
	bool found = false;
	enum outcome o = OUTCOME_DONE;

	*from = INT64_MAX;
	if (s->head.version == 0) {
		*load = has->version <= s->removed_at ? "removed" : "missing";
	} else if (has->version > s->head.version) {
		*load = "older";
	} else if (has->version == s->head.version &&
		   strcmp(has->writer, s->head.writer) == 0) {
		*load = "nothing";
	} else {
		if (has->version >= s->from_version)
			o = find_in_log(l, tenant, has, &found);
		*load = found ? "newer" : "all";
		*from = found ? has->version + 1 : s->from_version;
	}
	return o;
}

static int
write_out(struct loading *l)
{
	size_t n = fwrite(l->out.data, 1, l->out.len, stdout);
	int bad = n == l->out.len ? 0 : -1;

	buf_clear(&l->out);
	return bad;
}

static void
add_head(struct loading *l, const char *tenant, const struct stored *s,
    const char *load)
{
	jsonw_open(&l->out);
	jsonw_str(&l->out, "type", "head");
	jsonw_str(&l->out, "tenant", tenant);
	jsonw_int(&l->out, "version", s->head.version);
	jsonw_str(&l->out, "writer", s->head.writer);
	jsonw_str(&l->out, "identity", s->identity);
	jsonw_str(&l->out, "load", load);
	jsonw_line(&l->out);
}

static void
add_change(struct loading *l, const struct db_rows *rows)
{
	jsonw_open(&l->out);
	jsonw_str(&l->out, "type", "state");
	jsonw_raw(&l->out, "version", db_get(rows, 0), db_get_len(rows, 0));
	jsonw_key(&l->out, "data");
	buf_addc(&l->out, '"');
	base64_encode(&l->out, db_get(rows, 2), db_get_len(rows, 2));
	buf_addc(&l->out, '"');
	jsonw_line(&l->out);
}

/* Writes the changes from a version on. */
static enum outcome
write_changes(struct loading *l, const char *tenant, int64_t version)
{
	int64_t part = 0;
	struct db_rows *rows;
	enum outcome o;
	size_t n;

	do {
		const struct db_value args[] = { db_str(tenant),
			db_str(l->stream), db_int(version), db_int(version),
			db_int(part) };

		o = db_query(l->db,
		    "SELECT version, part, data FROM stream_state WHERE "
		    "tenant = ? AND stream = ? AND version >= ? AND "
		    "(version > ? OR part > ?) ORDER BY version, part "
		    "LIMIT " PIECE,
		    args, ARRAY_LEN(args), &rows);
		if (o != OUTCOME_DONE)
			return o;
		for (n = 0; db_next(rows); n++) {
			version = db_get_int(rows, 0);
			part = db_get_int(rows, 1);
			add_change(l, rows);
		}
		db_rows_free(rows);
		if (write_out(l) != 0)
			return OUTCOME_NEVER;
	} while (n > 0);
	return OUTCOME_DONE;
}

static enum outcome
write_tenant(struct loading *l, const char *tenant, const struct held *has)
{
	const char *load;
	struct stored s;
	int64_t from;
	enum outcome o = set_up_session(l);

	if (o == OUTCOME_DONE)
		o = db_begin_reading(l->db);
	if (o != OUTCOME_DONE)
		return o;
	o = read_stored(l, tenant, &s);
	if (o == OUTCOME_DONE)
		o = decide_load(l, tenant, has, &s, &load, &from);
	/* Neither side has it. */
	if (o == OUTCOME_DONE && (has->version > 0 || s.head.version > 0)) {
		add_head(l, tenant, &s, load);
		o = write_out(l) == 0 ? OUTCOME_DONE : OUTCOME_NEVER;
	}
	if (o == OUTCOME_DONE && from != INT64_MAX)
		o = write_changes(l, tenant, from);
	db_rollback(l->db);
	return o;
}

static enum outcome
write_state(struct loading *l)
{
	struct strmap_entry *e;
	enum outcome o = list_tenants(l);
	size_t i = 0;

	while (o == OUTCOME_DONE && (e = strmap_next(&l->tenants, &i)) != NULL)
		o = write_tenant(l, e->key, e->value);
	if (o != OUTCOME_DONE)
		return o;
	buf_adds(&l->out, "{\"type\":\"end\"}\n");
	return write_out(l) == 0 ? OUTCOME_DONE : OUTCOME_NEVER;
}

static enum exit_code
print_state(struct sink *s, struct db **db)
{
	struct loading l = {
		.db = *db, .stream = s->state, .tenants = STRMAP_INIT
	};
	enum exit_code code = read_input(&l);
	enum outcome o = OUTCOME_DONE;

	if (code == PROG_OK) {
		o = write_state(&l);
		code = ferror(stdout) || o == OUTCOME_DONE ? prog_flush()
							   : db_code(*db);
	}
	if (o != OUTCOME_DONE && !ferror(stdout))
		log_error("%s", db_why(*db));
	strmap_release(&l.tenants, free);
	buf_release(&l.out);
	return code;
}

static enum exit_code
run_state(void *options)
{
	return sink_with_schema(options, print_state);
}

const struct option_mode sink_mode_state = {
	.choice = OPTION_TEXT(0, "state", "STREAM", struct sink, state,
	    "print what an aggregator lacks of its state"),
	.about =
	    "Prints the state that an aggregator has stored, as far as the "
	    "input lacks it.\n",
	.run = run_state,
};
