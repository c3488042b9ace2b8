/* Writing safetensors: the header through jansson, so that any text is quoted as it must be, then the data as they are.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "net/weights_reader.h"

enum { DATA_ALIGNMENT = 64 };

typedef struct span {
    size_t begin, end; /* in the data section */
} span;

static const char *type_name(enum dtype dtype, size_t *size)
{
    static const struct {
        const char *name;
        size_t size;
    } types[] = {[DTYPE_F32] = {"F32", 4}, [DTYPE_F16] = {"F16", 2}, [DTYPE_BF16] = {"BF16", 2},
                 [DTYPE_S8] = {"I8", 1},   [DTYPE_F64] = {"F64", 8}, [DTYPE_I64] = {"I64", 8}};
    if (dtype >= DTYPE_OTHER) return NULL;
    *size = types[dtype].size;
    return types[dtype].name;
}

/* Where an item lies when it begins at `begin`. */
static status place_item(span *out, const weights_item *item, size_t begin)
{
    weights_entry shape = {.rank = item->rank};
    if (item->rank < 0 || item->rank > WEIGHTS_MAX_RANK) {
        return fail(POLYP_ERR_ARGUMENT, "tensor %s has %d sides; at most %d are written", item->name, item->rank,
                    WEIGHTS_MAX_RANK);
    }
    memcpy(shape.shape, item->shape, sizeof shape.shape);
    size_t size = 0;
    if (type_name(item->dtype, &size) == NULL || !weights_count(&shape, true)) {
        return fail(POLYP_ERR_ARGUMENT, "tensor %s has a type or shape that is not written", item->name);
    }
    *out = (span){.begin = begin};
    if (size_multiply(shape.count, size, &size) && size_add(begin, size, &out->end)) return POLYP_OK;
    return fail(POLYP_ERR_SIZE, "tensor %s is too large to write", item->name);
}

static json_t *describe_item(const weights_item *item, span place)
{
    size_t size = 0;
    json_t *const sides = json_array();
    for (int i = 0; i < item->rank; i++) {
        if (json_array_append_new(sides, json_integer(item->shape[i])) != 0) {
            json_decref(sides);
            return NULL;
        }
    }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", type_name(item->dtype, &size), "shape", sides, "data_offsets",
                     (json_int_t)place.begin, (json_int_t)place.end);
}

static status add_items(json_t *header, const weights_item *items, size_t count)
{
    span place = {0};
    for (size_t i = 0; i < count; i++) {
        const weights_item *const item = &items[i];
        TRY(place_item(&place, item, place.end));
        if (!weights_name_is_sane(item->name, strlen(item->name)) || json_object_get(header, item->name) != NULL) {
            return fail(POLYP_ERR_ARGUMENT,
                        "a tensor cannot be written under the name '%s': empty, reserved or there already", item->name);
        }
        if (json_object_set_new(header, item->name, describe_item(item, place)) != 0) {
            return fail(POLYP_ERR_ARGUMENT, "tensor %s cannot be described (no memory, or its name is not UTF-8)",
                        item->name);
        }
    }
    return POLYP_OK;
}

/* weights_hash() of all items' data in a row. */
static status hash_items(char out[17], const weights_item *items, size_t count)
{
    XXH3_state_t *const state = XXH3_createState();
    if (state == NULL) return fail(POLYP_ERR_MEMORY, "no memory for a checksum");
    (void)XXH3_64bits_reset(state);
    status result = POLYP_OK;
    for (size_t i = 0; i < count && result == POLYP_OK; i++) {
        span place;
        result = place_item(&place, &items[i], 0);
        if (result == POLYP_OK && place.end > 0) (void)XXH3_64bits_update(state, items[i].data, place.end);
    }
    (void)snprintf(out, 17, "%016llx", (unsigned long long)XXH3_64bits_digest(state));
    (void)XXH3_freeState(state);
    return result;
}

static status add_metadata(json_t *header, const weights_text *texts, size_t count, const char *hash)
{
    json_t *const metadata = json_object();
    if (json_object_set_new(header, "__metadata__", metadata) != 0) {
        return fail(POLYP_ERR_MEMORY, "no memory for metadata");
    }
    for (size_t i = 0; i < count; i++) {
        if (json_object_set_new(metadata, texts[i].key, json_string(texts[i].value)) != 0) {
            return fail(POLYP_ERR_ARGUMENT, "the metadata %s cannot be written (no memory, or not UTF-8)",
                        texts[i].key);
        }
    }
    if (json_object_set_new(metadata, "xxh3", json_string(hash)) != 0) {
        return fail(POLYP_ERR_MEMORY, "no memory for metadata");
    }
    return POLYP_OK;
}

/* The header's text, padded with spaces so that the data are aligned. */
static status make_header(char **out, const weights_item *items, size_t count, const weights_text *texts,
                          size_t text_count)
{
    char hash[17];
    TRY(hash_items(hash, items, count));
    json_t *const header = json_object();
    char *text = NULL;
    status result;
    if (header == NULL) return fail(POLYP_ERR_MEMORY, "no memory for a header");
    TRY_DONE(add_metadata(header, texts, text_count, hash));
    TRY_DONE(add_items(header, items, count));
    text = json_dumps(header, JSON_COMPACT);
    const size_t length = text == NULL ? 0 : strlen(text);
    const size_t padding = (DATA_ALIGNMENT - (length + sizeof(uint64_t)) % DATA_ALIGNMENT) % DATA_ALIGNMENT;
    *out = text == NULL ? NULL : memory_format("%s%*s", text, (int)padding, "");
    result = *out == NULL ? fail(POLYP_ERR_MEMORY, "no memory for a header") : POLYP_OK;
done:
    free(text);
    json_decref(header);
    return result;
}

static status write_items(file_writer *w, const char *header, const weights_item *items, size_t count)
{
    const uint64_t length = strlen(header);
    TRY(file_write(w, &length, sizeof length));
    TRY(file_write(w, header, (size_t)length));
    for (size_t i = 0; i < count; i++) {
        span place;
        TRY(place_item(&place, &items[i], 0));
        TRY(file_write(w, items[i].data, place.end));
    }
    return POLYP_OK;
}

status weights_write(const char *path, const weights_item *items, size_t count, const weights_text *metadata,
                     size_t metadata_count)
{
    char *header = NULL;
    file_writer *w = NULL;
    status result = make_header(&header, items, count, metadata, metadata_count);
    if (result != POLYP_OK) {
        result = fail_within(result, path);
        goto done;
    }
    TRY_DONE(file_create(&w, path));
    TRY_DONE(write_items(w, header, items, count));
    result = file_commit(w);
    w = NULL;
done:
    file_abandon(w);
    memory_free(header);
    return result;
}
