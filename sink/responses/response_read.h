/*
 * response_read: what response_sums reads from response_rollups.
 */
#ifndef SINK_RESPONSES_RESPONSE_READ_H
#define SINK_RESPONSES_RESPONSE_READ_H

#include "sink/responses/response_sums.h"

struct sums_reader {
	struct question *q;
	const struct response_plan *plan;
	const struct response_choice *choice;
	bool by_operator;
	struct response_sums *to;
	int64_t end_ms; /* no further statement, by the monotonic clock */
	/* Of response_read_rollups(). */
	struct span_sums scratch;
	size_t room;
};

/* Reads months, days, hours and quarters of the plan, which it cuts. False: the
 * answer is a problem. */
bool response_read_rollups(
    struct sums_reader *r, struct response_pieces pieces[RESPONSE_LEVELS])
    __attribute__((warn_unused_result));

/* Asks, with the arguments behind the tenant; the rows are at most `most`. */
bool response_ask(const struct sums_reader *r, const struct buf *sql,
    const struct db_value *args, size_t n, size_t most, struct db_rows **rows)
    __attribute__((warn_unused_result));

/* Appends the condition on operators: those that the viewer may see. */
void response_add_scope(const struct sums_reader *r, struct buf *sql);

/* The sum of a slot and operator, made if it is not there; borrowed until the
 * next one is. */
struct span_sum *response_sum_of(
    struct response_sums *s, int64_t slot, const char *operator_id);

#endif
