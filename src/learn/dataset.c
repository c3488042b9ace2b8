/* The folder as a list: pairs by stem, split files, selections. Reading one sample is in sample.c. */
#include "learn/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

enum {
    SHOWN_STEMS = 3,            /* how many stems a message names */
    SPLIT_LIMIT = 64 * 1000000, /* bytes of a split file */
};

/* Other files (Thumbs.db, notes) may lie among the pictures. What is listed here but cannot be decoded fails when it is
 * read, by name: better than to be left out in silence. */
static bool is_picture_name(const char *name)
{
    static const char *const endings[] = {"jpg", "jpeg", "png", "tif", "tiff", "bmp", "webp", "gif", "jfif"};
    const char *dot = strrchr(name, '.');
    if (dot == NULL) return false;
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        if (strcasecmp(dot + 1, endings[i]) == 0) return true;
    }
    return false;
}

/* ---- one folder of pictures ---------------------------------------------------------------- */

typedef struct entry {
    const char *stem, *path;
} entry;

typedef struct entry_list {
    entry *entries; /* sorted by stem */
    size_t count;
    const char *folder;
} entry_list;

static int compare_entries(const void *a, const void *b)
{
    const entry *first = a, *second = b;
    const int by_stem = strcmp(first->stem, second->stem);
    return by_stem != 0 ? by_stem : strcmp(first->path, second->path);
}

static char *arena_join(arena *a, const char *folder, const char *name)
{
    const size_t size = strlen(folder) + strlen(name) + 2;
    char *path = arena_take(a, size, 1);
    if (path != NULL) (void)snprintf(path, size, "%s/%s", folder, name);
    return path;
}

static char *arena_stem(arena *a, const char *name)
{
    char *stem = arena_text(a, name);
    if (stem == NULL) return NULL;
    char *dot = strrchr(stem, '.');
    if (dot != NULL && dot != stem) *dot = '\0';
    return stem;
}

static status fill_entries(entry_list *list, arena *a, const name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (!is_picture_name(names->names[i])) continue;
        entry *e = &list->entries[list->count++];
        e->stem = arena_stem(a, names->names[i]);
        e->path = arena_join(a, list->folder, names->names[i]);
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

/* The pictures of FOLDER/NAME; entries are the caller's to free, their strings the arena's. */
static status list_entries(entry_list *out, arena *a, const char *folder, const char *name)
{
    name_list names = {0};
    entry_list list = {.folder = arena_join(a, folder, name)};
    if (list.folder == NULL) return POLYP_ERR_MEMORY;
    if (!folder_exists(list.folder)) {
        return fail(POLYP_ERR_FILE, "%s: no such folder; a data set has images/ and masks/, paired by file stem",
                    list.folder);
    }
    status result;
    TRY_DONE(folder_list(&names, list.folder));
    TRY_DONE(memory_new(&list.entries, names.count));
    TRY_DONE(fill_entries(&list, a, &names));
    TRY_DONE(check_stems_differ(&list));
    *out = list;
    list.entries = NULL;
done:
    memory_free(list.entries);
    name_list_free(&names);
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

static status fail_lonely(const char *folder, const lonely *images, const lonely *masks)
{
    if (masks->count == 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: %zu of the pictures have no mask of the same stem: %s; add or remove them",
                    folder, images->count, images->words);
    }
    if (images->count == 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: %zu of the masks have no picture of the same stem: %s; add or remove them",
                    folder, masks->count, masks->words);
    }
    return fail(POLYP_ERR_MISMATCH,
                "%s: %zu of the pictures have no mask of the same stem: %s; %zu of the masks have no picture: %s; "
                "add or remove them",
                folder, images->count, images->words, masks->count, masks->words);
}

/* Both lists are sorted by stem, so one walk pairs them. */
static status pair_entries(dataset *d, const char *folder, const entry_list *images, const entry_list *masks)
{
    lonely no_mask = {0}, no_image = {0};
    size_t i = 0, m = 0;
    while (i < images->count || m < masks->count) {
        const int order = i == images->count  ? 1
                          : m == masks->count ? -1
                                              : strcmp(images->entries[i].stem, masks->entries[m].stem);
        if (order == 0) {
            const entry *image = &images->entries[i++];
            d->samples[d->count++] = (sample){image->stem, image->path, masks->entries[m++].path, 1.0};
        } else if (order < 0) {
            add_lonely(&no_mask, images->entries[i++].stem);
        } else {
            add_lonely(&no_image, masks->entries[m++].stem);
        }
    }
    if (no_mask.count + no_image.count > 0) return fail_lonely(folder, &no_mask, &no_image);
    if (d->count == 0) return fail(POLYP_ERR_FORMAT, "%s: images/ and masks/ hold no pictures", folder);
    return POLYP_OK;
}

static status open_pairs(dataset *d, const char *folder)
{
    entry_list images = {0}, masks = {0};
    status result;
    TRY_DONE(list_entries(&images, d->arena, folder, "images"));
    TRY_DONE(list_entries(&masks, d->arena, folder, "masks"));
    TRY_DONE(memory_new(&d->samples, images.count));
    TRY_DONE(pair_entries(d, folder, &images, &masks));
done:
    memory_free(images.entries);
    memory_free(masks.entries);
    return result;
}

/* ---- splits -------------------------------------------------------------------------------- */

static bool is_split_name(const char *name)
{
    return name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL;
}

/* A file elsewhere, such as the valid.txt that a training run leaves beside its model. */
static bool is_split_file(const char *split)
{
    const size_t length = strlen(split);
    return strchr(split, '/') != NULL && length > 4 && strcmp(split + length - 4, ".txt") == 0;
}

