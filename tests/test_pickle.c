/* The pickle machine, opcode by opcode, and pickles made to do harm. */
#include "weights_help.h"

#include "net/pickle.h"

typedef struct reading {
    arena *values;
    pickle_result result;
} reading;

/* A string literal's bytes without its NUL. */
#define BOMB(literal) (literal), sizeof(literal) - 1
#define BYTES(literal) (const unsigned char *)(literal), sizeof(literal) - 1

/* For pickles that are refused. */
static status interpret(reading *r, const unsigned char *bytes, size_t size)
{
    assert_ok(arena_create(&r->values, 4096));
    /* a block of just this size, so that the address sanitizer sees a read beyond it */
    unsigned char *const copy = malloc(size + 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    unsigned char *const exact = realloc(copy, size == 0 ? 1 : size);
    const status result = pickle_read(&r->result, r->values, exact, size, "x.pth");
    if (result == POLYP_OK) fail_msg("was read");
    free(exact);
    return result;
}

/* For pickles that are read: values point into the bytes. */
static const pickle_value *read_value(reading *r, const unsigned char *bytes, size_t size)
{
    assert_ok(arena_create(&r->values, 4096));
    assert_ok(pickle_read(&r->result, r->values, bytes, size, "x.pth"));
    assert_int_equal(r->result.used, size);
    return r->result.value;
}

#define assert_interprets_not(literal, code, words)                     \
    do {                                                                \
        reading bad_;                                                   \
        assert_refused(interpret(&bad_, BYTES(literal)), code, words);  \
        arena_destroy(bad_.values);                                     \
    } while (0)

/* ---- values --------------------------------------------------------------------------------------------- */

static void test_numbers(void **state)
{
    (void)state;
    static const struct { const char *bytes; size_t size; int64_t value; } cases[] = {
        {"\x80\x02K\xff.", 5, 255},
        {"\x80\x02M\x01\x02.", 6, 0x201},
        {"\x80\x02J\xfe\xff\xff\xff.", 8, -2},
        {"\x80\x02\x8a\x00.", 5, 0},
        {"\x80\x02\x8a\x01\xff.", 6, -1},
        {"\x80\x02\x8a\x02\xff\x00.", 7, 255},
        {"\x80\x02\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80.", 13, INT64_MIN},
        {"\x80\x02\x8b\x02\x00\x00\x00\x00\x01.", 10, 256},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reading r;
        const pickle_value *const value = read_value(&r, (const unsigned char *)cases[i].bytes, cases[i].size);
        assert_int_equal(value->kind, PICKLE_INT);
        assert_true(value->as.integer == cases[i].value);
        arena_destroy(r.values);
    }
    reading r;
    const pickle_value *const real = read_value(&r, BYTES("\x80\x02G\xbf\xf8\x00\x00\x00\x00\x00\x00."));
    assert_true(real->kind == PICKLE_FLOAT && real->as.real == -1.5);
    arena_destroy(r.values);
}

static void test_containers(void **state)
{
    (void)state;
    reading r;
    /* {'a': [1, None, True], 'b': (2, 'xy')} in protocol 4, as pickle.dumps() wrote it */
    const pickle_value *const dict = read_value(&r, BYTES("\x80\x04\x95\x1a\0\0\0\0\0\0\0}\x94(\x8c\x01" "a\x94]\x94(K\x01N\x88" "e"
                                                          "\x8c\x01" "b\x94K\x02\x8c\x02xy\x94\x86\x94u."));
    assert_int_equal(dict->kind, PICKLE_DICT);
    const pickle_value *const list = pickle_get(dict, "a"), *const tuple = pickle_get(dict, "b");
    assert_true(list->kind == PICKLE_LIST && list->as.items.count == 3);
    assert_int_equal(list->as.items.at[0]->as.integer, 1);
    assert_int_equal(list->as.items.at[1]->kind, PICKLE_NONE);
    assert_true(list->as.items.at[2]->kind == PICKLE_BOOL && list->as.items.at[2]->as.integer == 1);
    assert_true(tuple->kind == PICKLE_TUPLE && pickle_text_is(tuple->as.items.at[1], "xy"));
    assert_null(pickle_get(dict, "c"));
    assert_null(pickle_get(list, "a"));
    arena_destroy(r.values);
}

static void test_python_2_dicts(void **state)
{
    (void)state;
    reading r;
    /* OrderedDict([['w', 5]]) as Python 2 pickled it; its text is a SHORT_BINSTRING */
    const pickle_value *const dict = read_value(&r, BYTES("\x80\x02" "ccollections\nOrderedDict\nq\x01]q\x02]q\x03(U\x01wK\x05" "ea"
                                                          "\x85Rq\x04."));
    assert_int_equal(pickle_get(dict, "w")->as.integer, 5);
    arena_destroy(r.values);
}

#define STORAGE "(X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0" "0X\x03\0\0\0cpuK\x06tQ"

static void test_tensors(void **state)
{
    (void)state;
    reading r;
    const pickle_value *const tensor = read_value(
        &r, BYTES("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\x01K\x02K\x03\x86K\x03K\x01\x86\x89}tR."));
    assert_int_equal(tensor->kind, PICKLE_TENSOR);
    const pickle_tensor *const t = tensor->as.tensor;
    assert_int_equal(t->rank, 2);
    assert_true(t->shape[0] == 2 && t->shape[1] == 3 && t->stride[0] == 3 && t->stride[1] == 1);
    assert_true(t->offset == 1 && t->storage->count == 6 && t->storage->dtype == DTYPE_F32);
    assert_ptr_equal(&r.result.storages->as.storage, t->storage);
    arena_destroy(r.values);
}

static void test_views_of_storages(void **state)
{
    (void)state;
    reading r;
    /* legacy files before 0.4: ('storage', class, key, location, count, (key of the view, offset, count)) */
    const pickle_value *const storage = read_value(
        &r, BYTES("\x80\x02(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\0" "0X\x03\0\0\0cpuK\x06X\x01\0\0\0" "1K\x04K\x02\x87tQ."));
    assert_int_equal(storage->kind, PICKLE_STORAGE);
    assert_true(storage->as.storage.view_offset == 4 && storage->as.storage.value_size == 2);
    arena_destroy(r.values);
    assert_interprets_not("\x80\x02(X\x07\0\0\0storagectorch\nHalfStorage\nX\x01\0\0\0" "0NK\x06K\x01tQ.", POLYP_ERR_FORMAT, "view");
}

/* ---- harm ----------------------------------------------------------------------------------------------- */

static void test_callables_are_refused_by_name(void **state)
{
    (void)state;
    assert_interprets_not("\x80\x02" "cos\nsystem\nX\x04\0\0\0echo\x85R.", POLYP_ERR_UNSUPPORTED,
                          "x.pth: asks for os.system, which is not a tensor; refused");
    assert_interprets_not("\x80\x02" "cposix\nsystem\nX\x04\0\0\0echo\x85R.", POLYP_ERR_UNSUPPORTED, "posix.system");
    assert_interprets_not("\x80\x02" "c__builtin__\neval\nX\x01\0\0\0" "1\x85R.", POLYP_ERR_UNSUPPORTED, "__builtin__.eval");
    assert_interprets_not("\x80\x04\x8c\x08" "builtins\x8c\x04" "exec\x93\x8c\x01" "1\x85R.", POLYP_ERR_UNSUPPORTED, "builtins.exec");
    assert_interprets_not("\x80\x04\x8c\x05torch\x8c\x04load\x93.", POLYP_ERR_UNSUPPORTED, "torch.load");
    assert_interprets_not("\x80\x02" "ctorch\nFloatStorage.__init__\n.", POLYP_ERR_UNSUPPORTED, "FloatStorage.__init__");
    assert_interprets_not("\x80\x02" "cos\n\x1b[2Jsystem\n.", POLYP_ERR_UNSUPPORTED, "os.?[2Jsystem"); /* no escapes for the terminal */
    assert_interprets_not("\x80\x02(S'echo'\nios\nsystem\n.", POLYP_ERR_UNSUPPORTED, "instruction 0x53");
    assert_interprets_not("\x80\x02(ios\nsystem\n.", POLYP_ERR_UNSUPPORTED, "instruction 0x69");
    assert_interprets_not("\x80\x02" "ccollections\nOrderedDict\n)\x81.", POLYP_ERR_UNSUPPORTED, "instruction 0x81");
    assert_interprets_not("\x80\x02\x82\x01.", POLYP_ERR_UNSUPPORTED, "instruction 0x82"); /* the extension registry */
}

static void test_misuse_is_refused(void **state)
{
    (void)state;
    assert_interprets_not("", POLYP_ERR_FORMAT, "ends in the middle");
    assert_interprets_not("\x80\x01.", POLYP_ERR_UNSUPPORTED, "protocol 1");
    assert_interprets_not("\x80\x06.", POLYP_ERR_UNSUPPORTED, "protocol 6");
    assert_interprets_not("\x80\x02.", POLYP_ERR_FORMAT, "value that is not there");
    assert_interprets_not("\x80\x02(0.", POLYP_ERR_FORMAT, "value that is not there");
    assert_interprets_not("\x80\x02K\x01(\x85.", POLYP_ERR_FORMAT, "value that is not there"); /* below the mark */
    assert_interprets_not("\x80\x02t.", POLYP_ERR_FORMAT, "mark");
    assert_interprets_not("\x80\x02h\x05.", POLYP_ERR_FORMAT, "never set");
    assert_interprets_not("\x80\x02K\x01K\x02" "a.", POLYP_ERR_FORMAT, "no list or dict");
    assert_interprets_not("\x80\x02}(K\x01u.", POLYP_ERR_FORMAT, "key without value");
    assert_interprets_not("\x80\x02(K\x01" "d.", POLYP_ERR_FORMAT, "key without value");
    assert_interprets_not("\x80\x02K\x01)R.", POLYP_ERR_FORMAT, "no function");
    assert_interprets_not("\x80\x02" "ctorch\nSize\nNR.", POLYP_ERR_FORMAT, "no function");
    assert_interprets_not("\x80\x02" "ctorch\nSize\n)R.", POLYP_ERR_FORMAT, "without its argument");
    assert_interprets_not("\x80\x02" "ctorch\nFloatStorage\n)R.", POLYP_ERR_FORMAT, "storage made by a call");
    assert_interprets_not("\x80\x02K\x01Q.", POLYP_ERR_FORMAT, "no storage");
    assert_interprets_not("\x80\x02K\x01}b.", POLYP_ERR_FORMAT, "attributes");
    assert_interprets_not("\x80\x04K\x01K\x02\x93.", POLYP_ERR_FORMAT, "no text");
    assert_interprets_not("\x80\x02" "ccollections\nOrderedDict\nN\x85R.", POLYP_ERR_FORMAT, "other than a list");
    assert_interprets_not("\x80\x02" "ccollections\nOrderedDict\n]Na\x85R.", POLYP_ERR_FORMAT, "other than pairs");
    assert_interprets_not("\x80\x02" "cos", POLYP_ERR_FORMAT, "middle of a name");
    assert_interprets_not("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n)R.", POLYP_ERR_FORMAT, "tensor without storage");
    assert_interprets_not("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(NK\x01))tR.", POLYP_ERR_FORMAT, "without a storage");
    assert_interprets_not("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\x01K\x02\x85)tR.", POLYP_ERR_FORMAT, "strides");
    assert_interprets_not("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\x01J\xff\xff\xff\xff\x85K\x01\x85tR.",
                          POLYP_ERR_FORMAT, "strides");
    assert_interprets_not("\x80\x02" "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "J\xff\xff\xff\xff))tR.", POLYP_ERR_FORMAT, "a place");
}

