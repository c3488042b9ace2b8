/* Files of named tensors: opening by content, finding. */
#include "net/weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/file.h"
#include "net/weights_reader.h"

enum { ARENA_CHUNK = 64 * 1024, LONGEST_NAME = 1024 };

status weights_reserve(weights_file *file, size_t count)
{
    file->entries = arena_take(file->arena, count, sizeof *file->entries);
    if (file->entries == NULL) return POLYP_ERR_MEMORY;
    file->count = count;
    return POLYP_OK;
}

bool weights_name_is_sane(const char *name, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        const unsigned char c = (unsigned char)name[i];
        if (c < ' ' || c == 127) return false;
    }
    const char *const reserved = "__metadata__";
    return size > 0 && size <= LONGEST_NAME && !(size == strlen(reserved) && memcmp(name, reserved, size) == 0);
}

bool weights_count(weights_entry *entry, bool dense)
{
    const size_t limit = PTRDIFF_MAX / 8; /* bytes of the widest type must be addressable */
    size_t count = 1;
    for (int i = entry->rank - 1; i >= 0; i--) {
        if (dense) entry->stride[i] = (int64_t)count;
        if (entry->shape[i] < 0 || !size_multiply(count, (size_t)entry->shape[i], &count) || count > limit) {
            return false;
        }
    }
    entry->count = count;
    return true;
}

shown_text weights_show(const char *bytes, size_t size)
{
    shown_text shown = {""};
    const size_t room = sizeof shown.text - 4;
    const size_t length = size < room ? size : room;
    for (size_t i = 0; i < length; i++) {
        const char c = bytes[i];
        shown.text[i] = c >= ' ' && c < 127 ? c : '?';
    }
    if (length < size) strcpy(shown.text + length, "...");
    return shown;
}

shown_text weights_show_shape(int rank, const int64_t *dims)
{
    shown_text shown = {"a single value"};
    int used = 0;
    for (int i = 0; i < rank && used < (int)sizeof shown.text - 24; i++) {
        used += snprintf(shown.text + used, sizeof shown.text - (size_t)used, i == 0 ? "%lld" : "x%lld",
                         (long long)dims[i]);
    }
    return shown;
}

static int compare_places(const void *a, const void *b)
{
    const weights_entry *const x = a, *const y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp((*(const weights_entry *const *)a)->name, (*(const weights_entry *const *)b)->name);
}

status weights_index(weights_file *file, const char *path)
{
    file->by_name = arena_take(file->arena, file->count, sizeof *file->by_name);
    if (file->by_name == NULL) return POLYP_ERR_MEMORY;
    if (file->count == 0) return POLYP_OK;
    qsort(file->entries, file->count, sizeof *file->entries, compare_places);
    for (size_t i = 0; i < file->count; i++) file->by_name[i] = &file->entries[i];
    qsort(file->by_name, file->count, sizeof *file->by_name, compare_names);
    for (size_t i = 1; i < file->count; i++) {
        const char *const name = file->by_name[i]->name;
        if (strcmp(file->by_name[i - 1]->name, name) == 0) {
            return fail(POLYP_ERR_FORMAT, "%s: has two tensors named %s", path, name);
        }
    }
    return POLYP_OK;
}

static bool starts_with(const file_bytes *bytes, const char *magic, size_t size)
{
    return bytes->size >= size && memcmp(bytes->data, magic, size) == 0;
}

/* A file of no kind we know: say what it looks like. */
static status unknown_content(const weights_file *file, const char *path)
{
    static const struct {
        const char *magic;
        size_t size;
        const char *tool;
    } packed[] = {{"\xfd"
                   "7zXZ",
                   5, "xz -dk"},
                  {"\x1f\x8b", 2, "gzip -dk"},
                  {"\x28\xb5\x2f\xfd", 4, "zstd -d"},
                  {"BZh", 3, "bzip2 -dk"}};
    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        if (starts_with(&file->bytes, packed[i].magic, packed[i].size)) {
            return fail(POLYP_ERR_FORMAT, "%s: is packed; unpack it first: %s %s", path, packed[i].tool, path);
        }
    }
    return fail(POLYP_ERR_FORMAT, "%s: is neither a safetensors file nor a PyTorch checkpoint", path);
}

static status read_content(weights_file *file, const char *path)
{
    const file_bytes *const bytes = &file->bytes;
    if (bytes->size > 8 && bytes->data[8] == '{') return safetensors_open(file, path);
    if (starts_with(bytes, "PK\3\4", 4)) return pytorch_zip_open(file, path);
    if (starts_with(bytes, "\x80", 1)) return pytorch_legacy_open(file, path); /* a pickle's PROTO */
    return unknown_content(file, path);
}

status weights_open(weights_file *out, const char *path)
{
    weights_file file = {0};
    status result;
    TRY_DONE(file_map(&file.bytes, path));
    TRY_DONE(arena_create(&file.arena, ARENA_CHUNK));
    TRY_DONE(read_content(&file, path));
    TRY_DONE(weights_index(&file, path));
done:
    if (result == POLYP_OK) {
        *out = file;
    } else {
        weights_close(&file);
    }
    return result;
}

void weights_close(weights_file *file)
{
    if (file == NULL) return;
    arena_destroy(file->arena);
    file_close(&file->bytes);
    *file = (weights_file){0};
}

static int compare_with_name(const void *name, const void *entry)
{
    return strcmp(name, (*(const weights_entry *const *)entry)->name);
}

const weights_entry *weights_find(const weights_file *file, const char *name)
{
    if (file->count == 0) return NULL;
    const weights_entry *const *const found =
        bsearch(name, file->by_name, file->count, sizeof *file->by_name, compare_with_name);
    return found == NULL ? NULL : *found;
}

const char *weights_metadata(const weights_file *file, const char *key)
{
    for (size_t i = 0; i < file->metadata_count; i++) {
        if (strcmp(file->metadata[i].key, key) == 0) return file->metadata[i].value;
    }
    return NULL;
}

void weights_hash(char out[17], const void *data, size_t size)
{
    (void)snprintf(out, 17, "%016llx", (unsigned long long)XXH3_64bits(data, size));
}

status weights_hash_file(char out[17], const char *path)
{
    file_bytes bytes;
    TRY(file_map(&bytes, path));
    weights_hash(out, bytes.data, bytes.size);
    file_close(&bytes);
    return POLYP_OK;
}

status weights_verify(const weights_file *file, const char *path)
{
    const char *const expected = weights_metadata(file, "xxh3");
    if (expected == NULL) return POLYP_OK;
    char hash[17];
    weights_hash(hash, file->data, file->data_size);
    if (strcmp(hash, expected) == 0) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT,
                "%s: is damaged: its data do not have the checksum %s that the header tells; copy it again", path,
                weights_show(expected, strlen(expected)).text);
}
