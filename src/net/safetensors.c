/*
 * Reading safetensors: 8 bytes of header length, a JSON header {name: {dtype, shape, data_offsets}, "__metadata__":
 * {text: text}}, then the data. The tensors must fill the data section exactly, without overlap or gap. The format is
 * described at https://github.com/huggingface/safetensors.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "net/weights_reader.h"

/* Room for over 100,000 tensors, and a bound on what a hostile header can make the JSON parser allocate. */
enum { LENGTH_BYTES = 8, HEADER_LIMIT = 16 << 20 };

typedef struct number_type {
    const char *name;
    enum dtype dtype;
    size_t size;
} number_type;

static const number_type TYPES[] = {
    {"F32", DTYPE_F32, 4},   {"F16", DTYPE_F16, 2},       {"BF16", DTYPE_BF16, 2},     {"F64", DTYPE_F64, 8},
    {"I8", DTYPE_S8, 1},     {"I64", DTYPE_I64, 8},       {"U8", DTYPE_OTHER, 1},      {"BOOL", DTYPE_OTHER, 1},
    {"I16", DTYPE_OTHER, 2}, {"U16", DTYPE_OTHER, 2},     {"I32", DTYPE_OTHER, 4},     {"U32", DTYPE_OTHER, 4},
    {"U64", DTYPE_OTHER, 8}, {"F8_E4M3", DTYPE_OTHER, 1}, {"F8_E5M2", DTYPE_OTHER, 1}, {"C64", DTYPE_OTHER, 8},
};

static const number_type *find_type(const char *name)
{
    for (size_t i = 0; i < sizeof TYPES / sizeof TYPES[0]; i++) {
        if (strcmp(TYPES[i].name, name) == 0) return &TYPES[i];
    }
    return NULL;
}

/* Also sets file->data: what follows the header. */
static status read_header(json_t **out, weights_file *file, const char *path)
{
    const unsigned char *const bytes = file->bytes.data;
    uint64_t length = 0;
    memcpy(&length, bytes, sizeof length);
    const size_t rest = file->bytes.size - LENGTH_BYTES;
    if (length > rest) {
        return fail(POLYP_ERR_FORMAT, "%s: its header should have %llu bytes, but the file ends after %zu", path,
                    (unsigned long long)length, rest);
    }
    if (length > HEADER_LIMIT) {
        return fail(POLYP_ERR_FORMAT, "%s: its header has %llu bytes; at most %d are read", path,
                    (unsigned long long)length, HEADER_LIMIT);
    }
    json_error_t error;
    json_t *const header =
        json_loadb((const char *)bytes + LENGTH_BYTES, (size_t)length, JSON_REJECT_DUPLICATES, &error);
    if (header == NULL) {
        if (json_error_code(&error) == json_error_out_of_memory) {
            return fail(POLYP_ERR_MEMORY, "%s: no memory for its header", path);
        }
        return fail(POLYP_ERR_FORMAT, "%s: its header is not sound JSON: %s", path,
                    weights_show(error.text, strlen(error.text)).text);
    }
    file->data = bytes + LENGTH_BYTES + length;
    file->data_size = rest - (size_t)length;
    *out = header;
    return POLYP_OK;
}

static status read_metadata(weights_file *file, json_t *metadata, const char *path)
{
    if (metadata == NULL) return POLYP_OK;
    if (!json_is_object(metadata)) return fail(POLYP_ERR_FORMAT, "%s: its __metadata__ is not an object", path);
    file->metadata = arena_take(file->arena, json_object_size(metadata), sizeof *file->metadata);
    if (file->metadata == NULL) return POLYP_ERR_MEMORY;
    const char *key;
    json_t *value;
    json_object_foreach(metadata, key, value) {
        if (!json_is_string(value)) {
            return fail(POLYP_ERR_FORMAT, "%s: its __metadata__ has %s, which is not text", path,
                        weights_show(key, strlen(key)).text);
        }
        weights_text *const text = &file->metadata[file->metadata_count];
        text->key = arena_text(file->arena, key);
        text->value = arena_text(file->arena, json_string_value(value));
        if (text->key == NULL || text->value == NULL) return POLYP_ERR_MEMORY;
        file->metadata_count++;
    }
    return POLYP_OK;
}

