/*
 * On a terminal one line with bar, speed and time left: it waits a little before it appears and is drawn at most six
 * times a second. In a log a plain line at the end of each phase or epoch.
 */
#include "progress.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define WAIT_SECONDS 0.5
#define DRAW_SECONDS (1.0 / 6.0)

enum { BAR_CELLS = 24 };

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

/* "1:02:03" or "2:03" */
static void clock_text(double seconds, char *out, size_t size)
{
    const long s = seconds < 0 || seconds > 3e8 ? 0 : lround(seconds);
    if (s >= 3600) snprintf(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else snprintf(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* "epoch 3/20, " and ", loss 0.4312, rate 2.1e-04": only in training */
static void training_text(const progress *p, char *epoch, char *loss, size_t size)
{
    size_t used = 0;
    epoch[0] = loss[0] = '\0';
    if (p->epochs > 0) snprintf(epoch, size, "epoch %d/%d, ", p->epoch, p->epochs);
    if (!isnan(p->loss)) used = (size_t)snprintf(loss, size, ", loss %.4f", p->loss);
    if (!isnan(p->rate) && used < size) snprintf(loss + used, size - used, ", rate %.2e", p->rate);
}

static double speed_of(const progress *p, double now)
{
    const double seconds = now - p->begun;
    return seconds > 0 && p->done > p->first ? (double)(p->done - p->first) / seconds : 0;
}

/* Three figures or so, never an exponent. */
static int decimals_of(double speed)
{
    return speed >= 100 ? 0 : speed >= 10 ? 1 : speed >= 1 ? 2 : 3;
}

static void wipe(progress *p)
{
    if (p->drawn) fputs("\r\033[K", stderr);
    p->drawn = false;
}

static void draw(progress *p, double now)
{
    char bar[BAR_CELLS + 1], epoch[48], loss[64], left[32] = "?";
    const double speed = speed_of(p, now);
    const size_t filled = p->total ? BAR_CELLS * p->done / p->total : 0;
    for (size_t i = 0; i < BAR_CELLS; i++) bar[i] = i < filled ? '#' : '.';
    bar[BAR_CELLS] = '\0';
    training_text(p, epoch, loss, sizeof epoch);
    if (speed > 0 && p->total >= p->done) clock_text((double)(p->total - p->done) / speed, left, sizeof left);
    fprintf(stderr, "\r\033[K%s: %s[%s] %zu/%zu, %.*f %ss/s, %s left%s", p->phase, epoch, bar, p->done, p->total,
            decimals_of(speed), speed, p->unit, left, loss);
    fflush(stderr);
    p->drawn = true;
    p->last_drawn = now;
}

/* The plain line at the end of a phase or epoch. On a terminal only where the work was long enough to be watched. */
static void conclude(progress *p)
{
    char epoch[48], loss[64], took[32];
    const double now = now_seconds();
    const bool seen = p->drawn || p->epochs > 0 || !p->terminal;
    const bool validation = p->epochs > 0 && isnan(p->loss); /* the library's own line per epoch tells its result */
    wipe(p);
    if (p->quiet || !p->phase[0] || !seen || p->done == p->first || validation) return;
    training_text(p, epoch, loss, sizeof epoch);
    clock_text(now - p->begun, took, sizeof took);
    const size_t units = p->done - p->first;
    const double speed = speed_of(p, now);
    fprintf(stderr, "%s: %s%zu %s%s in %s, %.*f a second%s\n", p->phase, epoch, units, p->unit, units == 1 ? "" : "s",
            took, decimals_of(speed), speed, loss);
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
    conclude(p);
    copy_text(p->phase, sizeof p->phase, from->phase);
    copy_text(p->unit, sizeof p->unit, from->unit);
    p->first = from->done > 0 ? from->done - 1 : 0;
    p->begun = from->done > 0 ? p->last_report : now_seconds(); /* its first unit was done since then */
    p->last_drawn = 0;
}

static int report(void *context, const polyp_progress *from)
{
    progress *const p = context;
    const double now = now_seconds();
    if (is_new_phase(p, from)) begin_phase(p, from);
    p->done = from->done;
    p->total = from->total;
    p->epoch = from->epoch;
    p->epochs = from->epochs;
    p->loss = from->loss;
    p->rate = from->learning_rate;
    if (from->message && (!p->quiet || p->keep_messages)) {
        wipe(p);
        fprintf(stderr, "%s\n", from->message);
    }
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
    conclude(p);
    p->phase[0] = '\0';
}
