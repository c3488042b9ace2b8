/* An axis of a plot: its ends, the places of values, its ticks. Pure functions. */
#ifndef POLYP_MEDIA_PLOT_AXIS_H
#define POLYP_MEDIA_PLOT_AXIS_H

#include "media/plot.h"

enum { AXIS_TICKS = 32, AXIS_LABEL = 24 };

/* Where numbers stand along an axis, and what they are called (UTF-8). */
typedef struct axis_ticks {
    double at[AXIS_TICKS];
    char label[AXIS_TICKS][AXIS_LABEL];
    int count;
} axis_ticks;

/* Ends that are not set become those of the data, low .. high (NaN: there are none), widened on both sides by `margin` of
 * their distance, and apart in any case. */
void axis_fit(plot_axis *axis, double low, double high, double margin);

/* Place of a value: 0 at the low end, 1 at the high one; not finite for a value that has none. */
double axis_place(const plot_axis *axis, double value);

/* About `wanted` ticks: 1, 2 or 5 times a power of ten apart; at powers of ten on a logarithmic axis. */
void axis_find_ticks(axis_ticks *out, const plot_axis *axis, int wanted);

#endif
