/* Published encoder weights: the table, the cache folder, the way there. */
#include "net/published.h"

#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"

static const published_weights PUBLISHED[] = {
    {"resnet18", "resnet18-f37072fd.pth", "f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec"},
    {"resnet34", "resnet34-b627a593.pth", "b627a593bcbe140c234610266fe4f8ae95ea42fc881d091c9b6052e6b1d0590f"},
    {"resnet50", "resnet50-0676ba61.pth", "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"},
    {"resnet101", "resnet101-63fe2227.pth", "63fe2227b86e8f1f2063f43a75c84d195911b6a0eace650907dd3dc62dd49a0a"},
};
enum { PUBLISHED_COUNT = sizeof PUBLISHED / sizeof PUBLISHED[0] };

static const published_weights *look_up(const char *name)
{
    for (int i = 0; i < PUBLISHED_COUNT; i++) {
        if (strcmp(PUBLISHED[i].name, name) == 0) return &PUBLISHED[i];
    }
    return NULL;
}

const published_weights *published_find(const char *name)
{
    const published_weights *const found = look_up(name);
    if (found == NULL) {
        (void)fail(POLYP_ERR_ARGUMENT,
                   "there are no published weights called %s; there are resnet18, resnet34, resnet50, resnet101", name);
    }
    return found;
}

/* A relative path in XDG_CACHE_HOME does not count, says the specification. */
status published_path(char **out, const published_weights *w)
{
    const char *const cache = getenv("XDG_CACHE_HOME"), *const home = getenv("HOME");
    *out = NULL;
    if (cache != NULL && cache[0] == '/') {
        *out = memory_format("%s/polyp/%s", cache, w->file);
    } else if (home != NULL && home[0] != '\0') {
        *out = memory_format("%s/.cache/polyp/%s", home, w->file);
    } else {
        return fail(POLYP_ERR_FILE, "%s: neither XDG_CACHE_HOME nor HOME says where weights are kept; set one", w->file);
    }
    return *out == NULL ? POLYP_ERR_MEMORY : POLYP_OK;
}

/* What to do without a connection. */
static status say_what_to_put_where(status result, const published_weights *w, const char *path)
{
    return fail(result, "%s; or fetch " PUBLISHED_BASE "/%s where there is a connection, and put it here as %s",
                polyp_error(), w->file, path);
}

status published_fetch(download_facts *out, const published_weights *w, const char *base, polyp_watch watch)
{
    char *path = NULL, *url = NULL;
    status result;
    TRY_DONE(published_path(&path, w));
    const char *const from = base == NULL ? PUBLISHED_BASE : base;
    const size_t length = strlen(from);
    url = memory_format("%s%s%s", from, length > 0 && from[length - 1] == '/' ? "" : "/", w->file);
    if (url == NULL) {
        result = POLYP_ERR_MEMORY;
        goto done;
    }
    result = download(out, path, url, w->sha256, watch);
    if (result == POLYP_ERR_FILE || result == POLYP_ERR_UNSUPPORTED) result = say_what_to_put_where(result, w, path);
done:
    memory_free(path);
    memory_free(url);
    return result;
}

status published_resolve(char **out, const char *encoder)
{
    const published_weights *const w = encoder == NULL || file_exists(encoder) ? NULL : look_up(encoder);
    *out = NULL;
    if (w == NULL) return POLYP_OK;
    TRY(published_path(out, w));
    if (file_exists(*out)) return POLYP_OK;
    const status result = fail(POLYP_ERR_FILE, "%s: no such file, and its published weights were not fetched: polyp fetch %s",
                               encoder, w->name);
    const status told = say_what_to_put_where(result, w, *out);
    memory_free(*out);
    *out = NULL;
    return told;
}
