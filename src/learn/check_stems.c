/* The folders of a check as a list: stems with their files, without refusing anything that can be told. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "learn/check_impl.h"
#include "learn/lists.h"
#include "learn/parts.h"

enum { FIRST_ROOM = 256 };

/* ---- names of one folder -------------------------------------------------------------------- */

typedef struct entry {
    const char *stem;
    const char *path;
} entry;

typedef struct entry_list {
    entry *entries; /* by stem, then by path */
    size_t count;
} entry_list;

static int compare_entries(const void *a, const void *b)
{
    const entry *const x = a, *const y = b;
    const int by_stem = strcmp(x->stem, y->stem);
    return by_stem != 0 ? by_stem : strcmp(x->path, y->path);
}

static status keep_entry(entry *e, arena *a, const char *folder, const char *name)
{
    char *const path = path_join(folder, name), *const stem = path_stem(name);
    e->path = path ? arena_text(a, path) : NULL;
    e->stem = stem ? arena_text(a, stem) : NULL;
    memory_free(path);
    memory_free(stem);
    return e->path && e->stem ? POLYP_OK : POLYP_ERR_MEMORY;
}

/* Files whose names are no pictures' are told and passed over. */
static status keep_names(entry_list *list, check_work *w, const char *folder, const name_list *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (is_picture_name(names->names[i])) {
            TRY(keep_entry(&list->entries[list->count++], w->report->arena, folder, names->names[i]));
        } else {
            TRY(check_add(w, check_new(CHECK_OTHER_FILES), "%s/%s", folder, names->names[i]));
        }
    }
    qsort(list->entries, list->count, sizeof *list->entries, compare_entries);
    return POLYP_OK;
}

/* Of several files with one stem the first is taken, the others are told. */
static status drop_same_stems(entry_list *list, check_work *w)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        const entry *const last = kept > 0 ? &list->entries[kept - 1] : NULL;
        if (last && strcmp(last->stem, list->entries[i].stem) == 0) {
            TRY(check_add(w, check_new(CHECK_SAME_STEM), "%s: %s has the same stem", list->entries[i].path,
                          last->path));
        } else {
            list->entries[kept++] = list->entries[i];
        }
    }
    list->count = kept;
    return POLYP_OK;
}

/* The pictures of a folder; free the entries, their strings are the arena's. */
static status list_entries(entry_list *out, check_work *w, const char *folder)
{
    name_list names = {0};
    entry_list list = {0};
    status result;
    TRY_DONE(folder_list(&names, folder));
    TRY_DONE(memory_new(&list.entries, names.count));
    TRY_DONE(keep_names(&list, w, folder, &names));
    TRY_DONE(drop_same_stems(&list, w));
    *out = list;
    list.entries = NULL;
done:
    memory_free(list.entries);
    name_list_free(&names);
    return result;
}

/* ---- stems ---------------------------------------------------------------------------------- */

static status add_stem(check_work *w, size_t set, const entry *image, const entry *mask)
{
    check_report *const r = w->report;
    if (r->count == w->picture_room) {
        const size_t room = w->picture_room ? 2 * w->picture_room : FIRST_ROOM;
        TRY(memory_resize(&r->pictures, w->picture_room, room));
        w->picture_room = room;
    }
    check_picture *const p = &r->pictures[r->count];
    r->count++;
    *p = (check_picture){.stem = image ? image->stem : mask->stem,
                         .image = image ? image->path : NULL,
                         .mask = mask ? mask->path : NULL,
                         .set = set,
                         .orientation = 1,
                         .mask_orientation = 1,
                         .group = -1,
                         .polyp_share = (double)NAN};
    return POLYP_OK;
}

/* Both lists are by stem: one walk pairs them. */
static status pair_entries(check_work *w, size_t set, const entry_list *images, const entry_list *masks)
{
    size_t i = 0, m = 0;
    while (i < images->count || m < masks->count) {
        const entry *const image = i < images->count ? &images->entries[i] : NULL;
        const entry *const mask = m < masks->count ? &masks->entries[m] : NULL;
        const int order = !mask ? -1 : !image ? 1 : strcmp(image->stem, mask->stem);
        TRY(add_stem(w, set, order <= 0 ? image : NULL, order >= 0 ? mask : NULL));
        i += order <= 0;
        m += order >= 0;
    }
    return POLYP_OK;
}

static status list_pairs(check_work *w, size_t set)
{
    const layout *const l = &w->report->sets[set].layout;
    entry_list images = {0}, masks = {0};
    status result;
    TRY_DONE(list_entries(&images, w, l->images));
    if (l->masks) TRY_DONE(list_entries(&masks, w, l->masks));
    TRY_DONE(pair_entries(w, set, &images, &masks));
done:
    memory_free(images.entries);
    memory_free(masks.entries);
    return result;
}

/* The other layouts name their pairs themselves: the reader of data sets stops at the first mistake. */
static status list_part(check_work *w, size_t set)
{
    check_report *const r = w->report;
    data_part part;
    TRY(part_open(&part, r->arena, r->sets[set].folder, &w->groups));
    status result = POLYP_OK;
    for (size_t i = 0; i < part.count && result == POLYP_OK; i++) {
        const sample *const s = &part.samples[i];
        const char *const words =
            s->shapes ? arena_format(r->arena, "%s: %s", r->sets[set].folder, s->stem) : s->mask;
        result = s->shapes && !words ? POLYP_ERR_MEMORY : add_stem(w, set, &(entry){s->stem, s->image}, NULL);
        if (result != POLYP_OK) break;
        check_picture *const p = &r->pictures[r->count - 1];
        p->mask = words;
        p->shapes = s->shapes;
        p->own_split = s->split;
        p->negative = s->negative;
        p->group = s->group;
    }
    part_free(&part);
    return result;
}

static status list_set(check_work *w, size_t set)
{
    check_set *const s = &w->report->sets[set];
    TRY(layout_find(&s->layout, w->report->arena, s->folder));
    return s->layout.kind == LAYOUT_PAIRS ? list_pairs(w, set) : list_part(w, set);
}

/* "a/b/" -> "b"; what has no such part stays as it is. */
static const char *name_of_folder(arena *a, const char *folder)
{
    char *const name = arena_text(a, folder);
    if (!name) return NULL;
    for (size_t n = strlen(name); n > 1 && name[n - 1] == '/'; n--) name[n - 1] = '\0';
    const char *const slash = strrchr(name, '/');
    return slash && slash[1] != '\0' && slash[1] != '.' ? slash + 1 : name;
}

status check_list_pictures(check_work *w)
{
    check_report *const r = w->report;
    const char *const *const folders = w->settings->folders;
    TRY(memory_new(&r->sets, w->settings->folder_count));
    for (size_t i = 0; i < w->settings->folder_count; i++) {
        const char *const folder = arena_text(r->arena, folders[i]), *const name = name_of_folder(r->arena, folders[i]);
        if (!folder || !name) return POLYP_ERR_MEMORY;
        r->sets[r->set_count++] = (check_set){.folder = folder, .name = name};
        TRY(list_set(w, i));
    }
    return r->count > 0 ? POLYP_OK : fail(POLYP_ERR_FORMAT, "%s: images/ and masks/ hold no pictures", folders[0]);
}
