/*
 * The Lovasz hinge of one picture (Berman, Triki, Blaschko: "The Lovasz-Softmax loss", CVPR 2018): errors 1 - z (2 t - 1)
 * in falling order, each above 0 weighted by what its pixel adds to the Jaccard loss when it is wrong too.
 */
#include <string.h>

#include "net/loss_impl.h"

enum { DIGIT_BITS = 11, DIGITS = 1 << DIGIT_BITS, PASSES = 3 };

/* Errors above 0 with their places; counts what is labelled, and all. NaN reaches `poison`. */
static size_t gather(sort_item *items, double *labelled, double *poison, const pixels *p)
{
    size_t count = 0;
    for (size_t i = 0; i < p->count; i++) {
        const float z = p->logits[i], t = p->masks[i];
        *poison += 0 * (double)z;
        if (t < 0) continue;
        *labelled += t > 0.5F ? 1 : 0;
        const float error = t > 0.5F ? 1 - z : 1 + z;
        if (!(error > 0)) continue;
        /* positive floats are in the order of their bits; turned over, the largest comes first */
        memcpy(&items[count].key, &error, sizeof error);
        items[count].key = ~items[count].key;
        items[count++].place = (uint32_t)i;
    }
    return count;
}

static void sort_by_digit(sort_item *restrict to, const sort_item *restrict from, size_t count, int shift)
{
    size_t starts[DIGITS] = {0}, sum = 0;
    for (size_t i = 0; i < count; i++) starts[from[i].key >> shift & (DIGITS - 1)]++;
    for (size_t d = 0; d < DIGITS; d++) {
        const size_t here = starts[d];
        starts[d] = sum;
        sum += here;
    }
    for (size_t i = 0; i < count; i++) to[starts[from[i].key >> shift & (DIGITS - 1)]++] = from[i];
}

/* Stable; returns where the sorted items are. */
static const sort_item *sort_items(sort_item *items, sort_item *other, size_t count)
{
    for (int pass = 0; pass < PASSES; pass++) {
        sort_by_digit(other, items, count, pass * DIGIT_BITS);
        sort_item *const swapped = items;
        items = other;
        other = swapped;
    }
    return items;
}

double lovasz_picture(float *gradient, const pixels *p, double scale, sort_item *items)
{
    double labelled = 0, value = 0, before = 0;
    const size_t count = gather(items, &labelled, &value, p);
    const sort_item *const sorted = sort_items(items, items + p->count, count);
    if (gradient != NULL) memset(gradient, 0, p->count * sizeof *gradient);
    double missed = 0, added = 0; /* labelled and other pixels that are wrong so far */
    for (size_t k = 0; k < count; k++) {
        const size_t i = sorted[k].place;
        const bool polyp = p->masks[i] > 0.5F;
        const double sign = polyp ? 1 : -1;
        missed += polyp ? 1 : 0;
        added += polyp ? 0 : 1;
        const double jaccard = 1 - (labelled - missed) / (labelled + added);
        value += (1 - sign * (double)p->logits[i]) * (jaccard - before);
        if (gradient != NULL) gradient[i] = (float)(-sign * (jaccard - before) * scale);
        before = jaccard;
    }
    return value;
}
