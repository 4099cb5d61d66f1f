/*
 * work_queue: a thread that runs jobs one after the other, in the order they
 * were put: the slow requests of one tenant delay no other tenant, each of
 * which has its own queue. The thread starts with the first job.
 */
#ifndef COMMON_HTTP_SERVER_WORK_QUEUE_H
#define COMMON_HTTP_SERVER_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct work_queue;

/* Belongs to the queue from work_queue_put() until run() is called, once. */
struct work_queue_job {
	void (*run)(struct work_queue_job *j);
	size_t bytes;                /* of memory that it holds until then */
	struct work_queue_job *next; /* the queue's */
};

/* At most so many jobs, and so many bytes of them, wait. at_end() is called in
 * the thread when it ends. Owned. */
struct work_queue *work_queue_open(size_t jobs, size_t bytes,
    void (*at_end)(void)) __attribute__((warn_unused_result));

/* Called by any thread. False: too much waits, or the thread cannot start. */
bool work_queue_put(struct work_queue *q, struct work_queue_job *j)
    __attribute__((warn_unused_result));

/* Runs the jobs that wait, and ends the thread. No job may be put any more.
 * NULL is fine. */
void work_queue_close(struct work_queue *q);

#endif
