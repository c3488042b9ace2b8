/* Progress of long work: one line on a terminal, plain lines in a log; Ctrl-C. */
#ifndef APP_PROGRESS_H
#define APP_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>

#include <polyp.h>

typedef struct progress {
    bool quiet;         /* draw nothing */
    bool keep_messages; /* tell messages even when quiet: they are complaints */
    bool terminal;
    bool drawn; /* a line without its end stands on the terminal */
    char phase[24], unit[24];
    int epoch, epochs;
    size_t done, total, first; /* first: `done` when the phase began (a resumed run does not begin at 0) */
    int pictures;              /* in each unit; 0: the unit itself is counted */
    size_t training_first;
    double training_begun; /* seconds; 0: no training yet */
    char epoch_work[96];   /* what the epoch took, until the library tells its result; "": nothing waits */
    double loss, rate;
    double begun, last_drawn, last_report; /* seconds */
} progress;

/* Takes over SIGINT and SIGTERM: the first asks the library to stop, the second ends the program. */
void progress_begin(progress *p, bool quiet);

/* A watch for the library; `p` must outlive the work. */
polyp_watch progress_watch(progress *p);

/* Ends the last phase: its line is finished or wiped. Call before anything else is written. */
void progress_end(progress *p);

/* Was the program asked to stop? */
bool progress_stopped(void);

#endif
