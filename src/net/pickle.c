/*
 * The pickle machine: a stack, marks on it, a memo, and one small function for each opcode.
 * The opcodes are described in the comments of Python's Lib/pickletools.py.
 */
#include "net/pickle.h"

#include <string.h>

#include "net/pickle_build.h"

/* A checkpoint of 1000 tensors has 0.2 MiB; the bound also bounds what a hostile pickle can make us allocate. */
enum { PICKLE_LIMIT = 16 << 20, FIRST_ROOM = 64 };

typedef struct machine {
    pickle_maker make;
    const unsigned char *bytes;
    size_t size, at;
    pickle_value **stack;
    size_t depth, room;
    size_t *marks; /* depths of the stack */
    size_t mark_count, mark_room;
    pickle_value **memo;
    size_t memo_room, memo_count;
    bool stopped;
} machine;

typedef status (*opcode)(machine *m);

/* ---- bytes ---------------------------------------------------------------------------------------------- */

static status take(const unsigned char **out, machine *m, size_t count)
{
    if (count > m->size - m->at) return pickle_damaged(&m->make, "it ends in the middle");
    *out = m->bytes + m->at;
    m->at += count;
    return POLYP_OK;
}

/* A little-endian number of 1 to 8 bytes without sign. */
static status take_number(uint64_t *out, machine *m, size_t bytes)
{
    const unsigned char *p;
    TRY(take(&p, m, bytes));
    *out = 0;
    memcpy(out, p, bytes);
    return POLYP_OK;
}

/* ---- stack, marks, memo --------------------------------------------------------------------------------- */

static status push(machine *m, pickle_value *value)
{
    if (m->depth == m->room) {
        const size_t room = m->room == 0 ? FIRST_ROOM : 2 * m->room;
        TRY(memory_resize(&m->stack, m->room, room));
        m->room = room;
    }
    m->stack[m->depth++] = value;
    return POLYP_OK;
}

static status push_new(pickle_value **out, machine *m, enum pickle_kind kind)
{
    *out = pickle_new(&m->make, kind);
    return *out == NULL ? POLYP_ERR_MEMORY : push(m, *out);
}

/* Values above the last mark may be taken, those below belong to what is being built around it. */
static size_t floor_of(const machine *m) { return m->mark_count == 0 ? 0 : m->marks[m->mark_count - 1]; }

static status pop(pickle_value **out, machine *m)
{
    if (m->depth <= floor_of(m)) return pickle_damaged(&m->make, "it takes a value that is not there");
    *out = m->stack[--m->depth];
    return POLYP_OK;
}

/* The value that stays on the stack while others change it. */
static status peek(pickle_value **out, const machine *m)
{
    if (m->depth <= floor_of(m)) return pickle_damaged(&m->make, "it changes a value that is not there");
    *out = m->stack[m->depth - 1];
    return POLYP_OK;
}

/* Values above the last mark, which goes; they stay valid until the next push. */
static status pop_marked(pickle_items *out, machine *m)
{
    if (m->mark_count == 0) return pickle_damaged(&m->make, "it looks for a mark that is not there");
    const size_t begin = m->marks[--m->mark_count];
    *out = (pickle_items){.at = m->stack + begin, .count = m->depth - begin};
    m->depth = begin;
    return POLYP_OK;
}

/* Honest pickles number their memo from 0 without gaps, so an index beyond the pickle's size is none. */
static status remember(machine *m, uint64_t index)
{
    pickle_value *value;
    TRY(peek(&value, m));
    if (index >= m->size) return pickle_damaged(&m->make, "a memo number that is too large");
    if (index >= m->memo_room) {
        size_t room = m->memo_room == 0 ? FIRST_ROOM : 2 * m->memo_room;
        if (room <= index) room = (size_t)index + 1;
        TRY(memory_resize(&m->memo, m->memo_room, room));
        m->memo_room = room;
    }
    if (m->memo[index] == NULL) m->memo_count++;
    m->memo[index] = value;
    return POLYP_OK;
}

static status recall(machine *m, uint64_t index)
{
    if (index >= m->memo_room || m->memo[index] == NULL) {
        return pickle_damaged(&m->make, "a memo number that was never set");
    }
    return push(m, m->memo[index]);
}

/* ---- numbers and texts ---------------------------------------------------------------------------------- */

