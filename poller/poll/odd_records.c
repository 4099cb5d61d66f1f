/*
 * odd_records: see odd_records.h.
 */
#include "poller/poll/odd_records.h"

#include <stdlib.h>

#include "common/base/log.h"
#include "common/base/xalloc.h"

void
odd_records_count(struct odd_records *o, const struct profile_answer *a)
{
	o->n += a->odd;
	if (a->odd > 0 && o->first == NULL)
		o->first = xstrdup(buf_str(&a->first_odd));
}

void
odd_records_warn(const struct odd_records *o, const char *tenant)
{
	if (o->n > 0)
		log_warn("tenant %s: %zu records of the CRM cannot be read "
			 "wholly; what cannot is left out; the first: %s",
		    tenant, o->n, o->first);
}

void
odd_records_release(struct odd_records *o)
{
	free(o->first);
	*o = (struct odd_records){ .n = 0 };
}
