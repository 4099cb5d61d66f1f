/*
 * pieces: see pieces.h.
 */
#define _DEFAULT_SOURCE /* madvise */
#include "aggregator/containers/pieces.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common/base/xalloc.h"

/* Size of the first piece in bytes. Each piece is twice as large as the
 * previous one, up to HUGE, the size of a huge page. */
#define FIRST_PIECE ((size_t)64 * 1024)
#define HUGE ((size_t)2 * 1024 * 1024)

static char *
align(char *p, size_t to)
{
	uintptr_t at = (uintptr_t)p, up = (at + to - 1) / to * to;

	return p + (up - at);
}

static void
add_piece(struct pieces *p)
{
	size_t size = p->n < 5 ? FIRST_PIECE << p->n : HUGE;
	char *piece;

	XGROW(p->list, p->n, p->cap);
	if (size < HUGE) {
		piece = xmalloc(size + PIECES_LINE);
		p->at = align(piece, PIECES_LINE);
	} else {
		/* The unaligned rest is never touched, so it costs no
		 * memory. */
		piece = xmalloc(2 * HUGE);
		p->at = align(piece, HUGE);
		(void)madvise(p->at, HUGE, MADV_HUGEPAGE);
	}
	p->list[p->n++] = piece;
	p->left = size;
}

void *
pieces_take(struct pieces *p, size_t size)
{
	void *taken;

	/* The rest of a piece, less than `size`, is lost. */
	while (p->left < size)
		add_piece(p);
	taken = p->at;
	p->at += size;
	p->left -= size;
	return taken;
}

void
pieces_release(struct pieces *p)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		free(p->list[i]);
	free(p->list);
	memset(p, 0, sizeof *p);
}
