/*
 * resource_parameters: see resource_parameters.h.
 */
#include "sink/resources/resource_parameters.h"

#include <string.h>

#include "common/base/parse.h"
#include "common/base/text.h"
#include "common/base/xalloc.h"
#include "sink/answer/problem.h"
#include "sink/resources/resource.h"

/* The longest name that a problem repeats. */
#define NAME_SHOWN 64

struct parameter_check {
	const char *const *names;
	size_t n;
	bool seen[RESOURCE_PARAMETERS];
	struct buf problem; /* of the first one that is wrong */
};

static size_t
find_name(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name) != 0)
		i++;
	return i;
}

static void
refuse_name(struct parameter_check *c, const char *name)
{
	size_t i, len = strlen(name);
	bool shown = len <= NAME_SHOWN && parse_is_utf8(name, len) &&
		     text_is_printable(name, len);

	buf_addf(&c->problem, "%s%s%s is not a parameter of this resource",
	    shown ? "'" : "what the request has", shown ? name : "",
	    shown ? "'" : "");
	buf_adds(&c->problem, c->n > 0 ? "; these are: " : ", which has none");
	for (i = 0; i < c->n; i++)
		buf_addf(&c->problem, "%s%s", i > 0 ? ", " : "", c->names[i]);
}

static void
check_parameter(void *ctx, const char *name, const char *value)
{
	struct parameter_check *c = ctx;
	size_t i = find_name(c->names, c->n, name);
	size_t len = value != NULL ? strlen(value) : 0;

	if (c->problem.len > 0 || (*name == '\0' && value == NULL))
		return;
	if (i == c->n)
		refuse_name(c, name);
	else if (c->seen[i])
		buf_addf(&c->problem, "%s is there twice", name);
	else if (len == 0)
		buf_addf(&c->problem, "%s is empty; leave it out", name);
	else if (!parse_is_utf8(value, len))
		buf_addf(&c->problem, "%s is not UTF-8", name);
	else if (text_ends_with_blank(value, len))
		buf_addf(&c->problem, "%s ends with a blank", name);
	else
		c->seen[i] = true;
}

bool
resource_check_names(const char *const *names, size_t n,
    const struct web_request *r, struct web_answer *a)
{
	struct parameter_check c = { .names = names, .n = n };
	bool good;

	if (r->parameters != NULL)
		r->parameters(r, check_parameter, &c);
	good = c.problem.len == 0;
	if (!good)
		problem_answer(a, 400, buf_str(&c.problem));
	buf_release(&c.problem);
	return good;
}

static void
add_names(
    const char *names[RESOURCE_PARAMETERS], size_t *n, const char *const *from)
{
	for (; from != NULL && *from != NULL && *n < RESOURCE_PARAMETERS;
	     from++) {
		if (find_name(names, *n, *from) == *n)
			names[(*n)++] = *from;
	}
}

/* What parameters take that do not just select rows by a value. of: the id of
 * the only resource in which it is so. */
