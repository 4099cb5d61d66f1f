/*
 * conf_nearest: the key or section whose name is nearest to a mistyped one, for
 * "did you mean". Private to conf*.c.
 */
#ifndef COMMON_CONF_CONF_NEAREST_H
#define COMMON_CONF_CONF_NEAREST_H

#include "common/conf/conf.h"

/* NULL: none is near. */
const struct conf_key *conf_key_near(const char *section, const char *name);
const char *conf_section_near(const char *name);

#endif