static status push_integer(machine *m, enum pickle_kind kind, int64_t integer)
{
    pickle_value *value;
    TRY(push_new(&value, m, kind));
    value->as.integer = integer;
    return POLYP_OK;
}

static status push_text(machine *m, size_t length_bytes)
{
    uint64_t length;
    const unsigned char *bytes;
    pickle_value *value;
    TRY(take_number(&length, m, length_bytes));
    if (length > m->size) return pickle_damaged(&m->make, "a text longer than the pickle");
    TRY(take(&bytes, m, (size_t)length));
    TRY(push_new(&value, m, PICKLE_TEXT));
    value->as.text = (pickle_text){(const char *)bytes, (size_t)length};
    return POLYP_OK;
}

/* A two's complement number of any length: beyond 8 bytes it is kept as bytes (the magic number of the legacy format).
 */
static status push_long(machine *m, size_t length_bytes)
{
    uint64_t length, bits = 0;
    const unsigned char *bytes;
    TRY(take_number(&length, m, length_bytes));
    if (length > m->size) return pickle_damaged(&m->make, "a number longer than the pickle");
    TRY(take(&bytes, m, (size_t)length));
    if (length > sizeof bits) {
        pickle_value *value;
        TRY(push_new(&value, m, PICKLE_OTHER));
        value->as.text = (pickle_text){(const char *)bytes, (size_t)length};
        return POLYP_OK;
    }
    if (length > 0 && (bytes[length - 1] & 0x80) != 0) bits = UINT64_MAX;
    memcpy(&bits, bytes, (size_t)length);
    return push_integer(m, PICKLE_INT, (int64_t)bits);
}

static status push_unsigned(machine *m, size_t bytes)
{
    uint64_t number;
    TRY(take_number(&number, m, bytes));
    return push_integer(m, PICKLE_INT, (int64_t)number);
}

static status op_none(machine *m) { return push_integer(m, PICKLE_NONE, 0); }
static status op_true(machine *m) { return push_integer(m, PICKLE_BOOL, 1); }
static status op_false(machine *m) { return push_integer(m, PICKLE_BOOL, 0); }
static status op_int1(machine *m) { return push_unsigned(m, 1); }
static status op_int2(machine *m) { return push_unsigned(m, 2); }
static status op_long1(machine *m) { return push_long(m, 1); }
static status op_long4(machine *m) { return push_long(m, 4); }
static status op_text1(machine *m) { return push_text(m, 1); }
static status op_text4(machine *m) { return push_text(m, 4); }
static status op_text8(machine *m) { return push_text(m, 8); }

static status op_int4(machine *m)
{
    uint64_t bits;
    TRY(take_number(&bits, m, 4));
    return push_integer(m, PICKLE_INT, (int32_t)(uint32_t)bits);
}

/* 8 bytes, the only big-endian number of the format */
static status op_float(machine *m)
{
    uint64_t bits;
    pickle_value *value;
    TRY(take_number(&bits, m, 8));
    bits = __builtin_bswap64(bits);
    TRY(push_new(&value, m, PICKLE_FLOAT));
    memcpy(&value->as.real, &bits, sizeof bits);
    return POLYP_OK;
}

/* ---- containers ----------------------------------------------------------------------------------------- */

static status append_all(machine *m, pickle_value *to, const pickle_items *from)
{
    for (size_t i = 0; i < from->count; i++) TRY(pickle_append(&m->make, &to->as.items, from->at[i]));
    return POLYP_OK;
}

static status op_empty_list(machine *m)
{
    pickle_value *v;
    return push_new(&v, m, PICKLE_LIST);
}

static status op_empty_tuple(machine *m)
{
    pickle_value *v;
    return push_new(&v, m, PICKLE_TUPLE);
}

static status op_empty_dict(machine *m)
{
    pickle_value *v;
    return push_new(&v, m, PICKLE_DICT);
}

static status collect(machine *m, enum pickle_kind kind)
{
    pickle_items items;
    TRY(pop_marked(&items, m));
    pickle_value *const value = pickle_new(&m->make, kind);
    if (value == NULL) return POLYP_ERR_MEMORY;
    if (kind == PICKLE_DICT && items.count % 2 != 0) return pickle_damaged(&m->make, "a dict with a key without value");
    TRY(append_all(m, value, &items));
    return push(m, value);
}

