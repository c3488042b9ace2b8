/* Groups summed up, then resampled or flipped. Every resample has a stream of its own, so that threads change nothing. */
#include "score/statistics.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"

/* ---- percentiles --------------------------------------------------------------------------- */

static int compare_doubles(const void *a, const void *b)
{
    const double first = *(const double *)a, second = *(const double *)b;
    return (first > second) - (first < second);
}

double percentile_of(const double *sorted, size_t count, double percent)
{
    const double place = percent / 100 * (double)(count - 1);
    const size_t below = (size_t)place;
    if (below + 1 >= count) return sorted[count - 1];
    const double part = place - (double)below;
    return sorted[below] + (sorted[below + 1] - sorted[below]) * part;
}

/* Sorts `values`, which holds no NaN. */
static polyp_interval middle_95(double *values, size_t count)
{
    if (count == 0) return (polyp_interval){NAN, NAN};
    qsort(values, count, sizeof *values, compare_doubles);
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

/* What each group adds to both sums of a ratio, groups in the order of their first picture that counts. */
typedef struct group_sums {
    double *above, *below; /* one block */
    size_t groups, pictures;
} group_sums;

static status sum_groups(group_sums *out, const double *above, const double *below, const int *groups, size_t count)
{
    group_sums sums = {0};
    size_t *leader = NULL, *place = NULL; /* place: one past the group's index, 0 before it is known */
    status result;
    TRY_DONE(memory_new(&leader, count));
    TRY_DONE(memory_new(&place, count));
    TRY_DONE(memory_new(&sums.above, 2 * count));
    TRY_DONE(find_leaders(leader, groups, count));
    sums.below = sums.above + count;
    for (size_t i = 0; i < count; i++) {
        if (isnan(above[i])) continue;
        size_t *const group = &place[leader[i]];
        if (*group == 0) *group = ++sums.groups;
        sums.above[*group - 1] += above[i];
        sums.below[*group - 1] += below ? below[i] : 1;
        sums.pictures++;
    }
    *out = sums;
    sums.above = NULL;
done:
    memory_free(sums.above);
    memory_free(leader);
    memory_free(place);
    return result;
}

/* ---- bootstrap ----------------------------------------------------------------------------- */

/* Ratio of as many groups as there are, drawn with replacement. */
static double resample(const group_sums *sums, uint64_t number)
{
    random_stream r = random_open(0, RANDOM_BOOTSTRAP, 0, number);
    double above = 0, below = 0;
    for (size_t i = 0; i < sums->groups; i++) {
        const size_t drawn = (size_t)random_below(&r, sums->groups);
        above += sums->above[drawn];
        below += sums->below[drawn];
    }
    return above / below;
}

static status bootstrap(polyp_interval *out, const group_sums *sums)
{
    double *ratios;
    size_t kept = 0;
    TRY(memory_new(&ratios, RESAMPLES));
#pragma omp parallel for schedule(static)
    for (int i = 0; i < RESAMPLES; i++) ratios[i] = resample(sums, (uint64_t)i);
    for (size_t i = 0; i < RESAMPLES; i++) {
        if (!isnan(ratios[i])) ratios[kept++] = ratios[i];
    }
    *out = middle_95(ratios, kept);
    memory_free(ratios);
    return POLYP_OK;
}

status interval_of_ratio(polyp_interval *out, const double *above, const double *below, const int *groups, size_t count)
{
    group_sums sums;
    polyp_interval interval = {NAN, NAN};
    TRY(sum_groups(&sums, above, below, groups, count));
    const status result = sums.groups > 0 ? bootstrap(&interval, &sums) : POLYP_OK;
    memory_free(sums.above);
    if (result == POLYP_OK) *out = interval;
    return result;
}

status interval_of_mean(polyp_interval *out, const double *values, const int *groups, size_t count)
{
    return interval_of_ratio(out, values, NULL, groups, count);
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

static status compare_groups(paired_test *out, group_sums *sums)
{
    double sum = 0;
    for (size_t g = 0; g < sums->groups; g++) {
        sums->above[g] /= sums->below[g]; /* the group's mean difference */
        sums->below[g] = 1;
        sum += sums->above[g];
    }
    TRY(bootstrap(&out->interval, sums));
    out->effect = sum / (double)sums->groups;
    out->exact = sums->groups < 64 && (uint64_t)1 << sums->groups <= RESAMPLES;
    out->p = out->exact ? exact_p(sums->above, sums->groups, sum) : sampled_p(sums->above, sums->groups, sum);
    return POLYP_OK;
}

status paired_compare(paired_test *out, const double *first, const double *second, const int *groups, size_t count)
{
    paired_test test = {.effect = NAN, .interval = {NAN, NAN}, .p = NAN};
    group_sums sums = {0};
    double *differences = NULL;
    status result;
    TRY_DONE(memory_new(&differences, count));
    for (size_t i = 0; i < count; i++) differences[i] = second[i] - first[i]; /* NaN when either is */
    TRY_DONE(sum_groups(&sums, differences, NULL, groups, count));
    test.pictures = sums.pictures;
    test.groups = sums.groups;
    if (sums.groups > 0) TRY_DONE(compare_groups(&test, &sums));
    *out = test;
done:
    memory_free(differences);
    memory_free(sums.above);
    return result;
}

/* ---- words --------------------------------------------------------------------------------- */

enum claim claim_of(double value, const polyp_interval *interval, double published, bool less_is_better)
{
    const double sign = less_is_better ? -1 : 1;
    const double nearer = less_is_better ? interval->high : interval->low;
    if (sign * nearer > sign * published) return CLAIM_EXCEEDS;
    return sign * value > sign * published ? CLAIM_HIGHER : CLAIM_NOT_HIGHER;
}
