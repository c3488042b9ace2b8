/* Folders and the parts of paths. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/memory.h"

bool file_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISREG(facts.st_mode);
}

bool file_is_same(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

bool folder_exists(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && S_ISDIR(facts.st_mode);
}

/* One folder whose parent is there. */
static status create_one(const char *path)
{
    if (mkdir(path, 0777) == 0 || folder_exists(path)) return POLYP_OK;
    return fail(POLYP_ERR_FILE, "%s: the folder cannot be made: %s", path, strerror(errno));
}

status folder_create(const char *path)
{
    if (folder_exists(path)) return POLYP_OK;
    char *part = memory_text(path);
    if (part == NULL) return POLYP_ERR_MEMORY;
    status result = POLYP_OK;
    for (char *end = part + 1; *part != '\0' && *end != '\0' && result == POLYP_OK; end++) {
        if (*end != '/') continue;
        *end = '\0';
        if (!folder_exists(part)) result = create_one(part);
        *end = '/';
    }
    if (result == POLYP_OK) result = create_one(path);
    memory_free(part);
    return result;
}

/* ---- names of a folder ----------------------------------------------------------------------- */

/* Names one after another, each ended by a zero, while the folder is read. */
typedef struct name_text {
    char *text;
    size_t size, capacity, count;
} name_text;

static status add_name(name_text *all, const char *name)
{
    const size_t size = strlen(name) + 1;
    if (all->capacity - all->size < size) {
        const size_t more = 2 * all->capacity + size + 1024;
        TRY(memory_resize(&all->text, all->size, more));
        all->capacity = more;
    }
    memcpy(all->text + all->size, name, size);
    all->size += size;
    all->count++;
    return POLYP_OK;
}

static status read_names(name_text *all, DIR *folder, const char *path, mode_t kind)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (entry == NULL && errno != 0) return fail(POLYP_ERR_FILE, "%s: cannot be read: %s", path, strerror(errno));
        if (entry == NULL) return POLYP_OK;
        if (entry->d_name[0] == '.') continue;
        struct stat facts;
        if (fstatat(dirfd(folder), entry->d_name, &facts, 0) != 0 || (facts.st_mode & S_IFMT) != kind) continue;
        TRY(add_name(all, entry->d_name));
    }
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Pointers and text in one block: the pointers come first. */
static status pack_names(name_list *out, const name_text *all)
{
    const size_t table = all->count * sizeof(char *);
    char **names = memory_allocate(1, table + all->size);
    if (names == NULL) return POLYP_ERR_MEMORY;
    char *text = (char *)names + table;
    if (all->size > 0) memcpy(text, all->text, all->size);
    for (size_t i = 0; i < all->count; i++) {
        names[i] = text;
        text += strlen(text) + 1;
    }
    if (all->count > 1) qsort(names, all->count, sizeof *names, compare_names);
    *out = (name_list){names, all->count};
    return POLYP_OK;
}

static status list_kind(name_list *out, const char *path, mode_t kind)
{
    DIR *folder = opendir(path);
    if (folder == NULL) return fail(POLYP_ERR_FILE, "%s: the folder cannot be opened: %s", path, strerror(errno));
    name_text all = {0};
    status result;
    TRY_DONE(read_names(&all, folder, path, kind));
    TRY_DONE(pack_names(out, &all));
done:
    memory_free(all.text);
    closedir(folder);
    return result;
}

status folder_list(name_list *out, const char *path)
{
    return list_kind(out, path, S_IFREG);
}

status folder_list_folders(name_list *out, const char *path)
{
    return list_kind(out, path, S_IFDIR);
}

void name_list_free(name_list *list)
{
    if (list == NULL) return;
    memory_free(list->names);
    *list = (name_list){0};
}

/* ---- parts of a path --------------------------------------------------------------------------- */

char *path_join(const char *folder, const char *name)
{
    const size_t length = strlen(folder);
    const char *between = length == 0 || folder[length - 1] == '/' ? "" : "/";
    return memory_format("%s%s%s", folder, between, name);
}

char *path_stem(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    const size_t length = dot != NULL && dot != name ? (size_t)(dot - name) : strlen(name);
    char *stem = memory_allocate(length + 1, 1);
    if (stem != NULL) memcpy(stem, name, length);
    return stem;
}
