/* Groups summed up, then resampled or flipped. Every resample has a stream of its own, so that threads change nothing. */
#include "score/statistics.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/clones.h"
#include "base/memory.h"
#include "base/random.h"

/* ---- percentiles --------------------------------------------------------------------------- */

static void swap(double *a, double *b)
{
    const double kept = *a;
    *a = *b;
    *b = kept;
}

/* Hoare's selection: values[place] becomes what it would be if all were sorted, with no larger one before it and no
 * smaller one behind. */
static void select_place(double *values, size_t count, size_t place)
{
    size_t first = 0, last = count - 1;
    while (first < last) {
        const double pivot = values[first + (last - first) / 2];
        size_t i = first, k = last;
        for (;;) {
            while (values[i] < pivot) i++;
            while (values[k] > pivot) k--;
            if (i >= k) break;
            swap(&values[i++], &values[k--]);
        }
        if (place <= k) last = k;
        else first = k + 1;
    }
}

double percentile_of(double *values, size_t count, double percent)
{
    const double place = percent / 100 * (double)(count - 1);
    const size_t below = (size_t)place;
    select_place(values, count, below);
    if (below + 1 >= count) return values[below];
    double above = values[below + 1];
    for (size_t i = below + 2; i < count; i++) above = values[i] < above ? values[i] : above;
    const double part = place - (double)below;
    return values[below] + (above - values[below]) * part;
}

/* `values` holds no NaN. */
static polyp_interval middle_95(double *values, size_t count)
{
    if (count == 0) return (polyp_interval){NAN, NAN};
    return (polyp_interval){percentile_of(values, count, 2.5), percentile_of(values, count, 97.5)};
}

/* ---- groups -------------------------------------------------------------------------------- */

typedef struct member {
    int group;
    size_t picture;
} member;

static int compare_members(const void *a, const void *b)
{
    const member *const first = a, *const second = b;
    if (first->group != second->group) return first->group < second->group ? -1 : 1;
    return (first->picture > second->picture) - (first->picture < second->picture);
}

/* leader[i]: the first picture of picture i's group. */
static status find_leaders(size_t *leader, const int *groups, size_t count)
{
    member *members;
    for (size_t i = 0; i < count; i++) leader[i] = i;
    if (!groups) return POLYP_OK;
    TRY(memory_new(&members, count));
    for (size_t i = 0; i < count; i++) members[i] = (member){groups[i], i};
    qsort(members, count, sizeof *members, compare_members);
    for (size_t i = 1; i < count; i++) {
        const bool together = members[i].group >= 0 && members[i].group == members[i - 1].group;
        if (together) leader[members[i].picture] = leader[members[i - 1].picture];
    }
    memory_free(members);
    return POLYP_OK;
}

status groups_count(size_t *out, const int *groups, size_t count)
{
    size_t *leader, found = 0;
    TRY(memory_new(&leader, count));
    const status result = find_leaders(leader, groups, count);
    for (size_t i = 0; i < count; i++) found += leader[i] == i;
    memory_free(leader);
    if (result == POLYP_OK) *out = found;
    return result;
}

/* What each group adds to both sums of some ratios, groups in the order of their first picture that counts. */
typedef struct group_sums {
    double *sums; /* [groups][columns][2]: above, below */
    size_t columns, groups, pictures;
} group_sums;

static void add_picture(double *to, const ratio *const *ratios, size_t columns, size_t picture)
{
    for (size_t c = 0; c < columns; c++) {
        to[2 * c] += ratios[c]->above[picture];
        to[2 * c + 1] += ratios[c]->below ? ratios[c]->below[picture] : 1;
    }
}

/* All ratios leave out the same pictures. */
static status sum_groups(group_sums *out, const ratio *const *ratios, size_t columns, const int *groups, size_t count)
{
    group_sums g = {.columns = columns};
    size_t *leader = NULL, *place = NULL; /* place: one past the group's index, 0 before it is known */
    status result;
    TRY_DONE(memory_new(&leader, count));
    TRY_DONE(memory_new(&place, count));
    TRY_DONE(memory_new(&g.sums, 2 * columns * count));
    TRY_DONE(find_leaders(leader, groups, count));
    for (size_t i = 0; i < count; i++) {
        if (isnan(ratios[0]->above[i])) continue;
        size_t *const group = &place[leader[i]];
        if (*group == 0) *group = ++g.groups;
        add_picture(g.sums + (*group - 1) * 2 * columns, ratios, columns, i);
        g.pictures++;
    }
    *out = g;
    g.sums = NULL;
done:
    memory_free(g.sums);
    memory_free(leader);
    memory_free(place);
    return result;
}

/* ---- bootstrap ----------------------------------------------------------------------------- */

/* Sums of as many groups as there are, drawn with replacement. */
FAST_CLONES static void resample(double sums[2 * RATIOS_MOST], const group_sums *g, uint64_t number)
{
    random_stream r = random_open(0, RANDOM_BOOTSTRAP, 0, number);
    const size_t wide = 2 * g->columns;
    for (size_t k = 0; k < wide; k++) sums[k] = 0;
    for (size_t i = 0; i < g->groups; i++) {
        const double *const drawn = g->sums + (size_t)random_below(&r, g->groups) * wide;
        for (size_t k = 0; k < wide; k++) sums[k] += drawn[k];
    }
}

static polyp_interval interval_without_nan(double *values, size_t count)
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (!isnan(values[i])) values[kept++] = values[i];
    }
    return middle_95(values, kept);
}

