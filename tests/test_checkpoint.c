/* last.safetensors: everything comes back exactly, a file that is cut or changed does not come back at all. */
#include "learn_help.h"

#include <math.h>

#include "learn/checkpoint.h"

static char *folder, *path;
static graph network;

static int make_network(void **state)
{
    (void)state;
    unet_spec spec;
    folder = help_folder();
    path = memory_text(help_path(folder, "last.safetensors"));
    return unet_preset(&spec, "tiny") == POLYP_OK && unet_build(&network, &spec) == POLYP_OK ? 0 : -1;
}

static int remove_network(void **state)
{
    (void)state;
    graph_free(&network);
    memory_free(path);
    help_remove(folder);
    return 0;
}

static params make_params(uint64_t seed)
{
    params p;
    assert_ok(params_create(&p, &network.params));
    random_stream r = random_open(seed, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < network.params.values; i++) p.flat[i] = (float)random_normal(&r);
    return p;
}

typedef struct run_state {
    params weights, moment1, moment2, average;
    checkpoint place;
} run_state;

static run_state make_state(void)
{
    run_state s = {make_params(1), make_params(2), make_params(3), make_params(4), {.epoch = 4, .batch = 17, .step = 12345678901}};
    s.place.best = 0.1 + 0.2;
    s.place.best_epoch = 3;
    s.place.smooth_loss = 1.0 / 3.0;
    s.place.epoch_loss = 1e-310; /* denormal: decimal printing would lose it */
    strcpy(s.place.record, "{\"loss\":\"bce\",\"name\":\"\\\"quoted\\\" \xc3\xa4\"}");
    strcpy(s.place.data_hash, "0123456789abcdef");
    return s;
}

static run_state empty_state(void)
{
    run_state s = {0};
    assert_ok(params_create(&s.weights, &network.params));
    assert_ok(params_create(&s.moment1, &network.params));
    assert_ok(params_create(&s.moment2, &network.params));
    assert_ok(params_create(&s.average, &network.params));
    return s;
}

static void free_state(run_state *s)
{
    params_free(&s->weights);
    params_free(&s->moment1);
    params_free(&s->moment2);
    params_free(&s->average);
}

static checkpoint_tensors tensors_of(const run_state *s)
{
    run_state *const all = (run_state *)(uintptr_t)s; /* writing does not change them */
    return (checkpoint_tensors){&all->weights, &all->moment1, &all->moment2, &all->average};
}

static status write_state(const run_state *s)
{
    const model_facts facts = model_facts_default("tiny");
    const checkpoint_tensors tensors = tensors_of(s);
    return checkpoint_write(path, &tensors, &s->place, &facts);
}

static status read_state(run_state *s)
{
    const checkpoint_tensors tensors = tensors_of(s);
    return checkpoint_read(path, &tensors, &s->place);
}

static void test_comes_back_exactly(void **state)
{
    (void)state;
    run_state written = make_state(), read = empty_state();
    assert_ok(write_state(&written));
    assert_ok(read_state(&read));
    assert_memory_equal(read.weights.flat, written.weights.flat, network.params.values * sizeof(float));
    for (int i = 0; i < network.params.count; i++) {
        const param *const entry = &network.params.entries[i];
        if (!entry->trained) continue; /* running statistics have no moments */
        assert_memory_equal(read.moment1.flat + entry->offset, written.moment1.flat + entry->offset,
                            entry->count * sizeof(float));
        assert_memory_equal(read.moment2.flat + entry->offset, written.moment2.flat + entry->offset,
                            entry->count * sizeof(float));
        assert_memory_equal(read.average.flat + entry->offset, written.average.flat + entry->offset,
                            entry->count * sizeof(float));
    }
    const checkpoint *const a = &read.place, *const b = &written.place;
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->batch, b->batch);
    assert_int_equal(a->step, b->step);
    assert_int_equal(a->best_epoch, b->best_epoch);
    assert_true(a->best == b->best && a->smooth_loss == b->smooth_loss && a->epoch_loss == b->epoch_loss);
    assert_string_equal(a->record, b->record);
    assert_string_equal(a->data_hash, b->data_hash);
    free_state(&written);
    free_state(&read);
}

static void test_equal_states_give_equal_bytes(void **state)
{
    (void)state;
    run_state s = make_state();
    assert_ok(write_state(&s));
    file_bytes first, second;
    assert_ok(file_read(&first, path, 0));
    assert_ok(write_state(&s));
    assert_ok(file_read(&second, path, 0));
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    file_close(&first);
    file_close(&second);
    free_state(&s);
}

