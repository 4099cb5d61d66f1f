/*
 * sink_bare: what the sink's speed is measured against. It makes the rows of
 * a large snapshot, prints them as records, or stores the same rows with the
 * same statements in a bare loop over libmariadb: no parsing, no checks, no
 * sorting, the values ready in memory before the clock starts.
 *
 *   sink_bare rows N VERSION      prints N rows of chat_metrics
 *   sink_bare store N VERSION BATCH
 *                                 stores them; prints rows per second
 *   sink_bare messages N          prints N messages of about 220 bytes
 *   sink_bare store-messages N BATCH CONNECTIONS
 *                                 stores them, a thread each connection
 *
 * The server is that of MYSQL_URL (mysql://user:password@host:port/name).
 */
#include <inttypes.h>
#include <mysql.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/base/xalloc.h"
#include "common/conf/url.h"

enum { COLUMNS = 18, VALUE = 40 };

static const char TAKE_SLOT[] =
    "INSERT INTO tenant_locks (tenant, slot, uses) VALUES "
    "('bench', CONNECTION_ID() % 16, 1) ON DUPLICATE KEY UPDATE "
    "uses = uses + 1";

static const int64_t EPOCH = INT64_C(1763629200000);

/* The columns of chat_metrics, in the order of the table; q: a JSON string. */
static const struct {
	const char *name;
	bool quoted;
} columns[COLUMNS] = {
	{ "tenant", true },
	{ "chat", true },
	{ "operator", true },
	{ "channel", true },
	{ "customer", true },
	{ "customer_name", true },
	{ "customer_phone", true },
	{ "tag", true },
	{ "status", true },
	{ "opened_at", true },
	{ "last_message_at", true },
	{ "messages", false },
	{ "participants", false },
	{ "responses", false },
	{ "avg_response_seconds", false },
	{ "first_response_seconds", false },
	{ "waiting_since", true },
	{ "as_of", true },
};

/* One row: text of every value, "" for NULL. */
struct line {
	char value[COLUMNS][VALUE];
};

static void
put(struct line *l, int k, const char *front, int64_t n)
{
	snprintf(l->value[k], VALUE, "%s%" PRId64, front, n);
}

static void
put_time(struct line *l, int k, int64_t ms)
{
	clock_format(ms, l->value[k]);
}

static void
make_line(struct line *l, int64_t i, int64_t version)
{
	int64_t as_of = EPOCH + version * 60000;

	memset(l, 0, sizeof *l);
	snprintf(l->value[0], VALUE, "bench");
	snprintf(l->value[1], VALUE, "%" PRId64, 100000000 + i);
	put(l, 2, "", 7 + i % 50);
	put(l, 3, "whatsapp-", i % 3);
	put(l, 4, "", 5000000 + i);
	put(l, 5, "Customer ", i);
	put(l, 6, "+5511", 900000000 + i);
	snprintf(l->value[7], VALUE, "%s", i % 4 == 0 ? "sales" : "");
	snprintf(l->value[8], VALUE, "open");
	put_time(l, 9, EPOCH - 3600000 - i * 10);
	put_time(l, 10, as_of - i % 60000);
	put(l, 11, "", 3 + i % 40 + version);
	put(l, 12, "", 2 + i % 2);
	put(l, 13, "", 1 + i % 9);
	put(l, 14, "", 30 + i % 300);
	snprintf(
	    l->value[14] + strlen(l->value[14]), 8, ".%03d", (int)(i % 1000));
	put(l, 15, "", 10 + i % 100);
	if (i % 3 == 0)
		put_time(l, 16, as_of - 30000);
	put_time(l, 17, as_of);
}

