/* Shuffled, or drawn by weight with counts as even as whole numbers can be. */
#include "learn/order.h"

#include <string.h>

#include "base/random.h"

static bool weights_differ(const sample *samples, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        if (samples[i].weight != samples[0].weight) return true;
    }
    return false;
}

/* The shuffled sample whose stretch of the line 0 .. sum holds each of `count` evenly spaced points. */
static void draw_evenly(size_t *drawn, const size_t *shuffled, const sample *samples, size_t count, double start)
{
    double sum = 0, reached = 0;
    size_t last = 0; /* the last that has a weight: rounding must not run past it */
    for (size_t i = 0; i < count; i++) {
        sum += samples[shuffled[i]].weight;
        if (samples[shuffled[i]].weight > 0) last = i;
    }
    const double step = sum / (double)count;
    size_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const double point = ((double)i + start) * step;
        while (next < last && reached + samples[shuffled[next]].weight <= point) {
            reached += samples[shuffled[next++]].weight;
        }
        drawn[i] = shuffled[next];
    }
}

void order_of_epoch(size_t *order, const sample *samples, size_t count, uint64_t seed, uint64_t epoch)
{
    random_stream r = random_open(seed, RANDOM_ORDER, epoch, 0);
    for (size_t i = 0; i < count; i++) order[i] = i;
    random_shuffle(&r, order, count);
    if (!weights_differ(samples, count)) return;
    size_t *const shuffled = order + count;
    memcpy(shuffled, order, count * sizeof *order);
    draw_evenly(order, shuffled, samples, count, random_uniform(&r, 0, 1));
    random_shuffle(&r, order, count);
}
