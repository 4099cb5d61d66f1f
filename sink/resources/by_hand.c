/*
 * by_hand: see by_hand.h.
 */
#include "sink/resources/by_hand.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "sink/api/form.h"
#include "sink/api/question.h"
#include "sink/resources/resource.h"

static const char *
no_header(const struct web_request *r, const char *name)
{
	(void)r;
	(void)name;
	return NULL;
}

static void
visit_parameters(
    const struct web_request *r, web_parameter_visitor *visit, void *ctx)
{
	const struct form *f = r->private;
	size_t i;

	for (i = 0; i < f->n; i++)
		visit(ctx, f->names[i], f->values[i]);
}

/* Splits the target after its path, and decodes its query. Returns the path,
 * owned, which also contains the texts of f. */
static char *
split_target(const char *target, struct form *f)
{
	char *path = xstrdup(target), *query = strchr(path, '?');

	f->n = 0;
	f->cut = false;
	if (query != NULL) {
		*query++ = '\0';
		form_split(f, query);
	}
	return path;
}

void
by_hand_get(const struct viewer *viewer, struct db *db, int64_t timeout_ms,
    const char *target, struct web_answer *a)
{
	struct form parameters;
	char *path = split_target(target, &parameters);
	struct web_request r = { .method = WEB_GET,
		.path = path,
		.body = "",
		.peer = "::1",
		.now_ms = clock_now_ms(),
		.header = no_header,
		.parameters = visit_parameters,
		.private = &parameters };

	a->status = 200;
	if (parameters.cut) /* as the server does */
		problem_answer(a, 400, "a parameter has a NUL");
	else
		(void)resource_answer(viewer, db, timeout_ms, &r, a);
	free(path);
}

bool
by_hand_knows(const char *target)
{
	struct form parameters;
	char *path = split_target(target, &parameters);
	struct web_request r = { .path = path, .header = no_header };
	bool knows = resource_find(&r) != NULL;

	free(path);
	return knows;
}

bool
by_hand_selects_page(const char *target)
{
	struct form parameters;
	char *path = split_target(target, &parameters);
	bool selects = form_value(&parameters, "limit") != NULL ||
		       form_value(&parameters, "cursor") != NULL;

	free(path);
	return selects;
}

void
by_hand_list_paths(struct buf *to)
{
	size_t i;

	for (i = 0; i < resources_n; i++)
		buf_addf(to, "  %s\n", resources[i]->pattern);
}

bool
by_hand_next(const struct web_answer *a, const char *target, const char *limit,
    struct buf *next)
{
	static const char link[] = "Link: <?";
	const char *query = strstr(buf_str(&a->headers), link), *end;

	if (query == NULL)
		return false;
	query += strlen(link);
	end = strchr(query, '>');
	buf_clear(next);
	buf_add(next, target, strcspn(target, "?"));
	buf_addc(next, '?');
	if (limit != NULL)
		buf_addf(next, "limit=%s&", limit);
	buf_add(next, query, (size_t)(end - query));
	return true;
}

/* Logs the sentence of a problem, or the first error in the list that the
 * routes of messaging-api(7) return. */
static void
log_why(const char *target, const json_t *problem)
{
	const json_t *detail = json_object_get(problem, "detail"),
		     *first = json_array_get(detail, 0);
	const char *what =
	    json_string_value(json_array_get(json_object_get(first, "loc"), 1));
	const char *msg = json_string_value(
	    first != NULL ? json_object_get(first, "msg") : detail);

	log_error("%s: %s%s%s", target, what != NULL ? what : "",
	    what != NULL ? ": " : "", msg != NULL ? msg : "no answer");
}

enum exit_code
by_hand_explain(
    const struct web_answer *a, const struct db *db, const char *target)
{
	json_t *problem = json_loadb(a->body.data, a->body.len, 0, NULL);

	log_why(target, problem);
	json_decref(problem);
	switch (a->status) {
	case 400:
	case 403:
	case 406:
	case 422:
		return PROG_USAGE;
	case 404:
		return PROG_NOINPUT;
	case 503:
		return PROG_TEMPFAIL;
	case 500:
		if (db_cause(db) != DB_FINE)
			return db_code(db);
		return PROG_UNAVAILABLE;
	default:
		return PROG_UNAVAILABLE;
	}
}
