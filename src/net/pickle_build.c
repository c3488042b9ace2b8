/* The callables that a checkpoint's pickle may name: a table, and one function for each kind of thing made. */
#include "net/pickle_build.h"

#include <string.h>

#include "net/weights_reader.h"

enum { POOL_VALUES = 128 };

enum global_kind {
    GLOBAL_DICT,      /* collections.OrderedDict */
    GLOBAL_TENSOR,    /* (storage, offset, size, stride, ...) */
    GLOBAL_PARAMETER, /* (tensor, ...) */
    GLOBAL_SIZE,      /* ((1, 2, 3),) */
    GLOBAL_STORAGE,   /* a storage's class, named in persistent ids */
    GLOBAL_INERT      /* kept as PICKLE_OTHER, called or not */
};

struct pickle_global {
    const char *module, *name;
    enum global_kind kind;
    enum dtype dtype; /* of a storage */
    size_t value_size;
};

static const pickle_global GLOBALS[] = {
    {"collections", "OrderedDict", GLOBAL_DICT, 0, 0},
    {"torch._utils", "_rebuild_tensor_v2", GLOBAL_TENSOR, 0, 0},
    {"torch._utils", "_rebuild_tensor", GLOBAL_TENSOR, 0, 0},
    {"torch._utils", "_rebuild_parameter", GLOBAL_PARAMETER, 0, 0},
    {"torch", "Size", GLOBAL_SIZE, 0, 0},
    {"torch", "FloatStorage", GLOBAL_STORAGE, DTYPE_F32, 4},
    {"torch", "HalfStorage", GLOBAL_STORAGE, DTYPE_F16, 2},
    {"torch", "BFloat16Storage", GLOBAL_STORAGE, DTYPE_BF16, 2},
    {"torch", "DoubleStorage", GLOBAL_STORAGE, DTYPE_F64, 8},
    {"torch", "CharStorage", GLOBAL_STORAGE, DTYPE_S8, 1},
    {"torch", "LongStorage", GLOBAL_STORAGE, DTYPE_I64, 8},
    {"torch", "IntStorage", GLOBAL_STORAGE, DTYPE_OTHER, 4},
    {"torch", "ShortStorage", GLOBAL_STORAGE, DTYPE_OTHER, 2},
    {"torch", "ByteStorage", GLOBAL_STORAGE, DTYPE_OTHER, 1},
    {"torch", "BoolStorage", GLOBAL_STORAGE, DTYPE_OTHER, 1},
    {"torch", "device", GLOBAL_INERT, 0, 0},
    {"torch", "float32", GLOBAL_INERT, 0, 0},
    {"torch", "float16", GLOBAL_INERT, 0, 0},
    {"torch", "bfloat16", GLOBAL_INERT, 0, 0},
    {"torch", "float64", GLOBAL_INERT, 0, 0},
    {"torch", "int64", GLOBAL_INERT, 0, 0},
    {"torch", "int32", GLOBAL_INERT, 0, 0},
    {"torch", "uint8", GLOBAL_INERT, 0, 0},
    {"torch", "bool", GLOBAL_INERT, 0, 0},
    {"_codecs", "encode", GLOBAL_INERT, 0, 0}, /* how protocol 2 writes bytes */
};

pickle_value *pickle_new(pickle_maker *m, enum pickle_kind kind)
{
    if (m->pool_left == 0) {
        m->pool = arena_take(m->arena, POOL_VALUES, sizeof *m->pool);
        if (m->pool == NULL) return NULL;
        m->pool_left = POOL_VALUES;
    }
    m->pool_left--;
    pickle_value *const value = m->pool++;
    value->kind = kind;
    return value;
}

status pickle_append(pickle_maker *m, pickle_items *items, pickle_value *value)
{
    if (items->count == items->room) {
        const size_t room = items->room == 0 ? 8 : 2 * items->room;
        pickle_value **const bigger = arena_take(m->arena, room, sizeof *bigger);
        if (bigger == NULL) return POLYP_ERR_MEMORY;
        if (items->count > 0) memcpy(bigger, items->at, items->count * sizeof *bigger);
        items->at = bigger;
        items->room = room;
    }
    items->at[items->count++] = value;
    return POLYP_OK;
}

