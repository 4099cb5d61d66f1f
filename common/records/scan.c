/*
 * scan: see scan.h. There are two passes over a few thousand bytes at a time:
 * the first indexes the ends of strings (scan_index.h), the second follows the
 * index from key to key and stores each value in its field.
 *
 * In a regular record, the branches of the second pass do not depend on the
 * key: a perfect hash finds it, and a table has the maximum length and the
 * destination of its string. Records may therefore have their keys in any
 * order. Strings that need conversion (times, enumerations, the tenant's name)
 * are converted afterwards, in the order of the table.
 *
 * Every function here gives up on a record that is unusual in any way;
 * take_by_parser() then passes its line to record_parse(). So nothing here
 * needs to give a reason, but what is accepted here must be right in every
 * respect.
 */
#include "common/records/scan.h"

#include <pthread.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/prog.h"
#include "common/records/bucket.h"
#include "common/records/record_words.h"
#include "common/text/json_text.h"
#include "common/text/scan_index.h"

#define BIT(i) (UINT64_C(1) << (i))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

/* A record with more unknown keys is unusual. */
#define MOST_UNKNOWN 15

/* How the string of a field is stored. A string with fewer bytes than min, or
 * more than min + span, makes the record unusual. */
struct string_rule {
	uint32_t min, span;
	uint32_t offset; /* offset in struct record */
	uint16_t kind;   /* enum field_kind */
	bool ends_in_no_blank;
};

/* Longer than any string. */
#define TOO_LONG ((uint32_t)INT32_MAX)

/* Shared by all scanners; created once. */
struct scan_plan {
	const struct record_words *words;
	struct string_rule rules[KEYWORDS_NONE + 1];
	uint64_t meanings;        /* rows whose strings need conversion */
	uint64_t texts;           /* rows that may have escapes */
	uint64_t available, text; /* rows of these fields */
	struct record blank;
	size_t cleared; /* RECORD_CLEARED; a variable, because for a constant
			 * gcc emits a slow instruction to copy it */
};

/* The record that is being read. */
struct record_walk {
	struct scan *s;
	struct record *r;
	size_t k;       /* index of the next closing quote */
	uint64_t nulls; /* bits of keys whose value is null */
	uint64_t set;   /* bits of the other keys in the line */
	struct text unknown[MOST_UNKNOWN];
	size_t unknown_n;
};

static struct scan_plan plan;

/* Returns the offset of r->raw[i], where strings to be converted are stored.
 * The first one is shared; each of the others belongs to one field. */
static uint32_t
raw_offset(size_t i)
{
	if (i >= RECORD_RAW)
		prog_die(PROG_SOFTWARE, "RECORD_RAW is too small");
	return (
	    uint32_t)(offsetof(struct record, raw) + i * sizeof(struct text));
}

static void
plan_field(const struct record_field *f, struct string_rule *rule, uint64_t bit)
{
	rule->kind = (uint16_t)f->kind;
	rule->offset = raw_offset(0);
	switch (f->kind) {
	case FIELD_TENANT:
		rule->min = 1;
		rule->span = RECORD_MAX_TENANT - 1;
		plan.meanings |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_ID:
		rule->min = 1;
		rule->span = RECORD_MAX_ID - 1;
		rule->ends_in_no_blank = true;
		plan.texts |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_TEXT:
		rule->span = TOO_LONG - 1;
		plan.texts |= bit;
		rule->offset = (uint32_t)f->offset;
		break;
	case FIELD_TIME:
	case FIELD_STATE:
	case FIELD_STATUS:
	case FIELD_FROM:
		rule->span = TOO_LONG - 1;
		plan.meanings |= bit;
		rule->offset =
		    raw_offset((size_t)__builtin_popcountll(plan.meanings));
		break;
	case FIELD_COUNT:
	case FIELD_FLAG:
	case FIELD_JSON:
		rule->min = TOO_LONG; /* a string is always wrong */
		break;
	}
}

