/*
 * spool_lost: which lines of a spool are lost when it is opened, and the
 * message about them.
 *
 * The numbers show it: each must be there, from the first that is not safe
 * elsewhere to the last that was acknowledged. Higher ones at the end of the
 * last file were cut by a crash before they were acknowledged, so nobody misses
 * them.
 */
#include "poller/outbox/spool_impl.h"

#include <inttypes.h>

#include "common/base/log.h"

uint64_t
spool_lost_begin(struct spool *b)
{
	uint64_t taken = b->mark.n[SPOOL_TAKEN];

	b->mark_lost = b->mark.damaged || (b->mark.made && b->n > 0);
	if (b->mark_lost && taken == 0 && b->n > 0)
		taken = b->files[0].number - 1;
	b->number = taken + 1;
	return taken;
}

void
spool_lost_up_to(struct spool *b, uint64_t last)
{
	if (b->number > last)
		return;
	if (b->lost == 0)
		b->lost_first = b->number;
	b->lost += last - b->number + 1;
	b->lost_last = last;
	b->number = last + 1;
}

void
spool_lost_before(struct spool *b, uint64_t number)
{
	if (number > b->number)
		spool_lost_up_to(b, number - 1);
	if (number == b->number)
		b->number++;
}

/* One message about all that is lost. Without its mark nobody can tell how many
 * lines followed those that are there. */
static void
log_lost_lines(const struct spool *b)
{
	if (b->lost > 0)
		log_error("'%s' lacks %" PRIu64 " %s (numbers %" PRIu64
			  " to %" PRIu64 "%s): %s; %s",
		    b->dir, b->lost, b->kind->what, b->lost_first, b->lost_last,
		    b->mark_lost ? ", perhaps more, as '" SPOOL_MARK
				   "' is lost, too"
				 : "",
		    b->aside ? "what was damaged is kept as *.damaged there"
			     : "files were cut, removed or put back",
		    b->kind->rest);
	else if (b->mark_lost)
		log_error(
		    "'%s/" SPOOL_MARK "' is %s: nobody can tell "
		    "whether %s are missing; if it was moved, put it back",
		    b->dir, b->mark.made ? "gone" : "damaged", b->kind->what);
}

/* Sets the mark, both slots of each number, to the lines that are there. -1:
 * errno. */
static int
rewrite_mark(struct spool *b, uint64_t taken)
{
	struct spool_mark *m = &b->mark;
	uint64_t last = b->number - 1;
	int i, rc = 0;

	for (i = 0; rc == 0 && i < 2; i++) {
		rc = spool_mark_write(m, SPOOL_ACKNOWLEDGED, last);
		if (rc == 0)
			rc = spool_mark_write(
			    m, SPOOL_TAKEN, b->n > 0 ? taken : last);
	}
	return rc;
}

int
spool_lost_end(struct spool *b, uint64_t taken)
{
	spool_lost_up_to(b, b->mark.n[SPOOL_ACKNOWLEDGED]);
	log_lost_lines(b);
	if (b->mark_lost || (b->n == 0 && b->lost > 0))
		return rewrite_mark(b, taken);
	return 0;
}