static bool text_equals(pickle_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.bytes, word, text.size) == 0;
}

bool pickle_text_is(const pickle_value *value, const char *text)
{
    return value->kind == PICKLE_TEXT && text_equals(value->as.text, text);
}

const pickle_value *pickle_get(const pickle_value *dict, const char *key)
{
    if (dict->kind != PICKLE_DICT) return NULL;
    for (size_t i = 0; i + 1 < dict->as.items.count; i += 2) {
        if (pickle_text_is(dict->as.items.at[i], key)) return dict->as.items.at[i + 1];
    }
    return NULL;
}

status pickle_find_global(pickle_value **out, pickle_maker *m, pickle_text module, pickle_text name)
{
    for (size_t i = 0; i < sizeof GLOBALS / sizeof GLOBALS[0]; i++) {
        const pickle_global *const known = &GLOBALS[i];
        if (!text_equals(module, known->module) || !text_equals(name, known->name)) continue;
        pickle_value *const value = pickle_new(m, PICKLE_GLOBAL);
        if (value == NULL) return POLYP_ERR_MEMORY;
        value->as.global = known;
        *out = value;
        return POLYP_OK;
    }
    return fail(
        POLYP_ERR_UNSUPPORTED,
        "%s: asks for %s.%s, which is not a tensor; refused (torch.save(model.state_dict(), FILE) writes tensors only)",
        m->path, weights_show(module.bytes, module.size).text, weights_show(name.bytes, name.size).text);
}

/* Whole numbers from 0 of a tuple, at most WEIGHTS_MAX_RANK. -1: something else. */
static int read_sides(int64_t out[WEIGHTS_MAX_RANK], const pickle_value *tuple)
{
    if (tuple->kind != PICKLE_TUPLE || tuple->as.items.count > WEIGHTS_MAX_RANK) return -1;
    const int rank = (int)tuple->as.items.count;
    for (int i = 0; i < rank; i++) {
        const pickle_value *const side = tuple->as.items.at[i];
        if (side->kind != PICKLE_INT || side->as.integer < 0) return -1;
        out[i] = side->as.integer;
    }
    return rank;
}

static status make_tensor(pickle_value **out, pickle_maker *m, const pickle_items *arguments)
{
    if (arguments->count < 4) return pickle_damaged(m, "a tensor without storage, offset, size and stride");
    const pickle_value *const storage = arguments->at[0], *const offset = arguments->at[1];
    if (storage->kind != PICKLE_STORAGE || offset->kind != PICKLE_INT || offset->as.integer < 0) {
        return pickle_damaged(m, "a tensor without a storage and a place in it");
    }
    pickle_value *const value = pickle_new(m, PICKLE_TENSOR);
    pickle_tensor *const t = arena_take(m->arena, 1, sizeof *t);
    if (value == NULL || t == NULL) return POLYP_ERR_MEMORY;
    t->storage = &storage->as.storage;
    t->offset = (size_t)offset->as.integer;
    t->rank = read_sides(t->shape, arguments->at[2]);
    if (t->rank < 0 || read_sides(t->stride, arguments->at[3]) != t->rank) {
        return pickle_damaged(m, "a tensor whose size and strides are not those of 0 to 8 dimensions");
    }
    value->as.tensor = t;
    *out = value;
    return POLYP_OK;
}

/* OrderedDict() or OrderedDict([[key, value], ...]), as Python 2 wrote it. The list is used up: a hostile pickle could
 * name one long list again and again. */
