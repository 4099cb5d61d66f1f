/*
 * stream_lines: the lines of a flush for one output, kept in the state until
 * the output has confirmed them; see stream.h.
 */
#include "aggregator/stream/stream.h"

#include <string.h>

/* An entry with that many bytes fills whole pages of LMDB, roughly. */
#define ENTRY_BYTES ((size_t)60 << 10)

void
stream_lines_put(struct stream_lines *l)
{
	struct key k = { 0 };

	if (l->next.len == 0)
		return;
	key_number(&k, l->entries++);
	lmdb_put(l->table, k.bytes, k.len, l->next.data, l->next.len);
	buf_clear(&l->next);
}

int
stream_lines_add(struct stream_lines *l, const char *line, size_t len)
{
	buf_add(&l->next, line, len);
	buf_addc(&l->next, '\n');
	if (l->next.len >= ENTRY_BYTES)
		stream_lines_put(l);
	return 0;
}

struct lines_writer {
	struct endpoint *to;
	bool failed;
};

static bool
write_entry(
    void *ctx, const void *key, size_t key_len, const void *data, size_t len)
{
	struct lines_writer *w = ctx;
	const char *p = data, *end = p + len, *nl;

	(void)key;
	(void)key_len;
	while (!w->failed && p < end &&
	       (nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		w->failed = endpoint_write(w->to, p, (size_t)(nl - p)) == -1;
		p = nl + 1;
	}
	return !w->failed;
}

int
stream_lines_write(const struct stream_lines *l, struct endpoint *to)
{
	struct lines_writer w = { to, false };

	if (l->table != NULL)
		lmdb_each(l->table, NULL, 0, write_entry, &w);
	return w.failed ? -1 : 0;
}

void
stream_lines_delete(struct stream_lines *l)
{
	if (l->table != NULL)
		(void)lmdb_delete_prefix(l->table, NULL, 0, SIZE_MAX);
	l->entries = 0;
}
