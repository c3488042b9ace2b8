/* Components by union of runs, a table of overlaps, and the greedy matching. */
#include "score/objects.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const double object_overlaps[OBJECT_LEVELS] = {0.5, 0.1};

/* ---- components ---------------------------------------------------------------------------- */

enum { OBJECTS_MOST = 1000 }; /* each has a thousandth of the picture at least */

/* Pixels of one row that touch: from .. end - 1. Runs of one component point at one another; the smallest is its root. */
typedef struct run {
    int from, end;
    uint32_t parent, area;
    uint32_t label; /* 0: a speck; else 1 .. count, components in the order of their first pixels */
} run;

/* The components of one mask. */
typedef struct object_list {
    run *runs;
    uint32_t *rows;                   /* rows[y]: first run of row y; rows[height]: how many there are */
    uint32_t areas[OBJECTS_MOST + 1]; /* pixels, by label */
    size_t count;                     /* without specks */
} object_list;

static uint32_t find_root(run *runs, uint32_t i)
{
    while (runs[i].parent != i) {
        runs[i].parent = runs[runs[i].parent].parent; /* halves the path */
        i = runs[i].parent;
    }
    return i;
}

static void unite(run *runs, uint32_t a, uint32_t b)
{
    const uint32_t first = find_root(runs, a), second = find_root(runs, b);
    if (first < second) runs[second].parent = first;
    else runs[first].parent = second;
}

/* First pixel from `x` on that is polyp (or is not); `width` when there is none. Eight at once: the top bit decides. */
static int next_pixel(const unsigned char *row, int x, int width, bool polyp)
{
    const uint64_t tops = 0x8080808080808080, other = polyp ? 0 : tops;
    uint64_t eight;
    for (; x + 8 <= width; x += 8) {
        memcpy(&eight, row + x, sizeof eight);
        if ((eight & tops) != other) break;
    }
    while (x < width && (row[x] > 127) != polyp) x++;
    return x;
}

/* Appends the runs of a row; returns how many runs there are then. */
static uint32_t add_runs(run *runs, uint32_t count, const unsigned char *row, int width)
{
    for (int from = next_pixel(row, 0, width, true); from < width;) {
        const int end = next_pixel(row, from, width, false);
        runs[count] = (run){from, end, count, (uint32_t)(end - from), 0};
        count++;
        from = next_pixel(row, end, width, true);
    }
    return count;
}

/* Two rows' runs, both from left to right: those that touch, corners too, become one component. */
static void unite_rows(run *runs, uint32_t above, uint32_t here, uint32_t end)
{
    uint32_t a = above, b = here;
    while (a < here && b < end) {
        if (runs[a].from <= runs[b].end && runs[b].from <= runs[a].end) unite(runs, a, b);
        if (runs[a].end < runs[b].end) a++;
        else b++;
    }
}

static void find_runs(object_list *o, const unsigned char *mask, int width, int height)
{
    o->rows[0] = 0;
    for (int y = 0; y < height; y++) {
        o->rows[y + 1] = add_runs(o->runs, o->rows[y], mask + (size_t)y * (size_t)width, width);
        if (y > 0) unite_rows(o->runs, o->rows[y - 1], o->rows[y], o->rows[y + 1]);
    }
}

/* A root comes before the other runs of its component. */
static void number_components(object_list *o, uint32_t count, double least)
{
    run *const runs = o->runs;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t root = find_root(runs, i);
        if (root != i) runs[root].area += runs[i].area;
    }
    o->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t root = find_root(runs, i);
        if (root != i) runs[i].label = runs[root].label;
        else if (runs[i].area >= least) o->areas[runs[i].label = (uint32_t)++o->count] = runs[i].area;
    }
}

static status find_objects(object_list *o, const unsigned char *mask, int width, int height, scratch *s)
{
    TRY(scratch_take(s, &o->runs, ((size_t)width + 1) / 2 * (size_t)height));
    TRY(scratch_take(s, &o->rows, (size_t)height + 1));
    find_runs(o, mask, width, height);
    number_components(o, o->rows[height], OBJECT_LEAST_SHARE * width * height);
    return POLYP_OK;
}

/* ---- matching ------------------------------------------------------------------------------ */

typedef struct pair {
    size_t truth, found;
    double jaccard;
} pair;

/* Largest first; equal ones in the order of their labels, so that the result is defined. */
static int compare_pairs(const void *a, const void *b)
{
    const pair *const first = a, *const second = b;
    if (first->jaccard != second->jaccard) return first->jaccard > second->jaccard ? -1 : 1;
    if (first->truth != second->truth) return first->truth < second->truth ? -1 : 1;
    return (first->found > second->found) - (first->found < second->found);
}

/* common[t * (found->count + 1) + f]: pixels that truth's object t and found object f share. */
static void count_row(uint32_t *common, const object_list *truth, const object_list *found, int y)
{
    const run *t = truth->runs + truth->rows[y], *f = found->runs + found->rows[y];
    const run *const last_t = truth->runs + truth->rows[y + 1], *const last_f = found->runs + found->rows[y + 1];
    while (t < last_t && f < last_f) {
        const int from = t->from > f->from ? t->from : f->from, end = t->end < f->end ? t->end : f->end;
        if (from < end) common[t->label * (found->count + 1) + f->label] += (uint32_t)(end - from);
        if (t->end < f->end) t++;
        else f++;
    }
}

static size_t list_pairs(pair *pairs, const uint32_t *common, const object_list *truth, const object_list *found)
{
    size_t count = 0;
    for (size_t t = 1; t <= truth->count; t++) {
        for (size_t f = 1; f <= found->count; f++) {
            const double both = common[t * (found->count + 1) + f];
            const double either = (double)truth->areas[t] + found->areas[f] - both;
            if (both > 0) pairs[count++] = (pair){t, f, both / either};
        }
    }
    qsort(pairs, count, sizeof *pairs, compare_pairs);
    return count;
}

static void match(object_counts *out, const pair *pairs, size_t count)
{
    bool truth_taken[OBJECTS_MOST + 1] = {false}, found_taken[OBJECTS_MOST + 1] = {false};
    for (size_t i = 0; i < count; i++) {
        const pair *const p = &pairs[i];
        if (truth_taken[p->truth] || found_taken[p->found]) continue;
        truth_taken[p->truth] = found_taken[p->found] = true;
        for (int k = 0; k < OBJECT_LEVELS; k++) out->found[k] += p->jaccard >= object_overlaps[k];
    }
}

static status match_lists(object_counts *out, const object_list *truth, const object_list *found, int height,
                          scratch *s)
{
    const size_t cells = (truth->count + 1) * (found->count + 1);
    uint32_t *common;
    pair *pairs;
    TRY(scratch_take(s, &common, cells));
    TRY(scratch_take(s, &pairs, truth->count * found->count));
    memset(common, 0, cells * sizeof *common);
    for (int y = 0; y < height; y++) count_row(common, truth, found, y);
    *out = (object_counts){.polyps = truth->count, .predicted = found->count};
    match(out, pairs, list_pairs(pairs, common, truth, found));
    return POLYP_OK;
}

status objects_match(object_counts *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s)
{
    const int taken = s->taken;
    object_list real, said;
    TRY(find_objects(&real, truth, width, height, s));
    TRY(find_objects(&said, found, width, height, s));
    TRY(match_lists(out, &real, &said, height, s));
    s->taken = taken;
    return POLYP_OK;
}
