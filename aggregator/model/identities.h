/*
 * identities: what was delivered before. The ids of events, and other records
 * to which only their arrival gives a place in time, are remembered for a
 * window. A message is known while its chat has it (chat_versions.h).
 */
#ifndef AGGREGATOR_MODEL_IDENTITIES_H
#define AGGREGATOR_MODEL_IDENTITIES_H

#include "aggregator/containers/dedup.h"
#include "aggregator/model/model_data.h"

/* Returns the identities that have arrived within the window. An incremental
 * model lists new ones until they are packed (model_pack.h). */
struct dedup *identities_of(const struct model *m);

/* Remembers a record, which consists of the parts, absent or valid; `what` is
 * the kind of record. Returns false if it is known: it was delivered again. */
bool remember_arrival(
    struct model *m, char what, const struct text *parts, size_t n);

#endif
