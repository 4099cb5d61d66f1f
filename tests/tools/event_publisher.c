/*
 * event_publisher: replaces the original's generator of events, for tests of
 * the event counter and for scripts/eventcounter: the same exchange, routing
 * keys, bodies and properties, one confirm for each message; it also writes the
 * expected files. It also has features that the original lacks: duplicates,
 * garbage, a rate.
 *
 *   event_publisher [-d] [-e EXCHANGE] [-q QUEUE] [-n MESSAGES] [-o DIR]
 *       [-s SEED] [-u USERS] [-a PERCENT] [-g PERCENT] [-r PER-SECOND]
 *
 *   -d  declare exchange, queue and binding
 *   -o  TYPE.json there: users and counts, by a tab
 *   -a  so many are sent again later, by whomever and of whatever type
 *   -g  so many are garbage or have no id
 *
 * AMQP_URL says where. On stdout: events, duplicates and garbage sent.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/amqp/amqp_link.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/os/stop.h"

#define WINDOW 500 /* unconfirmed at most */
#define KEPT 1000  /* the number of ids from which duplicates are chosen */
#define USERS_MAX 100000

static const char *const types[] = { "created", "updated", "deleted" };
#define TYPES ARRAY_LEN(types)

struct publisher {
	const char *exchange, *queue, *folder;
	bool declare;
	int64_t n, users, seed, again, garbage, rate;

	struct amqp_link link;
	uint64_t random;
	uint64_t sent, confirmed;
	char kept[KEPT][37];
	size_t kept_n;
	int64_t *counts[TYPES]; /* by user */
	int64_t events, duplicates, bad;
};

