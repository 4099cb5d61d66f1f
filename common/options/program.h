/*
 * program: what every main() does. A program fills one structure from its
 * command line and runs the mode that was chosen.
 */
#ifndef COMMON_OPTIONS_PROGRAM_H
#define COMMON_OPTIONS_PROGRAM_H

#include "common/options/option_table.h"

/* Reads the options into *options (option_read()), loads the configuration
 * into its struct option_common, and runs the mode; the configuration goes
 * afterwards. The exit code. */
int program_main(const struct option_mode *const *modes, size_t modes_n,
    int argc, char **argv, void *options);

#endif
