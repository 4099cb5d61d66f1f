/*
 * work_queue: threads that run jobs in the order they were put; with one
 * thread, one after the other. The slow requests of one tenant delay no other
 * tenant that has a queue of its own. Where tenants share one, each has a lane
 * of it: lanes take turns, and one lane leaves a thread and half of the places
 * to wait in to the others. Threads start when there are jobs for them.
 */
#ifndef COMMON_HTTP_SERVER_WORK_QUEUE_H
#define COMMON_HTTP_SERVER_WORK_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct work_queue;

/* Belongs to the queue from work_queue_put() until run() is called, once. */
struct work_queue_job {
	void (*run)(struct work_queue_job *j);
	size_t bytes;                /* of memory that it holds until then */
	uint64_t lane;               /* 0: of nobody, who may take all */
	struct work_queue_job *next; /* the queue's */
};

/* At most so many jobs, and so many bytes of them, wait for one of 1 to
 * WORK_QUEUE_THREADS threads. at_end() (or NULL) is called in each thread when
 * it ends. Owned. */
#define WORK_QUEUE_THREADS 64
struct work_queue *work_queue_open(unsigned threads, size_t jobs, size_t bytes,
    void (*at_end)(void)) __attribute__((warn_unused_result));

/* Called by any thread. False: too much waits, of its lane or of all, or no
 * thread can start. */
bool work_queue_put(struct work_queue *q, struct work_queue_job *j)
    __attribute__((warn_unused_result));

/* Runs the jobs that wait, and ends the threads. No job may be put any more.
 * NULL is fine. */
void work_queue_close(struct work_queue *q);

#endif
