/* Which pictures `polyp predict` takes. */
#include "commands_predict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/status.h"

enum { ARENA_CHUNK = 1 << 16, LIST_ROOM = 64 };

/* ---- inputs --------------------------------------------------------------------------------------------- */

static status add_picture(picture_list *list, const char *path)
{
    if (list->count == list->room) {
        const size_t room = list->room ? 2 * list->room : LIST_ROOM;
        TRY(memory_resize(&list->items, list->room, room));
        list->room = room;
    }
    picture_item *const item = &list->items[list->count];
    char *const stem = path_stem(path);
    item->path = arena_text(list->arena, path);
    item->stem = stem ? arena_text(list->arena, stem) : NULL;
    memory_free(stem);
    if (!item->path || !item->stem) return POLYP_ERR_MEMORY;
    list->count++;
    return POLYP_OK;
}

bool command_names_picture(const char *name)
{
    static const char *const endings[] = {".jpg", ".jpeg", ".png", ".tif", ".tiff"};
    const char *const dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof endings[0]; i++) {
        if (strcasecmp(dot, endings[i]) == 0) return true;
    }
    return false;
}

static status add_folder(picture_list *list, const char *folder)
{
    name_list names;
    const size_t before = list->count;
    TRY(folder_list(&names, folder));
    status result = POLYP_OK;
    for (size_t i = 0; i < names.count && result == POLYP_OK; i++) {
        if (!command_names_picture(names.names[i])) continue; /* other files may lie about */
        char *const path = path_join(folder, names.names[i]);
        result = path ? add_picture(list, path) : POLYP_ERR_MEMORY;
        memory_free(path);
    }
    name_list_free(&names);
    if (result != POLYP_OK || list->count > before) return result;
    return fail(POLYP_ERR_FILE, "%s: has no .jpg, .jpeg, .png, .tif or .tiff in it", folder);
}

static int compare_stems(const void *a, const void *b)
{
    return strcmp((*(const picture_item *const *)a)->stem, (*(const picture_item *const *)b)->stem);
}

/* Masks are named by stem: two of one stem would write over each other. */
static status check_stems(const picture_list *list)
{
    const picture_item **sorted = NULL;
    status result = POLYP_OK;
    TRY(memory_new(&sorted, list->count));
    for (size_t i = 0; i < list->count; i++) sorted[i] = &list->items[i];
    qsort(sorted, list->count, sizeof *sorted, compare_stems);
    for (size_t i = 1; i < list->count && result == POLYP_OK; i++) {
        if (compare_stems(&sorted[i - 1], &sorted[i]) != 0) continue;
        result = fail(POLYP_ERR_ARGUMENT, "%s and %s would both become %s.png; predict them into two folders",
                      sorted[i - 1]->path, sorted[i]->path, sorted[i]->stem);
    }
    memory_free(sorted);
    return result;
}

/* `polyp predict MODEL pictures --out pictures` must not destroy pictures/a.png. */
static status check_overwriting(const picture_list *list, const char *out)
{
    for (size_t i = 0; i < list->count; i++) {
        const picture_item *const item = &list->items[i];
        char *const path = memory_format("%s/%s.png", out, item->stem);
        if (!path) return POLYP_ERR_MEMORY;
        const bool same = file_is_same(path, item->path);
        memory_free(path);
        if (same) {
            return fail(POLYP_ERR_ARGUMENT, "%s: its mask would be written over it; choose another --out", item->path);
        }
    }
    return POLYP_OK;
}

status predict_inputs(picture_list *out, const predict_options *options)
{
    TRY(arena_create(&out->arena, ARENA_CHUNK));
    for (size_t i = 0; i < options->path_count; i++) {
        const char *const path = options->paths[i];
        TRY(folder_exists(path) ? add_folder(out, path) : add_picture(out, path));
    }
    TRY(check_stems(out));
    return check_overwriting(out, options->out);
}

void picture_list_free(picture_list *list)
{
    memory_free(list->items);
    arena_destroy(list->arena);
    *list = (picture_list){0};
}
