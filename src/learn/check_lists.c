/* The lists of a check: negatives, groups and splits, read as far as they can be. */
#include <string.h>

#include "base/file.h"
#include "learn/check_impl.h"
#include "learn/lists.h"

enum { LIST_LIMIT = 64 * 1000000, FIRST_ROOM = 256 }; /* bytes of a list; places of a first array */

/* ---- stems ---------------------------------------------------------------------------------- */

/* Place of a stem within a set; CHECK_NONE. Pictures of a set stand together, by stem. */
static size_t find_stem(const check_report *r, size_t set, const char *stem)
{
    size_t low = 0, high = r->count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const check_picture *const p = &r->pictures[middle];
        const int order = p->set != set ? (p->set < set ? -1 : 1) : strcmp(p->stem, stem);
        if (order == 0) return middle;
        if (order < 0) low = middle + 1;
        else high = middle;
    }
    return CHECK_NONE;
}

/* Some lists name files, not stems. */
static size_t find_named(const check_report *r, size_t set, char *line)
{
    const size_t found = find_stem(r, set, line);
    if (found != CHECK_NONE || !is_picture_name(line)) return found;
    char *const dot = strrchr(line, '.');
    *dot = '\0';
    const size_t without = find_stem(r, set, line);
    *dot = '.';
    return without;
}

/* ---- one stem a line ------------------------------------------------------------------------ */

/* What a list says: flags of the pictures that it names. */
typedef struct listing {
    check_work *work;
    const char *path;
    size_t set, split; /* split: CHECK_NONE for negatives */
    bool *named;       /* [pictures] */
    size_t count;
} listing;

static check_finding mistake_of(const listing *l)
{
    check_finding f = check_new(CHECK_LIST);
    f.split = l->split;
    return f;
}

static status take_line(listing *l, char *line, size_t number)
{
    check_finding mistake = mistake_of(l);
    const size_t place = find_named(l->work->report, l->set, line);
    if (place == CHECK_NONE) return check_add(l->work, mistake, "%s:%zu: %.100s is not there", l->path, number, line);
    mistake.picture = place;
    if (l->named[place]) return check_add(l->work, mistake, "%s:%zu: %.100s is named twice", l->path, number, line);
    l->named[place] = true;
    l->count++;
    return POLYP_OK;
}

static status take_lines(listing *l, char *text)
{
    static const char white[] = " \t\r\v\f";
    size_t number = 0;
    while (*text) {
        char *line = text, *end = strchr(text, '\n');
        text = end ? end + 1 : text + strlen(text);
        if (!end) end = text;
        while (end > line && strchr(white, end[-1])) end--;
        *end = '\0';
        line += strspn(line, white);
        number++;
        if (*line && *line != '#') TRY(take_line(l, line, number));
    }
    return l->count > 0 ? POLYP_OK : check_add(l->work, mistake_of(l), "%s: names no picture of the set", l->path);
}

static status read_list(listing *l)
{
    file_bytes bytes;
    char *text = NULL;
    status result = file_read(&bytes, l->path, LIST_LIMIT);
    if (result == POLYP_ERR_MEMORY) return result;
    if (result != POLYP_OK) return check_add(l->work, mistake_of(l), "%s", polyp_error());
    if (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size)) {
        result = check_add(l->work, mistake_of(l), "%s: not a text file; a list has one stem a line", l->path);
        goto done;
    }
    TRY_DONE(memory_new(&text, bytes.size + 1));
    const size_t mark = bytes.size >= 3 && memcmp(bytes.data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0; /* Windows' editor */
    if (bytes.size > mark) memcpy(text, bytes.data + mark, bytes.size - mark);
    TRY_DONE(take_lines(l, text));
done:
    memory_free(text);
    file_close(&bytes);
    return result;
}

/* ---- splits --------------------------------------------------------------------------------- */

/* `list` NULL: the whole set. */
static status add_split(check_work *w, size_t set, const char *list)
{
    check_report *const r = w->report;
    if (r->split_count == w->split_room) {
        const size_t room = w->split_room ? 2 * w->split_room : FIRST_ROOM;
        TRY(memory_resize(&r->splits, w->split_room, room));
        w->split_room = room;
    }
    check_split *const s = &r->splits[r->split_count];
    char *const name = !list              ? memory_text(r->sets[set].name)
                       : r->set_count > 1 ? memory_format("%s: %s", r->sets[set].name, list)
                                          : memory_text(list);
    *s = (check_split){.set = set, .name = name ? arena_text(r->arena, name) : NULL};
    s->list = list ? arena_text(r->arena, list) : NULL;
    memory_free(name);
    if (!s->name || (list && !s->list)) return POLYP_ERR_MEMORY;
    TRY(memory_new(&s->member, r->count));
    r->split_count++;
    return POLYP_OK;
}

static status read_split(check_work *w, size_t set, const char *list, const char *path)
{
    TRY(add_split(w, set, list));
    const size_t place = w->report->split_count - 1;
    check_split *const s = &w->report->splits[place];
    listing l = {.work = w, .path = path, .set = set, .split = place, .named = s->member};
    const status result = read_list(&l);
    s->count = l.count;
    return result;
}

static status read_splits(check_work *w, size_t set, const char *folder)
{
    name_list names = {0};
    TRY(folder_list(&names, folder));
    status result = POLYP_OK;
    for (size_t i = 0; i < names.count && result == POLYP_OK; i++) {
        const size_t length = strlen(names.names[i]);
        if (length <= 4 || strcmp(names.names[i] + length - 4, ".txt") != 0) continue;
        char *const path = path_join(folder, names.names[i]);
        names.names[i][length - 4] = '\0';
        result = path ? read_split(w, set, names.names[i], path) : POLYP_ERR_MEMORY;
        memory_free(path);
    }
    name_list_free(&names);
    return result;
}

