/*
 * version: the one object that knows the version and where data files are
 * installed, so that a new version recompiles nothing else.
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
