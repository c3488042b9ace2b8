/*
 * PyTorch's checkpoints since 1.6: a zip whose records are stored, not packed, so that tensors are used where they lie.
 * NAME/data.pkl is the pickle, NAME/data/KEY the storages, NAME/byteorder says "little" (PyTorch 2.1 and later).
 * The zip format, with its 64-bit extension, is PKWARE's APPNOTE.TXT, sections 4.3 to 4.5.
 */
#include <stdlib.h>
#include <string.h>

#include "net/pytorch.h"

enum {
    LOCAL_SIZE = 30,
    CENTRAL_SIZE = 46,
    END_SIZE = 22,
    END64_SIZE = 56,
    LOCATOR_SIZE = 20,
    LONGEST_COMMENT = 0xffff,
    SHORT_LIMIT = 0xffff,
    EXTRA_ZIP64 = 1
};
#define LONG_LIMIT UINT32_MAX /* a field that stands in the 64-bit extension instead */

typedef struct zip_record {
    pickle_text name;
    uint64_t size, packed_size, place; /* place: of its local header */
    unsigned method, flags;
} zip_record;

typedef struct zip_archive {
    file_bytes bytes;
    zip_record *records; /* sorted by name */
    size_t count;
    pickle_text prefix; /* "archive/" */
} zip_archive;

/* The table of contents. */
typedef struct zip_directory {
    uint64_t count, size, place;
} zip_directory;

static uint64_t number(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;
    memcpy(&value, at, bytes);
    return value;
}

static bool has_signature(const unsigned char *at, const char *signature) { return memcmp(at, signature, 4) == 0; }

static status damaged(const char *path, const char *what)
{
    (void)fail(POLYP_ERR_FORMAT, "%s: its zip archive is damaged: %s (a copy that was cut off?)", path, what);
    return POLYP_ERR_FORMAT;
}

/* The end record lies at the very end, before a comment of any length. */
static const unsigned char *find_end(const file_bytes *bytes)
{
    if (bytes->size < END_SIZE) return NULL;
    const size_t last = bytes->size - END_SIZE;
    const size_t first = last > LONGEST_COMMENT ? last - LONGEST_COMMENT : 0;
    for (size_t at = last + 1; at-- > first;) {
        const unsigned char *const end = bytes->data + at;
        if (has_signature(end, "PK\5\6") && number(end + 20, 2) == last - at) return end;
    }
    return NULL;
}

/* The 64-bit end record, where its locator stands before the plain one. */
static status read_end64(zip_directory *out, const file_bytes *bytes, const unsigned char *end, const char *path)
{
    if ((size_t)(end - bytes->data) < LOCATOR_SIZE || !has_signature(end - LOCATOR_SIZE, "PK\6\7")) return POLYP_OK;
    const uint64_t place = number(end - LOCATOR_SIZE + 8, 8);
    if (bytes->size < END64_SIZE || place > bytes->size - END64_SIZE) {
        return damaged(path, "its 64-bit end lies outside the file");
    }
    const unsigned char *const end64 = bytes->data + place;
    if (!has_signature(end64, "PK\6\6")) return damaged(path, "its 64-bit end is missing");
    *out = (zip_directory){number(end64 + 32, 8), number(end64 + 40, 8), number(end64 + 48, 8)};
    return POLYP_OK;
}

static status find_directory(zip_directory *out, const file_bytes *bytes, const char *path)
{
    const unsigned char *const end = find_end(bytes);
    if (end == NULL) return damaged(path, "it has no end");
    *out = (zip_directory){number(end + 10, 2), number(end + 12, 4), number(end + 16, 4)};
    TRY(read_end64(out, bytes, end, path));
    if (out->place > bytes->size || out->size > bytes->size - out->place || out->count > out->size / CENTRAL_SIZE) {
        return damaged(path, "its table of contents does not lie within the file");
    }
    return POLYP_OK;
}

