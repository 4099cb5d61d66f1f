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

const char *
sim_route_name(const struct sim *s, size_t index, struct buf *text)
{
	if (index < SIM_ROUTES / 2)
		return api_route_name(index, text);
	index -= SIM_ROUTES / 2;
	return is_chatwoot(s) ? chatwoot_route_name(index, text)
			      : qiscus_route_name(index, text);
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
answer_api(struct sim *s, struct call *c, const struct route *route, int64_t id,
    struct answer *a)
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
	route->answer(s, w, c, id, a);
}

void
sim_answer(struct sim *s, struct call *c, struct answer *a)
{
	const struct fault_kind *on = NULL;
	const struct route *route;
	int64_t id, value = 0;
	size_t index = SIM_ROUTES / 2 - 1;

	sim_now(s);
	if (strncmp(c->path, "/control/", 9) == 0) {
		control_answer(s, c, a);
		return;
	}
	a->delay_ms = s->latency_ms;
	if (qiscus_is_path(c->path)) {
		index = SIM_ROUTES / 2 - 1;
		route = is_chatwoot(s) ? chatwoot_route(c, &id, &index)
				       : qiscus_route(c, &id, &index);
		index += SIM_ROUTES / 2;
	} else {
		route = api_route(c, &id, &index);
	}
	if (c->uncounted) {
		a->delay_ms = 0;
		answer_api(s, c, route, id, a);
		return;
	}
	s->calls++;
	s->by_route[index]++;
	if (!fault_before(&s->faults, c, a, s->now_ms, &on, &value))
		answer_api(s, c, route, id, a);
	fault_after(on, value, a);
}