static status make_dict(pickle_value **out, pickle_maker *m, const pickle_items *arguments)
{
    pickle_value *const dict = pickle_new(m, PICKLE_DICT);
    if (dict == NULL) return POLYP_ERR_MEMORY;
    *out = dict;
    if (arguments->count == 0) return POLYP_OK;
    if (arguments->count > 1 || arguments->at[0]->kind != PICKLE_LIST) {
        return pickle_damaged(m, "an OrderedDict of something other than a list");
    }
    pickle_items *const pairs = &arguments->at[0]->as.items;
    for (size_t i = 0; i < pairs->count; i++) {
        const pickle_value *const pair = pairs->at[i];
        const bool is_pair = (pair->kind == PICKLE_LIST || pair->kind == PICKLE_TUPLE) && pair->as.items.count == 2;
        if (!is_pair) return pickle_damaged(m, "an OrderedDict of something other than pairs");
        TRY(pickle_append(m, &dict->as.items, pair->as.items.at[0]));
        TRY(pickle_append(m, &dict->as.items, pair->as.items.at[1]));
    }
    *pairs = (pickle_items){0};
    return POLYP_OK;
}

/* A call that hands one argument on as it is: a parameter is its tensor, a size its tuple. */
static status hand_on(pickle_value **out, pickle_maker *m, const pickle_items *arguments, enum pickle_kind kind)
{
    if (arguments->count < 1 || arguments->at[0]->kind != kind) return pickle_damaged(m, "a call without its argument");
    *out = arguments->at[0];
    return POLYP_OK;
}

status pickle_call(pickle_value **out, pickle_maker *m, const pickle_value *callable, const pickle_value *arguments)
{
    if (callable->kind != PICKLE_GLOBAL || arguments->kind != PICKLE_TUPLE) {
        return pickle_damaged(m, "a call of something that is no function");
    }
    const pickle_items *const items = &arguments->as.items;
    switch (callable->as.global->kind) {
    case GLOBAL_DICT: return make_dict(out, m, items);
    case GLOBAL_TENSOR: return make_tensor(out, m, items);
    case GLOBAL_PARAMETER: return hand_on(out, m, items, PICKLE_TENSOR);
    case GLOBAL_SIZE: return hand_on(out, m, items, PICKLE_TUPLE);
    case GLOBAL_STORAGE: return pickle_damaged(m, "a storage made by a call");
    case GLOBAL_INERT: break;
    }
    *out = pickle_new(m, PICKLE_OTHER);
    return *out == NULL ? POLYP_ERR_MEMORY : POLYP_OK;
}

/* View of a root storage in legacy files: (key, offset, count), or None. */
static status read_view(pickle_storage *s, const pickle_maker *m, const pickle_value *view)
{
    if (view->kind == PICKLE_NONE) return POLYP_OK;
    const pickle_items *const items = &view->as.items;
    if (view->kind != PICKLE_TUPLE || items->count != 3 || items->at[1]->kind != PICKLE_INT ||
        items->at[1]->as.integer < 0) {
        return pickle_damaged(m, "a storage's view without key, offset and count");
    }
    s->view_offset = (size_t)items->at[1]->as.integer;
    return POLYP_OK;
}

status pickle_make_storage(pickle_value **out, pickle_maker *m, const pickle_value *id)
{
    const pickle_items *const items = &id->as.items;
    if (id->kind != PICKLE_TUPLE || items->count < 5 || !pickle_text_is(items->at[0], "storage")) {
        return pickle_damaged(m, "a reference to something that is no storage");
    }
    const pickle_value *const class = items->at[1], *const key = items->at[2], *const count = items->at[4];
    if (class->kind != PICKLE_GLOBAL || class->as.global->kind != GLOBAL_STORAGE || key->kind != PICKLE_TEXT ||
        count->kind != PICKLE_INT || count->as.integer < 0) {
        return pickle_damaged(m, "a storage without type, key and count");
    }
    pickle_value *const value = pickle_new(m, PICKLE_STORAGE);
    if (value == NULL) return POLYP_ERR_MEMORY;
    value->as.storage = (pickle_storage){.dtype = class->as.global->dtype,
                                         .value_size = class->as.global->value_size,
                                         .key = key->as.text,
                                         .count = (size_t)count->as.integer,
                                         .earlier = m->storages};
    if (items->count > 5) TRY(read_view(&value->as.storage, m, items->at[5]));
    m->storages = value;
    *out = value;
    return POLYP_OK;
}
