/*
 * within: how soon a customer should be answered where nobody says it, in
 * seconds: the default of a report's --within and of the board's slider.
 */
#ifndef SINK_API_WITHIN_H
#define SINK_API_WITHIN_H

#define WITHIN_S "300"

#endif
