/*
 * recent_assignments: see recent_assignments.h.
 */
#include "poller/assign/recent_assignments.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Longer than a list takes with all its pages. */
#define KEPT_MS (INT64_C(5) * 60 * 1000)

static void
drop_recent_assignment(struct recent_assignments *g, size_t i)
{
	free(g->v[i].operator_id);
	free(g->v[i].chat);
	g->v[i] = g->v[--g->n];
}

void
recent_assignments_release(struct recent_assignments *g)
{
	while (g->n > 0)
		drop_recent_assignment(g, g->n - 1);
	free(g->v);
	*g = (struct recent_assignments){ .v = NULL };
}

void
recent_assignments_begin(struct recent_assignments *g, const char *operator_id,
    const char *chat, int64_t now_ms)
{
	size_t i;

	for (i = g->n; i-- > 0;)
		if (g->v[i].ended_ms < now_ms - KEPT_MS)
			drop_recent_assignment(g, i);
	XGROW(g->v, g->n, g->cap);
	g->v[g->n++] =
	    (struct recent_assignment){ .operator_id = xstrdup(operator_id),
		    .chat = xstrdup(chat),
		    .ended_ms = INT64_MAX };
}

void
recent_assignments_end(
    struct recent_assignments *g, const char *chat, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->v[i].ended_ms == INT64_MAX &&
		    strcmp(g->v[i].chat, chat) == 0)
			g->v[i].ended_ms = now_ms;
}

size_t
recent_assignments_since(const struct recent_assignments *g,
    const char *operator_id, const struct strmap *list, int64_t asked_ms)
{
	size_t i, n = 0;

	for (i = 0; i < g->n; i++)
		n += g->v[i].ended_ms >= asked_ms &&
		     strcmp(g->v[i].operator_id, operator_id) == 0 &&
		     strmap_get(list, g->v[i].chat, strlen(g->v[i].chat)) ==
			 NULL;
	return n;
}
