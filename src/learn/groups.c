/* Near-duplicates by a small signature of each picture, all pairs compared, and declared groups; then whole groups dealt
 * out. */
#include "learn/groups.h"

#include <math.h>
#include <stdlib.h>

#include "base/random.h"
#include "base/thread.h"
#include "learn/ahead.h"
#include "learn/signature.h"

/* ---- who belongs to whom ------------------------------------------------------------------- */

/* Union-find: parent[i] <= i, a root is its own parent. */
static size_t find_root(size_t *parent, size_t i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static void unite(size_t *parent, size_t a, size_t b)
{
    const size_t first = find_root(parent, a), second = find_root(parent, b);
    if (first < second)
        parent[second] = first;
    else
        parent[first] = second;
}

/* Roots to numbers by first appearance. A root is the lowest of its group, so it is met before its members. */
static size_t number_groups(size_t *group, size_t *parent, size_t count)
{
    size_t groups = 0;
    for (size_t i = 0; i < count; i++) {
        const size_t root = find_root(parent, i);
        group[i] = root == i ? groups++ : group[root];
    }
    return groups;
}

/* Everyone alone; memory_free() it. */
static status new_parents(size_t **out, size_t count)
{
    TRY(memory_new(out, count));
    for (size_t i = 0; i < count; i++) (*out)[i] = i;
    return POLYP_OK;
}

static void unite_near(size_t *parent, const signature *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = i + 1; j < count; j++) {
            if (signature_near(&all[i], &all[j])) unite(parent, i, j);
        }
    }
}

/* What groups.csv says belongs together. */
static status unite_declared(size_t *parent, const dataset *d)
{
    int most = -1;
    size_t *first; /* sample of each declared group, plus 1 */
    for (size_t i = 0; i < d->count; i++) most = d->samples[i].group > most ? d->samples[i].group : most;
    TRY(memory_new(&first, (size_t)(most + 1)));
    for (size_t i = 0; i < d->count; i++) {
        const int declared = d->samples[i].group;
        if (declared < 0) continue;
        if (first[declared] > 0) unite(parent, first[declared] - 1, i);
        first[declared] = i + 1;
    }
    memory_free(first);
    return POLYP_OK;
}

status groups_declared(size_t *group, size_t *groups, const dataset *d)
{
    size_t *parent;
    TRY(new_parents(&parent, d->count));
    const status result = unite_declared(parent, d);
    if (result == POLYP_OK) *groups = number_groups(group, parent, d->count);
    memory_free(parent);
    return result;
}

/* ---- reading ------------------------------------------------------------------------------- */

typedef struct reading {
    const dataset *data;
    signature *signatures;
} reading;

static status read_signature(void *context, size_t number, size_t slot)
{
    (void)slot;
    const reading *r = context;
    polyp_image picture = {0};
    TRY(sample_read(&picture, NULL, &r->data->samples[number]));
    signature_of(&r->signatures[number], &picture);
    polyp_image_free(&picture);
    return POLYP_OK;
}

static status read_signatures(signature *all, const dataset *d, int threads, const polyp_watch *watch)
{
    if (threads < 1) threads = processor_count();
    reading r = {d, all};
    ahead *jobs = NULL;
    status result;
    TRY(ahead_open(&jobs, read_signature, &r, d->count, 2 * (size_t)threads + 1, threads));
    for (size_t i = 0; i < d->count; i++) {
        size_t slot;
        TRY_DONE(ahead_next(jobs, &slot));
        const polyp_progress p = {
            .phase = "group", .done = i + 1, .total = d->count, .unit = "picture", .loss = NAN, .learning_rate = NAN};
        if (watch == NULL || watch->report == NULL || watch->report(watch->context, &p) == 0) continue;
        result = fail(POLYP_STOPPED, "stopped while looking for near-duplicates");
        goto done;
    }
    result = POLYP_OK;
done:
    ahead_close(jobs);
    return result;
}

status groups_find(size_t *group, size_t *groups, const dataset *d, int threads, const polyp_watch *watch)
{
    signature *all = NULL;
    size_t *parent = NULL;
    status result;
    TRY_DONE(memory_new(&all, d->count));
    TRY_DONE(new_parents(&parent, d->count));
    TRY_DONE(read_signatures(all, d, threads, watch));
    unite_near(parent, all, d->count);
    TRY_DONE(unite_declared(parent, d));
    *groups = number_groups(group, parent, d->count);
done:
    memory_free(parent);
    memory_free(all);
    return result;
}

/* ---- dealing ------------------------------------------------------------------------------- */

/* Streams of RANDOM_SPLIT: told apart by the epoch. */
enum { STREAM_DEAL = 0, STREAM_HOLD_OUT = 1 };

typedef struct sized_group {
    size_t number, size, place; /* place: in the shuffled order, so that equal sizes are in random order */
} sized_group;

static int compare_sizes(const void *a, const void *b)
{
    const sized_group *first = a, *second = b;
    if (first->size != second->size) return first->size < second->size ? 1 : -1;
    return (first->place > second->place) - (first->place < second->place);
}

