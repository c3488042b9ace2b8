/* Files: read whole, map, write beside then rename; folders. Every error names the path. */
#ifndef POLYP_BASE_FILE_H
#define POLYP_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* Bytes of a file: read into memory or mapped; either way given back by file_close(). */
typedef struct file_bytes {
    const unsigned char *data;
    size_t size;
    bool mapped;
} file_bytes;

/* Errors: FILE (missing, a folder, unreadable), SIZE (over `limit` bytes; 0: no limit), MEMORY. */
status file_read(file_bytes *out, const char *path, size_t limit);
status file_read_into(file_bytes *out, const char *path, size_t limit); /* the same into the memory of *out, {0} at first */
status file_map(file_bytes *out, const char *path); /* read-only mapping; an empty file gives size 0 */
void file_close(file_bytes *bytes);

/* Writing: everything goes to a file beside `path`; file_commit() syncs it and renames it over `path`, then syncs the
 * folder. Until then, and after any failure or file_abandon(), `path` is as it was and nothing is left beside it. */
typedef struct file_writer file_writer;
status file_create(file_writer **out, const char *path);
status file_write(file_writer *w, const void *bytes, size_t size);
status file_print(file_writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
status file_commit(file_writer *w);   /* frees w in every case */
void file_abandon(file_writer *w);    /* takes NULL */

/* The four above in one; allocates nothing. */
status file_replace(const char *path, const void *bytes, size_t size);

/* file_replace() but for the folder's own sync, which folder_sync() does once for many files. Should the power fail between, new
 * names may be missing; no file is ever half. */
status file_place(const char *path, const void *bytes, size_t size);
void folder_sync(const char *path);

/* Rename a synced file over `to` in the same folder, and sync the folder. */
status file_move(const char *from, const char *to);

bool file_exists(const char *path);
bool file_is_same(const char *a, const char *b); /* both are there, and one file, by whatever names */
bool folder_exists(const char *path);
status folder_create(const char *path); /* with its parents; fine when it is there */

/* Names of the plain files of a folder (no dot files), sorted by byte value. One block: free with memory_free(). */
typedef struct name_list {
    char **names;
    size_t count;
} name_list;
status folder_list(name_list *out, const char *path);
status folder_list_folders(name_list *out, const char *path); /* the same of the folders in it */
void name_list_free(name_list *list);

/* New strings, memory_free() them; NULL after fail(MEMORY). */
char *path_join(const char *folder, const char *name);
char *path_stem(const char *path); /* "a/b.c.jpg" -> "b.c" */

#endif
