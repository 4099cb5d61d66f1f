/*
 * recent_load: see recent_load.h.
 */
#include "poller/assign/recent_load.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"

/* Longer than reading a list takes, with all its pages. */
#define KEPT_MS (INT64_C(5) * 60 * 1000)

static void
drop_assignment(struct recent_load *recent, size_t i)
{
	free(recent->v[i].operator_id);
	free(recent->v[i].chat);
	recent->v[i] = recent->v[--recent->n];
}

void
recent_load_release(struct recent_load *recent)
{
	while (recent->n > 0)
		drop_assignment(recent, recent->n - 1);
	free(recent->v);
	*recent = (struct recent_load){ .v = NULL };
}

void
recent_load_begin(struct recent_load *recent, const char *operator_id,
    const char *chat, int64_t now_ms)
{
	size_t i;

	for (i = recent->n; i-- > 0;)
		if (recent->v[i].ended_ms < now_ms - KEPT_MS)
			drop_assignment(recent, i);
	XGROW(recent->v, recent->n, recent->cap);
	recent->v[recent->n++] =
	    (struct recent_load_chat){ .operator_id = xstrdup(operator_id),
		    .chat = xstrdup(chat),
		    .ended_ms = INT64_MAX };
}

void
recent_load_end(struct recent_load *recent, const char *chat, int64_t now_ms)
{
	size_t i;

	for (i = 0; i < recent->n; i++)
		if (recent->v[i].ended_ms == INT64_MAX &&
		    strcmp(recent->v[i].chat, chat) == 0)
			recent->v[i].ended_ms = now_ms;
}

size_t
recent_load_since(const struct recent_load *recent, const char *operator_id,
    const struct strmap *list, int64_t asked_ms)
{
	size_t i, n = 0;

	for (i = 0; i < recent->n; i++)
		n += recent->v[i].ended_ms >= asked_ms &&
		     strcmp(recent->v[i].operator_id, operator_id) == 0 &&
		     strmap_get(list, recent->v[i].chat,
			 strlen(recent->v[i].chat)) == NULL;
	return n;
}
