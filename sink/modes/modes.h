/*
 * modes: the modes of sink, a file each, and the struct that its options fill.
 */
#ifndef SINK_MODES_MODES_H
#define SINK_MODES_MODES_H

#include "common/db/db.h"
#include "common/options/option_table.h"
#include "common/text/out.h"

struct sink {
	struct option_common common; /* first: see option_table.h */
	const char *from;            /* NULL: as configured */
	enum out_format format;
	const char *get, *tenant;        /* --get */
	const char *address, *port_file; /* --serve */
	bool until_empty, accept_loss;
};

extern const struct option_mode
    sink_mode_store; /* stores rows; without an option */
extern const struct option_mode sink_mode_migrate; /* --migrate */
extern const struct option_mode sink_mode_check;   /* --check */
extern const struct option_mode sink_mode_get;     /* --get */
extern const struct option_mode sink_mode_serve;   /* --serve */

/* Opens the configured database, calls work() unless only the configuration is
 * to be checked, and closes it. work() may take it over: *db = NULL. */
enum exit_code sink_with_db(
    struct sink *s, enum exit_code (*work)(struct sink *s, struct db **db));

#endif
