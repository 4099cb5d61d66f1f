/*
 * fault: see fault.h.
 */
#include "poller/fault.h"

#include "common/log.h"

enum exit_code
fault_code(enum fault f)
{
	switch (f) {
	case FAULT_NONE:
		return PROG_OK;
	case FAULT_LATER:
	case FAULT_THROTTLED:
		return PROG_TEMPFAIL;
	case FAULT_DENIED:
		return PROG_NOPERM;
	case FAULT_QUOTA:
	case FAULT_GONE:
	case FAULT_UNUSABLE:
		break;
	}
	return PROG_UNAVAILABLE;
}

void
fault_way_out(const struct tenant *t, enum fault f, struct buf *out)
{
	switch (f) {
	case FAULT_NONE:
	case FAULT_LATER:
	case FAULT_THROTTLED:
		buf_setf(out, "the next run tries again");
		break;
	case FAULT_DENIED:
		buf_setf(out, "check %s and its rights", t->token_source);
		break;
	case FAULT_QUOTA:
		buf_setf(out, "buy more calls, poll less often, or wait for "
			      "the next month");
		break;
	case FAULT_GONE:
	case FAULT_UNUSABLE:
		buf_setf(out, "check that url '%s' of [%s] is the CRM's API",
		    t->base, t->section);
		break;
	}
}

void
fault_log(
    const struct tenant *t, enum fault f, const char *what, const char *message)
{
	struct buf way = BUF_INIT;

	fault_way_out(t, f, &way);
	log_error("tenant %s: cannot read %s: %s; %s", t->name, what, message,
	    buf_str(&way));
	buf_release(&way);
}
