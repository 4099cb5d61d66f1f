/* qiscus_rooms: rooms and their comments; see qiscus.h. */
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "tests/crm/qiscus.h"

#define ROOMS_MOST 100

struct filter {
	const char *serve, *status; /* NULL: all */
	const json_t *agents;       /* an array, or NULL */
};

/* The real list of unserved rooms also has some that are served, or
 * resolved. */
static bool
slips_in(const struct filter *f, const struct dialog *d)
{
	return f->serve != NULL && strcmp(f->serve, "unserved") == 0 &&
	       d->id % 7 == 0;
}

/* user_ids are numbers, or strings. */
static bool
is_held_by(const struct world *w, const struct dialog *d, const json_t *agents)
{
	for (size_t i = 0; i < json_array_size(agents); i++) {
		const json_t *v = json_array_get(agents, i);
		int64_t id = json_integer_value(v);

		if (json_is_string(v) &&
		    parse_int(json_string_value(v), 0, INT64_MAX, &id) != 0)
			return false;
		if (d->assignee != NO_OPERATOR &&
		    w->operators[d->assignee].id == id)
			return true;
	}
	return json_array_size(agents) == 0;
}

static bool
passes(const struct world *w, const struct filter *f, const struct dialog *d)
{
	bool resolved = d->end != 0, waiting = !resolved && d->assignee < 0;

	if (d->gone || d->messages_n == 0)
		return false;
	if (slips_in(f, d))
		return true;
	return (f->serve == NULL ||
		   (strcmp(f->serve, "unserved") == 0) == waiting) &&
	       (f->status == NULL ||
		   (strcmp(f->status, "resolved") == 0) == resolved) &&
	       is_held_by(w, d, f->agents);
}

/* The latest activity comes first, regardless of `order`. */
static int
by_activity(const void *a, const void *b)
{
	const int32_t *x = a, *y = b;

	return x[0] < y[0] ? 1 : x[0] > y[0] ? -1 : 0;
}

static void
add_meta(struct buf *b, size_t shown, int32_t last, bool more)
{
	buf_addf(b, "]},\"meta\":{\"current_total\":%zu", shown);
	if (more)
		buf_addf(b, ",\"cursor_after\":\"after-%d\"", (int)last);
	else
		jsonw_null(b, "cursor_after");
	buf_adds(b, ",\"cursor_before\":null},\"status\":200}");
}

static void
list(const struct world *w, const struct filter *f, int64_t limit,
    int32_t after, struct answer *a)
{
	int32_t(*rows)[2] = xcalloc(w->dialogs_n + 1, sizeof *rows);
	size_t n = 0, i;

	for (i = 0; i < w->dialogs_n; i++) {
		const struct dialog *d = &w->dialogs[i];

		if (!passes(w, f, d))
			continue;
		rows[n][0] = d->messages[d->messages_n - 1];
		rows[n][1] = (int32_t)i;
		n += rows[n][0] < after;
	}
	qsort(rows, n, sizeof *rows, by_activity);
	buf_adds(&a->body, "{\"data\":{\"customer_rooms\":[");
	for (i = 0; i < n && i < (size_t)limit; i++) {
		buf_adds(&a->body, i > 0 ? "," : "");
		qiscus_room(&a->body, w, &w->dialogs[rows[i][1]]);
	}
	add_meta(&a->body, i, i > 0 ? rows[i - 1][0] : 0, i < n);
	free(rows);
}

/* Moves a room to the first agent (if number is negative) or to the last
 * one. */
static void
move(struct world *w, int64_t number)
{
	struct dialog *d = world_dialog(w, number < 0 ? -number : number);
	int32_t who = NO_OPERATOR;

	for (size_t i = 0; i < w->operators_n; i++)
		if (worker_is_agent(&w->operators[i]) &&
		    (who == NO_OPERATOR || number > 0))
			who = (int32_t)i;
	if (d != NULL && d->end == 0)
		world_give(w, (int32_t)(d - w->dialogs), who, w->now);
}

void
qiscus_rooms(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	json_t *params = qiscus_params(c);
	const char *cursor = qiscus_text(params, "cursor_after");
	struct filter f = { .serve = qiscus_text(params, "serve_status"),
		.status = qiscus_text(params, "status"),
		.agents = json_object_get(params, "user_ids") };
	int64_t limit = qiscus_int(params, "limit", 50), after = INT32_MAX;

	if (c->move != 0)
		move(w, c->move);
	if (params == NULL || limit < 1 || limit > ROOMS_MOST) {
		qiscus_error(a, 400, "params is invalid");
	} else if (cursor != NULL && !c->same_page &&
		   (strncmp(cursor, "after-", 6) != 0 ||
		       parse_int(cursor + 6, 0, INT32_MAX, &after) != 0)) {
		qiscus_error(a, 400, "cursor is invalid");
	} else {
		list(w, &f, limit, (int32_t)after, a);
	}
	json_decref(params);
}

void
qiscus_one_room(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const struct dialog *d = world_dialog(w, c->id);

	if (d == NULL || d->gone) {
		qiscus_error(a, 404, "room not found");
		return;
	}
	buf_adds(&a->body, "{\"data\":{\"customer_room\":");
	qiscus_room(&a->body, w, d);
	buf_adds(&a->body, "},\"status\":200}");
}

/* Lists comments newest first, by page numbers, so new comments move rows to
 * later pages. */
void
qiscus_comments(struct call *c, struct answer *a)
{
	struct world *w = c->world;
	const struct dialog *d = world_dialog(w, call_int(c, "room_id", -1));
	int64_t page = c->same_page ? 1 : call_int(c, "page", 1), n = 0;
	int64_t limit = call_int(c, "limit", 20), from;

	if (d == NULL || d->gone) {
		a->status = 404;
		buf_adds(&a->body,
		    "{\"error\":{\"message\":\"room not found\"},"
		    "\"status\":404}");
		return;
	}
	if (limit > 100 || limit < 1)
		limit = 20;
	from = (page - 1) * limit;
	buf_adds(&a->body, "{\"results\":{\"comments\":[");
	for (size_t i = d->messages_n; i-- > 0;) {
		const struct message *m = &w->messages[d->messages[i]];

		if (!qiscus_shows(m) || !world_visible(w, m) || n++ < from ||
		    n > from + limit)
			continue;
		buf_adds(&a->body, n > from + 1 ? "," : "");
		qiscus_comment(&a->body, w, m);
	}
	buf_adds(&a->body, "]},\"status\":200}");
}
