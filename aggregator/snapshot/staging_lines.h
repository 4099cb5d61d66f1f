/*
 * staging_lines: lines of messages of the broker that carry no id. The broker
 * sends a message again only through another connection, and marks it. So what
 * is marked, and is the same, byte by byte, as a line of the snapshot that came
 * through an earlier connection, is that line, in its place already; what is
 * not marked is one more, whether it was written twice or not. Each that came
 * accounts for one that comes again, in whichever order.
 *
 * A crash between two lines of a snapshot that are the same is the one thing
 * that cannot be told: nothing in such messages could.
 */
#ifndef AGGREGATOR_SNAPSHOT_STAGING_LINES_H
#define AGGREGATOR_SNAPSHOT_STAGING_LINES_H

#include "common/containers/strmap.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was read back from the disk. */
#define STAGING_EARLIER UINT64_MAX

struct staging_lines {
	struct strmap by_hash; /* private */
};

/* A zeroed struct is valid, and so it is left. */
void staging_lines_release(struct staging_lines *l);

uint64_t staging_line_hash(const char *line, size_t len);

/* Such a line came. */
void staging_lines_add(
    struct staging_lines *l, uint64_t session, uint64_t hash);

/* Is one that comes now a line that came before? */
bool staging_lines_again(
    struct staging_lines *l, uint64_t session, uint64_t hash);

#endif
