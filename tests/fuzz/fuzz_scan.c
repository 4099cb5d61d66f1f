/*
 * fuzz_scan: blocks of lines through both variants of the scanner. The expected
 * result is that of record_parse() for each line by itself, which fuzz_record
 * compares with jansson. At the end of a block, all its records are compared
 * once more, because borrowed texts must still be there.
 */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <string.h>

#include "common/base/xalloc.h"
#include "common/records/scan.h"
#include "tests/unit/record_equal.h"

#define MOST_LINES 64

/* The expected result for one line. */
struct verdict {
	char *line;
	size_t len;
	int rc;
	struct record record;
	struct flat flat;
	struct buf why;
};

static struct verdict verdicts[MOST_LINES];
static struct record records[MOST_LINES];
static char wrong[256];

static void
make(uint64_t *random, struct buf *input)
{
	size_t n = 1 + fuzz_below(random, MOST_LINES / 2);

	while (n-- > 0) {
		fuzz_line(random, input);
		buf_addc(input, '\n');
	}
}

/* Checks up to MOST_LINES lines; sets *len to their total length. */
static size_t
judge(const char *block, size_t *len)
{
	const char *p = block, *end = block + *len, *nl;
	size_t n;

	for (n = 0; p < end && n < MOST_LINES; n++, p = nl + 1) {
		struct verdict *v = &verdicts[n];

		nl = memchr(p, '\n', (size_t)(end - p));
		v->len = (size_t)(nl - p);
		v->line = fuzz_copy(p, v->len);
		buf_clear(&v->why);
		v->rc = record_parse(
		    &v->record, &v->flat, v->line, v->len, &v->why);
	}
	*len = (size_t)(p - block);
	return n;
}

static const char *
complain(bool plain, size_t line, const char *what)
{
	snprintf(wrong, sizeof wrong, "%s variant, line %zu: %s",
	    plain ? "plain" : "fastest", line + 1, what);
	return wrong;
}

/* The last field with the key of v. */
static const struct flat_field *
find(const struct flat *f, const struct flat_field *v)
{
	size_t i;

	for (i = f->n; i-- > 0;)
		if (f->field[i].key_len == v->key_len &&
		    memcmp(f->field[i].key, v->key, v->key_len) == 0)
			return &f->field[i];
	return NULL;
}

/* True if both hold the same. Of fields with the same name, the last counts. */
static bool
flat_equal(const struct flat *a, const struct flat *b)
{
	const struct flat_field *x, *y;
	size_t i;

	for (i = 0; i < a->n; i++) {
		x = find(a, &a->field[i]);
		y = find(b, &a->field[i]);
		if (y == NULL || x->kind != y->kind ||
		    x->val_len != y->val_len ||
		    memcmp(x->val, y->val, x->val_len) != 0)
			return false;
	}
	return true;
}

/* Returns NULL, or the difference in the line that was just read. */
static const char *
compare(const struct scan *s, int rc, const struct verdict *v,
    const struct record *r)
{
	if (s->len != v->len || memcmp(s->line, v->line, v->len) != 0)
		return "another line";
	if ((rc == 1) != (v->rc == 0))
		return rc == 1 ? "taken, and should not be"
			       : "refused, and should not be";
	if (rc == -1)
		return strcmp(buf_str(&s->why), buf_str(&v->why)) == 0
			   ? NULL
			   : "another reason";
	if (r->type == RECORD_ROW || r->type == RECORD_UNKNOWN) {
		if (r->flat == NULL)
			return "it has no fields";
		if (!flat_equal(r->flat, v->record.flat) ||
		    !flat_equal(v->record.flat, r->flat))
			return "another field";
	}
	return record_difference(r, &v->record);
}

static const char *
scan_all(bool plain, const char *block, size_t len, size_t n,
    struct fuzz_count *count)
{
	const char *what = NULL;
	struct scan s;
	size_t i;
	int rc;

	scan_init(&s);
	if (plain)
		scan_use_plain_code(&s);
	scan_block(&s, block, len);
	for (i = 0; (rc = scan_record(&s, &records[i])) != 0; i++) {
		what = i < n ? compare(&s, rc, &verdicts[i], &records[i])
			     : "one too many";
		if (what != NULL)
			break;
	}
	if (what == NULL && i != n)
		what = "the last one";
	while (what == NULL && i-- > 0)
		if (verdicts[i].rc == 0)
			what =
			    record_difference(&records[i], &verdicts[i].record);
	count->fast += s.fast;
	count->slow += s.slow;
	scan_release(&s);
	return what != NULL ? complain(plain, i, what) : NULL;
}

static const char *
check(const char *input, size_t len, struct fuzz_count *count)
{
	const char *what;
	struct buf whole = BUF_INIT;
	char *block;
	size_t n;

	buf_add(&whole, input, len);
	if (input[len - 1] != '\n')
		buf_addc(&whole, '\n');
	len = whole.len;
	n = judge(whole.data, &len);
	block = fuzz_copy(whole.data, len);
	what = scan_all(false, block, len, n, count);
	if (what == NULL)
		what = scan_all(true, block, len, n, count);
	fuzz_free(block);
	while (n-- > 0)
		fuzz_free(verdicts[n].line);
	buf_release(&whole);
	return what;
}

static const struct fuzz_target target = { "scan", make, check, 0.70 };

FUZZ_MAIN(&target)
