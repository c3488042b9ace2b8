/* Data sets opened, alone or several as one, divided by splits; selections. Reading one sample is in sample.c. */
#include "learn/dataset.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "learn/parts.h"

enum { ARENA_CHUNK = 64 * 1024 };

/* ---- splits -------------------------------------------------------------------------------- */

/* A file elsewhere, such as the valid.txt that a training run leaves beside its model. */
bool dataset_split_is_list(const char *split)
{
    const size_t length = strlen(split);
    return strchr(split, '/') != NULL && length > 4 && strcmp(split + length - 4, ".txt") == 0;
}

char *dataset_split_path(const char *data, const char *name)
{
    char *const home = layout_home(data);
    char *const path = home != NULL ? memory_format("%s/splits/%s.txt", home, name) : NULL;
    memory_free(home);
    return path;
}

static bool has_list(const char *data, const char *split)
{
    char *const path = dataset_split_path(data, split);
    const bool found = path != NULL && file_exists(path);
    memory_free(path);
    return found;
}

/* By the layout itself: PraNet's folders, a table's column. */
static bool has_own(const char *data, const char *split)
{
    arena *a;
    layout l;
    data_part p = {0};
    int groups = 0;
    if (arena_create(&a, ARENA_CHUNK) != POLYP_OK) return false;
    const bool divided = layout_find(&l, a, data) == POLYP_OK && (l.kind == LAYOUT_CSV || l.kind == LAYOUT_PRANET);
    const bool found = divided && part_open(&p, a, data, &groups) == POLYP_OK && part_has_split(&p, split);
    part_free(&p);
    arena_destroy(a);
    return found;
}

bool dataset_has_split(const char *data, const char *split)
{
    return is_split_name(split) && (has_list(data, split) || has_own(data, split));
}

bool dataset_split_is_test(const char *data, const char *split)
{
    arena *a;
    layout l;
    if (strcmp(split, "val") == 0 || strcmp(split, "test") == 0) return true;
    if (strcmp(split, "train") == 0 || arena_create(&a, ARENA_CHUNK) != POLYP_OK) return false;
    const bool pranet = layout_find(&l, a, data) == POLYP_OK && l.kind == LAYOUT_PRANET;
    arena_destroy(a);
    return pranet && has_own(data, split);
}

/* ---- several as one ------------------------------------------------------------------------ */

static status check_weights(const data_source *sources, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (isfinite(sources[i].weight) && sources[i].weight > 0) continue;
        return fail(POLYP_ERR_ARGUMENT, "%s: its weight is %g; give a number above 0", sources[i].data,
                    sources[i].weight);
    }
    return POLYP_OK;
}

static status open_parts(data_part *parts, const data_source *sources, size_t count, arena *a)
{
    const char **paths = NULL, **names = NULL;
    int groups = 0;
    status result;
    TRY_DONE(memory_new(&paths, count));
    TRY_DONE(memory_new(&names, count));
    for (size_t i = 0; i < count; i++) paths[i] = sources[i].data;
    TRY_DONE(parts_name(names, paths, count, a));
    for (size_t i = 0; i < count; i++) TRY_DONE(part_open(&parts[i], a, sources[i].data, &groups));
    TRY_DONE(parts_tell_apart(parts, count, names, a));
    for (size_t i = 0; i < count; i++) {
        if (sources[i].split != NULL) TRY_DONE(part_apply_split(&parts[i], sources[i].split));
    }
done:
    memory_free(paths);
    memory_free(names);
    return result;
}

static status gather(dataset *d, const data_part *parts, const data_source *sources, size_t count)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) total += parts[i].count;
    TRY(memory_new(&d->samples, total));
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < parts[i].count; k++) {
            sample *const s = &d->samples[d->count++];
            *s = parts[i].samples[k];
            s->weight = sources[i].weight;
            s->set = (int)i;
        }
    }
    return POLYP_OK;
}

static status apply_list(dataset *d, const char *list)
{
    sample *kept;
    size_t count;
    if (list == NULL) return POLYP_OK;
    TRY(samples_listed(&kept, &count, d->samples, d->count, list, false));
    memory_free(d->samples);
    d->samples = kept;
    d->count = count;
    return POLYP_OK;
}

status dataset_open_many(dataset *out, const data_source *sources, size_t count, const char *list)
{
    dataset d = {0};
    data_part *parts = NULL;
    status result;
    TRY_DONE(check_weights(sources, count));
    TRY_DONE(arena_create(&d.arena, ARENA_CHUNK));
    TRY_DONE(memory_new(&parts, count));
    TRY_DONE(open_parts(parts, sources, count, d.arena));
    TRY_DONE(gather(&d, parts, sources, count));
    TRY_DONE(apply_list(&d, list));
    *out = d;
    d = (dataset){0};
done:
    for (size_t i = 0; parts != NULL && i < count; i++) part_free(&parts[i]);
    memory_free(parts);
    dataset_free(&d);
    return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

status dataset_open_all(dataset *out, const char *data, const char *const *more, size_t count, const char *split)
{
    const bool listed = split != NULL && dataset_split_is_list(split);
    data_source *sources;
    TRY(memory_new(&sources, 1 + count));
    for (size_t i = 0; i <= count; i++) {
        sources[i] = (data_source){i == 0 ? data : more[i - 1], listed ? NULL : split, 1.0};
    }
    const status result = dataset_open_many(out, sources, 1 + count, listed ? split : NULL);
    memory_free(sources);
    return result;
}

status dataset_open(dataset *out, const char *data, const char *split)
{
    return dataset_open_all(out, data, NULL, 0, split);
}

void dataset_free(dataset *d)
{
    if (d == NULL) return;
    memory_free(d->samples);
    arena_destroy(d->arena);
    *d = (dataset){0};
}

status dataset_set_ignore(dataset *d, int level)
{
    if (level != -1 && (level < 1 || level > 254)) {
        return fail(POLYP_ERR_ARGUMENT, "level %d of ignored pixels: give 1 to 254", level);
    }
    for (size_t i = 0; i < d->count; i++) d->samples[i].ignore = level;
    return POLYP_OK;
}

status dataset_select(dataset *out, const dataset *from, const size_t *index, size_t count)
{
    dataset d = {.count = count};
    TRY(memory_new(&d.samples, count));
    for (size_t i = 0; i < count; i++) d.samples[i] = from->samples[index[i]];
    *out = d;
    return POLYP_OK;
}
