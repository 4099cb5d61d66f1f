/* backlog: see backlog.h. A binary heap. */
#include "tests/loadgen/backlog.h"

#include <stdlib.h>

#include "common/base/xalloc.h"

static bool
before(const struct backlog_line *a, const struct backlog_line *b)
{
	return a->due != b->due ? a->due < b->due : a->seq < b->seq;
}

static void
swap(struct backlog_line *a, struct backlog_line *b)
{
	struct backlog_line t = *a;

	*a = *b;
	*b = t;
}

void
backlog_add(struct backlog *b, uint64_t due, const char *line, size_t len,
    bool is_message)
{
	size_t i = b->n, up;

	XGROW(b->heap, b->n, b->cap);
	b->heap[i] = (struct backlog_line){
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

const struct backlog_line *
backlog_due(struct backlog *b, uint64_t now)
{
	return b->n > 0 && b->heap[0].due <= now ? &b->heap[0] : NULL;
}

void
backlog_drop(struct backlog *b)
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
backlog_release(struct backlog *b)
{
	while (b->n > 0)
		backlog_drop(b);
	free(b->heap);
}
