/* Two folders paired by file stem, and the list of pictures that need no mask. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/lists.h"
#include "learn/parts.h"

enum { SHOWN_STEMS = 3 /* how many stems a message names */ };

/* ---- one folder of pictures ---------------------------------------------------------------- */

typedef struct entry {
    const char *stem, *path;
} entry;

typedef struct entry_list {
    entry *entries; /* sorted by stem */
    size_t count;
} entry_list;

static int compare_entries(const void *a, const void *b)
{
    const entry *first = a, *second = b;
    const int by_stem = strcmp(first->stem, second->stem);
    return by_stem != 0 ? by_stem : strcmp(first->path, second->path);
}

static char *arena_stem(arena *a, const char *name)
{
    char *stem = arena_text(a, name);
    if (stem == NULL) return NULL;
    char *dot = strrchr(stem, '.');
    if (dot != NULL && dot != stem) *dot = '\0';
    return stem;
}

static status fill_entries(entry_list *list, arena *a, const char *folder, const name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!is_picture_name(names->names[i])) continue;
        entry *e = &list->entries[list->count++];
        e->stem = arena_stem(a, names->names[i]);
        e->path = arena_format(a, "%s/%s", folder, names->names[i]);
        if (e->stem == NULL || e->path == NULL) return POLYP_ERR_MEMORY;
    }
    qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
    return POLYP_OK;
}

static status check_stems_differ(const entry_list *list)
{
    for (size_t i = 1; i < list->count; i++) {
        if (strcmp(list->entries[i - 1].stem, list->entries[i].stem) != 0) continue;
        return fail(POLYP_ERR_MISMATCH,
                    "%s and %s have the same stem, so it is not clear which one is meant; remove one",
                    list->entries[i - 1].path, list->entries[i].path);
    }
    return POLYP_OK;
}

/* The pictures of a folder; entries are the caller's to free, their strings the arena's. */
static status list_entries(entry_list *out, arena *a, const char *folder)
{
    name_list names = {0};
    entry_list list = {0};
    status result;
    TRY_DONE(folder_list(&names, folder));
    TRY_DONE(memory_new(&list.entries, names.count));
    TRY_DONE(fill_entries(&list, a, folder, &names));
    TRY_DONE(check_stems_differ(&list));
    *out = list;
    list.entries = NULL;
done:
    memory_free(list.entries);
    name_list_free(&names);
    return result;
}

/* ---- pictures, and which of them show no polyp --------------------------------------------- */

static status fill_samples(data_part *p, const entry_list *images)
{
    TRY(memory_new(&p->samples, images->count));
    for (size_t i = 0; i < images->count; i++) {
        p->samples[i] = sample_new(images->entries[i].stem, images->entries[i].path);
    }
    p->count = images->count;
    return POLYP_OK;
}

static status read_negatives(data_part *p, const char *path)
{
    if (!file_exists(path)) return POLYP_OK;
    stem_index index = {0};
    size_t *numbers = NULL, count;
    status result;
    TRY_DONE(stem_index_create(&index, p->samples, p->count, STEMS_OF_OWN));
    TRY_DONE(memory_new(&numbers, p->count));
    TRY_DONE(stem_list_read(numbers, &count, path, &index));
    for (size_t i = 0; i < count; i++) p->samples[numbers[i]].negative = true;
done:
    memory_free(numbers);
    stem_index_free(&index);
    return result;
}

/* ---- pairs --------------------------------------------------------------------------------- */

/* Stems that one side has alone: counted, the first few kept as words. */
typedef struct lonely {
    size_t count;
    char words[200];
} lonely;

static void add_lonely(lonely *l, const char *stem)
{
    const size_t used = strlen(l->words);
    if (l->count < SHOWN_STEMS) {
        (void)snprintf(l->words + used, sizeof l->words - used, "%s%.60s", l->count > 0 ? ", " : "", stem);
    } else if (l->count == SHOWN_STEMS) {
        (void)snprintf(l->words + used, sizeof l->words - used, ", ...");
    }
    l->count++;
}

static status fail_lonely(const char *data, const lonely *images, const lonely *masks)
{
    static const char advice[] = "add the masks, or name pictures that show no polyp in negatives.txt";
    if (masks->count == 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: %zu of the pictures have no mask of the same stem: %s; %s", data,
                    images->count, images->words, advice);
    }
    if (images->count == 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: %zu of the masks have no picture of the same stem: %s; add or remove them",
                    data, masks->count, masks->words);
    }
    return fail(POLYP_ERR_MISMATCH,
                "%s: %zu of the pictures have no mask of the same stem: %s; %zu of the masks have no picture: %s; %s",
                data, images->count, images->words, masks->count, masks->words, advice);
}

/* Both lists are sorted by stem, so one walk pairs them. */
static status pair_masks(data_part *p, const entry_list *masks, const char *data)
{
    lonely no_mask = {0}, no_image = {0};
    size_t i = 0, m = 0;
    while (i < p->count || m < masks->count) {
        const int order = i == p->count       ? 1
                          : m == masks->count ? -1
                                              : strcmp(p->samples[i].stem, masks->entries[m].stem);
        if (order == 0) {
            p->samples[i++].mask = masks->entries[m++].path;
        } else if (order > 0) {
            add_lonely(&no_image, masks->entries[m++].stem);
        } else {
            if (!p->samples[i].negative) add_lonely(&no_mask, p->samples[i].stem);
            i++;
        }
    }
    return no_mask.count + no_image.count > 0 ? fail_lonely(data, &no_mask, &no_image) : POLYP_OK;
}

status pairs_read(data_part *p, arena *a)
{
    const layout *const l = &p->layout;
    entry_list pictures = {0}, truths = {0};
    const char *const negatives = arena_format(a, "%s/negatives.txt", l->home);
    status result = POLYP_ERR_MEMORY;
    if (negatives == NULL) goto done;
    TRY_DONE(list_entries(&pictures, a, l->images));
    if (l->masks != NULL) TRY_DONE(list_entries(&truths, a, l->masks));
    TRY_DONE(fill_samples(p, &pictures));
    TRY_DONE(read_negatives(p, negatives));
    TRY_DONE(pair_masks(p, &truths, l->home));
    if (p->count == 0) result = fail(POLYP_ERR_FORMAT, "%s: its folders hold no pictures", l->home);
done:
    memory_free(pictures.entries);
    memory_free(truths.entries);
    return result;
}
