/* trouble: which trouble meets which call; see trouble.h. */
#include "tests/crm/trouble.h"

#include <string.h>

#include "tests/crm/trouble_kinds.h"

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

/* Those that have had their calls make room. */
static void
drop_spent(struct trouble_set *t)
{
	size_t kept = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->trouble[i].count != 0)
			t->trouble[kept++] = t->trouble[i];
	t->n = kept;
}

int
trouble_add(struct trouble_set *t, const struct call *c)
{
	const char *name = c->query(c->ctx, "name");
	struct trouble *new;

	if (name == NULL)
		return -1;
	if (strcmp(name, "none") == 0) {
		t->n = 0;
		return 0;
	}
	drop_spent(t);
	for (size_t i = 0; i < trouble_kinds_n && t->n < TROUBLE_MAX; i++) {
		if (strcmp(trouble_kinds[i].name, name) != 0)
			continue;
		new = &t->trouble[t->n++];
		new->kind = &trouble_kinds[i];
		new->count = call_int(c, "count", -1);
		new->after = call_int(c, "after", 0);
		new->value = call_int(c, "value", trouble_kinds[i].value);
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
applies(const struct trouble *t, const struct call *c)
{
	static const char *const methods[] = {
		[METHOD_GET] = "GET",
		[METHOD_POST] = "POST",
		[METHOD_PUT] = "PUT",
		[METHOD_DELETE] = "DELETE",
		[METHOD_OTHER] = "other",
	};

	return t->count != 0 &&
	       (t->method[0] == '\0' ||
		   strcmp(t->method, methods[c->method]) == 0) &&
	       strncmp(c->path, t->route, strlen(t->route)) == 0 &&
	       (t->token[0] == '\0' ||
		   (c->token != NULL && strcmp(c->token, t->token) == 0));
}

bool
trouble_before(struct trouble_set *set, struct call *c, struct answer *a,
    int64_t now, const struct trouble_kind **on, int64_t *value)
{
	*on = NULL;
	for (size_t i = 0; i < set->n; i++) {
		struct trouble *t = &set->trouble[i];

		if (!applies(t, c))
			continue;
		if (t->after > 0) {
			t->after--;
			continue;
		}
		if (t->count > 0)
			t->count--;
		*on = t->kind;
		*value = t->value;
		if (t->kind->change != NULL)
			t->kind->change(c, t->value);
		if (t->kind->instead == NULL)
			return false;
		t->kind->instead(a, now, t->value);
		return true;
	}
	return false;
}

void
trouble_after(const struct trouble_kind *on, int64_t value, struct answer *a)
{
	if (on != NULL && on->spoil != NULL)
		on->spoil(a, value);
}

void
trouble_help(struct buf *b)
{
	for (size_t i = 0; i < trouble_kinds_n; i++)
		buf_addf(b, "  %-14s %s\n", trouble_kinds[i].name,
		    trouble_kinds[i].help);
}
