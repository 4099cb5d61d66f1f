/*
 * latency [-c FILE] QUEUE SECONDS: how long it takes from publishing a message
 * until the database shows it and what was counted of it, seen from outside.
 *
 * One message at a time goes into the queue, beside whatever else does; the
 * tables are asked every half millisecond until `messages` has it and
 * `conversation_metrics` has counted it; then the next. So each metric has a
 * query in it. Prints one line of JSON: probes, lost (not seen within ten
 * seconds), and p50_ms, p99_ms, max_ms until both, stored_p50_ms and
 * stored_p99_ms until the message alone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/db/db.h"
#include "common/endpoint/endpoint.h"
#include "common/os/stop.h"

enum { LOST_MS = 10000, BETWEEN_MS = 5 };

static const char question[] =
    "SELECT (SELECT COUNT(*) FROM messages WHERE tenant = 't1' AND created_at "
    "= ? AND conversation_id = ? AND message_id = ?), (SELECT "
    "COALESCE(MAX(message_count), 0) FROM conversation_metrics WHERE tenant = "
    "'t1' AND conversation_id = ?)";

struct sample {
	int64_t stored, both; /* microseconds */
};

struct probe {
	struct endpoint *out;
	struct db *db;
	char chat[32];
	struct sample *samples;
	size_t n, cap, lost;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int
publish(struct probe *p, int64_t number, int64_t at)
{
	char time[CLOCK_TEXT], line[512];
	int len;

	clock_format(at, time);
	len = snprintf(line, sizeof line,
	    "{\"type\":\"message\",\"tenant\":\"t1\",\"chat\":\"%s\","
	    "\"channel\":\"probe\",\"id\":\"%" PRId64 "\",\"at\":\"%s\","
	    "\"from\":\"customer\",\"user\":\"probe\",\"kind\":\"text\","
	    "\"text\":\"is anybody there?\"}",
	    p->chat, number, time);
	if (endpoint_write(p->out, line, (size_t)len) != 0 ||
	    endpoint_flush(p->out) != OUTCOME_DONE) {
		log_error("%s", endpoint_why(p->out));
		return -1;
	}
	return 0;
}

/* 1: there and counted, 0: not yet. */
static int
look(struct probe *p, int64_t number, int64_t at, bool *stored)
{
	char id[24];
	struct db_value args[4];
	struct db_rows *rows;
	int done;

	snprintf(id, sizeof id, "%" PRId64, number);
	args[0] = db_time(at);
	args[1] = args[3] = db_str(p->chat);
	args[2] = db_str(id);
	if (db_query(p->db, question, args, 4, &rows) != OUTCOME_DONE) {
		log_error("%s", db_why(p->db));
		return -1;
	}
	done = db_next(rows) && db_get_int(rows, 0) > 0;
	*stored = done > 0;
	if (done && db_get_int(rows, 1) < number)
		done = 0;
	db_rows_free(rows);
	return done;
}

static void
nap(int64_t us)
{
	const struct timespec t = { 0, (long)us * 1000 };

	nanosleep(&t, NULL);
}

/* One message on its way. -1: a server failed. */
static int
probe_once(struct probe *p, int64_t number)
{
	int64_t at = clock_now_ms(), began = now_us();
	struct sample s = { 0, 0 };
	bool stored = false;
	int done;

	if (publish(p, number, at) != 0)
		return -1;
	do {
		done = look(p, number, at, &stored);
		if (stored && s.stored == 0)
			s.stored = now_us() - began;
		s.both = now_us() - began;
		if (done == 0)
			nap(500);
	} while (done == 0 && s.both < LOST_MS * 1000 && !stop_asked());
	if (done <= 0) {
		p->lost++;
		return done;
	}
	XGROW(p->samples, p->n, p->cap);
	p->samples[p->n++] = s;
	nap(BETWEEN_MS * 1000);
	return 0;
}

static int
by_both(const void *a, const void *b)
{
	int64_t x = ((const struct sample *)a)->both;
	int64_t y = ((const struct sample *)b)->both;

	return (x > y) - (x < y);
}

static int
by_stored(const void *a, const void *b)
{
	int64_t x = ((const struct sample *)a)->stored;
	int64_t y = ((const struct sample *)b)->stored;

	return (x > y) - (x < y);
}

static const struct sample *
rank(const struct probe *p, size_t percent)
{
	size_t i = (p->n * percent + 99) / 100;

	return &p->samples[i > 0 ? i - 1 : 0];
}

static int
report(struct probe *p)
{
	if (p->n == 0) {
		log_error("nothing was seen");
		return PROG_TEMPFAIL;
	}
	qsort(p->samples, p->n, sizeof *p->samples, by_both);
	printf("{\"probes\":%zu,\"lost\":%zu,\"p50_ms\":%.1f,\"p99_ms\":%.1f,"
	       "\"max_ms\":%.1f,",
	    p->n, p->lost, (double)rank(p, 50)->both / 1000,
	    (double)rank(p, 99)->both / 1000,
	    (double)rank(p, 100)->both / 1000);
	qsort(p->samples, p->n, sizeof *p->samples, by_stored);
	printf("\"stored_p50_ms\":%.1f,\"stored_p99_ms\":%.1f}\n",
	    (double)rank(p, 50)->stored / 1000,
	    (double)rank(p, 99)->stored / 1000);
	return PROG_OK;
}

static int
run(struct probe *p, const struct conf *conf, const char *queue, int64_t ms)
{
	struct endpoint_options opt = { .conf = conf };
	struct buf why = BUF_INIT;
	enum exit_code code;
	int64_t end, number = 0;

	p->db = db_open(conf, &why, &code);
	if (p->db != NULL)
		p->out = endpoint_open_write(queue, &opt, &why, &code);
	if (p->out == NULL) {
		log_error("%s", buf_str(&why));
		return (int)code;
	}
	if (db_connect(p->db) != OUTCOME_DONE) {
		log_error("%s", db_why(p->db));
		return (int)db_code(p->db);
	}
	/* A chat of its own, so that what was counted is known. */
	snprintf(p->chat, sizeof p->chat, "probe-%" PRId64, clock_now_ms());
	end = clock_mono_ms() + ms;
	while (clock_mono_ms() < end && !stop_asked())
		if (probe_once(p, ++number) != 0)
			return PROG_TEMPFAIL;
	return report(p);
}

int
main(int argc, char **argv)
{
	const char *path = NULL;
	struct probe p = { .n = 0 };
	struct buf why = BUF_INIT;
	struct conf *conf;
	int64_t ms;
	int rc;

	prog_init(argv[0]);
	stop_init();
	if (argc == 5 && strcmp(argv[1], "-c") == 0) {
		path = argv[2];
		argv += 2;
		argc -= 2;
	}
	if (argc != 3 || parse_duration(argv[2], &ms) != 0)
		return prog_usage_error("usage: latency [-c FILE] QUEUE TIME");
	conf = conf_load(path, &why);
	if (conf == NULL) {
		log_error("%s", buf_str(&why));
		return PROG_CONFIG;
	}
	rc = run(&p, conf, argv[1], ms);
	endpoint_close(p.out);
	db_close(p.db);
	conf_free(conf);
	buf_release(&why);
	free(p.samples);
	return rc;
}
