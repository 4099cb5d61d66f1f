/*
 * profile_about_check: whether each member of a profile's about is what
 * messaging-profile(5) says; see profile_impl.h. A null counts as absent.
 */
#include <stdlib.h>

#include "common/base/xalloc.h"
#include "poller/profile/profile_impl.h"

enum member_kind {
	MEMBER_TEXT,
	MEMBER_TEXTS, /* a list of them */
	MEMBER_FLAG,
	MEMBER_WHOLE, /* from min to max */
	MEMBER_NUMBER,
	MEMBER_OBJECT, /* with these members; others are not looked at */
	MEMBER_MAP,    /* of any names, to what members[0] is */
};

struct member {
	const char *name; /* NULL ends a list */
	enum member_kind kind;
	const struct member *members;
	int min, max;
};

#define TEXT(name)                                                             \
	{                                                                      \
		name, MEMBER_TEXT, NULL, 0, 0                                  \
	}
#define TEXTS(name)                                                            \
	{                                                                      \
		name, MEMBER_TEXTS, NULL, 0, 0                                 \
	}
#define FLAG(name)                                                             \
	{                                                                      \
		name, MEMBER_FLAG, NULL, 0, 0                                  \
	}
#define OBJECT(name, members)                                                  \
	{                                                                      \
		name, MEMBER_OBJECT, members, 0, 0                             \
	}
#define MAP(name, members)                                                     \
	{                                                                      \
		name, MEMBER_MAP, members, 0, 0                                \
	}
#define END                                                                    \
	{                                                                      \
		NULL, MEMBER_TEXT, NULL, 0, 0                                  \
	}

static const struct member auth[] = { TEXT("header"), TEXT("prefix"),
	TEXT("key"), END };
/* Its null says that an account is missing; see profile_about.c. */
static const struct member header[] = { TEXT(""), END };
#define HOST TEXT("url"), OBJECT("auth", auth), MAP("headers", header)
static const struct member host_members[] = { HOST, END };
static const struct member host[] = { OBJECT("", host_members), END };
static const struct member sign[] = { TEXT("header"), TEXT("timestamp"),
	TEXT("prefix"), TEXTS("parts"), TEXT("key"),
	{ "window", MEMBER_WHOLE, NULL, 1, 86400 }, END };
static const struct member hooks[] = { OBJECT("sign", sign), TEXTS("headers"),
	END };
static const struct member about_members[] = {
	HOST,
	MAP("hosts", host),
	FLAG("by_operator"),
	FLAG("operators_first"),
	FLAG("needs"),
	{ "max_pages", MEMBER_WHOLE, NULL, 1, 1000000 },
	{ "backfill", MEMBER_WHOLE, NULL, 1, 60000 },
	{ "period", MEMBER_NUMBER, NULL, 0, 86400 },
	{ "changes", MEMBER_NUMBER, NULL, 0, 86400 },
	OBJECT("hooks", hooks),
	END,
};

static bool
is_in_bounds(jv v, const struct member *m)
{
	double n;

	if (jv_get_kind(v) != JV_KIND_NUMBER)
		return false;
	n = jv_number_value(v);
	return n >= m->min && n <= m->max &&
	       (m->kind == MEMBER_NUMBER || n == (int)n);
}

static bool
is_list_of_texts(jv v)
{
	bool good = jv_get_kind(v) == JV_KIND_ARRAY;
	int i, n = good ? jv_array_length(jv_copy(v)) : 0;
	jv text;

	for (i = 0; i < n && good; i++) {
		text = jv_array_get(jv_copy(v), i);
		good = jv_get_kind(text) == JV_KIND_STRING;
		jv_free(text);
	}
	return good;
}

static bool
is_of_kind(jv v, const struct member *m)
{
	jv_kind kind = jv_get_kind(v);

	switch (m->kind) {
	case MEMBER_TEXT:
		return kind == JV_KIND_STRING;
	case MEMBER_TEXTS:
		return is_list_of_texts(v);
	case MEMBER_FLAG:
		return kind == JV_KIND_TRUE || kind == JV_KIND_FALSE;
	case MEMBER_WHOLE:
	case MEMBER_NUMBER:
		return is_in_bounds(v, m);
	case MEMBER_OBJECT:
	case MEMBER_MAP:
		return kind == JV_KIND_OBJECT;
	}
	return false;
}

static void
say_kind(const struct member *m, const char *path, struct buf *why)
{
	static const char *const names[] = {
		[MEMBER_TEXT] = "a text",
		[MEMBER_TEXTS] = "a list of texts",
		[MEMBER_FLAG] = "true or false",
		[MEMBER_WHOLE] = "a whole number",
		[MEMBER_NUMBER] = "a number",
		[MEMBER_OBJECT] = "an object",
		[MEMBER_MAP] = "an object",
	};

	buf_setf(why, "%s must be %s", path, names[m->kind]);
	if (m->kind == MEMBER_WHOLE || m->kind == MEMBER_NUMBER)
		buf_addf(why, " from %d to %d", m->min, m->max);
}

static int check_member(jv object, const char *name, const struct member *m,
    const char *path, struct buf *why);
static int check_members(
    jv object, const struct member *m, const char *path, struct buf *why);

/* Checks each member of an object that can have any names. */
static int
check_map(jv object, const struct member *m, const char *path, struct buf *why)
{
	int rc = 0;

	jv_object_foreach(object, key, value)
	{
		if (rc == 0)
			rc = check_member(
			    object, jv_string_value(key), m, path, why);
		jv_free(key);
		jv_free(value);
	}
	return rc;
}

/* Checks object[name]; path is that of the object, with a dot behind it. */
static int
check_member(jv object, const char *name, const struct member *m,
    const char *path, struct buf *why)
{
	jv v = profile_member(object, name);
	jv_kind kind = jv_get_kind(v);
	char *here = xasprintf("%s%s", path, name);
	char *below = xasprintf("%s.", here);
	int rc = 0;

	if (kind != JV_KIND_INVALID && kind != JV_KIND_NULL) {
		if (!is_of_kind(v, m)) {
			say_kind(m, here, why);
			rc = -1;
		} else if (m->kind == MEMBER_OBJECT) {
			rc = check_members(v, m->members, below, why);
		} else if (m->kind == MEMBER_MAP) {
			rc = check_map(v, m->members, below, why);
		}
	}
	free(here);
	free(below);
	jv_free(v);
	return rc;
}

static int
check_members(
    jv object, const struct member *m, const char *path, struct buf *why)
{
	int rc = 0;

	for (; m->name != NULL && rc == 0; m++)
		rc = check_member(object, m->name, m, path, why);
	return rc;
}

int
profile_about_check(jv about, struct buf *why)
{
	if (jv_get_kind(about) == JV_KIND_OBJECT)
		return check_members(about, about_members, "", why);
	buf_setf(why, "it must be an object");
	return -1;
}
