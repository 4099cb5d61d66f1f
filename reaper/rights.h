/*
 * rights: requests from customers: reaper --export, all data stored about them;
 * reaper --forget, their erasure (rights/personal_tables.h has the details).
 *
 * Erasing consists of many small steps, each of which may be repeated. First,
 * an entry is added to the table `forgotten`, by which sinks recognise rows
 * about the customer that arrive later; then the tables are changed, day by
 * day; then files are rewritten. If it is killed at any time and started again,
 * the result is the same.
 */
#ifndef REAPER_RIGHTS_H
#define REAPER_RIGHTS_H

#include "reaper/modes.h"
#include "reaper/rights/subject_lines.h"

/* Reads the data about the customer in the options from database and files,
 * then calls work(). Errors are logged; returns the exit code. */
enum exit_code rights_read_and(const struct reaper *r,
    enum exit_code (*work)(const struct reaper *r, struct subject_lines *l));

/* Calls visit() for each file of lines in the options: the archive, and those
 * of --file. */
enum exit_code rights_each_file(const struct reaper *r,
    enum exit_code (*visit)(void *ctx, const char *path), void *ctx)
    __attribute__((warn_unused_result));

/* Logs how many lines of the file could not be read completely, if any. */
void rights_warn_of_broken(const struct subject_lines *l, const char *path);

/* For the option table. */
int rights_take_path(const char *value, void *to);
#define RIGHTS_OPTIONS                                                         \
	OPTION_REPEATED("file", "FILE", struct reaper, files,                  \
	    rights_take_path, "another file of records or audits"),            \
	    OPTION_TEXT(0, "tenant", "NAME", struct reaper, tenant,            \
		"the customer's tenant; needed unless there is only one")

/* The check() of both modes: checks the names of customer and tenant. */
int rights_check_options(void *options);

/* --export, --forget */
extern const struct option_mode reaper_mode_export;
extern const struct option_mode reaper_mode_forget;

#endif
