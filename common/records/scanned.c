/*
 * scanned: see scanned.h. Of each record that is no struct scanned_message or
 * scanned_event: an item, whose bits say which values follow, in the order of
 * record_fields: numbers and times, then texts. Flags and enumerations are few
 * bytes, and always there.
 */
#include "common/records/scanned.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/record_words.h"

#define BIT(i) (UINT64_C(1) << (i))

/* The members of struct record that are not in record_fields one by one: its
 * enumerations and flags. */
#define SMALL_FROM offsetof(struct record, state)
#define SMALL (offsetof(struct record, flat) - SMALL_FROM)

struct scanned_item {
	struct scanned_head head;
	uint64_t has;      /* bits of the fields */
	uint32_t from;     /* in the block */
	uint32_t line_len; /* of a record; of lines: all their bytes */
	uint32_t type;     /* enum record_type */
	unsigned char small[SMALL];
};

_Static_assert(sizeof(struct scanned_item) % 8 == 0, "values are aligned");

/* Shared; made once. */
static struct scanned_plan {
	uint64_t numbers, texts; /* rows of record_fields */
	uint64_t text;           /* the row of that field */
	size_t most;             /* bytes of an item with all values */
	struct record blank;
} plan;

static void
plan_row(size_t i, enum field_kind kind)
{
	switch (kind) {
	case FIELD_TENANT:
	case FIELD_ID:
	case FIELD_TEXT:
	case FIELD_JSON:
		plan.texts |= BIT(i);
		break;
	case FIELD_TIME:
	case FIELD_COUNT:
		plan.numbers |= BIT(i);
		break;
	case FIELD_FLAG:
	case FIELD_STATE:
	case FIELD_STATUS:
	case FIELD_FROM:
		break;
	}
	if (record_fields[i].offset == offsetof(struct record, text))
		plan.text = BIT(i);
}

static void
make_scanned_plan(void)
{
	size_t i;

	for (i = 0; i < record_fields_n; i++)
		plan_row(i, record_fields[i].kind);
	plan.most =
	    sizeof(struct scanned_item) + record_fields_n * sizeof(struct text);
	if (plan.most < SCANNED_MESSAGE_MOST)
		plan.most = SCANNED_MESSAGE_MOST;
	record_clear(&plan.blank);
}

void
scanned_init(struct scanned *x)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	(void)pthread_once(&once, make_scanned_plan);
	memset(x, 0, sizeof *x);
	scan_init(&x->scan);
}

void
scanned_release(struct scanned *x)
{
	scan_release(&x->scan);
	free(x->items);
	x->items = NULL;
	x->cap = 0;
}

/* Room for an item and its values, or a message, behind the last one. */
static void *
append_item(struct scanned *x)
{
	if (x->cap - x->len < plan.most) {
		x->cap = 2 * x->cap + plan.most;
		x->items = xrealloc(x->items, x->cap, 1);
	}
	return x->items + x->len;
}

/* Lines that follow other lines make them longer. */
static void
add_lines(struct scanned *x, size_t *last, const char *from, size_t len)
{
	struct scanned_item *item;

	if (*last != SIZE_MAX) {
		item = (struct scanned_item *)(void *)(x->items + *last);
		item->line_len += (uint32_t)len;
		return;
	}
	*last = x->len;
	item = append_item(x);
	memset(item, 0, sizeof *item);
	item->from = (uint32_t)(from - x->block);
	item->line_len = (uint32_t)len;
	item->head.size = sizeof *item;
	item->head.what = SCANNED_LINES;
	x->len += item->head.size;
}

/* The fields of a record that record_parse() has read. */
static uint64_t
find_fields(const struct record *r)
{
	uint64_t rows = record_words()->may[r->type], has = 0;
	size_t key, from, size;

	for (rows &= plan.numbers | plan.texts; rows != 0; rows &= rows - 1) {
		key = (size_t)__builtin_ctzll(rows);
		from = record_fields[key].offset;
		size = (plan.numbers & BIT(key)) != 0 ? sizeof(int64_t)
						      : sizeof(struct text);
		if (memcmp((const char *)r + from,
			(const char *)&plan.blank + from, size) != 0)
			has |= BIT(key);
	}
	return has;
}

static void
add_record(struct scanned *x)
{
	const struct record *r = &x->record;
	const char *base = (const char *)r;
	struct scanned_item *item = append_item(x);
	unsigned char *to = (unsigned char *)(item + 1);
	uint64_t has = x->scan.fields, rows;

	if (has == 0)
		has = find_fields(r);
	has &= plan.numbers | plan.texts;
	if (x->scan.skips_text)
		has &= ~plan.text;
	item->has = has;
	item->from = (uint32_t)(x->scan.line - x->block);
	item->line_len = (uint32_t)x->scan.len;
	item->type = (uint32_t)r->type;
	memcpy(item->small, base + SMALL_FROM, SMALL);
	for (rows = has & plan.numbers; rows != 0; rows &= rows - 1) {
		memcpy(to, base + record_fields[__builtin_ctzll(rows)].offset,
		    sizeof(int64_t));
		to += sizeof(int64_t);
	}
	for (rows = has & plan.texts; rows != 0; rows &= rows - 1) {
		memcpy(to, base + record_fields[__builtin_ctzll(rows)].offset,
		    sizeof(struct text));
		to += sizeof(struct text);
	}
	item->head.size = (uint32_t)(to - (unsigned char *)item);
	item->head.what = SCANNED_RECORD;
	x->len += item->head.size;
}

