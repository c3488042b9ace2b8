/* A part opened by its layout, and divided by its splits. */
#include "learn/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/lists.h"

sample sample_new(const char *stem, const char *image)
{
    return (sample){.stem = stem, .name = stem, .image = image, .weight = 1.0, .group = -1, .ignore = -1};
}

/* ---- groups -------------------------------------------------------------------------------- */

/* Beside a file there may be a table that serves several files. */
static bool is_file(const data_part *p)
{
    return p->layout.kind == LAYOUT_CSV || p->layout.kind == LAYOUT_COCO;
}

static bool has_groups(const data_part *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (p->samples[i].group >= 0) return true;
    }
    return false;
}

static status read_groups(data_part *p, arena *a, int *next_group)
{
    const char *const path = arena_format(a, "%s/groups.csv", p->layout.home);
    if (path == NULL) return POLYP_ERR_MEMORY;
    if (!file_exists(path) || (p->layout.kind == LAYOUT_CSV && has_groups(p))) return POLYP_OK;
    stem_index index;
    TRY(stem_index_create(&index, p->samples, p->count, STEMS_OF_OWN));
    const status result = group_list_read(p->samples, &index, path, is_file(p), next_group);
    stem_index_free(&index);
    return result;
}

/* ---- PraNet's folders ---------------------------------------------------------------------- */

static const char TRAIN[] = "train", TEST[] = "test", TRAIN_FOLDER[] = "TrainDataset", TEST_FOLDER[] = "TestDataset";

typedef struct pranet {
    const char **names, **paths; /* of the data sets in it */
    size_t count;
} pranet;

static status add_set(pranet *sets, arena *a, const char *home, const char *folder, const char *name)
{
    const char *const path =
        folder != NULL ? arena_format(a, "%s/%s/%s", home, folder, name) : arena_format(a, "%s/%s", home, name);
    sets->paths[sets->count] = path;
    sets->names[sets->count] = arena_text(a, name);
    if (path == NULL || sets->names[sets->count] == NULL) return POLYP_ERR_MEMORY;
    sets->count++;
    return POLYP_OK;
}

/* TrainDataset, then the folders of TestDataset by name. */
static status list_sets(pranet *sets, arena *a, const char *home)
{
    const char *const train = arena_format(a, "%s/%s", home, TRAIN_FOLDER);
    const char *const test = arena_format(a, "%s/%s", home, TEST_FOLDER);
    name_list tests = {0};
    status result = POLYP_ERR_MEMORY;
    if (train == NULL || test == NULL) goto done;
    result = POLYP_OK;
    if (folder_exists(test)) TRY_DONE(folder_list_folders(&tests, test));
    TRY_DONE(memory_new(&sets->names, tests.count + 1));
    TRY_DONE(memory_new(&sets->paths, tests.count + 1));
    if (folder_exists(train)) TRY_DONE(add_set(sets, a, home, NULL, TRAIN_FOLDER));
    for (size_t i = 0; i < tests.count; i++) TRY_DONE(add_set(sets, a, home, TEST_FOLDER, tests.names[i]));
done:
    name_list_free(&tests);
    return result;
}

static int compare_stems(const void *a, const void *b)
{
    return strcmp(((const sample *)a)->stem, ((const sample *)b)->stem);
}

/* The sets' samples as those of `p`; each knows its set as a split of its own. */
static status take_samples(data_part *p, const data_part *parts, const pranet *sets)
{
    size_t total = 0;
    for (size_t i = 0; i < sets->count; i++) total += parts[i].count;
    TRY(memory_new(&p->samples, total));
    for (size_t i = 0; i < sets->count; i++) {
        for (size_t k = 0; k < parts[i].count; k++) {
            sample *const s = &p->samples[p->count++];
            *s = parts[i].samples[k];
            s->name = s->stem;
            s->split = strcmp(sets->names[i], TRAIN_FOLDER) == 0 ? TRAIN : sets->names[i];
        }
    }
    qsort(p->samples, p->count, sizeof *p->samples, compare_stems);
    return POLYP_OK;
}

