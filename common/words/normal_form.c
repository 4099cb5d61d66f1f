/*
 * normal_form: see normal_form.h.
 */
#include "common/words/normal_form.h"

#include "common/base/prog.h"

uint8_t *
normal_form(uninorm_t form, struct text t, size_t *len)
{
	uint8_t *p = u8_normalize(form, (const uint8_t *)t.p, t.len, NULL, len);

	if (p == NULL)
		prog_die(PROG_TEMPFAIL, "out of memory");
	return p;
}
