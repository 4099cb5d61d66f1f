/*
 * gone_limit: `gone` may be a mistake of the CRM, of a token, or ours; so when
 * many of a tenant's chats are gone at once, none of them is deleted unless
 * --force says that it is right. Nor of answers of which a part came, as how
 * many are gone is not known then.
 */
#ifndef REAPER_DELETION_GONE_LIMIT_H
#define REAPER_DELETION_GONE_LIMIT_H

#include "reaper/deletion/chat_deletion.h"

/* Sets FATE_REFUSED for the gone chats of each tenant that has too many,
 * or fewer than an answer says, and logs that. The answers are sorted. */
enum outcome gone_limit_apply(struct chat_deletion *c,
    const struct chat_answers *answers) __attribute__((warn_unused_result));

/* Whether so many gone chats of so many known ones look like a mistake: more
 * than `least`, and more than percent of the known ones. */
bool gone_limit_exceeded(
    uint64_t gone, uint64_t known, int64_t percent, int64_t least);

#endif
