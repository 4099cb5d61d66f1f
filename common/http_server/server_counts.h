/*
 * server_counts: what the server counts, by all its threads, from its start on.
 * Any thread may read them at any time.
 */
#ifndef COMMON_HTTP_SERVER_SERVER_COUNTS_H
#define COMMON_HTTP_SERVER_SERVER_COUNTS_H

#include <stdatomic.h>

struct server_counts {
	atomic_ullong connections; /* admitted */
	atomic_ullong turned_away; /* connections refused: too many */
	atomic_ullong requests;    /* that had come in whole, or were refused */
	atomic_ullong accepted;    /* answers below 400 */
	atomic_ullong malformed;   /* 400 */
	atomic_ullong too_large;   /* 413, 414, 431 */
	atomic_ullong too_many;    /* 429 */
	atomic_ullong refused;     /* other 4xx */
	atomic_ullong later;       /* 503 */
	atomic_ullong failed;      /* other 5xx */
	atomic_ullong slow;        /* connections cut off */
	atomic_ullong records;     /* stored */
	atomic_ullong dead;        /* dead letters stored */
};

static inline void
server_count(atomic_ullong *what, unsigned long long n)
{
	(void)atomic_fetch_add_explicit(what, n, memory_order_relaxed);
}

#endif
