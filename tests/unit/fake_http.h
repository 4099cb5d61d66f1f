/*
 * fake_http: http.h without a network: what fake_crm says is the answer to
 * every request, or what answer() makes of it; and a tenant of that CRM. An
 * executable that includes it is linked without poller/client/http.c.
 *
 * In the header, because each test is one file and an executable of its own.
 */
#ifndef TESTS_UNIT_FAKE_HTTP_H
#define TESTS_UNIT_FAKE_HTTP_H

#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "poller/client/http.h"
#include "poller/client/tenant.h"

#define FAKE_IN_FLIGHT 100

static struct {
	int status;
	const char *body;
	const char *remaining, *reset; /* headers, or NULL */
	unsigned requests;
	/* Sets the above for this request; or NULL. */
	void (*answer)(const struct http_request *r);
} fake_crm;

struct http_headers {
	int none;
};

struct http {
	struct http_answer *answers[FAKE_IN_FLIGHT];
	size_t n;
};

struct http *
http_new(void)
{
	return xcalloc(1, sizeof(struct http));
}

void
http_answer_free(struct http_answer *a)
{
	if (a == NULL)
		return;
	buf_release(&a->body);
	buf_release(&a->reason);
	free(a);
}

void
http_free(struct http *h)
{
	size_t i;

	for (i = 0; h != NULL && i < h->n; i++)
		http_answer_free(h->answers[i]);
	free(h);
}

struct http_headers *
http_headers_new(const char *const *lines)
{
	(void)lines;
	return xcalloc(1, sizeof(struct http_headers));
}

void
http_headers_free(struct http_headers *h)
{
	free(h);
}

static inline void
fake_header(char *to, size_t size, const char *value)
{
	(void)snprintf(to, size, "%s", value != NULL ? value : "");
}

void
http_start(struct http *h, const struct http_request *r)
{
	struct http_answer *a = xcalloc(1, sizeof *a);

	assert_true(h->n < FAKE_IN_FLIGHT);
	h->answers[h->n++] = a;
	a->ctx = r->ctx;
	a->in_flight = r->in_flight;
	++*r->in_flight;
	if (fake_crm.answer != NULL)
		fake_crm.answer(r);
	a->status = fake_crm.status;
	buf_adds(&a->body, fake_crm.body);
	fake_header(a->headers.remaining, sizeof a->headers.remaining,
	    fake_crm.remaining);
	fake_header(a->headers.reset, sizeof a->headers.reset, fake_crm.reset);
	a->headers.date_ms = CLOCK_NONE;
	a->sent_ms = a->got_ms = clock_now_ms();
	fake_crm.requests++;
}

void
http_wait(struct http *h, int64_t timeout_ms)
{
	(void)h;
	(void)timeout_ms;
}

/* The counter of who asked is changed, as http.c does. */
static inline struct http_answer *
fake_take(struct http *h, size_t i)
{
	struct http_answer *a = h->answers[i];

	h->answers[i] = h->answers[--h->n];
	--*(size_t *)(uintptr_t)a->in_flight;
	return a;
}

struct http_answer *
http_next(struct http *h)
{
	return h->n > 0 ? fake_take(h, 0) : NULL;
}

void
http_cancel(struct http *h, const size_t *in_flight)
{
	size_t i = 0;

	while (i < h->n) {
		if (h->answers[i]->in_flight == in_flight)
			http_answer_free(fake_take(h, i));
		else
			i++;
	}
}

int64_t
http_date(const char *text)
{
	(void)text;
	return CLOCK_NONE;
}

int
http_check_base(const char *base, bool plaintext, struct buf *why)
{
	(void)base;
	(void)plaintext;
	(void)why;
	return 0;
}

char *
http_resolve(
    const char *base, const char *from, const char *target, struct buf *why)
{
	(void)base;
	(void)from;
	(void)why;
	return xstrdup(target);
}

/* Call it in the folder where the test began. Owned. */
static inline struct tenant *
fake_tenant_of(const char *profile, int64_t retry_budget_ms)
{
	struct profile_options options = { .tenant = "acme", .account = "app" };
	struct tenant *t = xcalloc(1, sizeof *t);
	struct buf why = BUF_INIT;
	size_t i;

	t->name = "acme";
	t->section = xstrdup("crm acme");
	t->concurrency = 4;
	t->retry_budget_ms = retry_budget_ms;
	t->assign = true;
	t->profile = profile_open(profile, &options, &why);
	if (t->profile == NULL)
		fail_msg("%s", buf_str(&why));
	buf_release(&why);
	t->hosts_n = profile_about(t->profile)->hosts_n;
	t->hosts = xcalloc(t->hosts_n, sizeof *t->hosts);
	for (i = 0; i < t->hosts_n; i++) {
		t->hosts[i].base = xstrdup("http://crm");
		t->hosts[i].headers = http_headers_new(NULL);
	}
	return t;
}

static inline struct tenant *
fake_tenant_open(int64_t retry_budget_ms)
{
	return fake_tenant_of("chat2desk", retry_budget_ms);
}

static inline void
fake_tenant_close(struct tenant *t)
{
	size_t i;

	profile_close(t->profile);
	for (i = 0; i < t->hosts_n; i++) {
		http_headers_free(t->hosts[i].headers);
		free(t->hosts[i].base);
	}
	free(t->hosts);
	free(t->section);
	free(t);
}

#endif
