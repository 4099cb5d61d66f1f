/*
 * options: the command line of crm-sim. --help documents it, with the control
 * calls and the faults.
 */
#ifndef TESTS_CRM_OPTIONS_H
#define TESTS_CRM_OPTIONS_H

#include "tests/crm/sim.h"

#define ACCOUNTS_MAX 16

struct settings {
	/* The options of the account, and the defaults of those made by
	 * --account. */
	struct world_options world;
	struct sim sim;
	char *accounts[ACCOUNTS_MAX]; /* TOKEN:SEED[:DIALOGS], borrowed */
	size_t accounts_n;
	int64_t port;
	const char *port_file, *cert, *key;
	const char *webhooks; /* a URL, or NULL */
	bool die_with_parent;
};

/* Fills s, starting from the defaults. Returns -1 to continue, else the exit
 * code. */
int options_read(struct settings *s, int argc, char **argv);

#endif
