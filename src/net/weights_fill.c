/* From the entries of a file to the parameters of a network: conversion to f32, and matching of names and shapes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "net/quantise.h"
#include "net/weights_reader.h"

/* ---- conversion ----------------------------------------------------------------------------------------- */

static float from_f16(const unsigned char *p)
{
    uint16_t half;
    memcpy(&half, p, sizeof half);
    const uint32_t sign = (uint32_t)(half & 0x8000U) << 16, exponent = (half >> 10) & 31U, fraction = half & 0x3ffU;
    if (exponent == 0) { /* zero or subnormal: fraction / 2^24 */
        const float small = (float)fraction * 0x1p-24F;
        return sign != 0 ? -small : small;
    }
    const uint32_t bits = sign | (exponent == 31 ? 0x7f800000U : (exponent + 112) << 23) | fraction << 13;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_bf16(const unsigned char *p)
{
    uint16_t upper;
    memcpy(&upper, p, sizeof upper);
    const uint32_t bits = (uint32_t)upper << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static float from_f32(const unsigned char *p)
{
    float value;
    memcpy(&value, p, sizeof value);
    return value;
}

static float from_f64(const unsigned char *p)
{
    double value;
    memcpy(&value, p, sizeof value);
    return (float)value;
}

static float from_i64(const unsigned char *p)
{
    int64_t value;
    memcpy(&value, p, sizeof value);
    return (float)value;
}

static float from_s8(const unsigned char *p) { return (float)(signed char)*p; }

typedef struct conversion {
    float (*one)(const unsigned char *p); /* NULL: not convertible */
    size_t size;
} conversion;

static conversion conversion_of(enum dtype dtype)
{
    static const conversion conversions[] = {
        [DTYPE_F32] = {from_f32, 4}, [DTYPE_F16] = {from_f16, 2}, [DTYPE_BF16] = {from_bf16, 2},
        [DTYPE_S8] = {from_s8, 1},   [DTYPE_F64] = {from_f64, 8}, [DTYPE_I64] = {from_i64, 8},
        [DTYPE_OTHER] = {NULL, 0}};
    return conversions[dtype];
}

/* Row-major without gaps? Sides of 1 may have any stride. */
static bool is_dense(const weights_entry *entry)
{
    int64_t expected = 1;
    for (int i = entry->rank - 1; i >= 0; i--) {
        if (entry->shape[i] != 1 && entry->stride[i] != expected) return false;
        expected *= entry->shape[i];
    }
    return true;
}

/* To the next row: counts `index` up over all sides but the last and returns the row's first value. */
static size_t next_row(int64_t index[WEIGHTS_MAX_RANK], const weights_entry *entry)
{
    size_t first = 0;
    for (int i = entry->rank - 2; i >= 0; i--) {
        if (++index[i] < entry->shape[i]) break;
        index[i] = 0;
    }
    for (int i = 0; i < entry->rank - 1; i++) first += (size_t)index[i] * (size_t)entry->stride[i];
    return first;
}

status weights_to_f32(float *out, const weights_entry *entry)
{
    const conversion convert = conversion_of(entry->dtype);
    if (convert.one == NULL) {
        return fail(POLYP_ERR_UNSUPPORTED,
                    "tensor %s has a number type that is not converted (f16, bf16, f32, f64, i8 and i64 are)",
                    entry->name);
    }
    if (entry->count == 0) return POLYP_OK;
    const bool dense = is_dense(entry);
    if (dense && entry->dtype == DTYPE_F32) {
        memcpy(out, entry->data, entry->count * sizeof *out);
        return POLYP_OK;
    }
    const size_t width = dense ? entry->count : (size_t)entry->shape[entry->rank - 1];
    const size_t step = convert.size * (dense ? 1 : (size_t)entry->stride[entry->rank - 1]);
    int64_t index[WEIGHTS_MAX_RANK] = {0};
    size_t first = 0;
    for (size_t done = 0; done < entry->count; done += width) {
        const unsigned char *const row = entry->data + first * convert.size;
        for (size_t i = 0; i < width; i++) out[done + i] = convert.one(row + i * step);
        if (done + width < entry->count) first = next_row(index, entry);
    }
    return POLYP_OK;
}

/* ---- matching ------------------------------------------------------------------------------------------- */

/* How names of the table are found in the file, and which names of the file may be left over. */
typedef struct matching {
    const char *path;
    const char *table_prefix; /* entries of the table without it are left alone; taken off ... */
    const char *file_prefix;  /* ... and this put before */
    bool strict;
    bool encoder;     /* the classifier, and layers that the network does not build, may be left over */
    bool scales;      /* 8-bit weights are taken with their scales; else refused */
    const char *hint; /* put after a message */
} matching;

enum { NAME_ROOM = 256 };

static const char SCALE[] = ".scale"; /* after a tensor's name: the tensor with its scales */

static bool starts_with(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

static bool ends_with(const char *text, const char *ending)
{
    const size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && strcmp(text + length - tail, ending) == 0;
}

static bool same_shape(const weights_entry *entry, const param *p)
{
    if (entry->rank != p->rank) return false;
    for (int i = 0; i < p->rank; i++) {
        if (entry->shape[i] != p->shape[i]) return false;
    }
    return true;
}

/* The file's entry for an entry of the table, checked; *out is NULL where the table's is left alone. */
static status match(const weights_entry **out, const matching *how, const param *p, const weights_file *file)
{
    *out = NULL;
    if (!starts_with(p->name, how->table_prefix)) return POLYP_OK;
    char name[NAME_ROOM];
    (void)snprintf(name, sizeof name, "%s%s", how->file_prefix, p->name + strlen(how->table_prefix));
    const weights_entry *const entry = weights_find(file, name);
    if (entry == NULL) return fail(POLYP_ERR_MISMATCH, "%s: tensor %s is missing%s", how->path, name, how->hint);
    if (!same_shape(entry, p)) {
        int64_t needed[4];
        for (int i = 0; i < p->rank; i++) needed[i] = p->shape[i];
        return fail(POLYP_ERR_MISMATCH, "%s: tensor %s is %s, the network needs %s%s", how->path, name,
                    weights_show_shape(entry->rank, entry->shape).text, weights_show_shape(p->rank, needed).text,
                    how->hint);
    }
    if (conversion_of(entry->dtype).one == NULL) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: tensor %s has a number type that is not converted", how->path, name);
    }
    if (entry->dtype == DTYPE_S8 && !how->scales) {
        return fail(POLYP_ERR_UNSUPPORTED, "%s: tensor %s is in 8 bits; take the model that `polyp quantize` read",
                    how->path, name);
    }
    *out = entry;
    return POLYP_OK;
}

/* Does the table have any name that begins with these words? */
static bool table_has_part(const param_table *table, const char *part)
{
    for (int i = 0; i < table->count; i++) {
        if (starts_with(table->entries[i].name, part)) return true;
    }
    return false;
}

/* "layer4.0.conv1.weight" where the encoder ends with layer3 */
static bool is_unbuilt_layer(const matching *how, const param_table *table, const char *name)
{
    char part[NAME_ROOM];
    const char *const dot = strchr(name, '.');
    if (!starts_with(name, "layer") || dot != name + strlen("layerN")) return false;
    (void)snprintf(part, sizeof part, "%s%.*s", how->table_prefix, (int)(dot - name) + 1, name);
    return !table_has_part(table, part);
}

static bool may_be_left_over(const matching *how, const param_table *table, const char *name)
{
    if (ends_with(name, "num_batches_tracked") || (how->scales && ends_with(name, SCALE))) return true;
    return how->encoder && (starts_with(name, "fc.") || is_unbuilt_layer(how, table, name));
}

static bool table_has(const matching *how, const param_table *table, const char *name)
{
    char wanted[NAME_ROOM];
    if (!starts_with(name, how->file_prefix)) return false;
    const int length = snprintf(wanted, sizeof wanted, "%s%s", how->table_prefix, name + strlen(how->file_prefix));
    return length < (int)sizeof wanted && param_find(table, wanted) >= 0;
}

static status check_leftovers(const matching *how, const param_table *table, const weights_file *file)
{
    for (size_t i = 0; i < file->count && how->strict; i++) {
        const char *const name = file->entries[i].name;
        if (may_be_left_over(how, table, name) || table_has(how, table, name)) continue;
        return fail(POLYP_ERR_MISMATCH, "%s: tensor %s is not part of the network%s", how->path,
                    weights_show(name, strlen(name)).text, how->hint);
    }
    return POLYP_OK;
}

/* Everything is checked before anything is written, so that `p` is left as it was on failure. */
static status fill(params *p, const weights_file *file, const matching *how)
{
    const param_table *const table = p->table;
    const weights_entry *entry;
    for (int i = 0; i < table->count; i++) TRY(match(&entry, how, &table->entries[i], file));
    TRY(check_leftovers(how, table, file));
    for (int i = 0; i < table->count; i++) {
        TRY(match(&entry, how, &table->entries[i], file));
        if (entry != NULL) TRY(weights_to_f32(p->flat + table->entries[i].offset, entry));
    }
    return POLYP_OK;
}

status weights_fill(params *p, const weights_file *file, const char *path, const char *prefix, bool strict)
{
    return fill(
        p, file,
        &(const matching){.path = path, .table_prefix = "", .file_prefix = prefix, .strict = strict, .hint = ""});
}

status weights_fill_encoder(params *p, const weights_file *file, const char *path)
{
    return fill(p, file,
                &(const matching){.path = path,
                                  .table_prefix = "encoder.",
                                  .file_prefix = "",
                                  .strict = true,
                                  .encoder = true,
                                  .hint = " (another ResNet depth?)"});
}

/* ---- use in place --------------------------------------------------------------------------------------- */

static status check_in_place(const weights_entry *entry, const char *path)
{
    const bool aligned = (uintptr_t)entry->data % sizeof(float) == 0;
    if (entry->dtype == DTYPE_F32 && is_dense(entry) && aligned) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED,
                "%s: tensor %s is not f32, dense and aligned, so it cannot be used where it lies; run polyp "
                "import on the file once",
                path, entry->name);
}

/* The scales of 8-bit weights: f32, one for each output channel. */
static status check_scales(const weights_entry *scales, const weights_entry *weights, int channels, const char *path)
{
    if (scales == NULL) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s is in 8 bits, but %s%s is missing; the file is damaged", path,
                    weights->name, weights->name, SCALE);
    }
    if (scales->dtype != DTYPE_F32 || scales->rank != 1 || scales->shape[0] != channels) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s is %s, not f32 with %d values; the file is damaged", path,
                    scales->name, weights_show_shape(scales->rank, scales->shape).text, channels);
    }
    TRY(check_in_place(scales, path));
    const float *const values = (const float *)(const void *)scales->data;
    for (int c = 0; c < channels; c++) {
        if (isfinite(values[c]) && values[c] > 0) continue;
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s holds %g; a scale is a number above 0; the file is damaged", path,
                    scales->name, (double)values[c]);
    }
    return POLYP_OK;
}