static void
make_plan(void)
{
	struct string_rule *none = &plan.rules[KEYWORDS_NONE];
	struct string_rule *type = &plan.rules[RECORD_TYPE_KEY];
	size_t i;

	plan.words = record_words();
	plan.cleared = RECORD_CLEARED;
	record_clear(&plan.blank);
	none->kind = FIELD_TEXT;
	none->span = TOO_LONG - 1;
	none->offset = raw_offset(0);
	*type = *none;
	type->offset = offsetof(struct record, type_name);
	for (i = 0; i < record_fields_n; i++) {
		plan_field(&record_fields[i], &plan.rules[i], BIT(i));
		if (record_fields[i].offset ==
		    offsetof(struct record, available))
			plan.available = BIT(i);
		if (record_fields[i].offset == offsetof(struct record, text))
			plan.text = BIT(i);
	}
}

void
scan_init(struct scan *s)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t i;

	(void)pthread_once(&once, make_plan);
	memset(s, 0, sizeof *s);
	for (i = 0; i < SCAN_TENANTS; i++)
		keyword_set(&s->tenants[i], "", 0);
	scan_index_init(&s->index);
	s->flat.keep = true;
}

void
scan_release(struct scan *s)
{
	scan_index_release(&s->index);
	flat_release(&s->flat);
	buf_release(&s->why);
}

void
scan_block(struct scan *s, const char *block, size_t len)
{
	arena_clear(&s->flat.copies);
	s->at = block;
	s->window = block;
	s->end = block + len;
}

/* Returns the record's member for a field. */
static void *
record_member(struct record *r, unsigned key)
{
	return (char *)r + record_fields[key].offset;
}

/* Reads the value at p, which is not a string, into *v; moves *k past the
 * strings in it. Returns its end, or NULL. */
static const char *
read_other_value(
    const struct scan_index *x, const char *p, size_t *k, struct flat_field *v)
{
	struct json_text t = { .p = p, .end = x->base + x->len };

	v->kind = flat_kind_of(*p);
	/* Blanks between its parts may not reach into the next line. */
	if (v->kind == FLAT_JSON)
		t.end = memchr(p, '\n', (size_t)(t.end - p));
	if (!json_text_value(&t))
		return NULL;
	while (*k < x->n && x->base + x->close[*k] < t.p)
		++*k;
	v->val = p;
	v->val_len = (size_t)(t.p - p);
	return t.p;
}

/* Reads and stores a value that is not a string; returns its end, or NULL. */
static const char *
walk_other(struct record_walk *w, unsigned key, const char *p)
{
	struct flat_field v = { .raw = p };
	const char *end = read_other_value(&w->s->index, p, &w->k, &v);

	if (v.kind == FLAT_NULL)
		w->nulls |= BIT(key);
	if (end == NULL || v.kind == FLAT_NULL || key == KEYWORDS_NONE)
		return end;
	return key != RECORD_TYPE_KEY &&
		       record_read_field(&record_fields[key], &v, w->r) == NULL
		   ? end
		   : NULL;
}

/* Moves p past the colon after a key, and a space. Returns false if there is no
 * colon. *is_string: a string begins there. */
static inline bool
enter_value(const char **p, bool *is_string)
{
	*is_string = scan_begins(*p, ":\"", 2);
	if (*is_string) {
		*p += 1;
		return true;
	}
	if (**p != ':')
		return false;
	*p += 1 + ((*p)[1] == ' ');
	*is_string = **p == '"';
	return true;
}

/* Moves p past the comma after a value, and a space. Returns false if there is
 * no comma, or no key after it; p then stays. */
static inline bool
enter_key(const char **p)
{
	const char *next = *p + 1;

	if (!scan_begins(*p, ",\"", 2)) {
		if (**p != ',')
			return false;
		next += *next == ' ';
		if (*next != '"')
			return false;
	}
	*p = next;
	return true;
}

/* Reads and stores the members from p on; returns the closing brace, or NULL.
 * It is one function with its state in local variables, because the compiler
 * must assume that storing a text changes everything else. A missing quote is
 * detected by the next byte. */
