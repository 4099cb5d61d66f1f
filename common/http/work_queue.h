/*
 * work_queue: threads that run jobs in the order in which they were put; a
 * single thread runs one after the other. If each tenant has its own queue,
 * slow requests of one do not delay another. If tenants share a queue, each has
 * a lane: lanes take turns, and one lane leaves a thread and half of the queue
 * to the others. Threads start when there are jobs for them.
 */
#ifndef COMMON_HTTP_WORK_QUEUE_H
#define COMMON_HTTP_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_queue;

/* Belongs to the queue from work_queue_put() until run() is called, once. */
struct work_queue_job {
	void (*run)(struct work_queue_job *j);
	size_t bytes;                /* memory that it holds until then */
	uint64_t lane;               /* 0: no lane, may use everything */
	struct work_queue_job *next; /* private to the queue */
};

/* At most this many jobs, with this many bytes, wait for one of 1 to
 * WORK_QUEUE_THREADS threads. Each thread calls at_end(), unless NULL, when it
 * ends. Owned. */
#define WORK_QUEUE_THREADS 64
struct work_queue *work_queue_open(unsigned threads, size_t jobs, size_t bytes,
    void (*at_end)(void)) __attribute__((warn_unused_result));

/* Any thread may call it. Returns false if too many jobs wait, in its lane or
 * in all, or if no thread can start. */
bool work_queue_put(struct work_queue *q, struct work_queue_job *j)
    __attribute__((warn_unused_result));

/* Runs waiting jobs and ends the threads. No job may be added after that. NULL
 * is allowed. */
void work_queue_close(struct work_queue *q);

#endif
