/*
 * fuzz_record: single lines through flat_parse() and record_parse(), compared
 * with jansson. The rules of records are written a second time below in terms
 * of jansson's values; the table of fields is taken as correct. Both must
 * accept the same lines and read the same values from them. Values that jansson
 * cannot represent are replaced before it reads the line (veil()): numbers by
 * texts that begin with NUMBER, and NUL and halves of surrogate pairs by LOST.
 */
#include "tests/fuzz/fuzz.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/records/record.h"

/* Any but that of a record. */
#define OTHER_TIME "1999-01-01T00:00:00.000Z"

/* Characters that nothing here makes. */
#define NUMBER "\xEF\xB7\x90"
#define LOST "\xEF\xB7\x91"
#define REPLACEMENT "\xEF\xBF\xBD"

static void
make(uint64_t *random, struct buf *input)
{
	fuzz_line(random, input);
	if (input->len == 0)
		buf_addc(input, ' ');
}

static size_t
digits(const char *p)
{
	return strspn(p, "0123456789");
}

/* Returns the length of the complete number at p, or 0. */
static size_t
number_length(const char *p)
{
	const char *q = p + (*p == '-');

	if (digits(q) == 0 || (*q == '0' && digits(q) > 1))
		return 0;
	q += digits(q);
	if (*q == '.') {
		if (digits(++q) == 0)
			return 0;
		q += digits(q);
	}
	if (*q == 'e' || *q == 'E') {
		q++;
		q += *q == '-' || *q == '+';
		if (digits(q) == 0)
			return 0;
		q += digits(q);
	}
	/* A name it is not. */
	return q[strspn(q, " \t\r\n")] == ':' ? 0 : (size_t)(q - p);
}

/* The number in \uXXXX, or -1. */
static long
escaped(const char *p)
{
	char hex[5];

	if (p[0] != '\\' || p[1] != 'u' ||
	    strspn(p + 2, "0123456789abcdefABCDEF") < 4)
		return -1;
	memcpy(hex, p + 2, 4);
	hex[4] = '\0';
	return strtol(hex, NULL, 16);
}

/* Copies one escape of a string; returns the position after it. */
static const char *
veil_escape(const char *p, struct buf *to)
{
	long c = escaped(p), low;

	if (c > 0xD7FF && c < 0xDC00) {
		low = escaped(p + 6);
		if (low > 0xDBFF && low < 0xE000) {
			buf_add(to, p, 12);
			return p + 12;
		}
	}
	if (c == 0 || (c > 0xD7FF && c < 0xE000)) {
		buf_adds(to, LOST);
		return p + 6;
	}
	buf_addc(to, *p);
	if (p[1] != '\0')
		buf_addc(to, p[1]);
	return p + 1 + (p[1] != '\0');
}

/* Parses the text after replacing values that jansson does not support. */
static json_t *
veil(const char *text, size_t len, size_t flags)
{
	char *copy = xstrndup(text, len), *end = copy + len;
	struct buf to = BUF_INIT;
	const char *p = copy;
	bool in_string = false;
	json_t *j;
	size_t n;

	while (p < end) {
		in_string ^= *p == '"';
		n = in_string || (p > copy && digits(p - 1) > digits(p))
			? 0
			: number_length(p);
		if (n > 0) {
			buf_addf(&to, "\"" NUMBER "%.*s\"", (int)n, p);
			p += n;
		} else if (in_string && *p == '\\') {
			p = veil_escape(p, &to);
		} else {
			buf_addc(&to, *p++);
		}
	}
	j = json_loadb(buf_str(&to), to.len, flags, NULL);
	buf_release(&to);
	free(copy);
	return j;
}

/* Returns the number as it was written, or NULL. */
static const char *
number_of_value(json_t *j)
{
	const char *s = json_string_value(j);

	return s != NULL && strncmp(s, NUMBER, strlen(NUMBER)) == 0
		   ? s + strlen(NUMBER)
		   : NULL;
}

static bool
is_string(json_t *j)
{
	return json_is_string(j) && number_of_value(j) == NULL;
}

static bool
is_integer(json_t *j)
{
	const char *n = number_of_value(j);

	return n != NULL && strpbrk(n, ".eE") == NULL;
}

/* Creates a copy in which LOST is replaced by the parser's replacement. */
static char *
without_lost(const char *s)
{
	char *copy = xstrndup(s, strlen(s)), *p = copy;

	while ((p = strstr(p, LOST)) != NULL)
		memcpy(p, REPLACEMENT, strlen(LOST));
	return copy;
}

static bool
same_text(struct text t, json_t *j)
{
	const char *number = number_of_value(j);
	char *want = without_lost(number == NULL ? json_string_value(j)
				  : strcmp(number, "-0") == 0 ? "0"
							      : number);
	bool same = strlen(want) == t.len && memcmp(t.p, want, t.len) == 0;

	free(want);
	return same;
}

/* Both as they are written. */
static bool
same_number(const char *p, size_t len, json_t *j)
{
	const char *want = number_of_value(j);

	return want != NULL && strlen(want) == len && memcmp(p, want, len) == 0;
}

