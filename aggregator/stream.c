/*
 * stream: the aggregator behind a queue whose records come for ever.
 */
#include "aggregator/job.h"

enum exit_code
stream_run(const struct job *job)
{
	return queue_run(job);
}
