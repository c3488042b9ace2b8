/* log.txt: the one file of a run that holds times. */
#include "learn/run_log.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

enum { LINE_SIZE = 1024 };

status run_log_open(run_log *out, const char *path, const polyp_watch *watch)
{
    FILE *const file = fopen(path, "a");
    if (!file) return fail(POLYP_ERR_FILE, "%s: cannot be written (%s); choose another folder", path, strerror(errno));
    *out = (run_log){file, watch};
    return POLYP_OK;
}

void run_log_close(run_log *log)
{
    if (log->file) (void)fclose(log->file);
    *log = (run_log){0};
}

status watch_report(const polyp_watch *watch, const polyp_progress *progress)
{
    if (!watch || !watch->report || watch->report(watch->context, progress) == 0) return POLYP_OK;
    return fail(POLYP_STOPPED, "stopped on request");
}

static void write_line(const run_log *log, const char *line)
{
    char when[32] = "";
    const time_t now = time(NULL);
    struct tm utc;
    if (!log->file) return;
    if (gmtime_r(&now, &utc)) (void)strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", &utc);
    (void)fprintf(log->file, "%s %s\n", when, line);
    (void)fflush(log->file);
}

void run_log_note(run_log *log, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    write_line(log, line);
}

status run_log_line(run_log *log, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    write_line(log, line);
    const polyp_progress progress = {
        .phase = "train", .unit = "step", .loss = (double)NAN, .learning_rate = (double)NAN, .message = line};
    return watch_report(log->watch, &progress);
}
