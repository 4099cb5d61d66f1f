/*
 * names: see names.h.
 */
#include "aggregator/names.h"

#include <string.h>

void
names_init(struct names *n, struct arena *arena)
{
	n->map = (struct strmap)STRMAP_INIT;
	n->arena = arena;
}

void
names_release(struct names *n)
{
	strmap_release(&n->map, NULL);
}

struct name *
names_get(struct names *n, struct text t)
{
	struct name *name;
	void **slot;

	if (t.p == NULL)
		return NULL;
	slot = strmap_put(&n->map, t.p, t.len);
	if (*slot == NULL) {
		name = arena_take(n->arena, sizeof *name);
		name->p = arena_copy(n->arena, t.p, t.len);
		name->len = t.len;
		*slot = name;
	}
	return *slot;
}

struct text
name_text(const struct name *n)
{
	struct text t = { NULL, 0 };

	if (n != NULL) {
		t.p = n->p;
		t.len = n->len;
	}
	return t;
}

static int
compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int c = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return c != 0 ? c : (a_len > b_len) - (a_len < b_len);
}

static bool
is_number(const char *s, size_t len)
{
	size_t i;

	if (len == 0 || (s[0] == '0' && len > 1))
		return false;
	for (i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return true;
}

int
id_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	bool a_number = is_number(a, a_len);

	if (a_number != is_number(b, b_len))
		return a_number ? -1 : 1;
	/* Without leading zeros the longer number is the greater. */
	if (a_number && a_len != b_len)
		return a_len < b_len ? -1 : 1;
	return compare_bytes(a, a_len, b, b_len);
}

int
name_compare(const struct name *a, const struct name *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return a == b ? 0 : id_compare(a->p, a->len, b->p, b->len);
}

int
name_compare_bytes(const struct name *a, const struct name *b)
{
	if (a == b)
		return 0;
	return compare_bytes(a != NULL ? a->p : "", a != NULL ? a->len : 0,
	    b != NULL ? b->p : "", b != NULL ? b->len : 0);
}
