/*
 * On a terminal one line with bar, speed and time left: it waits a little before it appears and is drawn at most six
 * times a second. In a log a plain line at the end of each phase; of a training a line an epoch.
 */
#include "progress.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "progress_line.h"

#define WAIT_SECONDS 0.5
#define DRAW_SECONDS (1.0 / 6.0)

enum { LINE_SIZE = 256, USUAL_COLUMNS = 80 };

static volatile sig_atomic_t stop_asked; /* the only global that changes: a signal handler has no argument */

static void on_signal(int number)
{
    static const char words[] = "\npolyp: stopping cleanly; once more to stop at once\n";
    (void)number;
    stop_asked = 1;
    if (write(STDERR_FILENO, words, sizeof words - 1) < 0) return;
}

bool progress_stopped(void)
{
    return stop_asked != 0;
}

static double now_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void progress_begin(progress *p, bool quiet)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    *p = (progress){.quiet = quiet, .terminal = isatty(STDERR_FILENO) != 0};
    p->last_report = now_seconds();
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Time left at the speed so far. Of a training, all since its beginning is counted: validation takes its share, too. */
static double seconds_left(const progress *p, double now)
{
    const bool training = p->epochs > 0 && !isnan(p->loss);
    const size_t first = training ? p->training_first : p->first;
    const double seconds = now - (training ? p->training_begun : p->begun);
    if (p->total < p->done || p->done <= first || seconds <= 0.0) return -1.0;
    return (double)(p->total - p->done) * seconds / (double)(p->done - first);
}

static progress_facts facts_of(const progress *p, double now)
{
    return (progress_facts){.phase = p->phase,
                            .unit = p->unit,
                            .epoch = p->epoch,
                            .epochs = p->epochs,
                            .done = p->done,
                            .total = p->total,
                            .units = p->done - p->first,
                            .pictures = p->pictures,
                            .seconds = now - p->begun,
                            .left = seconds_left(p, now),
                            .loss = p->loss,
                            .rate = p->rate};
}

/* Of the terminal; a line that wraps could not be drawn over. */
static int columns_of_terminal(void)
{
    struct winsize size;
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col < 2) return USUAL_COLUMNS - 1;
    return size.ws_col - 1;
}

static void wipe(progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void draw(progress *p, double now)
{
    char line[LINE_SIZE];
    const progress_facts facts = facts_of(p, now);
    progress_draw_line(line, sizeof line, &facts, columns_of_terminal());
    fprintf(stderr, "\r\033[K%s", line);
    fflush(stderr);
    p->drawn = true;
    p->last_drawn = now;
}

/* The end of a phase. What a training's epoch took waits for the library's own line, which tells its result; the rest says
 * it itself: on a terminal only where the work was long enough to be watched. */
static void conclude(progress *p, bool result_follows)
{
    char line[LINE_SIZE];
    const progress_facts facts = facts_of(p, now_seconds());
    const bool seen = p->drawn || p->epochs > 0 || !p->terminal;
    const bool validation = p->epochs > 0 && isnan(p->loss);
    wipe(p);
    if (p->quiet || !p->phase[0] || !seen || facts.units == 0 || validation) return;
    if (p->epochs > 0 && result_follows) {
        progress_work_line(p->epoch_work, sizeof p->epoch_work, &facts);
        return;
    }
    progress_end_line(line, sizeof line, &facts);
    fprintf(stderr, "%s\n", line);
}

/* A line of the library; behind an epoch's result stands what the epoch took. */
static void tell(progress *p, const char *message)
{
    wipe(p);
    fprintf(stderr, p->epoch_work[0] ? "%s; %s\n" : "%s\n", message, p->epoch_work);
    p->epoch_work[0] = '\0';
}

static void copy_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from ? from : "");
}

/* Does this report belong to another phase or epoch than the one before? */
static bool is_new_phase(const progress *p, const polyp_progress *now)
{
    return strncmp(p->phase, now->phase ? now->phase : "", sizeof p->phase - 1) != 0 || p->epoch != now->epoch ||
           now->done < p->done;
}

static void begin_phase(progress *p, const polyp_progress *from)
{
    conclude(p, from->epochs > 0 && isnan(from->loss)); /* validation follows, then the result */
    copy_text(p->phase, sizeof p->phase, from->phase);
    copy_text(p->unit, sizeof p->unit, from->unit);
    p->first = from->done > 0 ? from->done - 1 : 0;
    p->begun = from->done > 0 ? p->last_report : now_seconds(); /* its first unit was done since then */
    p->last_drawn = 0;
    if (from->epochs > 0 && p->training_begun == 0.0) {
        p->training_begun = p->begun;
        p->training_first = p->first;
    }
}

static int report(void *context, const polyp_progress *from)
{
    progress *const p = context;
    const double now = now_seconds();
    if (from->message && (!p->quiet || p->keep_messages)) tell(p, from->message);
    if (from->message && from->total == 0) return stop_asked; /* nothing is counted in it */
    if (is_new_phase(p, from)) begin_phase(p, from);
    p->done = from->done;
    p->total = from->total;
    p->epoch = from->epoch;
    p->epochs = from->epochs;
    p->loss = from->loss;
    p->rate = from->learning_rate;
    p->pictures = from->pictures;
    if (!p->quiet && p->terminal && now - p->begun >= WAIT_SECONDS && now - p->last_drawn >= DRAW_SECONDS) draw(p, now);
    p->last_report = now;
    return stop_asked;
}

polyp_watch progress_watch(progress *p)
{
    return (polyp_watch){report, p};
}

void progress_end(progress *p)
{
    conclude(p, false);
    p->phase[0] = '\0';
}