static const struct {
	const char *name, *of, *shape;
} parameter_shapes[] = {
	{ "limit", NULL,
	    "integer 1..1000 =100 'Rows of a page, which ends earlier "
	    "behind the row by which it has 4 MiB of text, and behind "
	    "10000 rows among which one that no index finds was looked "
	    "for: it may be empty, and still have a next one'" },
	{ "cursor", NULL, "text 'The next page, as the page before names it'" },
	{ "from", NULL,
	    "text 'Only rows of this time and later: "
	    "2026-11-20T10:00:00Z, 2026-11-20, or how long ago: 24h, 7d'" },
	{ "to", NULL, "text 'Only rows before this time'" },
	{ "at", NULL,
	    "text 'What is around this time, at most 1000 before it and "
	    "1000 from it on; without it the first 2000: "
	    "2026-11-20T10:00:00Z, 2026-11-20, or how long ago: 24h, 7d'" },
	{ "zone", NULL, "text 'A time zone of IANA; without it UTC'" },
	{ "kind", "figure",
	    "(response|first_response|reply|resolution|unanswered|waiting)"
	    " =response 'Which intervals'" },
	{ "kind", NULL,
	    "(response|first_response|reply|resolution|unanswered) "
	    "=response 'Which intervals'" },
	{ "tag", NULL, "text 'Only rows with this value; not for agents'" },
	{ "assigned", NULL, "(1) '1: only those that an operator has'" },
	{ "nobody", NULL, "(1) '1: only those of nobody'" },
	{ "no_channel", NULL, "(1) '1: only those without a channel'" },
	{ "open", "chats", "(1) '1: only those that did not leave'" },
	{ "open", NULL,
	    "(1) '1: only those of the present episode of open chats'" },
	{ "waiting", NULL,
	    "(1) '1: only those in which a customer waits, none that "
	    "left'" },
	{ "waiting_seconds", NULL,
	    "thousandths 0..316224000 'Only those in which a customer has"
	    " waited so long, or longer, up to the present moment, none "
	    "that left; with at most three decimals, and no exponent'" },
	{ "withdrawn", NULL,
	    "(0|1|false|true) 'Only rows with this value; 1 is true, 0 is"
	    " false'" },
	{ "weekday", NULL,
	    "integer 1..7 'Of their end, from 1, Monday, to 7; needs "
	    "hour, from and to'" },
	{ "hour", NULL,
	    "integer 0..23 'Of their end, by the clock in the zone'" },
	{ "by", NULL, "(quarter|hour|day|week|month|total) =day 'The period'" },
	{ "group", "transfers",
	    "(none|operator) =none 'A row for each operator'" },
	{ "group", NULL,
	    "(none|operator|channel) =none 'A row for each operator or "
	    "channel'" },
	{ "compare", NULL, "(none|previous) =none 'The span before, too'" },
	{ "within_seconds", NULL,
	    "thousandths 0..31622400 'Adds the share answered within so "
	    "many seconds; with at most three decimals, and no exponent'" },
	{ "tenant_id", NULL, "text 'That of the token'" },
	{ "start_time", NULL, "time" },
	{ "end_time", NULL, "time" },
	{ "period", NULL, "(hour|day|week|month) =day" },
};

const char *
resource_parameter_shape(const struct resource *r, const char *name)
{
	const char *of;
	size_t i;

	for (i = 0; i < ARRAY_LEN(parameter_shapes); i++) {
		of = parameter_shapes[i].of;
		if (strcmp(parameter_shapes[i].name, name) == 0 &&
		    (of == NULL || (r != NULL && strcmp(of, r->id) == 0)))
			return parameter_shapes[i].shape;
	}
	return "text 'Only rows with this value'";
}

void
resource_kinds_shape(struct buf *to, const char *const *kinds)
{
	buf_clear(to);
	for (; *kinds != NULL; kinds++)
		buf_addf(to, "%s%s", to->len > 0 ? "|" : "(", *kinds);
	buf_adds(to, ") 'Only rows with this value'");
}

/* Those of list.h. */
static size_t
parameters_of_list(const struct list *l, const char *names[RESOURCE_PARAMETERS])
{
	static const char *const page[] = { "limit", "cursor", NULL };
	static const char *const range[] = { "from", "to", NULL };
	const char *one[] = { NULL, NULL };
	size_t i, n = 0;

	add_names(names, &n, page);
	if (l->time != NULL)
		add_names(names, &n, range);
	for (i = 0; l->columns[i].name != NULL; i++) {
		one[0] = l->columns[i].name;
		if (l->columns[i].use != LIST_SHOWN)
			add_names(names, &n, one);
	}
	for (i = 0; l->words[i].parameter != NULL; i++) {
		one[0] = l->words[i].parameter;
		add_names(names, &n, one);
	}
	add_names(names, &n, l->more);
	return n;
}

size_t
resource_parameters(
    const struct resource *r, const char *names[RESOURCE_PARAMETERS])
{
	size_t n = 0;

	if (r->list != NULL)
		return parameters_of_list(r->list, names);
	add_names(names, &n, r->parameters);
	return n;
}

bool
resource_check_parameters(const struct resource *found,
    const struct web_request *r, struct web_answer *a)
{
	const char *names[RESOURCE_PARAMETERS];

	if (found->list == NULL && found->parameters == NULL)
		return true;
	return resource_check_names(
	    names, resource_parameters(found, names), r, a);
}
