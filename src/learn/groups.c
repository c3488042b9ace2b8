/* Near-duplicates by a small signature of each picture, all pairs compared, and declared groups. */
#include "learn/groups.h"

#include "learn/signature.h"
#include "learn/walk.h"

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

static status read_signature(void *context, const sample *s, size_t number)
{
    signature *const all = context;
    polyp_image picture = {0};
    TRY(sample_read(&picture, NULL, s));
    signature_of(&all[number], &picture);
    polyp_image_free(&picture);
    return POLYP_OK;
}

status groups_find(size_t *group, size_t *groups, const dataset *d, int threads, const polyp_watch *watch)
{
    signature *all = NULL;
    size_t *parent = NULL;
    status result;
    TRY_DONE(memory_new(&all, d->count));
    TRY_DONE(new_parents(&parent, d->count));
    TRY_DONE(dataset_walk(d, read_signature, all, threads, "group", watch));
    unite_near(parent, all, d->count);
    TRY_DONE(unite_declared(parent, d));
    *groups = number_groups(group, parent, d->count);
done:
    memory_free(parent);
    memory_free(all);
    return result;
}
