/* Components by union of runs, a table of overlaps, and the greedy matching. */
#include "score/objects.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

const double object_overlaps[OBJECT_LEVELS] = {0.5, 0.1};

/* ---- components ---------------------------------------------------------------------------- */

/* Pixels of one row that touch: from .. end - 1. Runs of one component point at one another; the smallest is its root. */
typedef struct run {
    int from, end;
    uint32_t parent, area;
} run;

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

/* Appends the runs of a row; returns how many runs there are then. */
static uint32_t add_runs(run *runs, uint32_t count, const unsigned char *row, int width)
{
    int x = 0;
    while (x < width) {
        while (x < width && row[x] <= 127) x++;
        const int from = x;
        while (x < width && row[x] > 127) x++;
        if (x == from) break;
        runs[count] = (run){from, x, count, (uint32_t)(x - from)};
        count++;
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

/* rows[y]: first run of row y; rows[height]: how many there are. */
static void find_runs(run *runs, uint32_t *rows, const unsigned char *mask, int width, int height)
{
    rows[0] = 0;
    for (int y = 0; y < height; y++) {
        rows[y + 1] = add_runs(runs, rows[y], mask + (size_t)y * (size_t)width, width);
        if (y > 0) unite_rows(runs, rows[y - 1], rows[y], rows[y + 1]);
    }
}

/* numbers[run]: the label of its component. A root comes before the other runs of its component. */
static void number_components(object_list *out, uint32_t *numbers, run *runs, uint32_t count, double least)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t root = find_root(runs, i);
        if (root != i) runs[root].area += runs[i].area;
    }
    out->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t root = find_root(runs, i);
        if (root == i) {
            const bool speck = runs[i].area < least;
            numbers[i] = speck ? 0 : (uint32_t)++out->count;
            if (!speck) out->areas[out->count] = runs[i].area;
        } else {
            numbers[i] = numbers[root];
        }
    }
}

static void paint(uint32_t *labels, const run *runs, const uint32_t *rows, const uint32_t *numbers, int width,
                  int height)
{
    memset(labels, 0, (size_t)width * (size_t)height * sizeof *labels);
    for (int y = 0; y < height; y++) {
        uint32_t *const row = labels + (size_t)y * (size_t)width;
        for (uint32_t i = rows[y]; i < rows[y + 1]; i++)
            for (int x = runs[i].from; x < runs[i].end; x++) row[x] = numbers[i];
    }
}

status objects_label(object_list *out, const unsigned char *mask, int width, int height, scratch *s)
{
    const int taken = s->taken;
    const size_t most = ((size_t)width + 1) / 2 * (size_t)height; /* runs */
    run *runs;
    uint32_t *rows, *numbers;
    TRY(scratch_take(s, &runs, most));
    TRY(scratch_take(s, &numbers, most));
    TRY(scratch_take(s, &rows, (size_t)height + 1));
    find_runs(runs, rows, mask, width, height);
    number_components(out, numbers, runs, rows[height], OBJECT_LEAST_SHARE * width * height);
    paint(out->labels, runs, rows, numbers, width, height);
    s->taken = taken;
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
static void count_common(uint32_t *common, const object_list *truth, const object_list *found, size_t pixels)
{
    const size_t columns = found->count + 1;
    memset(common, 0, (truth->count + 1) * columns * sizeof *common);
    for (size_t i = 0; i < pixels; i++) common[truth->labels[i] * columns + found->labels[i]]++;
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

static status match_lists(object_counts *out, const object_list *truth, const object_list *found, size_t pixels,
                          scratch *s)
{
    uint32_t *common;
    pair *pairs;
    TRY(scratch_take(s, &common, (truth->count + 1) * (found->count + 1)));
    TRY(scratch_take(s, &pairs, truth->count * found->count));
    count_common(common, truth, found, pixels);
    *out = (object_counts){.polyps = truth->count, .predicted = found->count};
    match(out, pairs, list_pairs(pairs, common, truth, found));
    return POLYP_OK;
}

status objects_match(object_counts *out, const unsigned char *truth, const unsigned char *found, int width, int height,
                     scratch *s)
{
    const int taken = s->taken;
    const size_t pixels = (size_t)width * (size_t)height;
    object_list real, said;
    TRY(scratch_take(s, &real.labels, pixels));
    TRY(scratch_take(s, &said.labels, pixels));
    TRY(objects_label(&real, truth, width, height, s));
    TRY(objects_label(&said, found, width, height, s));
    TRY(match_lists(out, &real, &said, pixels, s));
    s->taken = taken;
    return POLYP_OK;
}