/* Cut anywhere, or one bit changed anywhere in the data: refused, and the place is left as it was. */
static void test_damage_is_found(void **state)
{
    (void)state;
    run_state s = make_state(), read = empty_state();
    file_bytes bytes;
    assert_ok(write_state(&s));
    assert_ok(file_read(&bytes, path, 0));
    random_stream r = random_open(3, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 40; i++) {
        const size_t size = i < 20 ? (size_t)random_below(&r, 4096) : (size_t)random_below(&r, bytes.size);
        assert_ok(file_replace(path, bytes.data, size));
        read.place.epoch = -7;
        assert_int_equal(read_state(&read), POLYP_ERR_FORMAT);
        assert_int_equal(read.place.epoch, -7);
    }
    unsigned char *const changed = memory_allocate(bytes.size, 1);
    for (int i = 0; i < 10; i++) {
        memcpy(changed, bytes.data, bytes.size);
        changed[bytes.size - 1 - random_below(&r, bytes.size / 2)] ^= 4;
        assert_ok(file_replace(path, changed, bytes.size));
        assert_fails(POLYP_ERR_FORMAT, "xxh3", read_state(&read));
    }
    memory_free(changed);
    file_close(&bytes);
    free_state(&s);
    free_state(&read);
}

static void test_other_files_are_refused(void **state)
{
    (void)state;
    run_state s = make_state();
    const model_facts facts = model_facts_default("tiny");
    assert_ok(model_write(path, &network, &s.weights, &facts));
    assert_fails(POLYP_ERR_FORMAT, "not a training checkpoint", read_state(&s));
    polyp_model *model = NULL;
    assert_ok(write_state(&s));
    assert_fails(POLYP_ERR_FORMAT, "--resume", polyp_model_open(&model, path));
    assert_null(model);
    free_state(&s);
}

static void test_another_network_is_refused(void **state)
{
    (void)state;
    run_state s = make_state();
    assert_ok(write_state(&s));
    unet_spec spec;
    graph other = {0};
    assert_ok(unet_preset(&spec, "tiny"));
    spec.widths[4] = 12;
    assert_ok(unet_build(&other, &spec));
    params a, b, c;
    assert_ok(params_create(&a, &other.params));
    assert_ok(params_create(&b, &other.params));
    assert_ok(params_create(&c, &other.params));
    const checkpoint_tensors tensors = {&a, &b, &c, NULL};
    assert_fails(POLYP_ERR_MISMATCH, "decoder.4.up.weight", checkpoint_read(path, &tensors, &s.place));
    params_free(&a);
    params_free(&b);
    params_free(&c);
    graph_free(&other);
    free_state(&s);
}

static void test_a_run_without_an_average_is_no_run_with_one(void **state)
{
    (void)state;
    run_state s = make_state();
    const model_facts facts = model_facts_default("tiny");
    checkpoint_tensors tensors = tensors_of(&s);
    params *const average = tensors.average;
    tensors.average = NULL;
    assert_ok(checkpoint_write(path, &tensors, &s.place, &facts));
    assert_ok(checkpoint_read(path, &tensors, &s.place));
    tensors.average = average;
    assert_fails(POLYP_ERR_MISMATCH, "average.", checkpoint_read(path, &tensors, &s.place));
    free_state(&s);
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    run_state s = make_state(), read = empty_state();
    assert_ok(write_state(&s));
    for (size_t k = 1;; k++) {
        (void)memory_fail_at(k);
        const status result = k % 2 ? read_state(&read) : write_state(&s);
        if (memory_fail_at(0) < k) { /* fewer were made: this one did not fail */
            assert_ok(result);
            if (k > 12) break;
        } else if (result != POLYP_ERR_MEMORY) {
            fail_msg("allocation %zu failed, but the result is %d", k, result);
        }
    }
    assert_ok(read_state(&read));
    free_state(&s);
    free_state(&read);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comes_back_exactly),
        cmocka_unit_test(test_equal_states_give_equal_bytes),
        cmocka_unit_test(test_damage_is_found),
        cmocka_unit_test(test_other_files_are_refused),
        cmocka_unit_test(test_another_network_is_refused),
        cmocka_unit_test(test_a_run_without_an_average_is_no_run_with_one),
        cmocka_unit_test(test_every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, make_network, remove_network);
}
