/*
 * conf_value: one value of the configuration: text, checked and converted by
 * its row of conf_keys[]. Private to conf*.c.
 */
#ifndef COMMON_CONF_CONF_VALUE_H
#define COMMON_CONF_CONF_VALUE_H

#include "common/base/buf.h"
#include "common/conf/conf.h"

#include <stdint.h>

struct conf_value {
	char *text;    /* as it was written; NULL: not given */
	int64_t num;   /* INT, SIZE, DURATION, BOOL */
	char **words;  /* LIST, NULL-ended */
	unsigned line; /* where the file gives it; 0: elsewhere */
};

/* Replaces the value. 0, or -1 with *why (no secret in it) and no change. */
int conf_value_set(struct conf_value *v, const struct conf_key *k,
    const char *text, struct buf *why) __attribute__((warn_unused_result));

/* Wipes and frees; the value is as if it had never been given. */
void conf_value_release(struct conf_value *v);

#endif
