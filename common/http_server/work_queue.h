/*
 * work_queue: a thread of its own for what one tenant wants done, one piece
 * after the other as they came: what takes long there holds up nobody else. The
 * thread starts with the first piece.
 */
#ifndef COMMON_HTTP_SERVER_WORK_QUEUE_H
#define COMMON_HTTP_SERVER_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct work_queue;

/* Belongs to the lane from work_queue_put() until run() is called, once. */
struct work_queue_job {
	void (*run)(struct work_queue_job *j);
	size_t bytes;                /* that it keeps in memory meanwhile */
	struct work_queue_job *next; /* the lane's */
};

/* So much may wait. at_end: called by its thread when that ends. */
struct work_queue *work_queue_open(size_t jobs, size_t bytes,
    void (*at_end)(void)) __attribute__((warn_unused_result));

/* Any thread. False: too much waits already, or there is no thread. */
bool work_queue_put(struct work_queue *l, struct work_queue_job *j)
    __attribute__((warn_unused_result));

/* Does what waits, and ends. Nobody may put any more. NULL is fine. */
void work_queue_close(struct work_queue *l);

#endif