static const char *
walk_members(struct record_walk *w, const char *p)
{
	const struct scan_index *x = &w->s->index;
	const struct keywords *keys = &plan.words->keys;
	const char *base = x->base;
	const uint32_t *close = x->close + w->k;
	char *record = (char *)w->r;
	uint64_t seen = 0, before;
	size_t n = 0;

	w->nulls = 0;
	if (*p != '"')
		return NULL;
	do {
		const struct string_rule *rule;
		const char *end = base + *close;
		struct text t = { p + 1, (size_t)(end - p - 1) };
		unsigned key = keywords_find(keys, t.p, t.len);
		bool is_string;

		if (UNLIKELY(key == KEYWORDS_NONE)) {
			if (n == MOST_UNKNOWN)
				return NULL;
			w->unknown[n++] = t;
		} else {
			before = seen;
			seen |= BIT(key);
			if (UNLIKELY(seen == before))
				return NULL;
		}
		p = end + 1;
		if (UNLIKELY(!enter_value(&p, &is_string)))
			return NULL;
		if (is_string) {
			end = base + close[1];
			close += 2;
			rule = &plan.rules[key];
			t.p = p + 1;
			t.len = (size_t)(end - t.p);
			if (UNLIKELY((uint32_t)t.len - rule->min > rule->span))
				return NULL;
			if (UNLIKELY(end[-1] == ' ') && rule->ends_in_no_blank)
				return NULL;
			*(struct text *)(void *)(record + rule->offset) = t;
			p = end + 1;
		} else {
			w->k = (size_t)(close + 1 - x->close);
			p = walk_other(w, key, p);
			if (p == NULL)
				return NULL;
			close = x->close + w->k;
		}
	} while (enter_key(&p));
	w->set = seen & ~w->nulls;
	w->unknown_n = n;
	w->k = (size_t)(close - x->close);
	return *p == '}' && p[1] == '\n' ? p : NULL;
}

/* Valid names are cached by their length and last byte, because most names
 * differ in these. */
static bool
is_other_tenant(struct scan *s, struct text t)
{
	size_t slot =
	    (5 * t.len + (unsigned char)t.p[t.len - 1]) % SCAN_TENANTS;
	struct keyword *known = &s->tenants[slot];

	if (!keyword_is(known, t.p)) {
		if (!parse_is_name_n(t.p, t.len, RECORD_MAX_TENANT))
			return false;
		if (t.len >= sizeof known->start)
			return true;
		keyword_set(known, t.p, t.len);
	}
	s->tenant = slot;
	return true;
}

/* True for a valid name. Usually it is the tenant of the previous record. */
static bool
is_tenant(struct scan *s, struct text t)
{
	return keyword_is(&s->tenants[s->tenant], t.p) || is_other_tenant(s, t);
}

/* Converts strings that have another type in the record. */
static bool
read_meanings(struct record_walk *w, uint64_t rows)
{
	struct flat_field v = { .kind = FLAT_STRING };
	const struct string_rule *rule;
	struct text t;
	size_t i;

	for (; rows != 0; rows &= rows - 1) {
		i = (size_t)__builtin_ctzll(rows);
		rule = &plan.rules[i];
		t = *(struct text *)(void *)((char *)w->r + rule->offset);
		v.val = t.p;
		v.val_len = t.len;
		if (rule->kind == FIELD_TENANT
			? !is_tenant(w->s, t)
			: record_read_field(&record_fields[i], &v, w->r) !=
			      NULL)
			return false;
	}
	return true;
}

/* Replaces the escapes in the texts of a line. They are regular only in
 * FIELD_TEXT; an unknown key with escapes may be a known one. */
static bool
unescape_texts(struct record_walk *w, uint64_t rows)
{
	size_t i;

	if (w->s->skips_text)
		rows &= ~plan.text;
	for (i = 0; i < w->unknown_n; i++)
		if (scan_has_escape(
			&w->s->index, w->unknown[i].p, w->unknown[i].len))
			return false;
	for (; rows != 0; rows &= rows - 1) {
		unsigned key = (unsigned)__builtin_ctzll(rows);
		struct text *t = record_member(w->r, key);

		if (!scan_has_escape(&w->s->index, t->p, t->len))
			continue;
		if (plan.rules[key].kind != FIELD_TEXT)
			return false;
		t->p = flat_unescape(&w->s->flat, t->p, &t->len);
	}
	return true;
}

/* Clears fields that the record's type does not have. Times and words are not
 * converted yet. */
