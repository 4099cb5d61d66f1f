/*
 * delta: changes of one tenant's entries in the state, as bytes with which
 * another state follows. All values are absolute, so applying a delta twice is
 * the same as applying it once, and the later of two changes of an entry
 * counts.
 *
 * Only shared tables have deltas: those whose entries describe a tenant and
 * mean the same on every machine. delta_table_name() lists them; their numbers
 * never change their meaning within a format. Lines that wait for an output,
 * and everything about the file itself, stay where they are.
 *
 * A delta is a list of changes in the order in which they were made:
 *
 *   table   1 byte
 *   change  1 byte: P put, D deleted
 *   key     its length as a varint, and its bytes without the tenant's number,
 *           which another state may have given to another tenant
 *   value   the same, after P only
 *
 * It travels in parts of at most DELTA_PART bytes, which end anywhere, even
 * inside a change:
 *
 *   format  1 byte
 *   sum     8 bytes, little-endian: the checksum of this part's bytes, which
 *           depends on the sum of the part before it
 *   bytes
 *
 * So a part that is damaged, lost or out of place is noticed.
 */
#ifndef AGGREGATOR_STATE_DELTA_H
#define AGGREGATOR_STATE_DELTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/base/buf.h"

#define DELTA_PART ((size_t)512 << 10)

/* Tables have the numbers 1 to delta_tables_n. */
extern const unsigned delta_tables_n;
const char *delta_table_name(unsigned table);
/* Returns the number of a table; 0: it is not shared. */
unsigned delta_table_number(const char *name);

struct delta_change {
	unsigned table;
	const void *key, *data; /* data NULL: deleted */
	size_t key_len, len;
};

/* Appends a change to a delta. */
void delta_add(struct buf *delta, const struct delta_change *c);

/* Splits a delta into parts. A zeroed struct is ready for the first one. */
struct delta_writer {
	uint64_t sum; /* of the last part */
};

/* Appends one part, with at most the first DELTA_PART - overhead bytes of that
 * delta; returns how many. */
size_t delta_write_part(
    struct delta_writer *w, const char *delta, size_t len, struct buf *part);

/* Reads a delta part by part. A zeroed struct is ready for the first one. */
struct delta_reader {
	uint64_t sum;    /* of the last part */
	struct buf rest; /* the beginning of a change that the next part ends */
};

/* Receives one change, borrowed during the call. False ends the reading. */
typedef bool delta_change_fn(void *ctx, const struct delta_change *c);

/* Reads the next part. Returns false if it is damaged, has another format or is
 * not the next one, or if changed() returned false. */
bool delta_read_part(struct delta_reader *r, const void *part, size_t len,
    delta_change_fn *changed, void *ctx) __attribute__((warn_unused_result));

/* Ends the reading, after which the reader is ready for another delta. Returns
 * false if the delta is incomplete. */
bool delta_read_end(struct delta_reader *r) __attribute__((warn_unused_result));

#endif