static status attach_scales(params *p, int index, const weights_entry *weights, const weights_file *file,
                            const char *path)
{
    const param *const entry = &p->table->entries[index];
    char name[NAME_ROOM];
    if (entry->role != PARAM_CONV_WEIGHT && entry->role != PARAM_UPCONV_WEIGHT) {
        return fail(POLYP_ERR_FORMAT, "%s: tensor %s is in 8 bits, which only convolutions' weights can be", path,
                    weights->name);
    }
    (void)snprintf(name, sizeof name, "%s%s", weights->name, SCALE);
    const weights_entry *const scales = weights_find(file, name);
    TRY(check_scales(scales, weights, quantise_channels(entry), path));
    if (p->owned == NULL) TRY(arena_create(&p->owned, 1 << 14));
    if (p->scales == NULL) p->scales = arena_take(p->owned, (size_t)p->table->count, sizeof *p->scales);
    if (p->scales == NULL) return POLYP_ERR_MEMORY;
    p->scales[index] = (const float *)(const void *)scales->data;
    return POLYP_OK;
}

static status attach_entries(params *p, const weights_file *file, const matching *how)
{
    for (int i = 0; i < p->table->count; i++) {
        const weights_entry *entry;
        TRY(match(&entry, how, &p->table->entries[i], file));
        TRY(entry->dtype == DTYPE_S8 ? attach_scales(p, i, entry, file, how->path) : check_in_place(entry, how->path));
        p->data[i] = entry->data;
        p->dtype[i] = entry->dtype;
    }
    return check_leftovers(how, p->table, file);
}

status weights_attach(params *out, const param_table *table, weights_file *file, bool scales, const char *path)
{
    const matching how = {
        .path = path, .table_prefix = "", .file_prefix = "", .strict = true, .scales = scales, .hint = ""};
    params p = {.table = table};
    status result;
    TRY_DONE(memory_new(&p.data, (size_t)table->count));
    TRY_DONE(memory_new(&p.dtype, (size_t)table->count));
    TRY_DONE(attach_entries(&p, file, &how));
    TRY_DONE(memory_new(&p.mapping, 1));
    *p.mapping = file->bytes;
    file->bytes = (file_bytes){0};
    *out = p;
    return POLYP_OK;
done:
    params_free(&p);
    return result;
}
