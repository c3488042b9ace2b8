/* Layouts by their folders' names, and by a file's ending. */
#include "learn/layout.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"

typedef struct folder_pair {
    const char *images, *masks;
} folder_pair;

/* Ours; PraNet's and its family's, who mix both; CVC-ClinicDB's. */
static const folder_pair pairs[] = {
    {"images", "masks"}, {"image", "mask"}, {"image", "masks"}, {"images", "mask"}, {"Original", "Ground Truth"},
};
enum { PAIRS = sizeof pairs / sizeof *pairs };

static const char NO_FOLDERS[] = "a data set has images/ and masks/, paired by file stem";

/* ---- what is there ------------------------------------------------------------------------- */

static bool has_folder(const char *data, const char *name)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", data, name);
    return length > 0 && (size_t)length < sizeof path && folder_exists(path);
}

static bool has_file(const char *data, const char *name)
{
    char path[4096];
    const int length = snprintf(path, sizeof path, "%s/%s", data, name);
    return length > 0 && (size_t)length < sizeof path && file_exists(path);
}

static bool has_pair(const char *data, size_t i)
{
    return has_folder(data, pairs[i].images) && has_folder(data, pairs[i].masks);
}

static bool is_pranet(const char *data)
{
    return has_folder(data, "TrainDataset") || has_folder(data, "TestDataset");
}

static bool ends_with(const char *path, const char *ending)
{
    const size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

/* ---- no layout ----------------------------------------------------------------------------- */

/* Folders below that are data sets themselves, as words: "PNG, TIF". */
static status name_sets_below(char *words, size_t room, const char *data)
{
    name_list names = {0};
    size_t used = 0;
    words[0] = '\0';
    TRY(folder_list_folders(&names, data));
    for (size_t i = 0; i < names.count; i++) {
        char below[4096];
        const int length = snprintf(below, sizeof below, "%s/%s", data, names.names[i]);
        if (length < 0 || (size_t)length >= sizeof below) continue;
        bool found = is_pranet(below);
        for (size_t k = 0; k < PAIRS && !found; k++) found = has_pair(below, k);
        if (!found || used + strlen(names.names[i]) + 3 > room) continue;
        used += (size_t)snprintf(words + used, room - used, "%s%s", used > 0 ? ", " : "", names.names[i]);
    }
    name_list_free(&names);
    return POLYP_OK;
}

static status fail_without_layout(const char *data)
{
    char below[200];
    TRY(name_sets_below(below, sizeof below, data));
    if (below[0] != '\0') {
        return fail(POLYP_ERR_FILE, "%s: no data set itself, but a folder of some: %s; name one of them", data, below);
    }
    for (size_t i = 0; i < PAIRS; i++) {
        if (!has_folder(data, pairs[i].images)) continue;
        return fail(POLYP_ERR_FILE, "%s/%s: no such folder; %s", data, pairs[i].masks, NO_FOLDERS);
    }
    return fail(POLYP_ERR_FILE, "%s/images: no such folder; %s", data, NO_FOLDERS);
}

/* ---- folders ------------------------------------------------------------------------------- */

static status set_pair(layout *l, arena *a, const char *images, const char *masks)
{
    l->kind = LAYOUT_PAIRS;
    l->images = arena_format(a, "%s/%s", l->home, images);
    l->masks = masks != NULL ? arena_format(a, "%s/%s", l->home, masks) : NULL;
    return l->images != NULL && (masks == NULL || l->masks != NULL) ? POLYP_OK : POLYP_ERR_MEMORY;
}

/* Frames without polyps alone need no folder of masks. */
static status find_without_masks(layout *l, arena *a)
{
    static const char *const folders[] = {"images", "image", "Original"};
    for (size_t i = 0; has_file(l->home, "negatives.txt") && i < sizeof folders / sizeof *folders; i++) {
        if (has_folder(l->home, folders[i])) return set_pair(l, a, folders[i], NULL);
    }
    return fail_without_layout(l->home);
}

static status find_in_folder(layout *l, arena *a)
{
    size_t found = PAIRS;
    for (size_t i = 0; i < PAIRS; i++) {
        if (!has_pair(l->home, i)) continue;
        if (found < PAIRS) {
            return fail(POLYP_ERR_MISMATCH,
                        "%s: holds %s/ with %s/ and %s/ with %s/, so it is not clear which are meant; move one away",
                        l->home, pairs[found].images, pairs[found].masks, pairs[i].images, pairs[i].masks);
        }
        found = i;
    }
    const bool pranet = is_pranet(l->home);
    if (found < PAIRS && pranet) {
        return fail(
            POLYP_ERR_MISMATCH,
            "%s: holds %s/ and also TrainDataset/ or TestDataset/, so it is not clear which are meant; move one "
            "away",
            l->home, pairs[found].images);
    }
    if (found < PAIRS) return set_pair(l, a, pairs[found].images, pairs[found].masks);
    l->kind = LAYOUT_PRANET;
    return pranet ? POLYP_OK : find_without_masks(l, a);
}

/* ---- the whole ----------------------------------------------------------------------------- */

static bool is_table(const char *data)
{
    return ends_with(data, ".csv") && file_exists(data);
}

static bool is_json(const char *data)
{
    return ends_with(data, ".json") && file_exists(data);
}

char *layout_home(const char *data)
{
    char *const home = memory_text(data);
    if (home == NULL) return NULL;
    if (is_table(data) || is_json(data)) {
        char *const slash = strrchr(home, '/');
        if (slash == NULL) {
            strcpy(home, ".");
        } else {
            slash[slash == home] = '\0';
        }
        return home;
    }
    for (size_t length = strlen(home); length > 1 && home[length - 1] == '/';) home[--length] = '\0';
    return home;
}

status layout_find(layout *out, arena *a, const char *data)
{
    layout l = {0};
    char *const home = layout_home(data);
    if (home == NULL) return POLYP_ERR_MEMORY;
    l.home = arena_text(a, home);
    memory_free(home);
    if (l.home == NULL) return POLYP_ERR_MEMORY;
    if (is_table(data)) {
        l.kind = LAYOUT_CSV;
    } else if (is_json(data)) {
        l.kind = LAYOUT_COCO;
    } else if (file_exists(data)) {
        return fail(POLYP_ERR_FORMAT, "%s: neither a folder nor a data set's .csv or .json file", data);
    } else if (!folder_exists(data)) {
        return fail(POLYP_ERR_FILE, "%s: no such folder", data);
    } else {
        TRY(find_in_folder(&l, a));
    }
    *out = l;
    return POLYP_OK;
}
