/* sim: identifies the caller, counts the call, injects faults, and finds the
 * route. */
#include "tests/crm/sim.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "tests/crm/api.h"
#include "tests/crm/chatwoot.h"
#include "tests/crm/control.h"
#include "tests/crm/life.h"
#include "tests/crm/qiscus.h"

/* Sends webhooks for new events. They show the present world. */
static void
tell(struct sim *s, struct world *w)
{
	struct buf body = BUF_INIT;

	for (size_t i = 0; i < w->happenings_n; i++) {
		const struct event *h = &w->events[i];

		if (w->dialogs[h->dialog].gone)
			continue;
		if (w->opt.chatwoot) {
			chatwoot_push(s->push, w, h);
		} else if (w->webhooks[h->kind].on) {
			buf_clear(&body);
			qiscus_happening(&body, w, h);
			push_add(s->push, w->webhooks[h->kind].url,
			    buf_str(&body), NULL);
		}
	}
	w->happenings_n = 0;
	buf_release(&body);
}

int64_t
sim_now(struct sim *s)
{
	int64_t mono = clock_mono_ms();

	if (s->speed_milli > 0)
		s->now_ms += (mono - s->mono_ms) * s->speed_milli / 1000;
	s->mono_ms = mono;
	for (size_t i = 0; i < s->worlds_n; i++) {
		do
			tell(s, &s->worlds[i]);
		while (life_next(&s->worlds[i], s->now_ms));
	}
	return s->now_ms;
}

void
sim_advance(struct sim *s, int64_t ms)
{
	sim_now(s);
	s->now_ms += ms;
	sim_now(s);
}

static struct world *
account(const struct sim *s, const char *token)
{
	for (size_t i = 0; i < s->worlds_n; i++)
		if (strcmp(s->worlds[i].opt.token, token) == 0)
			return &s->worlds[i];
	return NULL;
}

static bool
is_chatwoot(const struct sim *s)
{
	return s->worlds_n > 0 && s->worlds[0].opt.chatwoot;
}

/* Matches a path against a pattern. A slash at the end of the path is
 * ignored. */
static bool
matches(const char *pattern, const char *path, int64_t *id)
{
	while (*pattern != '\0') {
		if (*pattern == '{') {
			if (*path < '0' || *path > '9')
				return false;
			for (*id = 0; *path >= '0' && *path <= '9'; path++)
				if (*id < INT64_MAX / 100)
					*id = *id * 10 + (*path - '0');
			pattern = strchr(pattern, '}') + 1;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return strcmp(path, "") == 0 || strcmp(path, "/") == 0;
}

/* Finds the route of a call in a table, or NULL; adds to *n the routes before
 * it, and sets the id in the path. */
static const struct route *
find_route(const struct route *r, struct call *c, size_t *n)
{
	for (; r->pattern != NULL; r++, ++*n)
		if (r->method == c->method &&
		    matches(r->pattern, c->path, &c->id))
			return r;
	return NULL;
}

/* The routes beside those of Chat2Desk, which every simulator has. */
static const struct route *
more_routes(const struct sim *s)
{
	return is_chatwoot(s) ? chatwoot_routes : qiscus_routes;
}

const char *
sim_route_name(const struct sim *s, size_t index, struct buf *text)
{
	const struct route *r = api_routes, *more = more_routes(s);

	for (; r->pattern != NULL && index > 0; index--) {
		r++;
		if (r->pattern == NULL && more != NULL) {
			r = more;
			more = NULL;
		}
	}
	if (r->pattern == NULL)
		return NULL;
	buf_setf(text, "%s %s", method_names[r->method], r->pattern);
	return buf_str(text);
}

int64_t
sim_turn(struct sim *s)
{
	if (s->push == NULL)
		return 1000;
	sim_now(s);
	return s->speed_milli > 0 ? 50 : 1000;
}

static void
answer_echo(const struct call *c, struct answer *a)
{
	char *text = xasprintf("Token %s is not correct", c->token);

	answer_error(a, (unsigned)c->echo, text,
	    c->body.len > 0 ? buf_str(&c->body) : NULL);
	free(text);
}

/* Checks in Chat2Desk's order: token, quota, route. */
static void
answer_api(
    struct sim *s, struct call *c, const struct route *route, struct answer *a)
{
	struct world *w;

	if (c->token == NULL || c->token[0] == '\0') {
		if (is_chatwoot(s))
			chatwoot_error(a, 401, "Invalid Access Token");
		else
			answer_error(a, 401,
			    "You have to specify your token. See API manual on "
			    "info@chat2desk.com",
			    NULL);
		return;
	}
	if (c->echo != 0) {
		answer_echo(c, a);
		return;
	}
	w = account(s, c->token);
	if (w == NULL) {
		if (is_chatwoot(s))
			chatwoot_error(a, 401, "Invalid Access Token");
		else
			answer_error(a, 403, "Token is not correct", NULL);
		return;
	}
	w->calls += !c->uncounted;
	if (route == NULL) {
		answer_error(a, 404, "Page not found", NULL);
		return;
	}
	if (qiscus_is_path(c->path) && !is_chatwoot(s) &&
	    !qiscus_knows(w, c, a))
		return;
	a->status = 200;
	c->world = w;
	route->answer(c, a);
}

void
sim_answer(struct sim *s, struct call *c, struct answer *a)
{
	const struct fault *fault;
	const struct route *route;
	size_t index = 0;

	sim_now(s);
	c->sim = s;
	if (strncmp(c->path, "/control/", 9) == 0) {
		route = find_route(control_routes, c, &index);
		if (route != NULL)
			route->answer(c, a);
		else
			answer_error(
			    a, 404, "no such control; see --help", NULL);
		return;
	}
	route = find_route(api_routes, c, &index);
	if (route == NULL)
		route = find_route(more_routes(s), c, &index);
	if (c->uncounted) {
		answer_api(s, c, route, a);
		return;
	}
	a->delay_ms = s->latency_ms;
	s->calls++;
	s->by_route[index]++;
	fault = fault_for(&s->faults, c);
	fault_apply(fault, FAULT_BEFORE, c, a);
	if (!fault_apply(fault, FAULT_INSTEAD, c, a))
		answer_api(s, c, route, a);
	fault_apply(fault, FAULT_AFTER, c, a);
}
