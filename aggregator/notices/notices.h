/*
 * notices: decides when somebody is told that customers wait too long, for one
 * tenant; messaging-notices(7) has the rules. It reads waits and operators from
 * a recomputed model. It reads no clock and does no I/O, so the same models at
 * the same times lead to the same notices.
 *
 * A rule is not evaluated while the calendar of its scope is closed (for rules
 * about one chat, the calendar of the chat's channel): nothing fires then,
 * nothing is over, and nothing is kept for the opening, when the rule is
 * evaluated as at any other time.
 *
 * soon, late     one notice for each wait, which begins with the wait; over
 *                when the wait is; `soon` is also over when the wait is late
 * waiting        one notice for each scope, which begins with the wait that
 *                completed the number
 * nobody_online  one notice for each scope, which begins when nobody was found
 *                online; it fires if that is still so after the rule's time.
 *                Never, if the CRM does not report who is online
 *
 * A notice fires once and is over once. The caller keeps it in the state until
 * then, and gives it back with notices_restore().
 *
 * Cost: an evaluation visits all waiting customers, and it is needed only after
 * changes and when notices_due() says so. 100,000 waits take about 1 ms for
 * each rule.
 */
#ifndef AGGREGATOR_NOTICES_NOTICES_H
#define AGGREGATOR_NOTICES_NOTICES_H

#include "aggregator/containers/key.h"
#include "aggregator/model/model.h"
#include "aggregator/notices/notice_rules.h"

/* Texts are borrowed. Times are CLOCK_NONE if they have not come yet. */
struct notice {
	struct text rule, scope;
	struct text chat, channel; /* of a rule about one chat, else absent */
	enum notice_kind kind;
	int64_t begin, fired, over;
	int64_t value, target; /* seconds, both in the target's kind of time,
				* or customers */
};

/* The longest id, with NUL. */
#define NOTICE_ID 33

/* The same notice has the same id on every machine and after every start. */
void notice_id(const struct notice *n, const char *tenant, char id[NOTICE_ID]);

/* Appends a notice that has fired as a record. */
void notice_write(const struct notice *n, const char *tenant, struct buf *to);

/* Called for each notice that is new, has fired or is over; a notice that has
 * not fired is not shown to anybody, but is part of the state. dropped: it is
 * no longer needed there. */
typedef void notice_changed_fn(void *ctx, const struct notice *n, bool dropped);

struct notices;

/* The rules are borrowed. */
struct notices *notices_new(const struct notice_rules *rules);
/* NULL is allowed. */
void notices_free(struct notices *s);

/* Adds a notice from the state, before the first evaluation. */
void notices_restore(struct notices *s, const struct notice *n);

/* Evaluates all rules at m->present. The first call reads the whole model, the
 * next ones read its changes. */
void notices_evaluate(struct notices *s, const struct model *m,
    notice_changed_fn *changed, void *ctx);

/* Returns when the next evaluation is needed if the model does not change;
 * INT64_MAX: never; INT64_MIN: at once, before the first one. */
int64_t notices_due(const struct notices *s);

/* Calls back for each notice of the state that has fired. */
void notices_each(const struct notices *s,
    void (*each)(void *ctx, const struct notice *n), void *ctx);

#endif