static status tell_unlisted(check_work *w, size_t set, size_t first_list)
{
    const check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        bool named = r->pictures[i].set != set || !r->pictures[i].image;
        for (size_t s = first_list; s < r->split_count && !named; s++) named = r->splits[s].member[i];
        if (named) continue;
        check_finding unlisted = check_new(CHECK_NO_SPLIT);
        unlisted.picture = i;
        TRY(check_add(w, unlisted, "%s", r->pictures[i].stem));
    }
    return POLYP_OK;
}

static status add_whole(check_work *w, size_t set)
{
    TRY(add_split(w, set, NULL));
    check_split *const whole = &w->report->splits[w->report->split_count - 1];
    for (size_t i = 0; i < w->report->count; i++) {
        whole->member[i] = w->report->pictures[i].set == set;
        whole->count += whole->member[i];
    }
    return POLYP_OK;
}

/* The list that a layout's own split became; CHECK_NONE. */
static size_t find_own(const check_report *r, size_t set, const char *split)
{
    for (size_t s = 0; s < r->split_count; s++) {
        if (r->splits[s].set == set && r->splits[s].list && strcmp(r->splits[s].list, split) == 0) return s;
    }
    return CHECK_NONE;
}

/* What a table's column or PraNet's folders say. */
static status add_own(check_work *w, size_t set)
{
    const check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        const check_picture *const p = &r->pictures[i];
        if (p->set != set || !p->own_split) continue;
        if (find_own(r, set, p->own_split) == CHECK_NONE) TRY(add_split(w, set, p->own_split));
        check_split *const own = &r->splits[find_own(r, set, p->own_split)];
        own->member[i] = true;
        own->count++;
    }
    return POLYP_OK;
}

static status list_splits(check_work *w, size_t set)
{
    TRY(add_whole(w, set));
    const size_t first_list = w->report->split_count;
    TRY(add_own(w, set));
    char *const folder = path_join(w->report->sets[set].layout.home, "splits");
    if (!folder) return POLYP_ERR_MEMORY;
    const status listed = folder_exists(folder) ? read_splits(w, set, folder) : POLYP_OK;
    memory_free(folder);
    TRY(listed);
    return w->report->split_count > first_list ? tell_unlisted(w, set, first_list) : POLYP_OK;
}

/* ---- negatives and groups ------------------------------------------------------------------- */

static status read_negatives(check_work *w, size_t set)
{
    check_report *const r = w->report;
    char *const path = path_join(r->sets[set].layout.home, "negatives.txt");
    listing l = {.work = w, .path = path, .set = set, .split = CHECK_NONE};
    status result = path ? POLYP_OK : POLYP_ERR_MEMORY;
    if (path && file_exists(path)) {
        TRY_DONE(memory_new(&l.named, r->count));
        TRY_DONE(read_list(&l));
        for (size_t i = 0; i < r->count; i++) r->pictures[i].negative |= l.named[i];
    }
done:
    memory_free(l.named);
    memory_free(path);
    return result;
}

/* By the reader of data sets, which stops at the first mistake: that one is told, and no group is known. */
static status read_groups_of(check_work *w, size_t set, const char *path)
{
    check_report *const r = w->report;
    sample *samples = NULL;
    stem_index index = {0};
    status result;
    TRY_DONE(memory_new(&samples, r->count));
    for (size_t i = 0; i < r->count; i++) {
        const bool here = r->pictures[i].set == set;
        samples[i] = (sample){.stem = here ? r->pictures[i].stem : "", .group = -1};
    }
    TRY_DONE(stem_index_create(&index, samples, r->count, STEMS_OF_ALL));
    result = group_list_read(samples, &index, path, false, &w->groups);
    if (result == POLYP_OK) {
        for (size_t i = 0; i < r->count; i++)
            if (r->pictures[i].set == set) r->pictures[i].group = samples[i].group;
    } else if (result != POLYP_ERR_MEMORY) {
        result = check_add(w, check_new(CHECK_LIST), "%s", polyp_error());
    }
done:
    stem_index_free(&index);
    memory_free(samples);
    return result;
}

static status read_groups(check_work *w, size_t set)
{
    char *const path = path_join(w->report->sets[set].layout.home, "groups.csv");
    if (!path) return POLYP_ERR_MEMORY;
    const status result = file_exists(path) ? read_groups_of(w, set, path) : POLYP_OK;
    memory_free(path);
    return result;
}

/* ---- all of them ---------------------------------------------------------------------------- */

static status tell_lonely(check_work *w)
{
    const check_report *const r = w->report;
    for (size_t i = 0; i < r->count; i++) {
        const check_picture *const p = &r->pictures[i];
        check_finding lonely = check_new(p->image ? CHECK_NO_MASK : CHECK_NO_PICTURE);
        lonely.picture = i;
        if ((p->image && p->mask) || (p->image && p->negative)) continue;
        TRY(check_add(w, lonely, "%s", p->image ? p->image : p->mask));
    }
    return POLYP_OK;
}

status check_read_lists(check_work *w)
{
    for (size_t set = 0; set < w->report->set_count; set++) {
        if (w->report->sets[set].layout.kind == LAYOUT_PAIRS) { /* the others' came with their pictures */
            TRY(read_negatives(w, set));
            TRY(read_groups(w, set));
        }
        TRY(list_splits(w, set));
    }
    return tell_lonely(w);
}