static status bootstrap(polyp_interval *const *out, const group_sums *g)
{
    double *values; /* [columns][RESAMPLES] */
    TRY(memory_new(&values, g->columns * RESAMPLES));
#pragma omp parallel for schedule(static)
    for (int i = 0; i < RESAMPLES; i++) {
        double sums[2 * RATIOS_MOST];
        resample(sums, g, (uint64_t)i);
        for (size_t c = 0; c < g->columns; c++) values[c * RESAMPLES + (size_t)i] = sums[2 * c] / sums[2 * c + 1];
    }
    for (size_t c = 0; c < g->columns; c++) *out[c] = interval_without_nan(values + c * RESAMPLES, RESAMPLES);
    memory_free(values);
    return POLYP_OK;
}

static bool same_pictures(const ratio *a, const ratio *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isnan(a->above[i]) != isnan(b->above[i])) return false;
    }
    return true;
}

/* Ratios over the same pictures share their draws, which are the same for each of them anyway. */
static status bootstrap_alike(const ratio *const *ratios, size_t columns, const int *groups, size_t count)
{
    polyp_interval *out[RATIOS_MOST], found[RATIOS_MOST];
    group_sums g;
    for (size_t c = 0; c < columns; c++) {
        out[c] = &found[c];
        found[c] = (polyp_interval){NAN, NAN};
    }
    TRY(sum_groups(&g, ratios, columns, groups, count));
    const status result = g.groups > 0 ? bootstrap(out, &g) : POLYP_OK;
    memory_free(g.sums);
    for (size_t c = 0; result == POLYP_OK && c < columns; c++) *ratios[c]->interval = found[c];
    return result;
}

status bootstrap_ratios(const ratio *ratios, size_t ratio_count, const int *groups, size_t count)
{
    bool done[RATIOS_MOST] = {false};
    assert(ratio_count <= RATIOS_MOST);
    for (size_t i = 0; i < ratio_count; i++) {
        const ratio *alike[RATIOS_MOST];
        size_t columns = 0;
        for (size_t k = i; k < ratio_count; k++) {
            if (done[k] || !same_pictures(&ratios[i], &ratios[k], count)) continue;
            done[k] = true;
            alike[columns++] = &ratios[k];
        }
        if (columns > 0) TRY(bootstrap_alike(alike, columns, groups, count));
    }
    return POLYP_OK;
}

status bootstrap_mean(polyp_interval *out, const double *values, const int *groups, size_t count)
{
    const ratio mean = {values, NULL, out};
    return bootstrap_ratios(&mean, 1, groups, count);
}

/* ---- sign flips ---------------------------------------------------------------------------- */

/* Is the sum with some signs turned at least as far from 0? A hair of rounding does not decide it. */
static bool as_far(double flipped, double seen)
{
    return fabs(flipped) >= fabs(seen) * (1 - 1e-12);
}

/* All 2^groups patterns: each bit of `pattern` turns one sign. */
static double exact_p(const double *means, size_t groups, double seen)
{
    const size_t patterns = (size_t)1 << groups;
    size_t hits = 0;
    for (size_t pattern = 0; pattern < patterns; pattern++) {
        double sum = 0;
        for (size_t g = 0; g < groups; g++) sum += pattern >> g & 1 ? -means[g] : means[g];
        hits += as_far(sum, seen);
    }
    return (double)hits / (double)patterns;
}

/* One draw gives 64 signs. */
static double flipped_sum(const double *means, size_t groups, uint64_t number)
{
    random_stream r = random_open(0, RANDOM_SIGNS, 0, number);
    double sum = 0;
    uint64_t signs = 0;
    for (size_t g = 0; g < groups; g++) {
        if (g % 64 == 0) signs = random_next(&r);
        sum += signs >> (g % 64) & 1 ? -means[g] : means[g];
    }
    return sum;
}

static double sampled_p(const double *means, size_t groups, double seen)
{
    int hits = 0;
#pragma omp parallel for schedule(static) reduction(+ : hits)
    for (int i = 0; i < RESAMPLES; i++) hits += as_far(flipped_sum(means, groups, (uint64_t)i), seen);
    return (1.0 + hits) / (1.0 + RESAMPLES);
}

/* means: room for one number a group. */
static status compare_groups(paired_test *out, group_sums *g, double *means)
{
    polyp_interval *const interval = &out->interval;
    double sum = 0;
    for (size_t i = 0; i < g->groups; i++) {
        means[i] = g->sums[2 * i] / g->sums[2 * i + 1]; /* the group's mean difference */
        g->sums[2 * i] = means[i];
        g->sums[2 * i + 1] = 1;
        sum += means[i];
    }
    TRY(bootstrap(&interval, g));
    out->effect = sum / (double)g->groups;
    out->exact = g->groups < 64 && (uint64_t)1 << g->groups <= RESAMPLES;
    out->p = out->exact ? exact_p(means, g->groups, sum) : sampled_p(means, g->groups, sum);
    return POLYP_OK;
}

status paired_compare(paired_test *out, const double *first, const double *second, const int *groups, size_t count)
{
    paired_test test = {.effect = NAN, .interval = {NAN, NAN}, .p = NAN};
    group_sums g = {0};
    double *differences = NULL;
    status result;
    TRY_DONE(memory_new(&differences, count));
    for (size_t i = 0; i < count; i++) differences[i] = second[i] - first[i]; /* NaN when either is */
    const ratio mean = {differences, NULL, NULL}, *const only = &mean;
    TRY_DONE(sum_groups(&g, &only, 1, groups, count));
    test.pictures = g.pictures;
    test.groups = g.groups;
    if (g.groups > 0) TRY_DONE(compare_groups(&test, &g, differences));
    *out = test;
done:
    memory_free(differences);
    memory_free(g.sums);
    return result;
}
