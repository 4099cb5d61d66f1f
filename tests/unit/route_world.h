/*
 * route_world: sends requests to routes without a socket, from a configuration,
 * an intake, headers and a query as texts, and checks the result. For tests of
 * the poller's routes.
 */
#ifndef TESTS_ROUTE_WORLD_H
#define TESTS_ROUTE_WORLD_H

#include "tests/unit/tmpdir.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/xalloc.h"
#include "common/conf/conf.h"
#include "common/json/json_text.h"
#include "common/records/record.h"
#include "poller/intake/idempotency.h"
#include "poller/intake/listener_context.h"
#include "poller/intake/route.h"

/* 2026-11-20T10:00:00.123Z */
#define WORLD_NOW INT64_C(1795168800123)

struct world {
	struct conf *conf;
	struct request_store *store; /* NULL: there is no state */
	struct listener_context *in;
};

/* Set for the next request; NULL: absent. */
struct ask {
	const char *tenant, *type, *key, *authorization, *peer;
	int64_t now_ms; /* 0: WORLD_NOW */
};

static inline const char *
world_header(const struct web_request *r, const char *name)
{
	const struct ask *ask = r->private;

	if (strcasecmp(name, "Content-Type") == 0)
		return ask->type;
	if (strcasecmp(name, "Idempotency-Key") == 0)
		return ask->key;
	if (strcasecmp(name, "Authorization") == 0)
		return ask->authorization;
	return NULL;
}

static inline void
world_parameters(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	const struct ask *ask = r->private;

	if (ask->tenant != NULL)
		visit(ctx, "tenant_id", ask->tenant);
}

static inline void
world_open(struct world *w, const char *text, const char *state)
{
	struct buf why = BUF_INIT;
	enum exit_code code;

	tmpdir_file("messaging.conf", text, strlen(text), 0600);
	w->conf = conf_load("messaging.conf", &why);
	if (w->conf == NULL)
		fail_msg("%s", buf_str(&why));
	w->store = NULL;
	if (state != NULL) {
		w->store =
		    request_store_open(state, 1000000, 1000000, &code, &why);
		if (w->store == NULL)
			fail_msg("%s", buf_str(&why));
	}
	w->in = listener_context_open(w->conf, w->store, &code, &why);
	if (w->in == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
}

static inline void
world_close(struct world *w)
{
	listener_context_close(w->in);
	request_store_close(w->store);
	conf_free(w->conf);
}

/* Every line must be a record that our own reader accepts. */
static inline void
world_check_records(const struct web_answer *a)
{
	static struct flat f;
	struct record r;
	struct buf line = BUF_INIT, why = BUF_INIT;
	const char *p = buf_str(&a->records), *end;
	size_t n = 0;

	for (; *p != '\0'; p = end + 1, n++) {
		end = strchr(p, '\n');
		assert_non_null(end);
		buf_clear(&line);
		buf_add(&line, p, (size_t)(end - p));
		(void)buf_room(&line, 64);
		if (record_parse(&r, &f, line.data, line.len, &why) != 0)
			fail_msg("%s: %s", buf_str(&why), line.data);
		assert_int_not_equal(r.type, RECORD_UNKNOWN);
	}
	assert_int_equal(n, a->records_n);
	if (a->status != 200)
		assert_int_equal(n, 0);
	buf_release(&line);
	buf_release(&why);
}

/* Stores records in the same way as the intake. */
static inline void
world_store(const struct world *w, const struct web_answer *a)
{
	struct buf why = BUF_INIT;

	if (w->store == NULL || a->records.len == 0)
		return;
	request_store_begin(w->store);
	assert_true(request_store_add(w->store, &a->records, &a->note));
	if (request_store_commit(w->store, &why) != 0)
		fail_msg("%s", buf_str(&why));
}

/* The caller releases the answer with world_drop(). */
static inline struct web_answer
world_post(const struct world *w, const char *path, const struct ask *ask,
    const char *body, size_t len)
{
	struct ask copy = *ask;
	struct web_request r = { .method = WEB_POST,
		.path = path,
		.body = body,
		.len = len,
		.peer = ask->peer != NULL ? ask->peer : "127.0.0.1",
		.from = "127.0.0.1",
		.now_ms = ask->now_ms != 0 ? ask->now_ms : WORLD_NOW,
		.header = world_header,
		.parameters = world_parameters,
		.private = &copy };
	struct web_answer a = { .status = 200 };

	route_answer(w->in, &r, &a);
	if (a.later != NULL)
		a.later(w->in, &r, &a);
	world_check_records(&a);
	world_store(w, &a);
	return a;
}

static inline void
world_drop(struct web_answer *a)
{
	buf_release(&a->body);
	buf_release(&a->records);
	buf_release(&a->note);
}

#endif
