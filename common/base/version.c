/*
 * version: the version and the folder of installed data files, from the
 * Makefile. It is a separate file so that a new version recompiles nothing
 * else.
 */
#include "common/base/prog.h"

const char *
prog_version(void)
{
	return VERSION;
}

const char *
prog_datadir(void)
{
	return DATADIR;
}