static int
print_rows(int64_t n, int64_t version)
{
	struct line l;
	int64_t i;
	int k;

	make_line(&l, 0, version);
	printf(
	    "{\"type\":\"snapshot\",\"tenant\":\"bench\",\"state\":\"begin\","
	    "\"snapshot\":\"s%" PRId64 "\",\"at\":\"%s\"}\n",
	    version, l.value[17]);
	for (i = 0; i < n; i++) {
		make_line(&l, i, version);
		printf("{\"type\":\"row\",\"table\":\"chat_metrics\","
		       "\"snapshot\":\"s%" PRId64 "\"",
		    version);
		for (k = 0; k < COLUMNS; k++) {
			const char *q = columns[k].quoted ? "\"" : "";

			if (l.value[k][0] == '\0')
				printf(",\"%s\":null", columns[k].name);
			else
				printf(",\"%s\":%s%s%s", columns[k].name, q,
				    l.value[k], q);
		}
		printf("}\n");
	}
	printf("{\"type\":\"snapshot\",\"tenant\":\"bench\",\"state\":\"end\","
	       "\"snapshot\":\"s%" PRId64
	       "\",\"at\":\"%s\",\"records\":%" PRId64 "}\n",
	    version, l.value[17], n);
	return fflush(stdout) == 0 ? 0 : 1;
}

static void
check(MYSQL *my, int rc)
{
	if (rc == 0)
		return;
	fprintf(stderr, "sink_bare: %s\n", mysql_error(my));
	exit(1);
}

