/*
 * hook_coverage: what the listener states about the coverage of the tenants
 * whose webhooks it receives (aggregator/model/coverage.h has the whole
 * picture): each minute, that everything from its last statement until now was
 * read. The first webhook of a tenant begins a range. The time of the last
 * statement is kept with the requests, so a restart within three minutes, three
 * intervals of a minute, continues the range; a longer pause is a gap.
 */
#ifndef POLLER_INTAKE_HOOK_COVERAGE_H
#define POLLER_INTAKE_HOOK_COVERAGE_H

#include "common/conf/conf.h"
#include "poller/intake/request_intake.h"
#include "poller/intake/request_store.h"

#include <stdint.h>

struct hook_coverage;

/* Continues the ranges of the configured tenants that had webhooks before. All
 * are borrowed. Never returns NULL. */
struct hook_coverage *hook_coverage_open(
    const struct conf *conf, struct request_store *store, int64_t now_ms);
/* After intake_close(). c may be NULL. */
void hook_coverage_close(struct hook_coverage *c);

/* A webhook of the tenant was read. From any thread; c may be NULL. */
void hook_coverage_note(struct hook_coverage *c, const char *tenant);

/* Puts the statements that are due into the intake. Call it often, from one
 * thread. */
void hook_coverage_state(
    struct hook_coverage *c, struct intake *in, int64_t now_ms);

#endif
