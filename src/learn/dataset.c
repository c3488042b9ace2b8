/* Data sets opened, alone or several as one, divided by splits; selections. Reading one sample is in sample.c. */
#include "learn/dataset.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "learn/lists.h"
#include "learn/parts.h"

/* ---- one part ------------------------------------------------------------------------------ */

static status check_folder(const char *path)
{
    if (folder_exists(path)) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: no such folder; a data set has images/ and masks/, paired by file stem", path);
}

static const char *without_last_slashes(arena *a, const char *path)
{
    char *const text = arena_text(a, path);
    if (text == NULL) return NULL;
    for (size_t length = strlen(text); length > 1 && text[length - 1] == '/';) text[--length] = '\0';
    return text;
}

static status read_groups(data_part *p, arena *a, int *next_group)
{
    const char *const path = arena_format(a, "%s/groups.csv", p->home);
    if (path == NULL) return POLYP_ERR_MEMORY;
    if (!file_exists(path)) return POLYP_OK;
    stem_index index;
    TRY(stem_index_create(&index, p->samples, p->count, STEMS_OF_OWN));
    const status result = group_list_read(p->samples, &index, path, next_group);
    stem_index_free(&index);
    return result;
}

static status read_pairs(data_part *p, arena *a)
{
    const char *const images = arena_format(a, "%s/images", p->home), *const masks =
                                                                          arena_format(a, "%s/masks", p->home);
    const char *const negatives = arena_format(a, "%s/negatives.txt", p->home);
    if (images == NULL || masks == NULL || negatives == NULL) return POLYP_ERR_MEMORY;
    if (!folder_exists(p->home)) return fail(POLYP_ERR_FILE, "%s: no such folder", p->home);
    TRY(check_folder(images));
    TRY(check_folder(masks));
    return pairs_read(p, a, p->home, images, masks, negatives);
}

status part_open(data_part *out, arena *a, const char *data, int *next_group)
{
    data_part p = {.home = without_last_slashes(a, data)};
    status result = p.home != NULL ? read_pairs(&p, a) : POLYP_ERR_MEMORY;
    if (result == POLYP_OK) result = read_groups(&p, a, next_group);
    if (result == POLYP_OK) {
        *out = p;
    } else {
        part_free(&p);
    }
    return result;
}

void part_free(data_part *p)
{
    memory_free(p->samples);
    *p = (data_part){0};
}

/* ---- splits -------------------------------------------------------------------------------- */

static bool is_split_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* A file elsewhere, such as the valid.txt that a training run leaves beside its model. */
bool dataset_split_is_list(const char *split)
{
    const size_t length = strlen(split);
    return strchr(split, '/') != NULL && length > 4 && strcmp(split + length - 4, ".txt") == 0;
}

char *dataset_split_path(const char *data, const char *name)
{
    return memory_format("%s/splits/%s.txt", data, name);
}

bool dataset_has_split(const char *data, const char *split)
{
    if (!is_split_name(split)) return false;
    char *path = dataset_split_path(data, split);
    const bool found = path != NULL && file_exists(path);
    memory_free(path);
    return found;
}

/* Of all[count], those that a list names, in its order; memory_free() *out. */
static status keep_listed(sample **out, size_t *out_count, const sample *all, size_t count, const char *path,
                          enum stem_kind kind)
{
    stem_index index = {0};
    size_t *numbers = NULL, named;
    status result;
    TRY_DONE(stem_index_create(&index, all, count, kind));
    TRY_DONE(memory_new(&numbers, count));
    TRY_DONE(stem_list_read(numbers, &named, path, &index));
    result = named > 0 ? POLYP_OK : fail(POLYP_ERR_FORMAT, "%s: the split names no pictures", path);
    if (result != POLYP_OK) goto done;
    TRY_DONE(memory_new(out, named));
    for (size_t i = 0; i < named; i++) (*out)[i] = all[numbers[i]];
    *out_count = named;
done:
    memory_free(numbers);
    stem_index_free(&index);
    return result;
}

/* Replace all pairs of a part by those of its split. */
static status apply_split(data_part *p, const char *split)
{
    if (split == NULL) return POLYP_OK;
    if (!is_split_name(split)) {
        return fail(POLYP_ERR_ARGUMENT,
                    "split '%s': give the name of a file in splits/ without .txt, or a path such as ./list.txt", split);
    }
    sample *kept;
    size_t count;
    char *path = dataset_split_path(p->home, split);
    if (path == NULL) return POLYP_ERR_MEMORY;
    const status result = keep_listed(&kept, &count, p->samples, p->count, path, STEMS_OF_OWN);
    memory_free(path);
    if (result != POLYP_OK) return result;
    memory_free(p->samples);
    p->samples = kept;
    p->count = count;
    return POLYP_OK;
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
    for (size_t i = 0; i < count; i++) TRY_DONE(apply_split(&parts[i], sources[i].split));
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
    TRY(keep_listed(&kept, &count, d->samples, d->count, list, STEMS_OF_ALL));
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
    TRY_DONE(arena_create(&d.arena, 64 * 1024));
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

status dataset_open(dataset *out, const char *data, const char *split)
{
    const bool listed = split != NULL && dataset_split_is_list(split);
    const data_source source = {data, listed ? NULL : split, 1.0};
    return dataset_open_many(out, &source, 1, listed ? split : NULL);
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