static MYSQL *
connect_url(void)
{
	const char *text = getenv("MYSQL_URL");
	struct buf why = BUF_INIT;
	struct url u;
	MYSQL *my = mysql_init(NULL);

	if (text == NULL || url_parse(&u, text, &why) != 0 || my == NULL) {
		fprintf(stderr, "sink_bare: MYSQL_URL: %s\n", buf_str(&why));
		exit(1);
	}
	mysql_options(my, MYSQL_SET_CHARSET_NAME, "utf8mb4");
	if (mysql_real_connect(my, u.hosts[0].name, u.user, u.password, u.path,
		(unsigned)u.hosts[0].port, NULL, 0) == NULL)
		check(my, 1);
	check(my, mysql_query(my, "SET SESSION sql_mode = 'STRICT_ALL_TABLES', "
				  "time_zone = '+00:00'"));
	check(
	    my, mysql_query(my,
		    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"));
	url_release(&u);
	return my;
}

/* All values, bound column by column: MYSQL_BIND wants an array of pointers
 * and one of lengths for each. */
struct store {
	struct line *lines;
	const char **text[COLUMNS];
	unsigned long *len[COLUMNS];
	char *null[COLUMNS];
	char sql_time[VALUE];
};

static void
prepare_values(struct store *s, int64_t n, int64_t version)
{
	int64_t i;
	int k;
	char *t;

	s->lines = xcalloc((size_t)n, sizeof *s->lines);
	for (k = 0; k < COLUMNS; k++) {
		s->text[k] = xcalloc((size_t)n, sizeof **s->text);
		s->len[k] = xcalloc((size_t)n, sizeof **s->len);
		s->null[k] = xcalloc((size_t)n, 1);
	}
	for (i = 0; i < n; i++) {
		make_line(&s->lines[i], i, version);
		for (k = 0; k < COLUMNS; k++) {
			t = s->lines[i].value[k];
			if (strlen(t) == 24 && t[10] == 'T') {
				t[10] = ' ';
				t[23] = '\0';
			}
			s->text[k][i] = t;
			s->len[k][i] = strlen(t);
			s->null[k][i] = t[0] == '\0' ? STMT_INDICATOR_NULL
						     : STMT_INDICATOR_NONE;
		}
	}
}

/* The statement the sink uses. */
static void
write_statement(struct buf *sql)
{
	int k;

	buf_adds(sql, "INSERT INTO chat_metrics (");
	for (k = 0; k < COLUMNS; k++)
		buf_addf(sql, "%s%s", k > 0 ? ", " : "", columns[k].name);
	buf_adds(sql, ") VALUES (?");
	for (k = 1; k < COLUMNS; k++)
		buf_adds(sql, ", ?");
	buf_adds(sql, ") ON DUPLICATE KEY UPDATE ");
	for (k = 2; k < COLUMNS - 1; k++)
		buf_addf(sql,
		    "%s = IF(VALUES(as_of) > as_of, VALUES(%s), %s), ",
		    columns[k].name, columns[k].name, columns[k].name);
	buf_adds(sql, "as_of = GREATEST(as_of, VALUES(as_of))");
}

static void
drain(MYSQL *my, const char *sql)
{
	MYSQL_RES *res;

	check(my, mysql_query(my, sql));
	res = mysql_store_result(my);
	if (res != NULL)
		mysql_free_result(res);
}

/* What the end marker of the snapshot does. */
static void
end_snapshot(MYSQL *my, int64_t version)
{
	static const char *const steps[] = {
		"SELECT (SELECT COUNT(*) FROM operator_metrics WHERE tenant = "
		"'bench' AND as_of = @s) + (SELECT COUNT(*) FROM chat_metrics "
		"WHERE tenant = 'bench' AND as_of = @s)",
		"DELETE FROM operator_metrics WHERE tenant = 'bench' AND "
		"as_of < @s",
		"UPDATE chat_metrics SET status = 'left', as_of = @s WHERE "
		"tenant = 'bench' AND as_of < @s AND status <> 'left'",
		"UPDATE tenants SET as_of = @s WHERE tenant = 'bench'",
		"COMMIT",
	};
	char text[CLOCK_TEXT], sql[128];
	size_t i;

	clock_format_sql(EPOCH + version * 60000, text);
	snprintf(sql, sizeof sql, "SET @s = CAST('%s' AS DATETIME(3))", text);
	drain(my, sql);
	drain(my, "START TRANSACTION");
	for (i = 0; i < ARRAY_LEN(steps); i++)
		drain(my, steps[i]);
}

static int
store_rows(int64_t n, int64_t version, int64_t batch)
{
	struct store s;
	struct buf text = BUF_INIT;
	MYSQL *my = connect_url();
	MYSQL_STMT *stmt = mysql_stmt_init(my);
	MYSQL_BIND bind[COLUMNS];
	int64_t i, t0, t1;
	unsigned size;
	int k;

	prepare_values(&s, n, version);
	write_statement(&text);
	drain(my,
	    "INSERT INTO tenants (tenant) VALUES ('bench') ON DUPLICATE KEY "
	    "UPDATE tenant = tenant");
	t0 = clock_mono_ms();
	check(my, mysql_stmt_prepare(stmt, text.data, text.len));
	for (i = 0; i < n; i += batch) {
		size = (unsigned)(n - i < batch ? n - i : batch);
		drain(my, "START TRANSACTION");
		drain(my, TAKE_SLOT);
		drain(my,
		    "SELECT tenant, as_of, snapshot, removed_at FROM tenants "
		    "WHERE tenant IN ('bench')");
		drain(my,
		    "SELECT 1 FROM closed_chats WHERE tenant = 'bench' AND "
		    "as_of >= '2025-11-20 09:00:00' LIMIT 1");
		memset(bind, 0, sizeof bind);
		for (k = 0; k < COLUMNS; k++) {
			bind[k].buffer_type = MYSQL_TYPE_STRING;
			bind[k].buffer = &s.text[k][i];
			bind[k].length = &s.len[k][i];
			bind[k].u.indicator = &s.null[k][i];
		}
		if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &size) !=
			0 ||
		    mysql_stmt_bind_param(stmt, bind) != 0 ||
		    mysql_stmt_execute(stmt) != 0) {
			fprintf(
			    stderr, "sink_bare: %s\n", mysql_stmt_error(stmt));
			exit(1);
		}
		drain(my, "COMMIT");
	}
	end_snapshot(my, version);
	t1 = clock_mono_ms();
	printf("%" PRId64 "\n", n * 1000 / (t1 > t0 ? t1 - t0 : 1));
	mysql_stmt_close(stmt);
	mysql_close(my);
	return 0;
}

/* A message: who, when and what, text ready to be bound. */
struct message {
	int64_t at;
	char chat[24], id[24], user[24], text[80];
	bool customer;
};

static void
make_message(struct message *m, int64_t i)
{
	static const char words[] =
	    "could you please have a look at the order from last week again "
	    "thank you very much";
	int64_t chat = i * 7919 % 20000;

	m->at = EPOCH + i * 2;
	m->customer = i / 20000 % 2 == 0;
	snprintf(m->chat, sizeof m->chat, "%" PRId64, 1000000 + chat);
	snprintf(m->id, sizeof m->id, "%" PRId64, 700000000 + i);
	snprintf(m->user, sizeof m->user, "%" PRId64,
	    m->customer ? 5000000 + chat : 10 + chat % 50);
	snprintf(m->text, sizeof m->text, "%.*s", (int)(20 + i % 40),
	    words + i % 20);
}