static void test_huge_counts_are_refused(void **state)
{
    (void)state;
    assert_interprets_not("\x80\x02X\xff\xff\xff\xff.", POLYP_ERR_FORMAT, "longer than the pickle");
    assert_interprets_not("\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.", POLYP_ERR_FORMAT, "longer than the pickle");
    assert_interprets_not("\x80\x02\x8b\xff\xff\xff\x7f.", POLYP_ERR_FORMAT, "longer than the pickle");
    assert_interprets_not("\x80\x02" "B\x10\0\0\0.", POLYP_ERR_FORMAT, "longer than the pickle");
    assert_interprets_not("\x80\x02U\x05" "abc.", POLYP_ERR_FORMAT, "ends in the middle");
    assert_interprets_not("\x80\x02Nr\xff\xff\xff\xff.", POLYP_ERR_FORMAT, "memo number that is too large");
    assert_interprets_not("\x80\x02Nj\xff\xff\xff\xff.", POLYP_ERR_FORMAT, "never set");
}

/* `count` times the same bytes between PROTO and STOP */
static unsigned char *repeat(size_t *size, const char *unit, size_t unit_size, size_t count)
{
    *size = 2 + unit_size * count + 1;
    unsigned char *const bytes = malloc(*size);
    assert_non_null(bytes);
    memcpy(bytes, "\x80\x02", 2);
    for (size_t i = 0; i < count; i++) memcpy(bytes + 2 + i * unit_size, unit, unit_size);
    bytes[*size - 1] = '.';
    return bytes;
}

