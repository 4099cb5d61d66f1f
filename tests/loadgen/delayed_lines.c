/*
 * delayed_lines: see delayed_lines.h. A binary heap.
 */
#include "tests/loadgen/delayed_lines.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

static bool
before(const struct delayed_line *a, const struct delayed_line *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void
swap(struct delayed_line *a, struct delayed_line *b)
{
	struct delayed_line t = *a;

	*a = *b;
	*b = t;
}

void
delayed_lines_add(struct delayed_lines *b, uint64_t due, const char *line,
    size_t len, bool is_message)
{
	size_t i = b->n, up;

	XGROW(b->heap, b->n, b->cap);
	b->heap[i] = (struct delayed_line){
		.due = due,
		.seq = b->seq++,
		.text = xstrndup(line, len),
		.len = len,
		.is_message = is_message,
	};
	b->n++;
	b->messages += is_message;
	for (; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!before(&b->heap[i], &b->heap[up]))
			break;
		swap(&b->heap[i], &b->heap[up]);
	}
}

const struct delayed_line *
delayed_lines_due(struct delayed_lines *b, uint64_t now)
{
	return b->n > 0 && b->heap[0].due <= now ? &b->heap[0] : NULL;
}

void
delayed_lines_drop(struct delayed_lines *b)
{
	size_t i = 0, k;

	b->messages -= b->heap[0].is_message;
	free(b->heap[0].text);
	b->heap[0] = b->heap[--b->n];
	for (;;) {
		k = 2 * i + 1;
		if (k + 1 < b->n && before(&b->heap[k + 1], &b->heap[k]))
			k++;
		if (k >= b->n || !before(&b->heap[k], &b->heap[i]))
			return;
		swap(&b->heap[i], &b->heap[k]);
		i = k;
	}
}

void
delayed_lines_release(struct delayed_lines *b)
{
	while (b->n > 0)
		delayed_lines_drop(b);
	free(b->heap);
}