/* Its kind had escapes, which no other text does that a message has. */
static bool
is_copied(const struct scan *s, struct text t)
{
	return t.p != NULL &&
	       ((uintptr_t)t.p < (uintptr_t)s->line ||
		   (uintptr_t)t.p >= (uintptr_t)s->line + s->len);
}

/* False: it is none, or must stay a record. */
static bool
add_scanned_message(struct scanned *x)
{
	const struct record *r = &x->record;
	struct scanned_message *to;

	if (r->type != RECORD_MESSAGE || r->about ||
	    is_copied(&x->scan, r->kind))
		return false;
	to = append_item(x);
	if (!scanned_message_make(to, &x->words, r))
		return false;
	to->head.what = SCANNED_MESSAGE;
	x->len += to->head.size;
	return true;
}

static bool
add_scanned_event(struct scanned *x)
{
	struct scanned_event *to;

	if (x->record.type != RECORD_EVENT)
		return false;
	to = append_item(x);
	if (!scanned_event_make(to, &x->words, &x->record))
		return false;
	to->head.what = SCANNED_EVENT;
	x->len += to->head.size;
	return true;
}

static bool
add_message_or_event(struct scanned *x)
{
	return x->gives_messages && x->record.snapshot.p == NULL &&
	       x->scan.fields != 0 &&
	       (add_scanned_message(x) || add_scanned_event(x));
}

void
scanned_fill(struct scanned *x, const char *block, size_t len)
{
	const struct record *r = &x->record;
	size_t last = SIZE_MAX;
	int rc;

	x->block = block;
	x->len = 0;
	x->next = 0;
	scanned_words_clear(&x->words);
	scan_block(&x->scan, block, len);
	while ((rc = scan_record(&x->scan, &x->record)) != 0) {
		if (rc == 1 && add_message_or_event(x)) {
			last = SIZE_MAX;
		} else if (rc == 1 && r->type != RECORD_UNKNOWN &&
			   r->type != RECORD_SNAPSHOT &&
			   r->type != RECORD_ROW) {
			add_record(x);
			last = SIZE_MAX;
		} else {
			add_lines(x, &last, x->scan.line, x->scan.len + 1);
		}
	}
}

void
scanned_leave(struct scanned *x, const char *block, size_t len)
{
	size_t last = SIZE_MAX;

	x->block = block;
	x->len = 0;
	x->next = 0;
	if (len > 0)
		add_lines(x, &last, block, len);
}

/* Makes fields absent. */
static void
clear_absent(struct record *r, uint64_t rows)
{
	const char *from = (const char *)&plan.blank;

	for (; rows != 0; rows &= rows - 1) {
		size_t key = (size_t)__builtin_ctzll(rows),
		       at = record_fields[key].offset;

		memcpy((char *)r + at, from + at,
		    (plan.numbers & BIT(key)) != 0 ? sizeof(int64_t)
						   : sizeof(struct text));
	}
}

static void
give_record(struct record *r, const struct scanned_item *item)
{
	const unsigned char *value = (const unsigned char *)(item + 1);
	char *base = (char *)r;
	uint64_t rows;

	r->type = (enum record_type)item->type;
	memcpy(base + SMALL_FROM, item->small, SMALL);
	for (rows = item->has & plan.numbers; rows != 0; rows &= rows - 1) {
		memcpy(base + record_fields[__builtin_ctzll(rows)].offset,
		    value, sizeof(int64_t));
		value += sizeof(int64_t);
	}
	for (rows = item->has & plan.texts; rows != 0; rows &= rows - 1) {
		memcpy(base + record_fields[__builtin_ctzll(rows)].offset,
		    value, sizeof(struct text));
		value += sizeof(struct text);
	}
}

enum scanned_what
scanned_next(struct scanned *x, struct scanned_user *u)
{
	const void *at = x->items + x->next;
	const struct scanned_head *head = at;
	const struct scanned_item *item = at;

	if (x->next == x->len)
		return SCANNED_END;
	x->next += head->size;
	if (head->what == SCANNED_MESSAGE) {
		u->message = at;
		return SCANNED_MESSAGE;
	}
	if (head->what == SCANNED_EVENT) {
		u->event = at;
		return SCANNED_EVENT;
	}
	u->line = x->block + item->from;
	u->len = item->line_len;
	if (head->what == SCANNED_LINES)
		return SCANNED_LINES;
	if (u->has == SCANNED_UNKNOWN)
		record_clear(u->record);
	else
		clear_absent(u->record, u->has & ~item->has);
	give_record(u->record, item);
	u->has = item->has;
	return SCANNED_RECORD;
}
