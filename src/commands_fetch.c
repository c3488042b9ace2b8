/* The command that fetches published encoder weights. */
#include "commands.h"

#include <stdio.h>

#include "base/file.h"
#include "base/memory.h"
#include "net/published.h"

status command_fetch(fetch_result *out, const fetch_options *options)
{
    const published_weights *const w = published_find(options->name);
    download_facts facts;
    char *path = NULL;
    if (w == NULL) return POLYP_ERR_ARGUMENT;
    TRY(published_path(&path, w));
    const status result = published_fetch(&facts, w, options->base, options->watch);
    if (result == POLYP_OK) {
        *out = (fetch_result){.was_there = facts.was_there, .resumed = facts.resumed, .size = facts.size};
        (void)snprintf(out->path, sizeof out->path, "%s", path);
    }
    memory_free(path);
    return result;
}
