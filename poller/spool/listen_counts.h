/*
 * listen_counts: what the listener counts, by all its threads, for the line
 * that it ends with.
 */
#ifndef POLLER_SPOOL_LISTEN_COUNTS_H
#define POLLER_SPOOL_LISTEN_COUNTS_H

#include <stdatomic.h>

struct listen_counts {
	atomic_ullong connections; /* that were let in */
	atomic_ullong turned_away; /* there were too many */
	atomic_ullong requests;    /* that had come in whole, or were refused */
	atomic_ullong accepted;    /* answers of success */
	atomic_ullong malformed;   /* 400 of the server itself */
	atomic_ullong too_large;   /* 413, 414, 431 */
	atomic_ullong too_many;    /* 429 */
	atomic_ullong refused;     /* other 4xx, the routes' own */
	atomic_ullong later;       /* 503 */
	atomic_ullong failed;      /* other 5xx */
	atomic_ullong slow;        /* cut off */
	atomic_ullong records, dead;
	atomic_ullong spooled; /* requests whose records went to the disk */
	atomic_ullong drained; /* lines published from there */
};

static inline void
listen_counts_add(atomic_ullong *what, unsigned long long n)
{
	(void)atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

#endif