static status op_list(machine *m) { return collect(m, PICKLE_LIST); }
static status op_tuple(machine *m) { return collect(m, PICKLE_TUPLE); }
static status op_dict(machine *m) { return collect(m, PICKLE_DICT); }

static status short_tuple(machine *m, size_t count)
{
    pickle_value *items[3];
    for (size_t i = count; i-- > 0;) TRY(pop(&items[i], m));
    pickle_value *tuple;
    TRY(push_new(&tuple, m, PICKLE_TUPLE));
    return append_all(m, tuple, &(const pickle_items){.at = items, .count = count});
}

static status op_tuple1(machine *m) { return short_tuple(m, 1); }
static status op_tuple2(machine *m) { return short_tuple(m, 2); }
static status op_tuple3(machine *m) { return short_tuple(m, 3); }

/* `items` go into the list or dict on top of the stack. */
static status extend(machine *m, enum pickle_kind kind, const pickle_items *items)
{
    pickle_value *container;
    TRY(peek(&container, m));
    if (container->kind != kind) return pickle_damaged(&m->make, "it adds to something that is no list or dict");
    if (kind == PICKLE_DICT && items->count % 2 != 0) {
        return pickle_damaged(&m->make, "a dict with a key without value");
    }
    return append_all(m, container, items);
}

static status op_append(machine *m)
{
    pickle_value *value;
    TRY(pop(&value, m));
    return extend(m, PICKLE_LIST, &(const pickle_items){.at = &value, .count = 1});
}

static status op_set_item(machine *m)
{
    pickle_value *pair[2];
    TRY(pop(&pair[1], m));
    TRY(pop(&pair[0], m));
    return extend(m, PICKLE_DICT, &(const pickle_items){.at = pair, .count = 2});
}

static status extend_marked(machine *m, enum pickle_kind kind)
{
    pickle_items items;
    TRY(pop_marked(&items, m));
    return extend(m, kind, &items);
}

static status op_appends(machine *m) { return extend_marked(m, PICKLE_LIST); }
static status op_set_items(machine *m) { return extend_marked(m, PICKLE_DICT); }

/* ---- stack and memo ------------------------------------------------------------------------------------- */

static status op_mark(machine *m)
{
    if (m->mark_count == m->mark_room) {
        const size_t room = m->mark_room == 0 ? FIRST_ROOM : 2 * m->mark_room;
        TRY(memory_resize(&m->marks, m->mark_room, room));
        m->mark_room = room;
    }
    m->marks[m->mark_count++] = m->depth;
    return POLYP_OK;
}

static status op_pop(machine *m)
{
    pickle_value *v;
    return pop(&v, m);
}

static status op_pop_mark(machine *m)
{
    pickle_items items;
    return pop_marked(&items, m);
}

static status op_duplicate(machine *m)
{
    pickle_value *value;
    TRY(peek(&value, m));
    return push(m, value);
}

static status memo_with(machine *m, size_t bytes, status (*use)(machine *, uint64_t))
{
    uint64_t index;
    TRY(take_number(&index, m, bytes));
    return use(m, index);
}

static status op_get1(machine *m) { return memo_with(m, 1, recall); }
static status op_get4(machine *m) { return memo_with(m, 4, recall); }
static status op_put1(machine *m) { return memo_with(m, 1, remember); }
static status op_put4(machine *m) { return memo_with(m, 4, remember); }
static status op_memoize(machine *m) { return remember(m, m->memo_count); }

/* ---- callables ------------------------------------------------------------------------------------------ */

static status take_line(pickle_text *out, machine *m)
{
    const unsigned char *const begin = m->bytes + m->at;
    const unsigned char *const end = memchr(begin, '\n', m->size - m->at);
    if (end == NULL) return pickle_damaged(&m->make, "it ends in the middle of a name");
    *out = (pickle_text){(const char *)begin, (size_t)(end - begin)};
    m->at += out->size + 1;
    return POLYP_OK;
}

static status op_global(machine *m)
{
    pickle_text module, name;
    pickle_value *value;
    TRY(take_line(&module, m));
    TRY(take_line(&name, m));
    TRY(pickle_find_global(&value, &m->make, module, name));
    return push(m, value);
}

static status op_stack_global(machine *m)
{
    pickle_value *name, *module, *value;
    TRY(pop(&name, m));
    TRY(pop(&module, m));
    if (name->kind != PICKLE_TEXT || module->kind != PICKLE_TEXT) {
        return pickle_damaged(&m->make, "a name that is no text");
    }
    TRY(pickle_find_global(&value, &m->make, module->as.text, name->as.text));
    return push(m, value);
}

