/*
 * rules: what may be deleted, and when. One row of the table in rules.c for
 * every table of the database that knows tenants; a test holds it against the
 * schema, so that a later migration cannot add a table that nobody empties.
 */
#ifndef REAPER_RULES_H
#define REAPER_RULES_H

#include <stdbool.h>
#include <stddef.h>

enum rule_kind {
	RULE_LIVE,    /* a chat's rows go when the chat is closed */
	RULE_HISTORY, /* they stay then, unless [reaper] on_close = all, and go
			 by age, that of --retention */
	RULE_TENANT,  /* goes with its tenant only */
	RULE_TRACE,   /* remembers deletions: goes by age only, that of
			 [reaper] tombstones */
	RULE_REFUSAL, /* the same, and on_close = all takes it, too */
};

enum { RULE_KEYS = 6 };

struct rule {
	const char *table;
	enum rule_kind kind;
	const char *key[RULE_KEYS]; /* the primary key behind tenant */
	const char *chat;    /* the column that names the chat, or NULL */
	const char *version; /* the column with the time the row tells about */
	const char *age;     /* the column --retention goes by, or NULL */
	bool days;           /* its days are partitions */
};

extern const struct rule rules[];
extern const size_t rules_n;

/* Whether a closing deletes from that table. */
bool rule_on_close(const struct rule *r, bool all);

#endif
