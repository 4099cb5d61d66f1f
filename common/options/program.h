/*
 * program: the common main(): it fills a structure of the program from the
 * command line and runs the chosen mode.
 */
#ifndef COMMON_OPTIONS_PROGRAM_H
#define COMMON_OPTIONS_PROGRAM_H

#include "common/options/option_table.h"

/* Reads the options into *options (option_read()), loads the configuration
 * into its struct option_common, runs the mode, frees the configuration.
 * Returns the exit code. */
int program_main(const struct option_mode *const *modes, size_t modes_n,
    int argc, char **argv, void *options);

#endif
