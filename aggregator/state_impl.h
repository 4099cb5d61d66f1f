/*
 * state_impl: what state.c and state_open.c share; nobody else includes it.
 * They alone see LMDB. A value is stored behind a checksum of key and value.
 */
#ifndef AGGREGATOR_STATE_IMPL_H
#define AGGREGATOR_STATE_IMPL_H

#include <lmdb.h>

#include "aggregator/state.h"

#define STATE_SUM_LEN sizeof(uint64_t)

struct state_table {
	struct state *state;
	char *name;
	MDB_dbi dbi;
	enum state_keys keys;
};

struct state {
	char *path;
	size_t limit;
	int lock;
	MDB_env *env;
	MDB_txn
	    *reader;  /* kept between commits; reset while there is a write */
	bool reading; /* the reader is under way */
	MDB_txn *writer; /* NULL: nothing was changed */
	size_t asked;    /* bytes the writer may have needed, at most */
	int rc;          /* the first error, as LMDB says it */
	struct state_table *tables[STATE_TABLES];
	size_t tables_n;
	struct state_table *meta;
	int64_t version; /* of the writer; 0: not asked for yet */
	uint64_t seed[2];
};

/* Begins changing unless that is under way. False after an error. */
bool state_begin(struct state *s);

/* The sentence and the exit code for what LMDB or the system says. */
enum exit_code state_explain(const struct state *s, int rc, struct buf *why);

/* While LMDB works, a crash of this process is taken for a damaged file. */
void state_guard(const struct state *s, bool on);

#endif
