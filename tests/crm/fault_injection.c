/*
 * fault_injection: see fault_injection.h. Chooses the fault for a call.
 */
#include "tests/crm/fault_injection.h"

#include <string.h>

static void
copy(char *to, size_t size, const char *from)
{
	size_t len = from == NULL ? 0 : strlen(from);

	if (len >= size)
		len = size - 1;
	if (len > 0)
		memcpy(to, from, len);
	to[len] = '\0';
}

/* Removes the faults that have used up their calls. */
static void
drop_spent(struct fault_set *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->fault[i].count != 0)
			t->fault[kept++] = t->fault[i];
	t->n = kept;
}

int
fault_add(struct fault_set *t, const struct call *c)
{
	const char *name = c->query(c->ctx, "name");
	struct fault *new;

	if (name == NULL)
		return -1;
	if (strcmp(name, "none") == 0) {
		t->n = 0;
		return 0;
	}
	drop_spent(t);
	for (size_t i = 0; i < fault_kinds_n && t->n < FAULT_MAX; i++) {
		if (strcmp(fault_kinds[i].name, name) != 0)
			continue;
		new = &t->fault[t->n++];
		new->kind = &fault_kinds[i];
		new->count = call_int(c, "count", -1);
		new->after = call_int(c, "after", 0);
		new->value = call_int(c, "value", fault_kinds[i].value);
		copy(new->route, sizeof new->route, c->query(c->ctx, "route"));
		copy(
		    new->token, sizeof new->token, c->query(c->ctx, "account"));
		copy(new->method, sizeof new->method,
		    c->query(c->ctx, "method"));
		return 0;
	}
	return -1;
}

static bool
applies(const struct fault *t, const struct call *c)
{
	return t->count != 0 &&
	       (t->method[0] == '\0' ||
		   strcmp(t->method, method_names[c->method]) == 0) &&
	       strncmp(c->path, t->route, strlen(t->route)) == 0 &&
	       (t->token[0] == '\0' ||
		   (c->token != NULL && strcmp(c->token, t->token) == 0));
}

const struct fault *
fault_for(struct fault_set *set, const struct call *c)
{
	for (size_t i = 0; i < set->n; i++) {
		struct fault *t = &set->fault[i];

		if (!applies(t, c))
			continue;
		if (t->after > 0) {
			t->after--;
			continue;
		}
		if (t->count > 0)
			t->count--;
		return t;
	}
	return NULL;
}

bool
fault_apply(const struct fault *f, enum fault_time now, struct call *c,
    struct answer *a)
{
	const struct fault_kind *k = f != NULL ? f->kind : NULL;

	if (k == NULL || k->when != now)
		return false;
	if (k->act != NULL)
		k->act(c, a, f->value);
	if (k->body != NULL)
		answer_text(a,
		    k->mode == ANSWER_WHOLE ? (unsigned)f->value : 200,
		    k->body);
	if (k->type != NULL)
		a->type = k->type;
	if (k->mode != ANSWER_WHOLE) {
		a->mode = k->mode;
		a->value = f->value;
	}
	return true;
}

void
fault_help(struct buf *b)
{
	for (size_t i = 0; i < fault_kinds_n; i++)
		buf_addf(b, "  %-14s %s\n", fault_kinds[i].name,
		    fault_kinds[i].help);
}