/* The groups with their sizes in an order drawn from `r`; memory_free() them. */
static status shuffled_groups(sized_group **out, const size_t *group, size_t count, size_t groups, random_stream *r)
{
    sized_group *list = NULL;
    size_t *order = NULL, *sizes = NULL;
    status result;
    TRY_DONE(memory_new(&list, groups));
    TRY_DONE(memory_new(&order, groups));
    TRY_DONE(memory_new(&sizes, groups));
    for (size_t i = 0; i < count; i++) sizes[group[i]]++;
    for (size_t i = 0; i < groups; i++) order[i] = i;
    random_shuffle(r, order, groups);
    for (size_t i = 0; i < groups; i++) list[i] = (sized_group){order[i], sizes[order[i]], i};
    *out = list;
    list = NULL;
done:
    memory_free(list);
    memory_free(order);
    memory_free(sizes);
    return result;
}

/* The smallest fold; among equals the first in `order`. */
static size_t smallest_fold(const size_t *fold_sizes, const size_t *order, size_t folds)
{
    size_t best = order[0];
    for (size_t i = 1; i < folds; i++) {
        if (fold_sizes[order[i]] < fold_sizes[best]) best = order[i];
    }
    return best;
}

/* fold_of[g] for each group: `list` is sorted, largest first. */
static void deal_sorted(int *fold_of, const sized_group *list, size_t groups, size_t *fold_sizes,
                        const size_t *fold_order, size_t folds)
{
    for (size_t g = 0; g < groups; g++) {
        const size_t fold = smallest_fold(fold_sizes, fold_order, folds);
        fold_sizes[fold] += list[g].size;
        fold_of[list[g].number] = (int)fold;
    }
}

status groups_deal(int *fold, const size_t *group, size_t count, size_t groups, int folds, uint64_t seed)
{
    if (folds < 2 || (size_t)folds > groups) {
        return fail(POLYP_ERR_ARGUMENT, "%d folds of %zu pictures in %zu groups: give 2 to %zu folds", folds, count,
                    groups, groups);
    }
    const size_t n = (size_t)folds;
    random_stream r = random_open(seed, RANDOM_SPLIT, STREAM_DEAL, 0);
    sized_group *list = NULL;
    size_t *fold_sizes = NULL, *fold_order = NULL;
    int *fold_of = NULL;
    status result;
    TRY_DONE(shuffled_groups(&list, group, count, groups, &r));
    TRY_DONE(memory_new(&fold_sizes, n));
    TRY_DONE(memory_new(&fold_order, n));
    TRY_DONE(memory_new(&fold_of, groups));
    for (size_t i = 0; i < n; i++) fold_order[i] = i;
    random_shuffle(&r, fold_order, n);
    qsort(list, groups, sizeof *list, compare_sizes);
    deal_sorted(fold_of, list, groups, fold_sizes, fold_order, n);
    for (size_t i = 0; i < count; i++) fold[i] = fold_of[group[i]];
done:
    memory_free(list);
    memory_free(fold_sizes);
    memory_free(fold_order);
    memory_free(fold_of);
    return result;
}

/* ---- holding out --------------------------------------------------------------------------- */

static size_t smallest_group(const sized_group *list, size_t groups)
{
    size_t best = 0;
    for (size_t g = 1; g < groups; g++) {
        if (list[g].size < list[best].size) best = g;
    }
    return best;
}

/* Groups in random order, each taken when it still fits into `target`. Never all: target < count. */
static void take_groups(bool *taken, const sized_group *list, size_t groups, size_t target)
{
    size_t sum = 0;
    for (size_t g = 0; g < groups; g++) {
        if (sum + list[g].size > target) continue;
        sum += list[g].size;
        taken[list[g].number] = true;
    }
    if (sum == 0) taken[list[smallest_group(list, groups)].number] = true;
}

status groups_hold_out(bool *chosen, const size_t *group, size_t count, size_t groups, double fraction, uint64_t seed)
{
    if (!(fraction > 0 && fraction < 1)) {
        return fail(POLYP_ERR_ARGUMENT, "a part of %g cannot be held out: give a fraction between 0 and 1", fraction);
    }
    if (groups < 2) {
        return fail(POLYP_ERR_ARGUMENT,
                    "nothing can be held out of %zu pictures that are near-duplicates of one another", count);
    }
    size_t target = (size_t)(fraction * (double)count + 0.5);
    if (target > count - 1) target = count - 1;
    random_stream r = random_open(seed, RANDOM_SPLIT, STREAM_HOLD_OUT, 0);
    sized_group *list = NULL;
    bool *taken = NULL;
    status result;
    TRY_DONE(shuffled_groups(&list, group, count, groups, &r));
    TRY_DONE(memory_new(&taken, groups));
    take_groups(taken, list, groups, target);
    for (size_t i = 0; i < count; i++) chosen[i] = taken[group[i]];
done:
    memory_free(list);
    memory_free(taken);
    return result;
}