static int
print_messages(int64_t n)
{
	struct message m;
	char at[CLOCK_TEXT];
	int64_t i;

	for (i = 0; i < n; i++) {
		make_message(&m, i);
		clock_format(m.at, at);
		printf("{\"type\":\"message\",\"tenant\":\"bench\","
		       "\"id\":\"%s\",\"chat\":\"%s\","
		       "\"channel\":\"whatsapp\",\"at\":\"%s\","
		       "\"from\":\"%s\",\"%s\":\"%s\",\"kind\":\"text\","
		       "\"text\":\"%s\"}\n",
		    m.id, m.chat, at, m.customer ? "customer" : "operator",
		    m.customer ? "user" : "operator", m.user, m.text);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

enum { M_COLUMNS = 15 };

/* The rows of one connection, column by column. */
struct half {
	int64_t n, batch;
	struct message *messages;
	MYSQL_TIME *at;
	const void **value[M_COLUMNS];
	unsigned long *len[M_COLUMNS];
	char *null[M_COLUMNS];
	char *flag; /* 0, for private and automated */
	int64_t *version;
};

static void
set_text(struct half *h, int k, int64_t i, const char *text)
{
	h->value[k][i] = text;
	h->len[k][i] = text != NULL ? strlen(text) : 0;
	h->null[k][i] =
	    text != NULL ? STMT_INDICATOR_NONE : STMT_INDICATOR_NULL;
}

static void
set_time(MYSQL_TIME *t, int64_t ms)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	t->year = (unsigned)tm.tm_year + 1900;
	t->month = (unsigned)tm.tm_mon + 1;
	t->day = (unsigned)tm.tm_mday;
	t->hour = (unsigned)tm.tm_hour;
	t->minute = (unsigned)tm.tm_min;
	t->second = (unsigned)tm.tm_sec;
	t->second_part = (unsigned long)(ms % 1000) * 1000;
	t->time_type = MYSQL_TIMESTAMP_DATETIME;
}

static void
fill_row(struct half *h, int64_t i)
{
	struct message *m = &h->messages[i];

	set_time(&h->at[i], m->at);
	set_text(h, 0, i, "bench");
	h->value[1][i] = &h->at[i];
	set_text(h, 2, i, m->chat);
	set_text(h, 3, i, m->id);
	set_text(h, 4, i, m->customer ? "customer" : "operator");
	set_text(h, 5, i, m->user);
	set_text(h, 6, i, NULL);
	set_text(h, 7, i, m->customer ? NULL : m->user);
	set_text(h, 8, i, "whatsapp");
	set_text(h, 9, i, "text");
	set_text(h, 12, i, m->text);
	set_text(h, 13, i, NULL);
}

/* The rows of a half: batches in turn, so that two do not insert into the same
 * pages; that is faster than to divide by chat. */
static void
prepare_half(struct half *h, int64_t n, int64_t which, int64_t halves)
{
	int64_t i;
	int k;

	for (i = 0; i < n; i++)
		h->n += i / h->batch % halves == which;
	h->messages = xcalloc((size_t)h->n, sizeof *h->messages);
	h->at = xcalloc((size_t)h->n, sizeof *h->at);
	h->flag = xcalloc((size_t)h->n, 1);
	h->version = xcalloc((size_t)h->n, sizeof *h->version);
	for (k = 0; k < M_COLUMNS; k++) {
		h->value[k] = xcalloc((size_t)h->n, sizeof *h->value[k]);
		h->len[k] = xcalloc((size_t)h->n, sizeof *h->len[k]);
		h->null[k] = xcalloc((size_t)h->n, 1);
	}
	h->n = 0;
	for (i = 0; i < n; i++) {
		if (i / h->batch % halves != which)
			continue;
		make_message(&h->messages[h->n], i);
		fill_row(h, h->n++);
	}
}

static void
bind_rows(const struct half *h, MYSQL_BIND *bind, int64_t i)
{
	int k;

	memset(bind, 0, M_COLUMNS * sizeof *bind);
	for (k = 0; k < M_COLUMNS; k++) {
		bind[k].u.indicator = &h->null[k][i];
		bind[k].buffer_type = MYSQL_TYPE_STRING;
		bind[k].buffer = &h->value[k][i];
		bind[k].length = &h->len[k][i];
	}
	bind[1].buffer_type = MYSQL_TYPE_DATETIME;
	bind[10].buffer_type = bind[11].buffer_type = MYSQL_TYPE_TINY;
	bind[10].buffer = bind[11].buffer = &h->flag[i];
	bind[14].buffer_type = MYSQL_TYPE_LONGLONG;
	bind[14].buffer = &h->version[i];
}

static void *
store_half(void *ctx)
{
	static const char sql[] =
	    "INSERT INTO messages (tenant, created_at, conversation_id, "
	    "message_id, sender, sender_id, receiver_id, operator, channel, "
	    "message_type, private, automated, content, data, version) VALUES "
	    "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
	const struct half *h = ctx;
	MYSQL *my = connect_url();
	MYSQL_STMT *stmt = mysql_stmt_init(my);
	MYSQL_BIND bind[M_COLUMNS];
	unsigned size;
	int64_t i;

	check(my, mysql_stmt_prepare(stmt, sql, strlen(sql)));
	for (i = 0; i < h->n; i += h->batch) {
		size = (unsigned)(h->n - i < h->batch ? h->n - i : h->batch);
		bind_rows(h, bind, i);
		drain(my, "START TRANSACTION");
		drain(my, TAKE_SLOT);
		drain(my, "SELECT tenant FROM tenants WHERE tenant = 'bench'");
		if (mysql_stmt_attr_set(stmt, STMT_ATTR_ARRAY_SIZE, &size) !=
			0 ||
		    mysql_stmt_bind_param(stmt, bind) != 0 ||
		    mysql_stmt_execute(stmt) != 0) {
			fprintf(
			    stderr, "sink_bare: %s\n", mysql_stmt_error(stmt));
			exit(1);
		}
		drain(my, "COMMIT");
	}
	mysql_stmt_close(stmt);
	mysql_close(my);
	return NULL;
}

static int
store_messages(int64_t n, int64_t batch, int64_t halves)
{
	struct half h[8];
	pthread_t thread[8];
	MYSQL *my = connect_url();
	int64_t i, t0, t1;

	memset(h, 0, sizeof h);
	for (i = 0; i < halves; i++) {
		h[i].batch = batch;
		prepare_half(&h[i], n, i, halves);
	}
	drain(my,
	    "INSERT INTO tenants (tenant) VALUES ('bench') ON DUPLICATE KEY "
	    "UPDATE tenant = tenant");
	mysql_close(my);
	t0 = clock_mono_ms();
	for (i = 0; i < halves; i++)
		if (pthread_create(&thread[i], NULL, store_half, &h[i]) != 0)
			return 1;
	for (i = 0; i < halves; i++)
		(void)pthread_join(thread[i], NULL);
	t1 = clock_mono_ms();
	printf("%" PRId64 "\n", n * 1000 / (t1 > t0 ? t1 - t0 : 1));
	return 0;
}

int
main(int argc, char **argv)
{
	int64_t n, version, batch;

	prog_init(argv[0]);
	if (argc >= 3 && parse_int(argv[2], 1, 100000000, &n) == 0) {
		if (strcmp(argv[1], "messages") == 0 && argc == 3)
			return print_messages(n);
		if (strcmp(argv[1], "store-messages") == 0 && argc == 5 &&
		    parse_int(argv[3], 1, 100000, &batch) == 0 &&
		    parse_int(argv[4], 1, 8, &version) == 0)
			return store_messages(n, batch, version);
	}
	if (argc >= 4 && parse_int(argv[2], 1, 100000000, &n) == 0 &&
	    parse_int(argv[3], 0, 1000000, &version) == 0) {
		if (strcmp(argv[1], "rows") == 0)
			return print_rows(n, version);
		if (strcmp(argv[1], "store") == 0 && argc == 5 &&
		    parse_int(argv[4], 1, 100000, &batch) == 0)
			return store_rows(n, version, batch);
	}
	return prog_usage_error(
	    "usage: sink_bare rows N VERSION | store N VERSION BATCH | "
	    "messages N | store-messages N BATCH CONNECTIONS");
}
