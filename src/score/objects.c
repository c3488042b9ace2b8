/* Regions of both masks, a table of what they share, and the greedy matching. */
#include "score/objects.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "media/regions.h"

const double object_overlaps[OBJECT_LEVELS] = {0.5, 0.1};

enum { OBJECTS_MOST = 1000 }; /* each has a thousandth of the picture at least */

/* The regions of one mask; the first `count`, the larger ones, are no specks. */
typedef struct object_list {
    regions regions;
    size_t count;
} object_list;

static status find_objects(object_list *o, const unsigned char *mask, int width, int height)
{
    const polyp_image image = {
        .pixels = (unsigned char *)(uintptr_t)mask, .width = width, .height = height, .channels = 1}; /* only read */
    const double least = OBJECT_LEAST_SHARE * width * height;
    TRY(regions_find(&o->regions, &image, REGION_POLYP));
    while (o->count < o->regions.count && (double)o->regions.items[o->count].area >= least) o->count++;
    return POLYP_OK;
}

/* ---- what they share ----------------------------------------------------------------------- */

static bool ends_first(const region_run *a, const region_run *b)
{
    return a->row != b->row ? a->row < b->row : a->to < b->to;
}

/* common[t * found->count + f]: pixels that truth's object t and found object f share. */
static void count_common(uint32_t *common, const object_list *truth, const object_list *found)
{
    const region_run *t = truth->regions.runs, *f = found->regions.runs;
    const region_run *const last_t = t + truth->regions.run_count, *const last_f = f + found->regions.run_count;
    while (t < last_t && f < last_f) {
        const int from = t->from > f->from ? t->from : f->from, to = t->to < f->to ? t->to : f->to;
        if (t->row == f->row && from < to && t->region < truth->count && f->region < found->count)
            common[t->region * found->count + f->region] += (uint32_t)(to - from);
        if (ends_first(t, f)) t++;
        else f++;
    }
}

/* ---- matching ------------------------------------------------------------------------------ */

typedef struct pair {
    size_t truth, found;
    double jaccard;
} pair;

/* Largest first; of equal ones that of the larger objects, so that the result is defined. */
static int compare_pairs(const void *a, const void *b)
{
    const pair *const first = a, *const second = b;
    if (first->jaccard != second->jaccard) return first->jaccard > second->jaccard ? -1 : 1;
    if (first->truth != second->truth) return first->truth < second->truth ? -1 : 1;
    return (first->found > second->found) - (first->found < second->found);
}

static size_t list_pairs(pair *pairs, const uint32_t *common, const object_list *truth, const object_list *found)
{
    size_t count = 0;
    for (size_t t = 0; t < truth->count; t++) {
        for (size_t f = 0; f < found->count; f++) {
            const double both = common[t * found->count + f];
            const double either = (double)(truth->regions.items[t].area + found->regions.items[f].area) - both;
            if (both > 0) pairs[count++] = (pair){t, f, both / either};
        }
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    return count;
}

static void match(object_counts *out, const pair *pairs, size_t count)
{
    bool truth_taken[OBJECTS_MOST] = {false}, found_taken[OBJECTS_MOST] = {false};
    for (size_t i = 0; i < count; i++) {
        const pair *const p = &pairs[i];
        if (truth_taken[p->truth] || found_taken[p->found]) continue;
        truth_taken[p->truth] = found_taken[p->found] = true;
        for (int k = 0; k < OBJECT_LEVELS; k++) out->found[k] += p->jaccard >= object_overlaps[k];
    }
}

static status match_lists(object_counts *out, const object_list *truth, const object_list *found, scratch *s)
{
    const size_t cells = truth->count * found->count;
    uint32_t *common;
    pair *pairs;
    TRY(scratch_take(s, &common, cells));
    TRY(scratch_take(s, &pairs, cells));
    memset(common, 0, cells * sizeof *common);
    count_common(common, truth, found);
    *out = (object_counts){.polyps = truth->count, .predicted = found->count};
    match(out, pairs, list_pairs(pairs, common, truth, found));
    return POLYP_OK;
}

status objects_match(object_counts *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s)
{
    const int taken = s->taken;
    object_list real = {0}, said = {0};
    status result;
    TRY_DONE(find_objects(&real, truth, width, height));
    TRY_DONE(find_objects(&said, found, width, height));
    TRY_DONE(match_lists(out, &real, &said, s));
done:
    s->taken = taken;
    regions_free(&real.regions);
    regions_free(&said.regions);
    return result;
}
