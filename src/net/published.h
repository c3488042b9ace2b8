/* The encoder weights that torchvision has published: their names, where they come from, where we keep them. */
#ifndef POLYP_NET_PUBLISHED_H
#define POLYP_NET_PUBLISHED_H

#include "base/download.h"

/* torchvision/models/resnet.py, IMAGENET1K_V1. The first eight digits of the SHA-256 are in the file's name, and are what
 * torchvision checks. */
typedef struct published_weights {
    const char *name;   /* "resnet50": what `polyp fetch` and `--encoder` take */
    const char *file;   /* "resnet50-0676ba61.pth" */
    const char *sha256; /* of the whole file */
} published_weights;

#define PUBLISHED_BASE "https://download.pytorch.org/models"

/* NULL after fail(ARGUMENT), which lists the names. */
const published_weights *published_find(const char *name);

/* Where the file is kept: XDG_CACHE_HOME/polyp, or ~/.cache/polyp (XDG Base Directory Specification 0.8). memory_free()
 * it. Errors: FILE (no HOME), MEMORY. */
status published_path(char **out, const published_weights *w);

/* Fetch it from BASE/file (`base` NULL: PUBLISHED_BASE) into its place. Errors: those of download(); where there is no
 * connection, the words say which file to put where. */
status published_fetch(download_facts *out, const published_weights *w, const char *base, polyp_watch watch);

/*
 * What `--encoder` was given: *out becomes the path of the cached file when `encoder` is no file but a published name, else
 * NULL. memory_free() it. Error: FILE (a published name that was not fetched; says how).
 */
status published_resolve(char **out, const char *encoder);

#endif
