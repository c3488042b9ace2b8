/*
 * PyTorch's checkpoints before 1.6 (and `_use_new_zipfile_serialization=False`): five pickles in a row (magic number,
 * protocol version, facts of the system, the object, the list of storage keys), then for each key its count of values
 * (8 bytes) and the values. See torch/serialization.py, _legacy_save.
 */
#include <stdlib.h>
#include <string.h>

#include "net/pytorch.h"

enum { PROTOCOL_VERSION = 1001, COUNT_BYTES = 8 };

/* A storage met in the object, and where its bytes lie once found. */
typedef struct legacy_storage {
    pickle_text key;
    size_t value_size;
    file_span span; /* data NULL: not found */
} legacy_storage;

/* One for each key, sorted. */
typedef struct legacy_storages {
    legacy_storage *items;
    size_t count;
} legacy_storages;

typedef struct reader {
    weights_file *file;
    const char *path;
    size_t at;
} reader;

static status read_pickle(pickle_result *out, reader *r)
{
    const file_bytes *const bytes = &r->file->bytes;
    TRY(pickle_read(out, r->file->arena, bytes->data + r->at, bytes->size - r->at, r->path));
    r->at += out->used;
    return POLYP_OK;
}

/* The three pickles that say what the file is. */
static status read_preamble(reader *r)
{
    static const char magic[10] = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"; /* 0x1950a86a20f9469cfc6c */
    pickle_result part;
    TRY(read_pickle(&part, r));
    const pickle_text number = part.value->kind == PICKLE_OTHER ? part.value->as.text : (pickle_text){0};
    if (number.size != sizeof magic || memcmp(number.bytes, magic, sizeof magic) != 0) {
        return fail(POLYP_ERR_FORMAT, "%s: is a pickle, but no PyTorch checkpoint", r->path);
    }
    TRY(read_pickle(&part, r));
    if (part.value->kind != PICKLE_INT || part.value->as.integer != PROTOCOL_VERSION) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: is a PyTorch checkpoint of an unknown version", r->path);
    }
    TRY(read_pickle(&part, r));
    const pickle_value *const little = pickle_get(part.value, "little_endian");
    if (little != NULL && little->kind == PICKLE_BOOL && little->as.integer == 1) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED, "%s: does not say that it is little-endian; load and save it with PyTorch",
                r->path);
}

static int compare_storages(const void *a, const void *b)
{
    return pytorch_compare_text(((const legacy_storage *)a)->key, ((const legacy_storage *)b)->key);
}

static legacy_storage *find_key(const legacy_storages *storages, pickle_text key)
{
    if (storages->count == 0) return NULL;
    return bsearch(&(const legacy_storage){.key = key}, storages->items, storages->count, sizeof *storages->items,
                   compare_storages);
}

/* Sorted by key, each key once; a key's values have one size. */
static status list_storages(legacy_storages *out, const reader *r, const pickle_value *last)
{
    size_t count = 0, kept = 0;
    for (const pickle_value *s = last; s != NULL; s = s->as.storage.earlier) count++;
    legacy_storage *const items = arena_take(r->file->arena, count, sizeof *items);
    if (items == NULL) return POLYP_ERR_MEMORY;
    size_t i = 0;
    for (const pickle_value *s = last; s != NULL; s = s->as.storage.earlier) {
        items[i++] = (legacy_storage){.key = s->as.storage.key, .value_size = s->as.storage.value_size};
    }
    if (count > 0) qsort(items, count, sizeof *items, compare_storages);
    for (i = 0; i < count; i++) {
        const bool again = kept > 0 && compare_storages(&items[kept - 1], &items[i]) == 0;
        if (again && items[kept - 1].value_size != items[i].value_size) {
            return fail(POLYP_ERR_FORMAT, "%s: uses one storage for two types of number", r->path);
        }
        if (!again) items[kept++] = items[i];
    }
    *out = (legacy_storages){items, kept};
    return POLYP_OK;
}

/* One storage of the file: its count, then its values. */
static status read_storage(legacy_storage *storage, reader *r)
{
    const file_bytes *const bytes = &r->file->bytes;
    const shown_text key = weights_show(storage->key.bytes, storage->key.size);
    uint64_t count = 0;
    if (bytes->size - r->at < COUNT_BYTES) {
        return fail(POLYP_ERR_FORMAT, "%s: ends before its storage %s", r->path, key.text);
    }
    memcpy(&count, bytes->data + r->at, sizeof count);
    r->at += COUNT_BYTES;
    if (count > (bytes->size - r->at) / storage->value_size) {
        return fail(POLYP_ERR_FORMAT, "%s: ends within its storage %s (a copy that was cut off?)", r->path, key.text);
    }
    storage->span = (file_span){bytes->data + r->at, (size_t)count * storage->value_size};
    r->at += storage->span.size;
    return POLYP_OK;
}

static status read_storages(const legacy_storages *storages, reader *r, const pickle_value *keys)
{
    if (keys->kind != PICKLE_LIST) return fail(POLYP_ERR_FORMAT, "%s: has no list of storages", r->path);
    for (size_t i = 0; i < keys->as.items.count; i++) {
        const pickle_value *const key = keys->as.items.at[i];
        legacy_storage *const storage = key->kind == PICKLE_TEXT ? find_key(storages, key->as.text) : NULL;
        if (storage == NULL || storage->span.data != NULL) {
            return fail(POLYP_ERR_FORMAT, "%s: its list of storages does not fit its tensors", r->path);
        }
        TRY(read_storage(storage, r));
    }
    return POLYP_OK;
}

static status find_storage(file_span *out, const void *context, const pickle_storage *storage, const char *path)
{
    const legacy_storage *const found = find_key(context, storage->key);
    if (found == NULL || found->span.data == NULL) {
        (void)fail(POLYP_ERR_FORMAT, "%s: its storage %s is missing", path,
                   weights_show(storage->key.bytes, storage->key.size).text);
        return POLYP_ERR_FORMAT;
    }
    *out = found->span;
    return POLYP_OK;
}

status pytorch_legacy_open(weights_file *file, const char *path)
{
    reader r = {.file = file, .path = path};
    pickle_result object, keys;
    legacy_storages storages;
    TRY(read_preamble(&r));
    TRY(read_pickle(&object, &r));
    TRY(list_storages(&storages, &r, object.storages));
    TRY(read_pickle(&keys, &r));
    TRY(read_storages(&storages, &r, keys.value));
    return pytorch_add_tensors(file, object.value, find_storage, &storages, path);
}