/* memory_free() it; NULL after fail(MEMORY) */
static char *split_path(const char *folder, const char *split)
{
    if (is_split_file(split)) return memory_text(split);
    return memory_format("%s/splits/%s.txt", folder, split);
}

bool dataset_has_split(const char *folder, const char *split)
{
    if (!is_split_name(split)) return false;
    char *path = split_path(folder, split);
    const bool found = path != NULL && file_exists(path);
    memory_free(path);
    return found;
}

static int compare_stem(const void *key, const void *element)
{
    return strcmp(key, ((const sample *)element)->stem);
}

/* Some published lists name files, not stems: the part after the last dot is dropped when the whole is not found. */
static const sample *find_sample(const dataset *all, char *line)
{
    const sample *found = bsearch(line, all->samples, all->count, sizeof *all->samples, compare_stem);
    char *dot = strrchr(line, '.');
    if (found != NULL || dot == NULL || !is_picture_name(line)) return found;
    *dot = '\0';
    found = bsearch(line, all->samples, all->count, sizeof *all->samples, compare_stem);
    *dot = '.';
    return found;
}

/* Cut the next line off `*text`, without the white space around it (so CRLF needs no rule of its own). */
static char *next_line(char **text)
{
    static const char white[] = " \t\r\v\f";
    char *line = *text;
    char *end = strchr(line, '\n');
    *text = end != NULL ? end + 1 : line + strlen(line);
    if (end == NULL) end = *text;
    while (end > line && strchr(white, end[-1]) != NULL) end--;
    *end = '\0';
    return line + strspn(line, white);
}

/* Samples that a split file names, in its order; `text` is cut into lines. `named` has one flag per sample of `all`. */
static status pick_lines(dataset *out, const dataset *all, bool *named, char *text, const char *path)
{
    size_t missing = 0, number = 0, first_number = 0;
    const char *first_missing = NULL;
    while (*text != '\0') {
        char *line = next_line(&text);
        number++;
        if (*line == '\0' || *line == '#') continue;
        const sample *found = find_sample(all, line);
        if (found == NULL) {
            if (missing++ == 0) first_missing = line, first_number = number;
            continue;
        }
        bool *seen = &named[found - all->samples];
        if (*seen) return fail(POLYP_ERR_MISMATCH, "%s:%zu: %s is named twice; remove one", path, number, line);
        *seen = true;
        out->samples[out->count++] = *found;
    }
    if (missing > 0) {
        return fail(POLYP_ERR_MISMATCH,
                    "%s:%zu: %.100s is not in the data set (%zu such lines); mend the split or add the picture", path,
                    first_number, first_missing, missing);
    }
    return out->count > 0 ? POLYP_OK : fail(POLYP_ERR_FORMAT, "%s: the split names no pictures", path);
}

/* The file as text with a zero at its end; memory_free() it. */
static status read_text(char **out, const char *path)
{
    file_bytes bytes;
    TRY(file_read(&bytes, path, SPLIT_LIMIT));
    status result;
    char *text = NULL;
    if (memchr(bytes.data, '\0', bytes.size) != NULL) {
        result = fail(POLYP_ERR_FORMAT, "%s: not a text file; a split has one stem a line", path);
        goto done;
    }
    TRY_DONE(memory_new(&text, bytes.size + 1));
    const bool has_mark = bytes.size >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0; /* Windows' editor writes it */
    const size_t skip = has_mark ? 3 : 0;
    if (bytes.size > skip) memcpy(text, bytes.data + skip, bytes.size - skip);
    *out = text;
done:
    file_close(&bytes);
    return result;
}

/* Replace the list of all pairs by those of the split. */
static status apply_split(dataset *d, const char *folder, const char *split)
{
    if (!is_split_name(split) && !is_split_file(split))
        return fail(POLYP_ERR_ARGUMENT,
                    "split '%s': give the name of a file in splits/ without .txt, or a path such as ./list.txt", split);
    dataset chosen = {.arena = d->arena};
    bool *named = NULL;
    char *text = NULL;
    status result = POLYP_ERR_MEMORY;
    char *path = split_path(folder, split);
    if (path == NULL) goto done;
    TRY_DONE(read_text(&text, path));
    TRY_DONE(memory_new(&named, d->count));
    TRY_DONE(memory_new(&chosen.samples, d->count));
    TRY_DONE(pick_lines(&chosen, d, named, text, path));
    memory_free(d->samples);
    *d = chosen;
    chosen.samples = NULL;
done:
    memory_free(chosen.samples);
    memory_free(named);
    memory_free(text);
    memory_free(path);
    return result;
}

/* ---- the whole ----------------------------------------------------------------------------- */

status dataset_open(dataset *out, const char *folder, const char *split)
{
    dataset d = {0};
    status result;
    if (!folder_exists(folder)) return fail(POLYP_ERR_FILE, "%s: no such folder", folder);
    TRY_DONE(arena_create(&d.arena, 64 * 1024));
    TRY_DONE(open_pairs(&d, folder));
    if (split != NULL) TRY_DONE(apply_split(&d, folder, split));
    *out = d;
    return POLYP_OK;
done:
    dataset_free(&d);
    return result;
}

void dataset_free(dataset *d)
{
    if (d == NULL) return;
    memory_free(d->samples);
    arena_destroy(d->arena);
    *d = (dataset){0};
}

status dataset_select(dataset *out, const dataset *from, const size_t *index, size_t count)
{
    dataset d = {.count = count};
    TRY(memory_new(&d.samples, count));
    for (size_t i = 0; i < count; i++) d.samples[i] = from->samples[index[i]];
    *out = d;
    return POLYP_OK;
}