static void test_deep_nesting_costs_its_bytes(void **state)
{
    (void)state;
    static const struct { const char *unit; size_t size; status result; } cases[] = {
        {"(", 1, POLYP_ERR_FORMAT},      /* marks that nothing closes */
        {"]", 1, POLYP_OK},              /* lists side by side */
        {"]\x85\x85", 3, POLYP_OK},      /* tuples in tuples */
        {"]2a", 3, POLYP_OK},            /* lists that hold themselves */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t size;
        reading r;
        unsigned char *const bytes = repeat(&size, cases[i].unit, cases[i].size, 300000);
        assert_ok(arena_create(&r.values, 1 << 20));
        assert_int_equal(pickle_read(&r.result, r.values, bytes, size, "x.pth"), cases[i].result);
        arena_destroy(r.values);
        free(bytes);
    }
}

/* A small head, then a unit many times: reads it, or refuses it, in time and memory that grow with its bytes alone. */
static void survive_bomb(const char *head, size_t head_size, const char *unit, size_t unit_size, size_t count, const char *words)
{
    size_t tail_size;
    reading r;
    unsigned char *const tail = repeat(&tail_size, unit, unit_size, count);
    unsigned char *const bytes = malloc(head_size + tail_size);
    assert_non_null(bytes);
    memcpy(bytes, head, head_size);
    memcpy(bytes + head_size, tail + 2, tail_size - 2);
    assert_ok(arena_create(&r.values, 1 << 20));
    const status got = pickle_read(&r.result, r.values, bytes, head_size + tail_size - 2, "x.pth");
    if (words == NULL) assert_int_equal(got, POLYP_OK);
    if (words != NULL) assert_refused(got, POLYP_ERR_FORMAT, words);
    arena_destroy(r.values);
    free(bytes);
    free(tail);
}

