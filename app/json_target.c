/* "--json -": lets the library write its file in a temporary folder, then copies it to standard output. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app.h"

bool json_target_is_stdout(const json_target *t)
{
    return t->folder[0] != '\0';
}

bool json_target_open(json_target *t, const char *option)
{
    *t = (json_target){.path = option};
    if (!option || strcmp(option, "-") != 0) return true;
    strcpy(t->folder, "/tmp/polyp-XXXXXX");
    if (!mkdtemp(t->folder)) {
        fprintf(stderr, "polyp: /tmp: cannot make a folder for --json -: %s\n", strerror(errno));
        t->folder[0] = '\0';
        return false;
    }
    snprintf(t->file, sizeof t->file, "%s/result.json", t->folder);
    t->path = t->file;
    return true;
}

static bool copy_to_stdout(const char *path)
{
    char block[4096];
    size_t n;
    FILE *const from = fopen(path, "rb");
    if (!from) return false;
    while ((n = fread(block, 1, sizeof block, from)) > 0) fwrite(block, 1, n, stdout);
    const bool good = !ferror(from);
    fclose(from);
    return good;
}

bool json_target_close(json_target *t, bool good)
{
    bool copied = true;
    if (!json_target_is_stdout(t)) return true;
    if (good) copied = copy_to_stdout(t->file);
    if (!copied) fprintf(stderr, "polyp: %s: cannot be read back\n", t->file);
    remove(t->file);
    rmdir(t->folder);
    return copied;
}
