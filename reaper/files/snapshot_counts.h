/*
 * snapshot_counts: keeps snapshots whole in a file from which lines are
 * removed: the end marker of a snapshot, or of a part of one, says how many
 * lines it has, and readers use nothing of one that has fewer. What is removed
 * is taken off that number.
 *
 * The file is read twice: a marker may stand before lines that it counts. A
 * snapshot may be there more than once, as after a crash of its writer: a
 * begin marker that comes again begins another one, as for its readers.
 */
#ifndef REAPER_FILES_SNAPSHOT_COUNTS_H
#define REAPER_FILES_SNAPSHOT_COUNTS_H

#include "common/base/buf.h"
#include "common/containers/strmap.h"
#include "common/text/flat.h"

#include <stdbool.h>
#include <stddef.h>

/* Begin with zeros. */
struct snapshot_counts {
	/* private */
	struct strmap snapshots; /* by tenant and id */
	struct flat flat;
	struct buf members;
};

/* The first time: for each line, in order, whether it is removed. The 64 bytes
 * behind the line must be readable, here and below. */
void snapshot_counts_add(
    struct snapshot_counts *c, const char *line, size_t len, bool removed);

/* Before the second time. */
void snapshot_counts_rewind(struct snapshot_counts *c);

/* The second time, for each line that is kept: appends the line to *to, an end
 * marker with the number of lines that it has now. */
void snapshot_counts_copy(
    struct snapshot_counts *c, const char *line, size_t len, struct buf *to);

void snapshot_counts_release(struct snapshot_counts *c);

#endif
