/*
 * snapshot_counts: see snapshot_counts.h.
 */
#define _GNU_SOURCE /* memmem */
#include "reaper/files/snapshot_counts.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"
#include "common/base/xalloc.h"
#include "common/records/bucket.h"
#include "reaper/files/cut_line.h"

/* A snapshot that is not in parts is one, behind them. */
enum { WHOLE = BUCKET_PARTS, PARTS };

/* The lines that are removed, by part; WHOLE: all of them. */
struct removed_lines {
	uint64_t n[PARTS];
};

struct counted_snapshot {
	bool begun[PARTS]; /* the markers of the current time */
	size_t now;        /* which time it is, from 0 */
	struct removed_lines *by_time;
	size_t times;
};

static void
free_snapshot(void *p)
{
	struct counted_snapshot *s = p;

	free(s->by_time);
	free(s);
}

void
snapshot_counts_release(struct snapshot_counts *c)
{
	strmap_release(&c->snapshots, free_snapshot);
	flat_release(&c->flat);
	buf_release(&c->members);
}

static bool
is_text(const struct flat_field *v, const char *text)
{
	return v != NULL && v->kind == FLAT_STRING &&
	       v->val_len == strlen(text) &&
	       memcmp(v->val, text, v->val_len) == 0;
}

/* The snapshot that c->flat names; NULL: none. */
static struct counted_snapshot *
snapshot_of(struct snapshot_counts *c)
{
	const struct flat_field *tenant = flat_find(&c->flat, "tenant");
	const struct flat_field *id = flat_find(&c->flat, "snapshot");
	struct buf key = BUF_INIT;
	void **slot;

	if (tenant == NULL || tenant->kind == FLAT_NULL || id == NULL ||
	    id->kind == FLAT_NULL)
		return NULL;
	buf_add(&key, tenant->val, tenant->val_len);
	buf_addc(&key, '\0'); /* which neither has */
	buf_add(&key, id->val, id->val_len);
	slot = strmap_put(&c->snapshots, key.data, key.len);
	buf_release(&key);
	if (*slot == NULL)
		*slot = xcalloc(1, sizeof(struct counted_snapshot));
	return *slot;
}

static struct removed_lines *
removed_now(struct counted_snapshot *s)
{
	size_t n = s->now + 1;

	if (s->times < n) {
		s->by_time = xrealloc(s->by_time, n, sizeof *s->by_time);
		memset(&s->by_time[s->times], 0,
		    (n - s->times) * sizeof *s->by_time);
		s->times = n;
	}
	return &s->by_time[s->now];
}

/* Reads a marker into c->flat; false: the line is none. */
static bool
read_marker(struct snapshot_counts *c, const char *line, size_t len)
{
	static const char state[] = "\"state\"";

	return memmem(line, len, state, sizeof state - 1) != NULL &&
	       flat_parse(&c->flat, line, len, NULL) == 0 &&
	       is_text(flat_find(&c->flat, "type"), "snapshot");
}

/* The part of the marker in c->flat. */
static unsigned
marked_part(const struct snapshot_counts *c)
{
	const struct flat_field *v = flat_find(&c->flat, "bucket");

	return v == NULL || v->kind == FLAT_NULL ? WHOLE
						 : bucket_of_flat(&c->flat);
}

static void
see_begin(struct snapshot_counts *c)
{
	struct counted_snapshot *s = snapshot_of(c);
	unsigned part = marked_part(c);

	if (s == NULL || !is_text(flat_find(&c->flat, "state"), "begin"))
		return;
	if (s->begun[part]) {
		memset(s->begun, 0, sizeof s->begun);
		s->now++;
	}
	s->begun[part] = true;
}

static void
count_removed(struct snapshot_counts *c, const char *line, size_t len)
{
	struct counted_snapshot *s;
	struct removed_lines *r;
	bool broken;

	if (!cut_line_parse(&c->flat, line, len, &c->members, &broken))
		return;
	s = snapshot_of(c);
	if (s == NULL)
		return;
	r = removed_now(s);
	r->n[WHOLE]++;
	r->n[bucket_of_flat(&c->flat)]++;
}

void
snapshot_counts_add(
    struct snapshot_counts *c, const char *line, size_t len, bool removed)
{
	if (removed)
		count_removed(c, line, len);
	else if (read_marker(c, line, len))
		see_begin(c);
}

void
snapshot_counts_rewind(struct snapshot_counts *c)
{
	struct counted_snapshot *s;
	struct strmap_entry *e;
	size_t i = 0;

	while ((e = strmap_next(&c->snapshots, &i)) != NULL) {
		s = e->value;
		memset(s->begun, 0, sizeof s->begun);
		s->now = 0;
	}
}

/* How many lines are off that marker's number. */
static uint64_t
removed_of_marker(struct snapshot_counts *c)
{
	struct counted_snapshot *s = snapshot_of(c);

	if (s == NULL || s->times <= s->now ||
	    !is_text(flat_find(&c->flat, "state"), "end"))
		return 0;
	return s->by_time[s->now].n[marked_part(c)];
}

/* The number of the marker in c->flat, or -1. */
static int64_t
number_of(const struct flat_field *v)
{
	char digits[24] = "";
	int64_t n;

	if (v == NULL || v->kind != FLAT_NUMBER || v->val_len >= sizeof digits)
		return -1;
	memcpy(digits, v->val, v->val_len);
	return parse_int(digits, 0, INT64_MAX, &n) == 0 ? n : -1;
}

void
snapshot_counts_copy(
    struct snapshot_counts *c, const char *line, size_t len, struct buf *to)
{
	const struct flat_field *v = NULL;
	uint64_t gone = 0;
	int64_t n = -1;
	const char *rest;

	if (read_marker(c, line, len)) {
		see_begin(c);
		gone = removed_of_marker(c);
		v = flat_find(&c->flat, "records");
		n = number_of(v);
	}
	if (gone == 0 || n < (int64_t)gone) {
		buf_add(to, line, len);
		return;
	}
	rest = v->raw + v->val_len;
	buf_add(to, line, (size_t)(v->raw - line));
	buf_addf(to, "%" PRId64, n - (int64_t)gone);
	buf_add(to, rest, len - (size_t)(rest - line));
}
