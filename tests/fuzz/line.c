/*
 * line: creates a record's line from random numbers. Its structure is that of
 * the table of fields. Most lines are valid, with keys in any order, spaces,
 * unknown fields, escapes and characters of every length, so that they reach
 * all code of a reader; some are then damaged.
 */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "common/base/xalloc.h"
#include "common/json/jsonw.h"
#include "common/records/record.h"

/* One line while it is made. */
struct line {
	uint64_t *random;
	struct buf *out;
	const char *colon, *comma;
	const char *blank; /* between other tokens, mostly "" */
};

static const char *const escapes[] = { "\\\"", "\\\\", "\\/", "\\b", "\\f",
	"\\n", "\\r", "\\t", "\\u0041", "\\u00e9", "\\u20AC", "\\ud83d\\ude00",
	"\\\\\\\"", "\\\\u0041", "\\uDBFF\\uDFFF", "\\uFFFF" };

static const char *const words[] = { "ok", "thanks! ", "{no, really}: 12,50",
	"[\xD0\xBF\xD1\x80\xD0\xB8]", "a", " ", "\xC3\xA9t\xC3\xA9", "},{",
	"\xE3\x81\x82\xE3\x82\x8A", "\xF0\x9F\x98\x80", ":", "null",
	"\xEF\xBF\xBF", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xC2\xA0" };

/* Texts that must be refused, or are only unusual. */
static const char *const damages[] = { "\"", "\\", "{", "}", "[", "]", ",", ":",
	" ", "\t", "\r", "\n", "\x01", "\x80", "\xC0\x80", "\xE2\x82",
	"\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x82\x82\xAC", "\xFF",
	"\\ud800", "\\udc00", "\\u12g4", "\\x", "\\u0000", "\\u0061", "1e400",
	"01", "-0", "1.", "-", "1E5", "9223372036854775808", "true", "nul",
	"\"type\":", "\"id\":7,", "\xEF\xBB\xBF", "1234567890123456789",
	"\\ud83d", "\\ude00", "0.1234567890123456789", "\"at\":null,", "\x7F",
	"\xC2\x85", "\"data\":1e400,", "\"data\":\"\\u0000\",", " \",",
	"123456789012345678901234567890", "-1", "1e-999",
	"\"id\":98765432109876543210," };

static const char *
pick(struct line *l, const char *const *of, size_t n)
{
	return of[fuzz_below(l->random, n)];
}

static bool
chance(struct line *l, unsigned percent)
{
	return fuzz_chance(l->random, percent);
}

static void
put_text(struct line *l, bool plain)
{
	size_t n = fuzz_below(l->random, chance(l, 90) ? 6 : 60);

	if (!plain && fuzz_below(l->random, 500) == 0)
		n = fuzz_below(l->random, 4000);
	buf_addc(l->out, '"');
	while (n-- > 0)
		if (!plain && chance(l, 15))
			buf_adds(l->out, pick(l, escapes, ARRAY_LEN(escapes)));
		else
			buf_adds(l->out, pick(l, words, ARRAY_LEN(words)));
	buf_addc(l->out, '"');
}

static void
put_id(struct line *l)
{
	static const char letters[] = "abcXYZ0123456789-_.:@/";
	size_t n = 1 + fuzz_below(l->random, chance(l, 95) ? 20 : 190);

	if (chance(l, 10)) {
		buf_addi(l->out, (int64_t)(fuzz_random(l->random) >>
					   (1 + fuzz_below(l->random, 60))));
		return;
	}
	buf_addc(l->out, '"');
	while (n-- > 0)
		buf_addc(
		    l->out, letters[fuzz_below(l->random, sizeof letters - 1)]);
	buf_addc(l->out, '"');
}

static void
put_number(struct line *l)
{
	static const char *const ends[] = { "", "", "", ".5", ".000", "e3",
		"E-2", ".25e+10" };

	buf_addi(l->out, (int64_t)fuzz_below(l->random, 2000000) -
			     (chance(l, 20) ? 1000000 : 0));
	buf_adds(l->out, pick(l, ends, ARRAY_LEN(ends)));
}

static void put_json(struct line *l, int depth);

/* A list or an object of up to three members. */
static void
put_nested(struct line *l, int depth)
{
	bool object = chance(l, 50);
	size_t n = fuzz_below(l->random, 4), i;

	buf_addc(l->out, object ? '{' : '[');
	for (i = 0; i < n; i++) {
		if (i > 0)
			buf_adds(l->out, l->comma);
		if (object) {
			put_text(l, false);
			buf_adds(l->out, l->colon);
		}
		put_json(l, depth + 1);
	}
	buf_addc(l->out, object ? '}' : ']');
}

static void
put_json(struct line *l, int depth)
{
	static const char *const literals[] = { "true", "false", "null" };

	switch (fuzz_below(l->random, depth < 6 ? 5 : 3)) {
	case 0:
		put_text(l, false);
		break;
	case 1:
		put_number(l);
		break;
	case 2:
		buf_adds(l->out, pick(l, literals, ARRAY_LEN(literals)));
		break;
	default:
		put_nested(l, depth);
		break;
	}
}

static void
put_time(struct line *l)
{
	static const char *const others[] = { "\"2026-02-29T10:00:00.000Z\"",
		"\"2024-02-29t23:59:60z\"", "\"2026-11-20 10:00:00.5+03:30\"",
		"\"2026-11-20T10:00:61.000Z\"", "\"2026-11-20T1x:00:00.000Z\"",
		"\"2026-11-20T10:00:00.1234Z\"", "\"noon\"", "17" };
	char text[CLOCK_TEXT];

	if (chance(l, 1)) {
		buf_adds(l->out, pick(l, others, ARRAY_LEN(others)));
		return;
	}
	clock_format((int64_t)UINT64_C(1795168800000) +
			 (int64_t)fuzz_below(l->random, 200000),
	    text);
	buf_addf(l->out, "\"%s\"", text);
}

/* Rarely the greatest number of a column, or one more. */
static void
put_count(struct line *l)
{
	int64_t n = (int64_t)fuzz_below(l->random, chance(l, 80) ? 65 : 1000);

	if (fuzz_below(l->random, 200) == 0)
		n = (int64_t)RECORD_MAX_COUNT + (n & 1);
	buf_addi(l->out, n);
}

static void
put_value(struct line *l, enum field_kind kind)
{
	static const char *const states[] = { "\"begin\"", "\"end\"" };
	static const char *const froms[] = { "\"customer\"", "\"operator\"",
		"\"bot\"", "\"system\"" };
	static const char *const statuses[] = { "\"open\"", "\"pending\"",
		"\"snoozed\"", "\"closed\"", "\"gone\"" };
	static const char *const tenants[] = { "\"t1\"", "\"t1\"", "\"t2\"",
		"\"A_name.of-64\"", "7" };

	switch (kind) {
	case FIELD_TENANT:
		buf_adds(l->out, pick(l, tenants, ARRAY_LEN(tenants)));
		break;
	case FIELD_ID:
		put_id(l);
		break;
	case FIELD_TEXT:
		put_text(l, false);
		break;
	case FIELD_TIME:
		put_time(l);
		break;
	case FIELD_COUNT:
		put_count(l);
		break;
	case FIELD_FLAG:
		buf_adds(l->out, chance(l, 50) ? "true" : "false");
		break;
	case FIELD_STATE:
		buf_adds(l->out, pick(l, states, ARRAY_LEN(states)));
		break;
	case FIELD_STATUS:
		buf_adds(l->out, pick(l, statuses, ARRAY_LEN(statuses)));
		break;
	case FIELD_FROM:
		buf_adds(l->out, pick(l, froms, ARRAY_LEN(froms)));
		break;
	case FIELD_JSON:
		put_nested(l, 0);
		break;
	}
}

static void
put_key(struct line *l, const char *key)
{
	if (l->out->data[l->out->len - 1] != '{')
		buf_adds(l->out, l->comma);
	buf_addf(l->out, "%s\"%s\"%s", l->blank, key, l->colon);
}

static void
put_field(struct line *l, const struct record_field *f, bool needed)
{
	put_key(l, f->name);
	if (!needed && chance(l, 5))
		buf_adds(l->out, "null");
	else if (fuzz_below(l->random, 1000) == 0)
		put_json(l, 3);
	else
		put_value(l, f->kind);
}

static void
put_unknown(struct line *l)
{
	static const char *const keys[] = { "x", "x_list", "ids", "typ",
		"types", "reported_open_chat", "reported_open_chats2", "",
		"\xC3\xA9", "a key of more than sixteen bytes", "Type" };

	put_key(l, pick(l, keys, ARRAY_LEN(keys)));
	put_json(l, 0);
}

static void
put_type(struct line *l, size_t type)
{
	put_key(l, "type");
	if (type == RECORD_UNKNOWN)
		buf_adds(l->out, chance(l, 90) ? "\"telepathy\"" : "\"\"");
	else
		buf_addf(l->out, "\"%s\"", record_types[type]);
}

/* Chooses the members of the record, by their numbers: rows of the table, then
 * the type, then unknown fields. */
static size_t
choose(struct line *l, size_t type, size_t *members)
{
	size_t n = 0, i;

	members[n++] = record_fields_n;
	for (i = 0; i < record_fields_n; i++) {
		const struct record_field *f = &record_fields[i];

		if ((f->required >> type & 1) != 0
			? fuzz_below(l->random, 1000) != 0
			: chance(l, (f->in >> type & 1) != 0 ? 40 : 1))
			members[n++] = i;
	}
	while (chance(l, 15))
		members[n++] = record_fields_n + 1;
	if (fuzz_below(l->random, 200) == 0) {
		members[n] = members[fuzz_below(l->random, n)];
		n++;
	}
	return n;
}

static void
shuffle(struct line *l, size_t *members, size_t n)
{
	size_t i, k, kept;

	for (i = n; i > 1; i--) {
		k = fuzz_below(l->random, i);
		kept = members[i - 1];
		members[i - 1] = members[k];
		members[k] = kept;
	}
}

/* Inserts odd bytes, removes some, or truncates the line. */
static void
damage(struct line *l, struct buf *text)
{
	size_t at = fuzz_below(l->random, text->len + 1), n;
	const char *new = pick(l, damages, ARRAY_LEN(damages));
	struct buf copy = BUF_INIT;

	buf_add(&copy, text->data, at);
	n = fuzz_below(l->random, 4);
	if (n != 0)
		buf_adds(&copy, new);
	if (n == 1)
		at += strlen(new);
	else if (n == 2)
		at += fuzz_below(l->random, 6);
	if (at < text->len && fuzz_below(l->random, 20) != 0)
		buf_add(&copy, text->data + at, text->len - at);
	buf_clear(text);
	buf_add(text, copy.data, copy.len);
	buf_release(&copy);
}

void
fuzz_line(uint64_t *random, struct buf *out)
{
	size_t members[128], n, i;
	size_t type = fuzz_below(random, 100) < 60
			  ? RECORD_MESSAGE
			  : fuzz_below(random, RECORD_TYPES);
	struct buf text = BUF_INIT;
	struct line l = { random, &text, ":", ",", "" };

	if (chance(&l, 25))
		l.colon = ": ";
	if (chance(&l, 25))
		l.comma = ", ";
	if (chance(&l, 2))
		l.blank = chance(&l, 50) ? "  " : "\t";
	buf_addc(&text, '{');
	n = choose(&l, type, members);
	if (chance(&l, 50))
		shuffle(&l, members, n);
	for (i = 0; i < n; i++)
		if (members[i] < record_fields_n)
			put_field(&l, &record_fields[members[i]],
			    (record_fields[members[i]].required >> type & 1) !=
				0);
		else if (members[i] == record_fields_n)
			put_type(&l, type);
		else
			put_unknown(&l);
	buf_addc(&text, '}');
	while (chance(&l, 5))
		damage(&l, &text);
	if (text.len > 0)
		buf_add(out, text.data, text.len);
	buf_release(&text);
}
