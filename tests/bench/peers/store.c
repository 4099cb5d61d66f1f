/*
 * store: writes the messages of a stream on standard input into the table
 * `messages` of MYSQL_URL, and does nothing else: bulk arrays, two connections,
 * all values in memory before the clock starts. All other ways to store
 * messages are compared with it. Prints {"messages":N,"seconds":S}.
 *
 *   store [CONNECTIONS [ROWS]]     2; rows a transaction, 5000
 */
#include <inttypes.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/url.h"
#include "common/containers/arena.h"
#include "common/records/record.h"

enum { COLUMNS = 15, CONNECTIONS_MAX = 8, CHUNK = 400000, PADDING = 64 };

static const char insert[] =
    "INSERT IGNORE INTO messages (tenant, created_at, conversation_id, "
    "message_id, sender, sender_id, receiver_id, operator, channel, "
    "message_type, `private`, automated, content, data, version) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/* Values of a chunk, column by column, as the library requires. */
struct chunk {
	const char *text[COLUMNS][CHUNK];
	unsigned long len[COLUMNS][CHUNK];
	char null[COLUMNS][CHUNK];
	size_t n;
	struct arena arena;
};

struct worker {
	pthread_t thread;
	MYSQL *my;
	MYSQL_STMT *stmt;
	struct chunk *chunk;
	size_t from, to, rows;
};

static void
check(MYSQL *my, int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "store: %s\n", mysql_error(my));
	_Exit(69);
}

