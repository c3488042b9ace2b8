/* Ends and ticks of a plot's axes. */
#include "media/plot_axis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Of a tick against an end: ends are often ticks themselves, but for the last bits. */
static const double SLACK = 1e-9;

/* ---- ends ------------------------------------------------------------------------------------------- */

static bool is_set(const plot_axis *axis)
{
    return axis->low < axis->high;
}

void axis_fit(plot_axis *axis, double low, double high, double margin)
{
    if (is_set(axis) && (!axis->logarithmic || axis->low > 0.0)) return;
    if (!(low <= high)) low = high = axis->logarithmic ? 1.0 : 0.0;
    const double from = axis->logarithmic ? log10(low) : low, to = axis->logarithmic ? log10(high) : high;
    double extra = margin * (to - from);
    if (!(to - from > 1e-12 * fmax(fabs(from), fabs(to))))
        extra = axis->logarithmic || from == 0.0 ? 0.5 : 0.1 * fabs(from);
    if (extra <= 0.0 && from == to) extra = 0.5;
    axis->low = axis->logarithmic ? pow(10.0, from - extra) : from - extra;
    axis->high = axis->logarithmic ? pow(10.0, to + extra) : to + extra;
}

double axis_place(const plot_axis *axis, double value)
{
    if (axis->logarithmic) {
        if (!(value > 0.0)) return (double)NAN;
        return log(value / axis->low) / log(axis->high / axis->low);
    }
    return (value - axis->low) / (axis->high - axis->low);
}

/* ---- ticks ------------------------------------------------------------------------------------------ */

static void add_tick(axis_ticks *t, double at, const char *label)
{
    if (t->count == AXIS_TICKS) return;
    t->at[t->count] = at;
    (void)snprintf(t->label[t->count], AXIS_LABEL, "%s", label);
    t->count++;
}

/* 1, 2 or 5 times a power of ten, not below `least`. */
static double nice_step(double least)
{
    const double power = pow(10.0, floor(log10(least))), digit = least / power;
    return power * (digit <= 1.0 + SLACK ? 1.0 : digit <= 2.0 + SLACK ? 2.0 : digit <= 5.0 + SLACK ? 5.0 : 10.0);
}

static void add_superscript(char *out, size_t room, int number)
{
    static const char *const digits[] = {"\xe2\x81\xb0", "\xc2\xb9",     "\xc2\xb2",     "\xc2\xb3",
                                         "\xe2\x81\xb4", "\xe2\x81\xb5", "\xe2\x81\xb6", "\xe2\x81\xb7",
                                         "\xe2\x81\xb8", "\xe2\x81\xb9"};
    char plain[16];
    (void)snprintf(plain, sizeof plain, "%d", number);
    for (const char *c = plain; *c; c++) {
        const char *const raised = *c == '-' ? "\xe2\x81\xbb" : digits[*c - '0'];
        const size_t used = strlen(out);
        (void)snprintf(out + used, room - used, "%s", raised);
    }
}

/* digit times ten to the power, as people write it; whole powers without the digit. */
static void print_power(char *out, size_t room, int digit, int power)
{
    (void)snprintf(out, room,
                   digit == 1 ? "10"
                              : "%d\xc2\xb7"
                                "10",
                   digit);
    add_superscript(out, room, power);
}

/* Every label of an axis has as many decimals as its step needs. */
static void print_linear(char *out, size_t room, double value, double step, double largest)
{
    const int decimals = (int)fmax(0.0, -floor(log10(step) + SLACK));
    if (largest < 1e6 && decimals <= 5) {
        (void)snprintf(out, room, "%.*f", decimals, value);
        return;
    }
    const int figures =
        value == 0.0 ? 0 : (int)fmax(0.0, floor(log10(fabs(value)) + SLACK) - floor(log10(step) + SLACK));
    (void)snprintf(out, room, value == 0.0 ? "0" : "%.*e", figures, value);
}

static void find_linear(axis_ticks *out, const plot_axis *axis, int wanted)
{
    const double range = axis->high - axis->low;
    double step = nice_step(range / wanted);
    if (axis->whole && step < 1.0) step = 1.0;
    const double slack = SLACK * range / step, largest = fmax(fabs(axis->low), fabs(axis->high));
    const double first = ceil(axis->low / step - slack), last = floor(axis->high / step + slack);
    for (double i = first; i <= last; i += 1.0) {
        const double at = i * step + 0.0; /* not -0 */
        char label[AXIS_LABEL];
        print_linear(label, sizeof label, at, step, largest);
        add_tick(out, at, label);
    }
}

/* Powers of ten, every `stride`th; with `between`, 2 and 5 times them as well. */
static void find_powers(axis_ticks *out, const plot_axis *axis, int stride, bool between)
{
    const bool plain = axis->low >= 0.99e-3 && axis->high <= 1.01e4;
    const int first = (int)floor(log10(axis->low) / stride) * stride, last = (int)ceil(log10(axis->high));
    for (int power = first; power <= last; power += stride) {
        for (int digit = 1; digit <= (between ? 5 : 1); digit += digit == 1 ? 1 : 3) {
            const double at = digit * pow(10.0, power), place = axis_place(axis, at);
            char label[AXIS_LABEL];
            if (place < -SLACK || place > 1.0 + SLACK) continue;
            if (plain) (void)snprintf(label, sizeof label, "%g", at);
            else print_power(label, sizeof label, digit, power);
            add_tick(out, at, label);
        }
    }
}

static void find_logarithmic(axis_ticks *out, const plot_axis *axis, int wanted)
{
    const double decades = log10(axis->high / axis->low);
    const int stride = (int)fmax(1.0, ceil(decades / (2.0 * wanted)));
    find_powers(out, axis, stride, decades < 0.5 * wanted);
    if (out->count >= 2) return;
    *out = (axis_ticks){0};
    find_linear(out, axis, wanted);
}

void axis_find_ticks(axis_ticks *out, const plot_axis *axis, int wanted)
{
    *out = (axis_ticks){0};
    if (axis->logarithmic) find_logarithmic(out, axis, wanted);
    else find_linear(out, axis, wanted);
}
