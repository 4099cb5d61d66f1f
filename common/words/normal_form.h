/*
 * normal_form: a text in one of Unicode's normal forms.
 */
#ifndef COMMON_WORDS_NORMAL_FORM_H
#define COMMON_WORDS_NORMAL_FORM_H

#include "common/base/text.h"

#include <stdint.h>
#include <uninorm.h>

/* A copy of the text, valid UTF-8, in that form; *len: its bytes. Owned. */
uint8_t *normal_form(uninorm_t form, struct text t, size_t *len);

#endif