static MYSQL *
connect_url(void)
{
	const char *text = getenv("MYSQL_URL");
	struct buf why = BUF_INIT;
	struct url u;
	MYSQL *my = mysql_init(NULL);

	if (text == NULL || url_parse(&u, text, &why) != 0 || my == NULL) {
		fprintf(stderr, "store: MYSQL_URL: %s\n", buf_str(&why));
		_Exit(64);
	}
	mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	check(my, mysql_real_connect(my, u.hosts[0].name, u.user, u.password,
		      u.path, (unsigned)u.hosts[0].port, NULL, 0) == NULL);
	check(my, mysql_query(my, "SET SESSION time_zone = '+00:00'"));
	check(
	    my, mysql_query(my,
		    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
	mysql_autocommit(my, 0);
	url_release(&u);
	return my;
}

static void
put(struct chunk *c, int k, const char *p, size_t len)
{
	c->text[k][c->n] = p;
	c->len[k][c->n] = (unsigned long)len;
	c->null[k][c->n] =
	    p == NULL ? STMT_INDICATOR_NULL : STMT_INDICATOR_NONE;
}

static void
put_text(struct chunk *c, int k, struct text t)
{
	const char *p = t.p == NULL ? NULL : arena_copy(&c->arena, t.p, t.len);

	put(c, k, p, t.len);
}

static void
put_record(struct chunk *c, const struct record *r)
{
	const char *from = record_from_name(r->from);
	char at[CLOCK_TEXT];
	size_t len = clock_format_sql(r->at, at);

	put_text(c, 0, r->tenant);
	put(c, 1, arena_copy(&c->arena, at, len), len);
	put_text(c, 2, r->chat);
	put_text(c, 3, r->id);
	put(c, 4, from, strlen(from));
	put_text(c, 5, r->user);
	put_text(c, 6, r->to);
	put_text(c, 7, r->operator_id);
	put_text(c, 8, r->channel);
	put_text(c, 9, r->kind);
	put(c, 10, r->is_private ? "1" : "0", 1);
	put(c, 11, r->automated ? "1" : "0", 1);
	put_text(c, 12, r->text);
	put_text(c, 13, r->data);
	put(c, 14, "0", 1);
	c->n++;
}

/* Fills the chunk; false at the end of the input. */
static bool
read_chunk(struct chunk *c, struct flat *f)
{
	static char *line;
	static size_t cap;
	struct buf why = BUF_INIT;
	struct record r;
	ssize_t len;
	char *copy;

	arena_clear(&c->arena);
	c->n = 0;
	while (c->n < CHUNK && (len = getline(&line, &cap, stdin)) > 0) {
		copy = arena_take(&c->arena, (size_t)len + PADDING);
		memcpy(copy, line, (size_t)len - 1);
		if (record_parse(&r, f, copy, (size_t)len - 1, &why) != 0) {
			fprintf(stderr, "store: %s\n", buf_str(&why));
			_Exit(65);
		}
		if (r.type == RECORD_MESSAGE)
			put_record(c, &r);
	}
	return c->n > 0;
}

/* Returns false if another connection conflicted; the whole transaction must
 * then be repeated. */
static bool
store(struct worker *w, size_t from, unsigned rows)
{
	MYSQL_BIND bind[COLUMNS];
	struct chunk *c = w->chunk;
	int k;

	memset(bind, 0, sizeof bind);
	for (k = 0; k < COLUMNS; k++) {
		bind[k].buffer_type = MYSQL_TYPE_STRING;
		bind[k].buffer = &c->text[k][from];
		bind[k].length = &c->len[k][from];
		bind[k].u.indicator = &c->null[k][from];
	}
	if (mysql_stmt_attr_set(w->stmt, STMT_ATTR_ARRAY_SIZE, &rows) != 0 ||
	    mysql_stmt_bind_param(w->stmt, bind) != 0 ||
	    mysql_stmt_execute(w->stmt) != 0) {
		if (mysql_stmt_errno(w->stmt) == ER_LOCK_DEADLOCK)
			return false;
		fprintf(stderr, "store: %s\n", mysql_stmt_error(w->stmt));
		_Exit(69);
	}
	check(w->my, mysql_commit(w->my));
	return true;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	size_t i, n;

	mysql_thread_init();
	for (i = w->from; i < w->to; i += n) {
		n = w->to - i < w->rows ? w->to - i : w->rows;
		while (!store(w, i, (unsigned)n))
			continue;
	}
	mysql_thread_end();
	return NULL;
}

/* Milliseconds. */
static int64_t
store_chunk(struct worker *w, size_t n, struct chunk *c)
{
	int64_t began = clock_mono_ms();
	size_t i;

	for (i = 0; i < n; i++) {
		w[i].from = c->n * i / n;
		w[i].to = c->n * (i + 1) / n;
		if (pthread_create(&w[i].thread, NULL, work, &w[i]) != 0)
			_Exit(70);
	}
	for (i = 0; i < n; i++)
		pthread_join(w[i].thread, NULL);
	return clock_mono_ms() - began;
}

int
main(int argc, char **argv)
{
	struct chunk *c = xcalloc(1, sizeof *c);
	struct worker w[CONNECTIONS_MAX] = { { .my = NULL } };
	struct flat flat = FLAT_INIT;
	int64_t n = 2, rows = 5000, total = 0, ms = 0, i;

	if ((argc > 1 && parse_int(argv[1], 1, CONNECTIONS_MAX, &n) != 0) ||
	    (argc > 2 && parse_int(argv[2], 1, CHUNK, &rows) != 0))
		return 64;
	for (i = 0; i < n; i++) {
		w[i].my = connect_url();
		w[i].stmt = mysql_stmt_init(w[i].my);
		w[i].chunk = c;
		w[i].rows = (size_t)rows;
		if (mysql_stmt_prepare(w[i].stmt, insert, sizeof insert - 1)) {
			fprintf(
			    stderr, "store: %s\n", mysql_stmt_error(w[i].stmt));
			return 69;
		}
	}
	while (read_chunk(c, &flat)) {
		total += (int64_t)c->n;
		ms += store_chunk(w, (size_t)n, c);
	}
	for (i = 0; i < n; i++) {
		mysql_stmt_close(w[i].stmt);
		mysql_close(w[i].my);
	}
	flat_release(&flat);
	arena_release(&c->arena);
	free(c);
	printf("{\"messages\":%" PRId64 ",\"seconds\":%.3f}\n", total,
	    (double)ms / 1000);
	return 0;
}