static void test_memo_bombs_cost_their_bytes(void **state)
{
    (void)state;
    /* each list holds the one before twice: 2 to the power 20000 leaves, if anyone walked them */
    survive_bomb(BOMB("\x80\x02]q\0"), BOMB("](h\0h\0eq\0"), 20000, NULL);
    /* one list of 200000 pairs, made a dict again and again: the first call uses it up */
    size_t size;
    unsigned char *const list = repeat(&size, "h\1", 2, 200000);
    char *const head = malloc(size + 64);
    assert_non_null(head);
    static const char begin[] = "\x80\x02NN\x86q\1" "0]q\0(";
    memcpy(head, begin, sizeof begin - 1);
    memcpy(head + sizeof begin - 1, list + 2, size - 3);
    head[sizeof begin - 1 + size - 3] = 'e';
    survive_bomb(head, sizeof begin - 1 + size - 2, BOMB("ccollections\nOrderedDict\nh\0\x85R0"), 20000, NULL);
    free(head);
    free(list);
}

static void test_pickles_over_the_limit_are_cut(void **state)
{
    (void)state;
    size_t size;
    reading r;
    unsigned char *const bytes = repeat(&size, "N0", 2, 9 << 20);
    assert_ok(arena_create(&r.values, 1 << 20));
    assert_refused(pickle_read(&r.result, r.values, bytes, size, "x.pth"), POLYP_ERR_FORMAT, "ends in the middle");
    arena_destroy(r.values);
    free(bytes);
}

static void test_random_opcodes(void **state)
{
    (void)state;
    static const char codes[] = "N\x88\x89K]a)t\x85\x86\x87}su(02hqRbQeld\x94\x93.";
    for (uint64_t round = 0; round < 20000; round++) {
        random_stream draws = random_open(3, RANDOM_TEST, 0, round);
        unsigned char bytes[64] = "\x80\x04";
        for (size_t i = 2; i < sizeof bytes; i++) bytes[i] = (unsigned char)codes[random_below(&draws, sizeof codes - 1)];
        reading r;
        assert_ok(arena_create(&r.values, 4096));
        (void)pickle_read(&r.result, r.values, bytes, sizeof bytes, "x.pth");
        arena_destroy(r.values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_containers),
        cmocka_unit_test(test_python_2_dicts),
        cmocka_unit_test(test_tensors),
        cmocka_unit_test(test_views_of_storages),
        cmocka_unit_test(test_callables_are_refused_by_name),
        cmocka_unit_test(test_misuse_is_refused),
        cmocka_unit_test(test_huge_counts_are_refused),
        cmocka_unit_test(test_deep_nesting_costs_its_bytes),
        cmocka_unit_test(test_memo_bombs_cost_their_bytes),
        cmocka_unit_test(test_pickles_over_the_limit_are_cut),
        cmocka_unit_test(test_random_opcodes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