static bool
same_json(const char *p, size_t len, json_t *j)
{
	json_t *mine = veil(p, len, JSON_DECODE_ANY);
	bool same = json_equal(mine, j);

	json_decref(mine);
	return same;
}

static bool
same_value(const struct flat_field *v, json_t *j)
{
	struct text t = { v->val, v->val_len };

	switch (json_typeof(j)) {
	case JSON_NULL:
		return v->kind == FLAT_NULL;
	case JSON_TRUE:
		return v->kind == FLAT_TRUE;
	case JSON_FALSE:
		return v->kind == FLAT_FALSE;
	case JSON_STRING:
		return is_string(j) ? v->kind == FLAT_STRING && same_text(t, j)
				    : v->kind == FLAT_NUMBER &&
					  same_number(v->val, v->val_len, j);
	case JSON_INTEGER:
	case JSON_REAL:
		break; /* there are none */
	case JSON_ARRAY:
	case JSON_OBJECT:
		return v->kind == FLAT_JSON && same_json(v->val, v->val_len, j);
	}
	return false;
}

/* Returns NULL, or the error in the result of flat_parse() for the line. */
static const char *
check_flat(const struct flat *f, int rc, json_t *root)
{
	bool good = json_is_object(root);
	const struct flat_field *v;
	const char *key;
	char *name;
	json_t *j;

	if ((rc == 0) != good)
		return good ? "flat_parse() refuses it"
			    : "flat_parse() takes it";
	if (!good)
		return NULL;
	json_object_foreach (root, key, j) {
		name = without_lost(key);
		v = flat_find(f, name);
		free(name);
		if (v == NULL || !same_value(v, j))
			return "flat_parse() finds another value";
	}
	return NULL;
}

static int64_t
time_of(json_t *j)
{
	char text[64] = "";
	int64_t ms;

	/* clock_parse() caches the last time, which must not be the one we
	 * compare with. */
	if (clock_parse(OTHER_TIME, strlen(OTHER_TIME), &ms) == -1 ||
	    !is_string(j) || json_string_length(j) >= sizeof text)
		return CLOCK_NONE;
	memcpy(text, json_string_value(j), json_string_length(j));
	if (clock_parse(text, json_string_length(j), &ms) == -1)
		return CLOCK_NONE;
	return ms;
}

static bool
is_word(json_t *j, const char *word)
{
	return is_string(j) && word[0] != '\0' &&
	       strcmp(json_string_value(j), word) == 0;
}

/* Returns the number of the word in the enumeration, or 0. */
static int
number_of(enum field_kind kind, json_t *j)
{
	static const char *const states[] = { "", "begin", "end", "applied" };
	int i;

	for (i = 1; kind == FIELD_STATE && i < SNAPSHOT_STATES; i++)
		if (is_word(j, states[i]))
			return i;
	for (i = 1; kind == FIELD_STATUS && i <= CHAT_GONE; i++)
		if (is_word(j, record_status_name((enum chat_status)i)))
			return i;
	for (i = 1; kind == FIELD_FROM && i <= FROM_SYSTEM; i++)
		if (is_word(j, record_from_name((enum message_from)i)))
			return i;
	return 0;
}

/* C0, DEL, C1, and lost characters. */
static bool
has_control(const char *p, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)p[i] < ' ' || p[i] == 0x7F ||
		    (p[i] == (char)0xC2 && (unsigned char)p[i + 1] < 0xA0))
			return true;
	return strstr(p, LOST) != NULL;
}

static bool
is_good_text(const char *p, size_t len, enum field_kind kind)
{
	if (kind == FIELD_TENANT)
		return parse_is_name_n(p, len, RECORD_MAX_TENANT);
	return kind == FIELD_TEXT ||
	       (len > 0 && len <= RECORD_MAX_ID && p[len - 1] != ' ' &&
		   !has_control(p, len));
}

static bool
is_count(json_t *j)
{
	const char *n = number_of_value(j);

	return is_integer(j) && (*n != '-' || strcmp(n, "-0") == 0) &&
	       (strlen(n) < 19 ||
		   (strlen(n) == 19 && strcmp(n, "9223372036854775807") <= 0));
}

/* True if the field may have that value. */
static bool
is_good(const struct record_field *f, json_t *j)
{
	const char *n = number_of_value(j);

	switch (f->kind) {
	case FIELD_TENANT:
	case FIELD_ID:
		if (is_integer(j) && f->kind == FIELD_ID)
			return strlen(n) <= RECORD_MAX_ID;
		if (is_integer(j))
			return strlen(n) <= RECORD_MAX_TENANT &&
			       (*n != '-' || strcmp(n, "-0") == 0);
		return is_string(j) && is_good_text(json_string_value(j),
					   json_string_length(j), f->kind);
	case FIELD_TEXT:
		return is_string(j);
	case FIELD_TIME:
		return time_of(j) != CLOCK_NONE;
	case FIELD_COUNT:
		return is_count(j);
	case FIELD_FLAG:
		return json_is_boolean(j);
	case FIELD_STATE:
	case FIELD_STATUS:
	case FIELD_FROM:
		return number_of(f->kind, j) != 0;
	case FIELD_JSON:
		return true;
	}
	return false;
}