static void
clear_fields(struct record *r, uint64_t rows)
{
	static const size_t sizes[] = {
		[FIELD_TENANT] = sizeof(struct text),
		[FIELD_ID] = sizeof(struct text),
		[FIELD_TEXT] = sizeof(struct text),
		[FIELD_COUNT] = sizeof(int64_t),
		[FIELD_FLAG] = sizeof(bool),
		[FIELD_JSON] = sizeof(struct text),
	};
	const struct record_field *f;

	for (; rows != 0; rows &= rows - 1) {
		f = &record_fields[__builtin_ctzll(rows)];
		memcpy((char *)r + f->offset, (char *)&plan.blank + f->offset,
		    sizes[f->kind]);
	}
}

/* Called after all members: determines whether the record is regular, and
 * converts the remaining values. Of rows, markers and unknown types, callers
 * need all fields, so record_parse() reads them. */
static bool
finish_record(struct record_walk *w, const char *line, size_t len)
{
	const struct scan_index *x = &w->s->index;
	struct record *r = w->r;
	uint64_t fields = w->set & (BIT(RECORD_TYPE_KEY) - 1), mine;
	unsigned type;

	if ((w->set & BIT(RECORD_TYPE_KEY)) == 0)
		return false;
	type =
	    keywords_find(&plan.words->types, r->type_name.p, r->type_name.len);
	if (type == KEYWORDS_NONE)
		type = RECORD_UNKNOWN;
	mine = fields & plan.words->may[type];
	r->type = (enum record_type)type;
	if (type == RECORD_UNKNOWN || type == RECORD_SNAPSHOT ||
	    type == RECORD_ROW || (plan.words->must[type] & ~mine) != 0)
		return false;
	if (UNLIKELY(fields != mine))
		clear_fields(r, fields & ~mine);
	r->has_available =
	    r->type == RECORD_OPERATOR && (w->set & plan.available) != 0;
	return read_meanings(w, mine & plan.meanings) &&
	       r->bucket <= BUCKET_ALL && r->max_chats <= RECORD_MAX_COUNT &&
	       r->reported_open_chats <= RECORD_MAX_COUNT &&
	       (!x->escapes || !scan_has_escape(x, line, len) ||
		   unescape_texts(w, mine & plan.texts));
}

/* Reads a regular record; returns false for an unusual one. */
static bool
take_fast(struct scan *s, struct record *r)
{
	static const char row[] = "{\"type\":\"row\"";
	const char *end;
	struct record_walk w;

	w.s = s;
	w.r = r;
	w.k = s->k;
	memcpy(r, &plan.blank, plan.cleared);
	/* A row is passed to the parser; do not read it twice. */
	if (*s->at != '{' || scan_begins(s->at, row, sizeof row - 1))
		return false;
	end = walk_members(&w, s->at + 1);
	if (end == NULL)
		return false;
	s->len = (size_t)(end + 1 - s->at);
	if (scan_is_odd(&s->index, (size_t)(s->at - s->index.base),
		(size_t)(end + 1 - s->index.base)))
		return false;
	if (!finish_record(&w, s->at, s->len))
		return false;
	s->k = w.k;
	s->at = end + 2;
	s->fast++;
	return true;
}

static int
take_by_parser(struct scan *s, struct record *r)
{
	const struct scan_index *x = &s->index;
	const char *end = x->base + x->len;
	const char *nl = memchr(s->at, '\n', (size_t)(end - s->at));

	s->len = (size_t)(nl - s->at);
	s->at = nl + 1;
	while (s->k < x->n && x->base + x->close[s->k] < s->at)
		s->k++;
	s->slow++;
	buf_clear(&s->why);
	return record_parse(r, &s->flat, s->line, s->len, &s->why) == 0 ? 1
									: -1;
}

int
scan_record(struct scan *s, struct record *r)
{
	if (s->at == s->window) {
		if (s->at == s->end)
			return 0;
		scan_index_lines(&s->index, s->at, (size_t)(s->end - s->at));
		s->window = s->at + s->index.len;
		s->k = 0;
	}
	s->line = s->at;
	s->flat.n = 0;
	return take_fast(s, r) ? 1 : take_by_parser(s, r);
}
