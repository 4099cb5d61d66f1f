/*
 * changes: what must be derived and written. A model that is not incremental
 * lists nothing, because everything is derived and written once.
 */
#ifndef AGGREGATOR_MODEL_CHANGES_H
#define AGGREGATOR_MODEL_CHANGES_H

#include "aggregator/model/model_data.h"

/* Lists the chat as changed; derive: it must also be recomputed. */
void touch_chat(struct model *m, struct chat *c, bool derive);

/* Lists the operator as changed. */
void touch_operator(struct model *m, struct operator_info *o);

#endif