static status op_reduce(machine *m)
{
    pickle_value *arguments, *callable, *value;
    TRY(pop(&arguments, m));
    TRY(pop(&callable, m));
    TRY(pickle_call(&value, &m->make, callable, arguments));
    return push(m, value);
}

/* Attributes set on an object: a state_dict carries `_metadata` (versions of modules), which nothing here needs. */
static status op_build(machine *m)
{
    pickle_value *state, *object;
    TRY(pop(&state, m));
    TRY(peek(&object, m));
    if (object->kind == PICKLE_DICT && state->kind == PICKLE_DICT) return POLYP_OK;
    return pickle_damaged(&m->make, "it sets attributes of something that is no dict");
}

static status op_persistent_id(machine *m)
{
    pickle_value *id, *value;
    TRY(pop(&id, m));
    TRY(pickle_make_storage(&value, &m->make, id));
    return push(m, value);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static status op_protocol(machine *m)
{
    uint64_t protocol;
    TRY(take_number(&protocol, m, 1));
    if (protocol >= 2 && protocol <= 5) return POLYP_OK;
    return fail(POLYP_ERR_UNSUPPORTED, "%s: pickle protocol %d is not read (2 to 5 are)", m->make.path, (int)protocol);
}

/* A frame only tells how many bytes could be read at once. */
static status op_frame(machine *m)
{
    uint64_t length;
    return take_number(&length, m, 8);
}

static status op_stop(machine *m)
{
    m->stopped = true;
    return POLYP_OK;
}

static const opcode OPCODES[256] = {
    [0x80] = op_protocol,   [0x95] = op_frame,     ['.'] = op_stop,          ['N'] = op_none,
    [0x88] = op_true,       [0x89] = op_false,     ['K'] = op_int1,          ['M'] = op_int2,
    ['J'] = op_int4,        [0x8a] = op_long1,     [0x8b] = op_long4,        ['G'] = op_float,
    [0x8c] = op_text1,      ['X'] = op_text4,      [0x8d] = op_text8, /* str */
    ['C'] = op_text1,       ['B'] = op_text4,      [0x8e] = op_text8, /* bytes */
    ['U'] = op_text1,       ['T'] = op_text4,                         /* str of Python 2 */
    [']'] = op_empty_list,  ['a'] = op_append,     ['e'] = op_appends,       ['l'] = op_list,
    [')'] = op_empty_tuple, ['t'] = op_tuple,      [0x85] = op_tuple1,       [0x86] = op_tuple2,
    [0x87] = op_tuple3,     ['}'] = op_empty_dict, ['d'] = op_dict,          ['s'] = op_set_item,
    ['u'] = op_set_items,   ['('] = op_mark,       ['0'] = op_pop,           ['1'] = op_pop_mark,
    ['2'] = op_duplicate,   ['h'] = op_get1,       ['j'] = op_get4,          ['q'] = op_put1,
    ['r'] = op_put4,        [0x94] = op_memoize,   ['c'] = op_global,        [0x93] = op_stack_global,
    ['R'] = op_reduce,      ['b'] = op_build,      ['Q'] = op_persistent_id,
};

static status run(machine *m)
{
    while (!m->stopped) {
        const unsigned char *code;
        TRY(take(&code, m, 1));
        if (OPCODES[*code] == NULL) {
            return fail(POLYP_ERR_UNSUPPORTED,
                        "%s: its pickle has the instruction 0x%02x at byte %zu, which no tensor needs; refused",
                        m->make.path, *code, m->at - 1);
        }
        TRY(OPCODES[*code](m));
    }
    return POLYP_OK;
}

status pickle_read(pickle_result *out, arena *a, const unsigned char *bytes, size_t size, const char *path)
{
    machine m = {.make = {.arena = a, .path = path}, .bytes = bytes};
    m.size = size < PICKLE_LIMIT ? size : PICKLE_LIMIT;
    status result = run(&m);
    pickle_value *value = NULL;
    if (result == POLYP_OK) result = pop(&value, &m);
    if (result == POLYP_OK) *out = (pickle_result){.value = value, .storages = m.make.storages, .used = m.at};
    memory_free(m.stack);
    memory_free(m.marks);
    memory_free(m.memo);
    return result;
}
