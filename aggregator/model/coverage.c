/*
 * coverage: see coverage.h.
 */
#include "aggregator/model/coverage.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/xalloc.h"

const char *const coverage_kinds[COVERAGE_KINDS] = {
	[COVERAGE_CHATS] = "chats",
	[COVERAGE_COUNTS] = "counts",
};

const char *const coverage_sources[COVERAGE_SOURCES] = {
	[COVERAGE_POLL] = "poll",
	[COVERAGE_WEBHOOK] = "webhook",
	[COVERAGE_BACKFILL] = "backfill",
};

void
coverage_release(struct coverage *c)
{
	free(c->list);
	*c = (struct coverage){ .list = NULL };
}

static size_t
find_word(struct text t, const char *const *words, size_t n)
{
	size_t i = 0;

	while (i < n && !text_is(t, words[i]))
		i++;
	return i;
}

static void
remove_range(struct coverage *c, size_t i)
{
	c->n--;
	memmove(c->list + i, c->list + i + 1, (c->n - i) * sizeof *c->list);
}

/* Makes room for one more range: forgets the one that ended first. */
static void
make_room(struct coverage *c)
{
	size_t i, oldest = 0;

	if (c->n < COVERAGE_RANGES) {
		c->list = xrealloc(c->list, c->n + 1, sizeof *c->list);
		c->list[c->n] =
		    (struct coverage_range){ .unwritten = COVERAGE_WRITTEN };
		return;
	}
	for (i = 1; i < c->n; i++)
		if (c->list[i].end < c->list[oldest].end)
			oldest = i;
	remove_range(c, oldest);
}

/* True if they may become one range. Counts of all sources are in one state. */
static bool
joins(const struct coverage_range *a, const struct coverage_range *b)
{
	return a->kind == b->kind &&
	       (a->source == b->source || a->kind == COVERAGE_COUNTS);
}

/* True if the ranges overlap or touch. */
static bool
touches(const struct coverage_range *a, const struct coverage_range *b)
{
	return joins(a, b) && a->begin <= b->end && b->begin <= a->end;
}

static bool
is_within(const struct coverage_range *a, const struct coverage_range *b)
{
	return joins(a, b) && a->begin >= b->begin && a->end <= b->end;
}

bool
coverage_add(struct coverage *c, struct text kind, struct text source,
    int64_t begin, int64_t end)
{
	size_t k = find_word(kind, coverage_kinds, COVERAGE_KINDS);
	size_t s = find_word(source, coverage_sources, COVERAGE_SOURCES);
	struct coverage_range new = { .kind = (enum coverage_kind)k,
		.source = (enum coverage_source)s,
		.begin = begin,
		.end = end,
		.unwritten = begin };
	size_t i;

	if (k == COVERAGE_KINDS || s == COVERAGE_SOURCES)
		return false;
	for (i = 0; i < c->n; i++)
		if (is_within(&new, &c->list[i]))
			return false;
	/* It replaces the ranges that it extends or joins. */
	for (i = c->n; i-- > 0;) {
		if (!touches(&new, &c->list[i]))
			continue;
		/* The source is part of the row's key. */
		if (c->list[i].begin <= new.begin) {
			new.begin = c->list[i].begin;
			new.source = c->list[i].source;
		}
		if (c->list[i].end > new.end)
			new.end = c->list[i].end;
		if (c->list[i].unwritten < new.unwritten)
			new.unwritten = c->list[i].unwritten;
		remove_range(c, i);
	}
	make_room(c);
	c->list[c->n++] = new;
	return true;
}

int64_t
coverage_since(const struct coverage *c)
{
	const struct coverage_range *r = c->list, *end = r + c->n;
	int64_t since = CLOCK_NONE, newest = CLOCK_NONE;
	bool more;

	for (; r < end; r++)
		if (r->kind == COVERAGE_CHATS && r->end > newest) {
			newest = r->end;
			since = r->begin;
		}
	/* Ranges of other sources may reach further back. */
	do {
		more = false;
		for (r = c->list; r < end; r++)
			if (r->kind == COVERAGE_CHATS && r->begin < since &&
			    r->end >= since) {
				since = r->begin;
				more = true;
			}
	} while (more);
	return since;
}

void
coverage_mark_all(struct coverage *c)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		c->list[i].unwritten = c->list[i].begin;
}

void
coverage_clear_marks(struct coverage *c)
{
	struct coverage_range *r;
	int64_t day;

	for (r = c->list; r < c->list + c->n; r++) {
		r->unwritten = COVERAGE_WRITTEN;
		day = clock_floor(r->end, DAY_MS);
		if (r->begin < day && day < r->end)
			r->begin = day;
	}
}

void
coverage_code(struct pack *k, struct coverage *c)
{
	uint32_t n = (uint32_t)c->n, kind, source;
	struct coverage_range *r;

	code_limited(k, &n, COVERAGE_RANGES);
	for (c->n = 0; c->n < n && !k->bad; c->n++) {
		if (pack_reads(k))
			make_room(c);
		r = &c->list[c->n];
		kind = r->kind;
		source = r->source;
		code_limited(k, &kind, COVERAGE_KINDS - 1);
		code_limited(k, &source, COVERAGE_SOURCES - 1);
		code_signed(k, &r->begin);
		code_signed(k, &r->end);
		r->kind = (enum coverage_kind)kind;
		r->source = (enum coverage_source)source;
	}
}
