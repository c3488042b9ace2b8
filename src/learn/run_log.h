/* log.txt of a run: lines with their time, told to the watcher as well. */
#ifndef POLYP_LEARN_RUN_LOG_H
#define POLYP_LEARN_RUN_LOG_H

#include <stdio.h>

#include "base/status.h"

typedef struct run_log {
    FILE *file;
    const polyp_watch *watch;
} run_log;

/* Appends: a resumed run goes on in the same file. */
status run_log_open(run_log *out, const char *path, const polyp_watch *watch);
void run_log_close(run_log *log);

/* For the file alone: keeps polyp_error()'s words as they are. Nothing when the log is not open. */
void run_log_note(run_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* To the watcher as well. POLYP_STOPPED when the watcher asks for it. A log that cannot be written stops nothing. */
status run_log_line(run_log *log, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ask the watcher: POLYP_STOPPED or OK. */
status watch_report(const polyp_watch *watch, const polyp_progress *progress);

#endif
