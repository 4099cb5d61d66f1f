/*
 * control: the calls by which tests control the simulator, under /control/.
 * They need no token and are not counted. control_help() describes them.
 */
#ifndef TESTS_CRM_CONTROL_H
#define TESTS_CRM_CONTROL_H

#include "tests/crm/api.h"

extern const struct route control_routes[];

extern const char control_help[];

#endif
