/*
 * conf_value: see conf_value.h. One function per type, chosen by a switch
 * that the compiler keeps complete.
 */
#include "common/conf/conf_value.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/conf/secret.h"

/* A limit as people write it in a file. */
static void
add_limit(struct buf *to, const struct conf_key *k, int64_t n)
{
	if (k->type == CONF_DURATION)
		parse_add_duration(to, n);
	else if (k->type == CONF_SIZE)
		parse_add_size(to, (uint64_t)n);
	else
		buf_addi(to, n);
}

static int
check_limits(
    const struct conf_key *k, const char *text, int64_t n, struct buf *why)
{
	if ((k->min == 0 && k->max == 0) || (n >= k->min && n <= k->max))
		return 0;
	buf_setf(why, "%s = %s is not between ", k->name, text);
	add_limit(why, k, k->min);
	buf_adds(why, " and ");
	add_limit(why, k, k->max);
	if (k->type == CONF_DURATION &&
	    strspn(text, "0123456789") == strlen(text))
		buf_adds(why, "; write the unit: ms, s, m, h or d");
	return -1;
}

static int
to_number(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	const char *what;
	uint64_t size = 0;
	bool yes = false;
	int rc;

	if (k->type == CONF_INT) {
		what = "a whole number";
		rc = parse_int(text, INT64_MIN + 1, INT64_MAX, &v->num);
	} else if (k->type == CONF_SIZE) {
		what = "a size such as 4096, 64k or 16M";
		rc = parse_size(text, &size);
		v->num = size <= INT64_MAX ? (int64_t)size : INT64_MAX;
	} else if (k->type == CONF_DURATION) {
		what = "a duration such as 250ms, 30s, 10m or 7d";
		rc = parse_duration(text, &v->num);
	} else {
		what = "yes or no";
		rc = parse_bool(text, &yes);
		v->num = yes;
	}
	if (rc != 0) {
		buf_setf(why, "%s = %s is not %s", k->name, text, what);
		return -1;
	}
	return check_limits(k, text, v->num, why);
}

static int
check_choice(const struct conf_key *k, const char *text, struct buf *why)
{
	const char *s = k->choices;
	size_t len;

	for (;;) {
		len = strcspn(s, "|");
		if (strlen(text) == len && strncmp(s, text, len) == 0)
			return 0;
		if (s[len] == '\0')
			break;
		s += len + 1;
	}
	buf_setf(why, "%s = %s is none of %s", k->name, text, k->choices);
	return -1;
}

static void
to_words(struct conf_value *v, const char *text)
{
	static const char blanks[] = ", \t";
	size_t n = 0, cap = 0, len;

	for (;;) {
		text += strspn(text, blanks);
		len = strcspn(text, blanks);
		XGROW(v->words, n, cap);
		if (len == 0)
			break;
		v->words[n++] = xstrndup(text, len);
		text += len;
	}
	v->words[n] = NULL;
}

static int
convert(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	switch (k->type) {
	case CONF_INT:
	case CONF_SIZE:
	case CONF_DURATION:
	case CONF_BOOL:
		return to_number(v, k, text, why);
	case CONF_CHOICE:
		return check_choice(k, text, why);
	case CONF_LIST:
		to_words(v, text);
		return 0;
	case CONF_TEXT:
	case CONF_PATH:
	case CONF_NAME_OR_PATH:
	case CONF_SECRET:
		return 0;
	}
	return -1;
}

int
conf_value_set(struct conf_value *v, const struct conf_key *k, const char *text,
    struct buf *why)
{
	struct conf_value new = { 0 };

	if (*text == '\0' && k->type != CONF_LIST) {
		buf_setf(why, "'%s' has no value", k->name);
		return -1;
	}
	if (convert(&new, k, text, why) != 0)
		return -1;
	new.text = xstrdup(text);
	conf_value_release(v);
	*v = new;
	return 0;
}

void
conf_value_release(struct conf_value *v)
{
	size_t i;

	secret_free(v->text);
	for (i = 0; v->words != NULL && v->words[i] != NULL; i++)
		free(v->words[i]);
	free(v->words);
	memset(v, 0, sizeof *v);
}
