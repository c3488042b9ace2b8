/*
 * Python's pickle, read as data. The interpreter knows the opcodes of protocols 2 to 5 that PyTorch's checkpoints use,
 * and of all callables those few that make tensors and containers; these become values of ours. Nothing is ever
 * executed or looked up.
 */
#ifndef POLYP_NET_PICKLE_H
#define POLYP_NET_PICKLE_H

#include "base/memory.h"
#include "net/weights.h"

enum pickle_kind {
    PICKLE_NONE,
    PICKLE_BOOL,
    PICKLE_INT,
    PICKLE_FLOAT,
    PICKLE_TEXT, /* str and bytes */
    PICKLE_LIST,
    PICKLE_TUPLE,
    PICKLE_DICT,   /* items: key, value, key, value */
    PICKLE_GLOBAL, /* one of the few known callables and types */
    PICKLE_STORAGE,
    PICKLE_TENSOR,
    PICKLE_OTHER /* harmless and of no use here: a device, a dtype, a very long integer */
};

typedef struct pickle_value pickle_value;
typedef struct pickle_global pickle_global;

/* Not terminated: lies in the pickle's bytes. */
typedef struct pickle_text {
    const char *bytes;
    size_t size;
} pickle_text;

typedef struct pickle_items {
    pickle_value **at;
    size_t count, room;
} pickle_items;

/* What a tensor lies in, by the key under which the file holds its bytes. */
typedef struct pickle_storage {
    enum dtype dtype;
    size_t value_size;
    pickle_text key;
    size_t count;          /* values, of the storage itself or of the root of a view */
    size_t view_offset;    /* legacy files: the storage begins here in the root, in values; else 0 */
    pickle_value *earlier; /* the storage met before this one, or NULL */
} pickle_storage;

typedef struct pickle_tensor {
    const pickle_storage *storage;
    size_t offset; /* of the first value in the storage */
    int rank;
    int64_t shape[WEIGHTS_MAX_RANK], stride[WEIGHTS_MAX_RANK];
} pickle_tensor;

struct pickle_value {
    enum pickle_kind kind;
    union {
        int64_t integer; /* and bool */
        double real;
        pickle_text text; /* OTHER: the raw bytes of a very long integer, else empty */
        pickle_items items;
        const pickle_global *global;
        pickle_storage storage;
        pickle_tensor *tensor;
    } as;
};

typedef struct pickle_result {
    pickle_value *value;
    pickle_value *storages; /* the last one met, linked by `earlier`; NULL: none */
    size_t used;            /* bytes up to and with STOP */
} pickle_result;

/*
 * Interpret one pickle at the start of `bytes`. Values live in `a` and point into `bytes`. Memory is at most some
 * hundred times the pickle's size, and neither nesting nor counts in it cost more than its bytes. Errors: FORMAT
 * (damaged), UNSUPPORTED (asks for something that is not a tensor, container, number or text), MEMORY.
 */
status pickle_read(pickle_result *out, arena *a, const unsigned char *bytes, size_t size, const char *path);

bool pickle_text_is(const pickle_value *value, const char *text);

/* The value under a text key of a dict, or NULL. */
const pickle_value *pickle_get(const pickle_value *dict, const char *key);

#endif
