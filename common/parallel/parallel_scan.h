/*
 * parallel_scan: reads an endpoint and scans its records on every core, ahead
 * of their use: on threads, and on that of the user while it would wait. The
 * parts of the input come back in their order, so that whoever uses them need
 * not know: rows, errors and their order are the same with any number of
 * threads, and with none.
 *
 *     a = parallel_scan_open(in, thread_cores(), false, false);
 *     while (parallel_scan_next(a, &x) == ENDPOINT_RECORD)
 *             while (scanned_next(x, &user) != SCANNED_END) ...
 *
 * Memory is bounded: a ring of parts, each what one read gave, RECORD_MAX_LINE
 * and 256 KiB at most. A part is passed on when it was read, however small it
 * is, so nothing waits for a slow writer to fill it.
 *
 * For files and pipes: nothing is acknowledged.
 */
#ifndef COMMON_PARALLEL_PARALLEL_SCAN_H
#define COMMON_PARALLEL_PARALLEL_SCAN_H

#include "common/endpoint/endpoint.h"
#include "common/records/scanned.h"

struct parallel_scan;

/* Reads blocks of `in`, which is borrowed and not to be used otherwise until
 * the input has ended or parallel_scan_close(). Without threads on one core,
 * and while little was read. skips_text: see scan.h; gives_messages: scanned.h.
 */
struct parallel_scan *parallel_scan_open(
    struct endpoint *in, size_t cores, bool skips_text, bool gives_messages);

/* The next part; waits for it, or until asked to stop. The answers of
 * endpoint_read_block(); of ENDPOINT_RECORD *lines, to be used before the next
 * call. */
enum endpoint_status parallel_scan_next(
    struct parallel_scan *a, struct scanned **lines);

/* Why the last ENDPOINT_TOOLONG was skipped. */
const char *parallel_scan_refusal(const struct parallel_scan *a);

/* Ends the threads, at once or when they see that they shall, within
 * PARALLEL_SCAN_LOOK_MS. NULL is fine. */
#define PARALLEL_SCAN_LOOK_MS 100
void parallel_scan_close(struct parallel_scan *a);

#endif
