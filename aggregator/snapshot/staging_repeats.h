/*
 * staging_repeats: recognizes lines of broker messages that carry no id. The
 * broker sends a message again only through another connection, and marks it.
 * So a marked line that equals, byte by byte, a line of the snapshot that came
 * through an earlier connection is that same line, and is in its place already.
 * An unmarked line is always a new one, even if an equal one came before. Each
 * line that came accounts for one that comes again, in any order.
 *
 * One case cannot be recognized, because such messages carry nothing that
 * would: a crash between two equal lines of a snapshot.
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_REPEATS_H
#define AGGREGATOR_SNAPSHOT_STAGING_REPEATS_H

#include "common/containers/strmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The session of lines that were read back from the disk. */
#define STAGING_EARLIER UINT64_MAX

/* A zeroed struct is valid. */
struct staging_repeats {
	struct strmap by_hash; /* private */
};

/* Afterwards it is empty, and valid. */
void staging_repeats_release(struct staging_repeats *l);

uint64_t staging_line_hash(const char *line, size_t len);

/* Records that a line with this hash came through this connection. */
void staging_repeats_add(
    struct staging_repeats *l, uint64_t session, uint64_t hash);

/* True if a marked line that comes now was recorded through an earlier
 * connection; that record then accounts for no other line. */
bool staging_repeats_again(
    struct staging_repeats *l, uint64_t session, uint64_t hash);

#endif