static uint64_t
draw(struct publisher *p)
{
	uint64_t z = (p->random += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static bool
chance(struct publisher *p, int64_t percent)
{
	return (int64_t)(draw(p) % 100) < percent;
}

/* A version 4 UUID. */
static void
draw_id(struct publisher *p, char id[37])
{
	uint64_t a = draw(p), b = draw(p);

	(void)snprintf(id, 37,
	    "%08" PRIx64 "-%04" PRIx64 "-4%03" PRIx64 "-%04" PRIx64
	    "-%012" PRIx64,
	    a >> 32, a >> 16 & 0xffff, a & 0xfff, 0x8000 | (b >> 48 & 0x3fff),
	    b & UINT64_C(0xffffffffffff));
}

static void
name_user(const struct publisher *p, size_t user, char name[32])
{
	if (p->users <= 26)
		(void)snprintf(name, 32, "user_%c", (char)('a' + user));
	else
		(void)snprintf(name, 32, "user_%zu", user);
}

/* Reads confirms until at most `open` messages are unconfirmed. */
static int
wait_confirms(struct publisher *p, uint64_t open)
{
	const amqp_basic_ack_t *ack;
	amqp_frame_t f;
	int got;

	while (p->sent - p->confirmed > open && !stop_asked()) {
		got = amqp_link_frame(&p->link, &f, 1000);
		if (got < 0)
			return -1;
		if (got == 0 || f.frame_type != AMQP_FRAME_METHOD ||
		    f.payload.method.id != AMQP_BASIC_ACK_METHOD)
			continue;
		ack = f.payload.method.decoded;
		p->confirmed =
		    ack->multiple ? ack->delivery_tag : p->confirmed + 1;
	}
	return 0;
}

static int
publish(struct publisher *p, const char *exchange, const char *key,
    const char *body, size_t len)
{
	amqp_basic_properties_t properties = {
		._flags = AMQP_BASIC_CONTENT_ENCODING_FLAG,
		.content_encoding = amqp_cstring_bytes("application/json"),
	};
	amqp_bytes_t bytes = { len, (void *)(uintptr_t)body };

	p->sent++;
	if (amqp_link_check(&p->link, "publish",
		amqp_basic_publish(p->link.conn, AMQP_LINK_CHANNEL,
		    amqp_cstring_bytes(exchange), amqp_cstring_bytes(key), 0, 0,
		    &properties, bytes)) != 0)
		return -1;
	return wait_confirms(p, WINDOW);
}

static int
send_garbage(struct publisher *p)
{
	static const struct {
		const char *key, *body;
		size_t len;
	} kinds[] = {
#define BODY(text) text, sizeof(text) - 1
		{ "user_a.event.created", BODY("no JSON") },
		{ "user_a.event.created", BODY("") },
		{ "user_a.event.created", BODY("{\"id\":\"cut") },
		{ "user_a.event.updated", BODY("[\"id\"]") },
		{ "user_a.event.updated", BODY("{\"id\":17}") },
		{ "user_a.event.deleted", BODY("{\"id\":\"\xff\"}") },
		{ "user_a.event.deleted", BODY("{\"id\":\"a\"}{}") },
		{ "user_a.event.renamed", BODY("{\"id\":\"r\"}") },
		{ "user_a.event.", BODY("{\"id\":\"s\"}") },
		{ ".event.created", BODY("{\"id\":\"t\"}") },
		{ "\xff.event.created", BODY("{\"id\":\"u\"}") },
		{ "user_a.event.created", BODY("{}") },
		{ "user_a.event.created", BODY("{\"id\":\"\"}") },
		{ "user_a.event.created", BODY("{\"id\":null}") },
		{ NULL, BODY("{\"id\":\"past the exchange\"}") },
	};
	size_t i = (size_t)p->bad++ % ARRAY_LEN(kinds);

	if (kinds[i].key == NULL)
		return publish(p, "", p->queue, kinds[i].body, kinds[i].len);
	return publish(
	    p, p->exchange, kinds[i].key, kinds[i].body, kinds[i].len);
}

static int
send_event(struct publisher *p, const char *id, bool is_new)
{
	size_t user = (size_t)(draw(p) % (uint64_t)p->users);
	size_t type = (size_t)(draw(p) % TYPES);
	char key[64], body[64], name[32];

	name_user(p, user, name);
	(void)snprintf(key, sizeof key, "%s.event.%s", name, types[type]);
	/* JSON may have any layout. */
	(void)snprintf(body, sizeof body,
	    p->garbage > 0 && chance(p, 5) ? "{\n  \"id\": \"%s\"\n}\n"
					   : "{\"id\":\"%s\"}",
	    id);
	if (is_new) {
		p->counts[type][user]++;
		p->events++;
	} else {
		p->duplicates++;
	}
	return publish(p, p->exchange, key, body, strlen(body));
}

static int
send_one(struct publisher *p)
{
	char id[37];

	if (chance(p, p->garbage))
		return send_garbage(p);
	if (p->kept_n > 0 && chance(p, p->again))
		return send_event(p,
		    p->kept[draw(p) % (p->kept_n < KEPT ? p->kept_n : KEPT)],
		    false);
	draw_id(p, id);
	memcpy(p->kept[p->kept_n++ % KEPT], id, sizeof id);
	return send_event(p, id, true);
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Writes names and counts sorted as the original's encoder does. */
static int
write_file(const struct publisher *p, size_t type)
{
	char *path = xasprintf("%s/%s.json", p->folder, types[type]);
	char **lines = xcalloc((size_t)p->users, sizeof *lines), name[32];
	size_t n = 0, i;
	int bad = -1;
	FILE *f;

	for (i = 0; i < (size_t)p->users; i++) {
		if (p->counts[type][i] == 0)
			continue;
		name_user(p, i, name);
		lines[n++] =
		    xasprintf("\t\"%s\": %" PRId64, name, p->counts[type][i]);
	}
	qsort(lines, n, sizeof *lines, compare);
	f = n > 0 ? fopen(path, "w") : NULL;
	if (f != NULL) {
		fputs("{\n", f);
		for (i = 0; i < n; i++)
			fprintf(f, "%s%s\n", lines[i], i + 1 < n ? "," : "");
		fputs("}", f);
		bad = fclose(f);
	}
	if (n > 0 && bad != 0)
		log_error("cannot write '%s'", path);
	for (i = 0; i < n; i++)
		free(lines[i]);
	free(lines);
	free(path);
	return n > 0 ? bad : 0;
}

static int
declare(struct publisher *p)
{
	amqp_connection_state_t c = p->link.conn;
	amqp_table_t none = { 0, NULL };

	amqp_exchange_declare(c, AMQP_LINK_CHANNEL,
	    amqp_cstring_bytes(p->exchange), amqp_cstring_bytes("topic"), 0, 1,
	    0, 0, none);
	if (amqp_link_check_reply(
		&p->link, "declare the exchange", amqp_get_rpc_reply(c)) != 0)
		return -1;
	amqp_queue_declare(c, AMQP_LINK_CHANNEL, amqp_cstring_bytes(p->queue),
	    0, 1, 0, 0, none);
	if (amqp_link_check_reply(
		&p->link, "declare the queue", amqp_get_rpc_reply(c)) != 0)
		return -1;
	amqp_queue_bind(c, AMQP_LINK_CHANNEL, amqp_cstring_bytes(p->queue),
	    amqp_cstring_bytes(p->exchange), amqp_cstring_bytes("*.event.*"),
	    none);
	return amqp_link_check_reply(
	    &p->link, "bind the queue", amqp_get_rpc_reply(c));
}

static int
publish_all(struct publisher *p)
{
	int64_t i, start = clock_mono_ms();

	amqp_confirm_select(p->link.conn, AMQP_LINK_CHANNEL);
	if (amqp_link_check_reply(&p->link, "ask for confirms",
		amqp_get_rpc_reply(p->link.conn)) != 0)
		return -1;
	if (p->declare && declare(p) != 0)
		return -1;
	for (i = 0; i < p->n && !stop_asked(); i++) {
		if (send_one(p) != 0)
			return -1;
		while (p->rate > 0 && !stop_asked() &&
		       clock_mono_ms() - start < i * 1000 / p->rate)
			(void)stop_sleep(1);
	}
	return wait_confirms(p, 0);
}

static enum exit_code
run(struct publisher *p, const struct conf *conf)
{
	enum exit_code code = PROG_OK;
	struct buf why = BUF_INIT;
	size_t i;

	if (amqp_link_init(&p->link, conf, "publishes", &why, &code) != 0) {
		log_error("%s", buf_str(&why));
		buf_release(&why);
		return code;
	}
	p->random = (uint64_t)p->seed;
	for (i = 0; i < TYPES; i++)
		p->counts[i] = xcalloc((size_t)p->users, sizeof(int64_t));
	if (amqp_link_connect(&p->link) != OUTCOME_DONE ||
	    publish_all(p) != 0) {
		log_error("%s", buf_str(&p->link.why));
		code = p->link.code;
	}
	for (i = 0; i < TYPES && code == PROG_OK && p->folder != NULL; i++)
		if (write_file(p, i) != 0)
			code = PROG_IO;
	printf("events=%" PRId64 " duplicates=%" PRId64 " garbage=%" PRId64
	       "\n",
	    p->events, p->duplicates, p->bad);
	amqp_link_close(&p->link);
	amqp_link_release(&p->link);
	for (i = 0; i < TYPES; i++)
		free(p->counts[i]);
	return fflush(stdout) == 0 ? code : PROG_IO;
}

static int
take_option(struct publisher *p, int c)
{
	switch (c) {
	case 'd':
		p->declare = true;
		return 0;
	case 'e':
		p->exchange = optarg;
		return 0;
	case 'o':
		p->folder = optarg;
		return 0;
	case 'q':
		p->queue = optarg;
		return 0;
	case 'a':
		return parse_int(optarg, 0, 99, &p->again);
	case 'g':
		return parse_int(optarg, 0, 100, &p->garbage);
	case 'n':
		return parse_int(optarg, 0, INT64_C(1000000000), &p->n);
	case 'r':
		return parse_int(optarg, 1, 1000000, &p->rate);
	case 's':
		return parse_int(optarg, 0, INT64_MAX, &p->seed);
	case 'u':
		return parse_int(optarg, 1, USERS_MAX, &p->users);
	default:
		return -1;
	}
}

int
main(int argc, char **argv)
{
	static struct publisher p = { .exchange = "user-events",
		.queue = "eventcountertest",
		.n = 20,
		.users = 5,
		.seed = 1 };
	enum exit_code code = PROG_CONFIG;
	struct buf why = BUF_INIT;
	struct conf *conf;
	int c;

	prog_init(argv[0]);
	stop_init();
	while ((c = getopt(argc, argv, "a:de:g:n:o:q:r:s:u:")) != -1)
		if (take_option(&p, c) != 0)
			return PROG_USAGE;
	conf = conf_load(NULL, &why);
	if (conf == NULL)
		log_error("%s", buf_str(&why));
	else
		code = run(&p, conf);
	conf_free(conf);
	buf_release(&why);
	return (int)code;
}