/* Fields too large for 32 bits stand in an extra field, in this order and only those. */
static status read_extra(zip_record *r, const unsigned char *extra, size_t size, const char *path)
{
    uint64_t *const fields[3] = {&r->size, &r->packed_size, &r->place};
    for (size_t at = 0; at + 4 <= size;) {
        const size_t length = (size_t)number(extra + at + 2, 2);
        const bool wanted = number(extra + at, 2) == EXTRA_ZIP64;
        at += 4;
        if (length > size - at) break;
        size_t used = 0;
        for (int i = 0; wanted && i < 3; i++) {
            if (*fields[i] != LONG_LIMIT) continue;
            if (length - used < 8) return damaged(path, "a record without its 64-bit sizes");
            *fields[i] = number(extra + at + used, 8);
            used += 8;
        }
        if (wanted) break;
        at += length;
    }
    return POLYP_OK;
}

/* One line of the table of contents; *at moves to the next. */
static status read_record(zip_record *r, const unsigned char **at, const unsigned char *end, const char *path)
{
    const unsigned char *const p = *at;
    if (end - p < CENTRAL_SIZE || !has_signature(p, "PK\1\2")) return damaged(path, "its table of contents is broken");
    const size_t name = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2),
                 comment = (size_t)number(p + 32, 2);
    if ((size_t)(end - p) - CENTRAL_SIZE < name + extra + comment) {
        return damaged(path, "its table of contents is broken");
    }
    *r = (zip_record){.name = {(const char *)p + CENTRAL_SIZE, name},
                      .flags = (unsigned)number(p + 8, 2),
                      .method = (unsigned)number(p + 10, 2),
                      .packed_size = number(p + 20, 4),
                      .size = number(p + 24, 4),
                      .place = number(p + 42, 4)};
    *at = p + CENTRAL_SIZE + name + extra + comment;
    return read_extra(r, p + CENTRAL_SIZE + name, extra, path);
}

static int compare_records(const void *a, const void *b)
{
    return pytorch_compare_text(((const zip_record *)a)->name, ((const zip_record *)b)->name);
}

static status read_directory(zip_archive *zip, arena *a, const char *path)
{
    zip_directory directory;
    TRY(find_directory(&directory, &zip->bytes, path));
    zip->count = (size_t)directory.count;
    zip->records = arena_take(a, zip->count, sizeof *zip->records);
    if (zip->records == NULL) return POLYP_ERR_MEMORY;
    const unsigned char *at = zip->bytes.data + directory.place;
    const unsigned char *const end = at + directory.size;
    for (size_t i = 0; i < zip->count; i++) TRY(read_record(&zip->records[i], &at, end, path));
    if (zip->count > 0) qsort(zip->records, zip->count, sizeof *zip->records, compare_records);
    for (size_t i = 1; i < zip->count; i++) {
        if (compare_records(&zip->records[i - 1], &zip->records[i]) == 0) {
            return damaged(path, "two records have one name");
        }
    }
    return POLYP_OK;
}

/* The bytes of a stored record. */
static status record_bytes(file_span *out, const zip_archive *zip, const zip_record *r, const char *path)
{
    const file_bytes *const bytes = &zip->bytes;
    if (r->method != 0 || (r->flags & 1) != 0) {
        return fail(POLYP_ERR_UNSUPPORTED,
                    "%s: its record %s is packed or encrypted; PyTorch stores records as they are, so save it "
                    "again with torch.save",
                    path, weights_show(r->name.bytes, r->name.size).text);
    }
    if (bytes->size < LOCAL_SIZE || r->place > bytes->size - LOCAL_SIZE) {
        return damaged(path, "a record lies outside the file");
    }
    const unsigned char *const local = bytes->data + r->place;
    if (!has_signature(local, "PK\3\4")) return damaged(path, "a record has no header");
    const size_t name = (size_t)number(local + 26, 2), extra = (size_t)number(local + 28, 2);
    const size_t room = bytes->size - LOCAL_SIZE - (size_t)r->place;
    if (room < name + extra || room - name - extra < r->size) return damaged(path, "a record lies outside the file");
    if (name != r->name.size || memcmp(local + LOCAL_SIZE, r->name.bytes, name) != 0) {
        return damaged(path, "a record's name differs from that in the table of contents");
    }
    *out = (file_span){local + LOCAL_SIZE + name + extra, (size_t)r->size};
    return POLYP_OK;
}

