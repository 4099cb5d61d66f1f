/*
 * flush_lines: see flush_lines.h.
 */
#define _GNU_SOURCE /* memmem */
#include "sink/read/flush_lines.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

/* The longest flush: the state of a tenant with a million chats is a third of
 * it. */
#define LINES_MAX ((size_t)1 << 30)

static const char flush_line[] = "{\"type\":\"flush";

static void
free_open(void *p)
{
	struct open_flush *o = p;

	if (o == NULL)
		return;
	arena_release(&o->arena);
	buf_release(&o->lines);
	free(o);
}

void
flush_lines_init(struct flush_lines *l)
{
	memset(l, 0, sizeof *l);
	l->open = (struct strmap)STRMAP_INIT;
}

void
flush_lines_release(struct flush_lines *l)
{
	strmap_release(&l->open, free_open);
}

static bool
same_text(struct text a, struct text b)
{
	return text_compare(a, b) == 0;
}

/* True if f is the next part of the flush o. */
static bool
continues(const struct open_flush *o, const struct flush *f)
{
	return o != NULL && f->part == o->flush->part + 1 &&
	       f->version == o->flush->version &&
	       same_text(f->writer, o->flush->writer) &&
	       same_text(f->tenant, o->flush->tenant);
}

void
flush_lines_begin(struct flush_lines *l, const struct flush *f)
{
	struct open_flush *o = NULL;

	l->now = NULL;
	if (f != NULL)
		o = strmap_get(&l->open, f->stream.p, f->stream.len);
	if (f != NULL && f->part == 1) {
		free_open(o);
		o = xcalloc(1, sizeof *o);
		o->flush = flush_keep(f, &o->arena);
		*strmap_put(&l->open, f->stream.p, f->stream.len) = o;
		l->now = o;
	} else if (f != NULL && continues(o, f)) {
		o->flush->part = f->part;
		l->now = o;
	} else if (f != NULL) {
		log_info("flush_incomplete",
		    "tenant=%.*s version=%lld part=%lld", TEXT_ARG(f->tenant),
		    (long long)f->version, (long long)f->part);
	}
	l->skipping = l->now == NULL;
}

bool
flush_lines_inside(const struct flush_lines *l)
{
	return l->now != NULL || l->skipping;
}

/* Returns the line that ends the flush or begins another one, or NULL. */
static const char *
find_end(const char *lines, size_t len)
{
	size_t n = sizeof flush_line - 1;
	const char *at = lines, *end = lines + len;

	while ((at = memmem(at, (size_t)(end - at), flush_line, n)) != NULL &&
	       at > lines && at[-1] != '\n')
		at += n;
	return at;
}

size_t
flush_lines_take(struct flush_lines *l, const char *lines, size_t len)
{
	const char *end = find_end(lines, len);
	size_t n = end != NULL ? (size_t)(end - lines) : len;
	struct open_flush *o = l->now;

	if (o != NULL && o->lines.len + n > LINES_MAX) {
		o->flush->bad = "it is longer than 1 GiB";
		buf_release(&o->lines);
	}
	if (o != NULL && o->flush->bad == NULL)
		buf_add(&o->lines, lines, n);
	if (end == NULL)
		return len;
	flush_lines_leave(l);
	/* Only the word "flushed" continues with a letter. */
	if (end[sizeof flush_line - 1] != 'e')
		return n;
	l->complete = o;
	end = memchr(end, '\n', len - n);
	return (size_t)(end + 1 - lines);
}

void
flush_lines_leave(struct flush_lines *l)
{
	l->now = NULL;
	l->skipping = false;
}

void
flush_lines_drop(struct flush_lines *l)
{
	const struct text stream = l->complete->flush->stream;

	free_open(strmap_delete(&l->open, stream.p, stream.len));
	l->complete = NULL;
}