static int64_t
count_of(json_t *j)
{
	return strtoll(number_of_value(j), NULL, 10);
}

/* True if the member has the value. If j is NULL, the member must be absent. */
static bool
is_taken(const struct record_field *f, const struct record *r, json_t *j)
{
	const void *at = (const char *)r + f->offset;
	const struct text *t = at;

	switch (f->kind) {
	case FIELD_TENANT:
	case FIELD_ID:
	case FIELD_TEXT:
		return j == NULL ? t->p == NULL : same_text(*t, j);
	case FIELD_JSON:
		return j == NULL ? t->p == NULL : same_json(t->p, t->len, j);
	case FIELD_TIME:
		return *(const int64_t *)at ==
		       (j == NULL ? CLOCK_NONE : time_of(j));
	case FIELD_COUNT:
		return *(const int64_t *)at ==
		       (j == NULL ? RECORD_NO_NUMBER : count_of(j));
	case FIELD_FLAG:
		return *(const bool *)at == (j != NULL && json_is_true(j));
	case FIELD_STATE:
		return (int)r->state == (j ? number_of(f->kind, j) : 0);
	case FIELD_STATUS:
		return (int)r->status == (j ? number_of(f->kind, j) : 0);
	case FIELD_FROM:
		return (int)r->from == (j ? number_of(f->kind, j) : 0);
	}
	return false;
}

/* Returns the type that the record should have; -1 if it is not a record. */
static int
type_of(json_t *root)
{
	json_t *j = json_object_get(root, "type");
	int i;

	if (!json_is_object(root) || !is_string(j) ||
	    json_string_length(j) == 0)
		return -1;
	for (i = 1; i < RECORD_TYPES; i++)
		if (strcmp(json_string_value(j), record_types[i]) == 0)
			return i;
	return RECORD_UNKNOWN;
}

/* Returns the field's value if the type may have it and it is not null, else
 * NULL. */
static json_t *
value_of(json_t *root, const struct record_field *f, int type)
{
	json_t *j = json_object_get(root, f->name);

	return (f->in >> type & 1) != 0 && !json_is_null(j) ? j : NULL;
}

/* True if the count, which the type may have, is within its limit. */
static bool
is_bounded(json_t *root, const struct record_field *f, int type)
{
	json_t *j = value_of(root, f, type);
	bool chats = strcmp(f->name, "max_chats") == 0 ||
		     strcmp(f->name, "reported_open_chats") == 0;

	return j == NULL || !chats || count_of(j) <= RECORD_MAX_COUNT;
}

static bool
has(json_t *root, const char *name)
{
	json_t *j = json_object_get(root, name);

	return j != NULL && !json_is_null(j);
}

static bool
is_record(json_t *root, int type)
{
	size_t i;

	if (type <= RECORD_UNKNOWN)
		return type == RECORD_UNKNOWN;
	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];
		json_t *j = value_of(root, f, type);

		if (j != NULL ? !is_good(f, j) : (f->required >> type & 1) != 0)
			return false;
		if (!is_bounded(root, f, type))
			return false;
	}
	/* A closed chat outside of snapshots needs a time. */
	if (type == RECORD_CHAT)
		return !is_word(json_object_get(root, "status"), "closed") ||
		       has(root, "snapshot") || has(root, "at") ||
		       has(root, "closed_at");
	if (type == RECORD_COVERAGE)
		return time_of(json_object_get(root, "end_at")) >=
		       time_of(json_object_get(root, "begin_at"));
	return type != RECORD_SNAPSHOT ||
	       has(root, is_word(json_object_get(root, "state"), "begin")
			     ? "at"
			     : "records");
}

static const char *
check_record(const struct record *r, int rc, json_t *root)
{
	int type = type_of(root);
	bool good = is_record(root, type);
	size_t i;

	if ((rc == 0) != good)
		return good ? "record_parse() refuses it"
			    : "record_parse() takes it";
	if (!good)
		return NULL;
	if ((int)r->type != type)
		return "record_parse() finds another type";
	for (i = 0; type != RECORD_UNKNOWN && i < record_fields_n; i++)
		if (!is_taken(&record_fields[i], r,
			value_of(root, &record_fields[i], type)))
			return record_fields[i].name;
	return NULL;
}

static const char *
check(const char *input, size_t len, struct fuzz_count *count)
{
	json_t *root = veil(input, len, 0);
	char *line = fuzz_copy(input, len);
	struct flat flat = FLAT_INIT;
	struct buf why = BUF_INIT;
	struct record r;
	const char *wrong;

	wrong = check_flat(&flat, flat_parse(&flat, line, len, &why), root);
	count->good += flat.n > 0;
	count->bad += flat.n == 0;
	if (wrong == NULL)
		wrong = check_record(
		    &r, record_parse(&r, &flat, line, len, &why), root);
	flat_release(&flat);
	buf_release(&why);
	fuzz_free(line);
	json_decref(root);
	return wrong;
}

static const struct fuzz_target target = { "record", make, check, 0.80 };

FUZZ_MAIN(&target)