/* false: not an array of WEIGHTS_MAX_RANK or fewer whole numbers from 0, or too large a product */
static bool read_shape(weights_entry *entry, const json_t *shape)
{
    if (!json_is_array(shape) || json_array_size(shape) > WEIGHTS_MAX_RANK) return false;
    entry->rank = (int)json_array_size(shape);
    for (int i = 0; i < entry->rank; i++) {
        const json_t *const side = json_array_get(shape, (size_t)i);
        if (!json_is_integer(side)) return false;
        entry->shape[i] = json_integer_value(side);
    }
    return weights_count(entry, true);
}

/* false: not [begin, end] inside the data section */
static bool read_offsets(weights_entry *entry, const json_t *offsets, const weights_file *file)
{
    if (!json_is_array(offsets) || json_array_size(offsets) != 2) return false;
    const json_t *const first = json_array_get(offsets, 0), *const second = json_array_get(offsets, 1);
    if (!json_is_integer(first) || !json_is_integer(second)) return false;
    const json_int_t begin = json_integer_value(first), end = json_integer_value(second);
    if (begin < 0 || end < begin || (uint64_t)end > file->data_size) return false;
    entry->data = file->data + begin;
    entry->size = (size_t)(end - begin);
    return true;
}

static status read_tensor(weights_entry *entry, const weights_file *file, const char *name, const json_t *facts,
                          const char *path)
{
    if (!weights_name_is_sane(name, strlen(name))) {
        return fail(POLYP_ERR_FORMAT, "%s: a tensor's name is empty, too long or has control characters", path);
    }
    const char *const shown = entry->name = arena_text(file->arena, name);
    if (shown == NULL) return POLYP_ERR_MEMORY;
    const char *const type_name = json_string_value(json_object_get(facts, "dtype"));
    const number_type *const type = type_name == NULL ? NULL : find_type(type_name);
    if (type == NULL) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s has the number type %s, which is not known", path, shown,
                    type_name == NULL ? "(none)" : weights_show(type_name, strlen(type_name)).text);
    }
    entry->dtype = type->dtype;
    if (!read_shape(entry, json_object_get(facts, "shape"))) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s has no sound shape", path, shown);
    }
    if (!read_offsets(entry, json_object_get(facts, "data_offsets"), file)) {
        return fail(POLYP_ERR_FORMAT,
                    "%s: tensor %s does not lie within the file's %zu bytes of data (a copy that was cut off?)", path,
                    shown, file->data_size);
    }
    if (entry->size != entry->count * type->size) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s has %zu bytes, its shape needs %zu", path, shown, entry->size,
                    entry->count * type->size);
    }
    return POLYP_OK;
}

static int compare_spans(const void *a, const void *b)
{
    const weights_entry *const x = a, *const y = b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->size > y->size) - (x->size < y->size); /* empty tensors lie before what begins at the same place */
}

/* Together the tensors must be the data section. */
static status check_cover(weights_file *file, const char *path)
{
    if (file->count > 0) qsort(file->entries, file->count, sizeof *file->entries, compare_spans);
    size_t place = 0;
    for (size_t i = 0; i < file->count; i++) {
        const weights_entry *const entry = &file->entries[i];
        const size_t begin = (size_t)(entry->data - file->data);
        if (begin < place) return fail(POLYP_ERR_FORMAT, "%s: tensor %s overlaps the one before it", path, entry->name);
        if (begin > place) {
            return fail(POLYP_ERR_FORMAT, "%s: %zu bytes before tensor %s belong to none", path, begin - place,
                        entry->name);
        }
        place += entry->size;
    }
    if (place == file->data_size) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s: its last %zu bytes belong to no tensor", path, file->data_size - place);
}

static status read_tensors(weights_file *file, json_t *header, const char *path)
{
    const size_t count = json_object_size(header) - (json_object_get(header, "__metadata__") != NULL);
    TRY(weights_reserve(file, count));
    size_t i = 0;
    const char *name;
    json_t *facts;
    json_object_foreach(header, name, facts) {
        if (strcmp(name, "__metadata__") == 0) continue;
        TRY(read_tensor(&file->entries[i++], file, name, facts, path));
    }
    return check_cover(file, path);
}

status safetensors_open(weights_file *file, const char *path)
{
    json_t *header = NULL;
    status result;
    TRY_DONE(read_header(&header, file, path));
    TRY_DONE(read_metadata(file, json_object_get(header, "__metadata__"), path));
    TRY_DONE(read_tensors(file, header, path));
done:
    json_decref(header);
    return result;
}
