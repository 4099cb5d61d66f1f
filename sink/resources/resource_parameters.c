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

	buf_addf(&c->problem, "%s%s%s is no parameter of this resource",
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
		buf_addf(&c->problem, "%s is no UTF-8", name);
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

/* The names of a resource's parameters, borrowed. Returns how many. */
static size_t
names_of(const struct resource *r, const char *names[RESOURCE_PARAMETERS])
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
	return resource_check_names(names, names_of(found, names), r, a);
}
