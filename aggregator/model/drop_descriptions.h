/*
 * drop_descriptions: drops descriptions that repeat the previous one, if no
 * further record can come between the two. The first and last of equal
 * consecutive descriptions are kept.
 */
#ifndef AGGREGATOR_MODEL_DROP_DESCRIPTIONS_H
#define AGGREGATOR_MODEL_DROP_DESCRIPTIONS_H

#include "aggregator/model/model_data.h"

/* Call after a description was added to an incremental model. */
void descriptions_prune(struct model *m, struct chat *c);

#endif
