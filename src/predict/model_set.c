/* Opening the models of an ensemble. */
#include "predict/model_set.h"

#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "predict/shipped.h"

static status open_one(model_set *s, const char *path)
{
    if (*path == '\0') return fail(POLYP_ERR_ARGUMENT, "a model's path is empty: give MODEL or MODEL,MODEL");
    char shipped[SHIPPED_PATH];
    TRY(shipped_model_named(shipped, &path));
    TRY(model_open(&s->items[s->count], path));
    s->count++;
    return POLYP_OK;
}

static size_t count_commas(const char *text)
{
    size_t count = 0;
    for (; *text; text++) count += *text == ',';
    return count;
}

static status open_list(model_set *s, const char *paths)
{
    if (file_exists(paths)) return open_one(s, paths);
    char *const copy = memory_text(paths);
    status result = copy ? POLYP_OK : POLYP_ERR_MEMORY;
    for (char *path = copy; path && result == POLYP_OK;) {
        char *const comma = strchr(path, ',');
        if (comma) *comma = '\0';
        result = open_one(s, path);
        path = comma ? comma + 1 : NULL;
    }
    memory_free(copy);
    return result;
}

status model_set_open(model_set *out, const char *const *paths, size_t count)
{
    size_t room = count;
    *out = (model_set){0};
    for (size_t i = 0; i < count; i++) room += count_commas(paths[i]);
    TRY(memory_new(&out->items, room));
    for (size_t i = 0; i < count; i++) TRY(open_list(out, paths[i]));
    return POLYP_OK;
}

void model_set_close(model_set *s)
{
    for (size_t i = 0; i < s->count; i++) polyp_model_close(s->items[i]);
    memory_free(s->items);
    *s = (model_set){0};
}
