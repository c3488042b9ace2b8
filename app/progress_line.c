/* Progress in words. */
#include "progress_line.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { BAR_CELLS = 24, BAR_LEAST = 6 };

/* Appends; what has no room is cut. */
__attribute__((format(printf, 3, 4))) static void add(char *out, size_t size, const char *format, ...)
{
    const size_t used = strlen(out);
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(out + used, size - used, format, arguments);
    va_end(arguments);
}

/* "1:02:03" or "2:03" */
static void add_clock(char *out, size_t size, double seconds)
{
    const long s = seconds < 0 || seconds > 3e8 ? 0 : lround(seconds);
    if (s >= 3600) add(out, size, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    else add(out, size, "%ld:%02ld", s / 60, s % 60);
}

/* Three figures or so, never an exponent. */
static int decimals_of(double speed)
{
    return speed >= 100 ? 0 : speed >= 10 ? 1 : speed >= 1 ? 2 : 3;
}

/* Pictures a second where a unit holds several, else units. */
static double speed_of(const progress_facts *f)
{
    const double each = f->pictures > 1 ? f->pictures : 1.0;
    return f->seconds > 0.0 ? each * (double)f->units / f->seconds : 0.0;
}

static const char *counted(const progress_facts *f)
{
    return f->pictures > 1 ? "picture" : f->unit;
}

static void add_begin(char *out, size_t size, const progress_facts *f)
{
    add(out, size, "%s: ", f->phase);
    if (f->epochs > 0) add(out, size, "epoch %d/%d, ", f->epoch, f->epochs);
}

static void add_training(char *out, size_t size, const progress_facts *f)
{
    if (!isnan(f->loss)) add(out, size, ", loss %.4f", f->loss);
    if (!isnan(f->rate)) add(out, size, ", rate %.2e", f->rate);
}

static void add_bar(char *out, size_t size, const progress_facts *f, int cells)
{
    char bar[BAR_CELLS + 1];
    const size_t filled = f->total ? (size_t)cells * f->done / f->total : 0;
    for (size_t i = 0; i < (size_t)cells; i++) bar[i] = i < filled ? '#' : '.';
    bar[cells] = '\0';
    add(out, size, "[%s] ", bar);
}

void progress_draw_line(char *out, size_t size, const progress_facts *f, int columns)
{
    char behind[192] = "";
    const double speed = speed_of(f);
    out[0] = '\0';
    add_begin(out, size, f);
    if (f->total) add(behind, sizeof behind, "%zu/%zu", f->done, f->total);
    else add(behind, sizeof behind, "%zu", f->done);
    add(behind, sizeof behind, ", %.*f %ss/s, ", decimals_of(speed), speed, counted(f));
    if (f->left >= 0.0) add_clock(behind, sizeof behind, f->left);
    else add(behind, sizeof behind, "?");
    add(behind, sizeof behind, " left");
    add_training(behind, sizeof behind, f);
    const int room = columns - (int)(strlen(out) + strlen(behind)) - 3; /* brackets and a space */
    if (f->total && room >= BAR_LEAST) add_bar(out, size, f, room < BAR_CELLS ? room : BAR_CELLS);
    add(out, size, "%s", behind);
    if (columns >= 0 && strlen(out) > (size_t)columns) out[columns] = '\0';
}

void progress_end_line(char *out, size_t size, const progress_facts *f)
{
    const double speed = speed_of(f);
    out[0] = '\0';
    add_begin(out, size, f);
    add(out, size, "%zu %s%s in ", f->units, f->unit, f->units == 1 ? "" : "s");
    add_clock(out, size, f->seconds);
    add(out, size, ", %.*f %sa second", decimals_of(speed), speed, f->pictures > 1 ? "pictures " : "");
    add_training(out, size, f);
}

void progress_work_line(char *out, size_t size, const progress_facts *f)
{
    const size_t count = f->units * (size_t)(f->pictures > 1 ? f->pictures : 1);
    const double speed = speed_of(f);
    out[0] = '\0';
    add(out, size, "%zu %s%s in ", count, counted(f), count == 1 ? "" : "s");
    add_clock(out, size, f->seconds);
    add(out, size, ", %.*f a second", decimals_of(speed), speed);
}
