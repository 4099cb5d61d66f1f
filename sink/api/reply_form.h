/*
 * reply_form: which form of an answer a request wants: by the suffix of its
 * path, else by the header Accept (RFC 9110, 12.5.1), else JSON. The forms are
 * written by sink/answer/sheet.h.
 */
#ifndef SINK_API_REPLY_FORM_H
#define SINK_API_REPLY_FORM_H

#include "sink/api/question.h"

/* Sets path, format, by_suffix, any_form and json_too. Of several forms that
 * are wanted as much the one is taken that is named, then JSON before CSV.
 * False: the path is too long for any resource. */
bool reply_form_read(struct question *q) __attribute__((warn_unused_result));

#endif
