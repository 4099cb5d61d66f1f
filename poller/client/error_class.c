/*
 * error_class: see error_class.h.
 */
#include "poller/client/error_class.h"

#include "common/base/log.h"

enum exit_code
error_class_code(enum error_class f)
{
	switch (f) {
	case ERROR_CLASS_NONE:
		return PROG_OK;
	case ERROR_CLASS_LATER:
	case ERROR_CLASS_SHORT:
	case ERROR_CLASS_THROTTLED:
		return PROG_TEMPFAIL;
	case ERROR_CLASS_DENIED:
		return PROG_NOPERM;
	case ERROR_CLASS_QUOTA:
	case ERROR_CLASS_GONE:
	case ERROR_CLASS_UNUSABLE:
		break;
	}
	return PROG_UNAVAILABLE;
}

void
error_class_way_out(const struct tenant *t, enum error_class f, struct buf *out)
{
	switch (f) {
	case ERROR_CLASS_NONE:
	case ERROR_CLASS_LATER:
	case ERROR_CLASS_SHORT:
	case ERROR_CLASS_THROTTLED:
		buf_setf(out, "the next run tries again");
		break;
	case ERROR_CLASS_DENIED:
		buf_setf(out, "check %s and its rights", t->token_source);
		break;
	case ERROR_CLASS_QUOTA:
		buf_setf(out, "buy more calls, poll less often, or wait for "
			      "the next month");
		break;
	case ERROR_CLASS_GONE:
	case ERROR_CLASS_UNUSABLE:
		buf_setf(out, "check that url '%s' of [%s] is the CRM's API",
		    t->base, t->section);
		break;
	}
}

void
error_class_log(const struct tenant *t, enum error_class f, const char *what,
    const char *message)
{
	struct buf way = BUF_INIT;

	error_class_way_out(t, f, &way);
	log_error("tenant %s: cannot read %s: %s; %s", t->name, what, message,
	    buf_str(&way));
	buf_release(&way);
}