static status pranet_read(data_part *p, arena *a, int *next_group)
{
    pranet sets = {0};
    data_part *parts = NULL;
    status result;
    TRY_DONE(list_sets(&sets, a, p->layout.home));
    TRY_DONE(memory_new(&parts, sets.count));
    for (size_t i = 0; i < sets.count; i++) TRY_DONE(part_open(&parts[i], a, sets.paths[i], next_group));
    TRY_DONE(parts_tell_apart(parts, sets.count, sets.names, a));
    TRY_DONE(take_samples(p, parts, &sets));
    if (p->count == 0) result = fail(POLYP_ERR_FORMAT, "%s: holds no pictures", p->layout.home);
done:
    for (size_t i = 0; parts != NULL && i < sets.count; i++) part_free(&parts[i]);
    memory_free(parts);
    memory_free(sets.names);
    memory_free(sets.paths);
    return result;
}

/* ---- opening ------------------------------------------------------------------------------- */

static status read_samples(data_part *p, arena *a, const char *data, int *next_group)
{
    switch (p->layout.kind) {
    case LAYOUT_PRANET: return pranet_read(p, a, next_group);
    case LAYOUT_CSV: return pairs_csv_read(p, a, data, next_group);
    case LAYOUT_COCO: return coco_read(p, a, data);
    case LAYOUT_PAIRS: break;
    }
    return pairs_read(p, a);
}

status part_open(data_part *out, arena *a, const char *data, int *next_group)
{
    data_part p = {0};
    status result = layout_find(&p.layout, a, data);
    if (result == POLYP_OK) result = read_samples(&p, a, data, next_group);
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

status samples_listed(sample **out, size_t *out_count, const sample *all, size_t count, const char *path, bool own)
{
    stem_index index = {0};
    size_t *numbers = NULL, named;
    status result;
    TRY_DONE(stem_index_create(&index, all, count, own ? STEMS_OF_OWN : STEMS_OF_ALL));
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

/* By the layout's own division. */
static bool is_in(const data_part *p, const sample *s, const char *split)
{
    if (s->split == NULL) return false;
    if (p->layout.kind == LAYOUT_PRANET && strcmp(split, TEST) == 0) return strcmp(s->split, TRAIN) != 0;
    return strcmp(s->split, split) == 0;
}

bool part_has_split(const data_part *p, const char *split)
{
    for (size_t i = 0; i < p->count; i++) {
        if (is_in(p, &p->samples[i], split)) return true;
    }
    return false;
}

static void keep_own(data_part *p, const char *split)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->count; i++) {
        if (is_in(p, &p->samples[i], split)) p->samples[kept++] = p->samples[i];
    }
    p->count = kept;
}

static status keep_listed(data_part *p, const char *path)
{
    sample *kept;
    size_t count;
    TRY(samples_listed(&kept, &count, p->samples, p->count, path, true));
    memory_free(p->samples);
    p->samples = kept;
    p->count = count;
    return POLYP_OK;
}

static status choose_split(data_part *p, const char *split, const char *path)
{
    const bool own = part_has_split(p, split), listed = file_exists(path);
    if (own && listed) {
        return fail(POLYP_ERR_MISMATCH, "split '%s' is in %s itself and also %s; remove the list or take another name",
                    split, p->layout.home, path);
    }
    if (!own && !listed && p->layout.kind != LAYOUT_PAIRS) {
        return fail(POLYP_ERR_FILE, "%s: has no split '%s', and there is no %s", p->layout.home, split, path);
    }
    if (!own) return keep_listed(p, path);
    keep_own(p, split);
    return POLYP_OK;
}

bool is_split_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

status part_apply_split(data_part *p, const char *split)
{
    if (!is_split_name(split)) {
        return fail(POLYP_ERR_ARGUMENT,
                    "split '%s': give the name of a file in splits/ without .txt, or a path such as ./list.txt", split);
    }
    char *path = memory_format("%s/splits/%s.txt", p->layout.home, split);
    if (path == NULL) return POLYP_ERR_MEMORY;
    const status result = choose_split(p, split, path);
    memory_free(path);
    return result;
}
