/*
 * notice_rules: the rules of the sections [notice NAME], see
 * messaging-notices(7). Reading them checks them, so a mistake is found at the
 * start.
 *
 * A rule has scopes: each of its channels, each of its teams, or else the whole
 * tenant. A team is a list of operators, [crm NAME] teams; its chats are those
 * that are assigned to one of them.
 */
#ifndef AGGREGATOR_NOTICES_NOTICE_RULES_H
#define AGGREGATOR_NOTICES_NOTICE_RULES_H

#include "common/base/buf.h"
#include "common/base/text.h"
#include "common/conf/conf.h"
#include "common/hours/terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum notice_kind {
	NOTICE_SOON,          /* a customer's wait is soon late */
	NOTICE_LATE,          /* a customer's wait is late */
	NOTICE_WAITING,       /* that many customers have waited that long */
	NOTICE_NOBODY_ONLINE, /* customers wait, and nobody is online */
	NOTICE_KINDS
};
/* As in the configuration and in the table notices. */
extern const char *const notice_kind_names[NOTICE_KINDS];

enum notice_scope_kind { SCOPE_TENANT, SCOPE_CHANNEL, SCOPE_TEAM };

struct notice_scope {
	enum notice_scope_kind kind;
	const char *name; /* of the channel or team; borrowed */
	char *text;       /* as in the table: "", "channel 7", "team sales" */
};

/* Texts are borrowed from the configuration. */
struct notice_rule {
	const char *name;
	enum notice_kind kind;
	struct notice_scope *scopes; /* at least one */
	size_t scopes_n;
	int64_t for_ms;    /* see messaging.conf(5) */
	int64_t left_ms;   /* of NOTICE_SOON; 0: as the targets say */
	size_t customers;  /* how many fire a rule about several customers */
	size_t clear;      /* it is over when there are no more than that */
	char *const *team; /* the words of [crm NAME] teams */
};

/* A zeroed struct has no rules. */
struct notice_rules {
	struct notice_rule *list;
	size_t n, cap;
};

/* Returns whether the configuration has rules, for any tenant. */
bool notice_rules_exist(const struct conf *c);

/* Checks all rules: their keys, whether the tenants and teams in them exist,
 * and whether any tenant has the targets that they need. Returns 0, or -1 and
 * *why, which gives the line. */
int notice_rules_check(const struct conf *c, const struct terms_book *terms,
    struct buf *why) __attribute__((warn_unused_result));

/* Reads the rules that apply to a tenant; they have been checked. */
void notice_rules_read(
    struct notice_rules *r, const struct conf *c, const char *tenant);
void notice_rules_release(struct notice_rules *r);

/* Returns whether the rule's scope covers chats of that channel that are
 * assigned to that operator; either may be absent. */
bool notice_scope_has(const struct notice_rule *r, const struct notice_scope *s,
    struct text channel, struct text operator_id);

/* Returns whether the operator belongs to the scope; a channel has no operators
 * of its own. */
bool notice_scope_has_operator(const struct notice_rule *r,
    const struct notice_scope *s, struct text operator_id);

#endif
