/* Whole groups dealt into folds, held out, or both. */
#include <stdlib.h>

#include "base/random.h"
#include "learn/groups.h"

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

/* ---- three parts --------------------------------------------------------------------------- */

/* Those with part[i] == PART_TRAIN alone: their places and groups, numbered anew. */
static status gather_others(size_t *places, size_t *others, size_t *other_count, size_t *other_groups,
                            const enum sample_part *part, const size_t *group, size_t count, size_t groups)
{
    size_t *number; /* of each group among the others, plus 1 */
    TRY(memory_new(&number, groups));
    *other_count = *other_groups = 0;
    for (size_t i = 0; i < count; i++) {
        if (part[i] != PART_TRAIN) continue;
        if (number[group[i]] == 0) number[group[i]] = ++*other_groups;
        others[*other_count] = number[group[i]] - 1;
        places[(*other_count)++] = i;
    }
    memory_free(number);
    return POLYP_OK;
}

static status choose_among_others(enum sample_part *part, const size_t *group, size_t count, size_t groups,
                                  double fraction, uint64_t seed)
{
    size_t *places = NULL, *others = NULL, other_count, other_groups;
    bool *chosen = NULL;
    status result;
    TRY_DONE(memory_new(&places, count));
    TRY_DONE(memory_new(&others, count));
    TRY_DONE(memory_new(&chosen, count));
    TRY_DONE(gather_others(places, others, &other_count, &other_groups, part, group, count, groups));
    TRY_DONE(groups_hold_out(chosen, others, other_count, other_groups, fraction, seed));
    for (size_t i = 0; i < other_count; i++) {
        if (chosen[i]) part[places[i]] = PART_CHOOSE;
    }
done:
    memory_free(places);
    memory_free(others);
    memory_free(chosen);
    return result;
}

status groups_three_parts(enum sample_part *part, const size_t *group, size_t count, size_t groups, int fold, int folds,
                          double fraction, uint64_t seed)
{
    if (fold < 0 || fold >= folds) {
        return fail(POLYP_ERR_ARGUMENT, "fold %d of %d: folds count from 0; give 0 to %d", fold, folds, folds - 1);
    }
    int *folds_of;
    TRY(memory_new(&folds_of, count));
    status result;
    TRY_DONE(groups_deal(folds_of, group, count, groups, folds, seed));
    for (size_t i = 0; i < count; i++) part[i] = folds_of[i] == fold ? PART_REPORT : PART_TRAIN;
    TRY_DONE(choose_among_others(part, group, count, groups, fraction, seed));
done:
    memory_free(folds_of);
    return result;
}