static int compare_with_name(const void *name, const void *record)
{
    return pytorch_compare_text(*(const pickle_text *)name, ((const zip_record *)record)->name);
}

/* PREFIX + folder + name; *found is NULL where there is none. */
static status find_record(const zip_record **found, const zip_archive *zip, const char *folder, pickle_text name,
                          const char *path)
{
    char buffer[512];
    const size_t middle = strlen(folder), size = zip->prefix.size + middle + name.size;
    *found = NULL;
    if (size > sizeof buffer) return damaged(path, "the name of a record is too long");
    memcpy(buffer, zip->prefix.bytes, zip->prefix.size);
    memcpy(buffer + zip->prefix.size, folder, middle);
    if (name.size > 0) memcpy(buffer + zip->prefix.size + middle, name.bytes, name.size);
    const pickle_text whole = {buffer, size};
    if (zip->count > 0) *found = bsearch(&whole, zip->records, zip->count, sizeof *zip->records, compare_with_name);
    return POLYP_OK;
}

/* The pickle is FOLDER/data.pkl with one folder, whose name becomes the prefix. */
static const zip_record *find_pickle(zip_archive *zip)
{
    static const char ending[] = "/data.pkl";
    const size_t length = sizeof ending - 1;
    for (size_t i = 0; i < zip->count; i++) {
        const pickle_text name = zip->records[i].name;
        if (name.size <= length || memcmp(name.bytes + name.size - length, ending, length) != 0) continue;
        if (memchr(name.bytes, '/', name.size - length) != NULL) continue;
        zip->prefix = (pickle_text){name.bytes, name.size - length + 1};
        return &zip->records[i];
    }
    return NULL;
}

static status check_byte_order(const zip_archive *zip, const char *path)
{
    const zip_record *record;
    TRY(find_record(&record, zip, "", (pickle_text){"byteorder", 9}, path));
    if (record == NULL) return POLYP_OK; /* before 2.1; such files are little-endian but for rare machines */
    file_span order;
    TRY(record_bytes(&order, zip, record, path));
    if (order.size == 6 && memcmp(order.data, "little", 6) == 0) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED,
                "%s: was written on a big-endian machine; load and save it with PyTorch on an ordinary one", path);
}

static status find_storage(file_span *out, const void *context, const pickle_storage *storage, const char *path)
{
    const zip_archive *const zip = context;
    const zip_record *record;
    TRY(find_record(&record, zip, "data/", storage->key, path));
    if (record == NULL) {
        (void)fail(POLYP_ERR_FORMAT, "%s: its storage %s is missing", path,
                   weights_show(storage->key.bytes, storage->key.size).text);
        return POLYP_ERR_FORMAT;
    }
    TRY(record_bytes(out, zip, record, path));
    if (out->size / storage->value_size == storage->count && out->size % storage->value_size == 0) return POLYP_OK;
    return fail(POLYP_ERR_FORMAT, "%s: its storage %s has %zu bytes, not %zu values of %zu", path,
                weights_show(storage->key.bytes, storage->key.size).text, out->size, storage->count,
                storage->value_size);
}

status pytorch_zip_open(weights_file *file, const char *path)
{
    zip_archive zip = {.bytes = file->bytes};
    TRY(read_directory(&zip, file->arena, path));
    const zip_record *const record = find_pickle(&zip);
    if (record == NULL) return fail(POLYP_ERR_FORMAT, "%s: is a zip without data.pkl, so no PyTorch checkpoint", path);
    TRY(check_byte_order(&zip, path));
    file_span bytes;
    TRY(record_bytes(&bytes, &zip, record, path));
    pickle_result pickle;
    TRY(pickle_read(&pickle, file->arena, bytes.data, bytes.size, path));
    return pytorch_add_tensors(file, pickle.value, find_storage, &zip, path);
}
