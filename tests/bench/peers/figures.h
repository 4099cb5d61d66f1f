/*
 * figures: the work of the readers that are compared with the aggregator: exact
 * removal of duplicates, the clocks of each chat, and rows of operators and
 * chats as defined in messaging-metrics(7), with averages and without medians.
 * The parser fills a peer_record and calls peer_take(), which borrows the
 * record's texts. Usable from C++.
 *
 * It is a typical program of its kind, with none of the project's own code
 * except the allocation. It ends the process when a record lacks what it needs.
 */
#ifndef TESTS_BENCH_PEERS_FIGURES_H
#define TESTS_BENCH_PEERS_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct peer_text {
	const char *p; /* NULL: absent or null */
	size_t len;
};

enum peer_field {
	PEER_TYPE,
	PEER_TENANT,
	PEER_CHAT,
	PEER_ID,
	PEER_AT,
	PEER_FROM,
	PEER_USER,
	PEER_OPERATOR,
	PEER_KIND,
	PEER_OPENED_AT,
	PEER_FIELDS
};

struct peer_record {
	struct peer_text f[PEER_FIELDS];
	bool quiet; /* private or automated */
};

void peer_take(const struct peer_record *r);

/* The rows, to standard output. */
void peer_print(void);

/* Reads standard input in blocks of whole lines, followed by PEER_PAD readable
 * bytes. */
enum { PEER_BLOCK = 1 << 20, PEER_PAD = 64 };
void peer_blocks(void (*each)(char *block, size_t len));

#ifdef __cplusplus
}
#endif

#endif
