/* Lifetimes to offsets: hand-made cases, and random ones checked byte by byte for overlap. */
#include "engine_help.h"

#include <string.h>

#include "engine/plan_memory.h"

static bool lives_meet(const memory_block *a, const memory_block *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Every pair; bytes 0 lie nowhere. */
static void check_apart(const memory_block *blocks, int count, size_t total)
{
    for (int i = 0; i < count; i++) {
        assert_int_equal(blocks[i].offset % MEMORY_ALIGNMENT, 0);
        assert_true(blocks[i].offset + blocks[i].bytes <= total);
        for (int k = 0; k < i; k++) {
            const memory_block *const a = &blocks[i], *const b = &blocks[k];
            if (a->bytes == 0 || b->bytes == 0 || !lives_meet(a, b)) continue;
            if (a->offset < b->offset + b->bytes && b->offset < a->offset + a->bytes) {
                fail_msg("blocks %d and %d overlap", k, i);
            }
        }
    }
}

/* No arena can be smaller than what lives at one moment. */
static size_t most_alive(const memory_block *blocks, int count, int moments)
{
    size_t most = 0;
    for (int moment = 0; moment < moments; moment++) {
        size_t alive = 0;
        for (int i = 0; i < count; i++) {
            if (blocks[i].first <= moment && moment <= blocks[i].last) alive += blocks[i].bytes;
        }
        if (alive > most) most = alive;
    }
    return most;
}

static void a_chain_needs_two_places(void **state)
{
    (void)state;
    memory_block blocks[4] = {{640, 0, 1, 0}, {640, 1, 2, 0}, {640, 2, 3, 0}, {640, 3, 4, 0}};
    size_t total = 0;
    assert_ok(plan_memory_assign(blocks, 4, &total));
    assert_int_equal(total, 1280);
    check_apart(blocks, 4, total);
}

static void the_last_read_still_counts(void **state)
{
    (void)state;
    memory_block meet[2] = {{64, 0, 5, 0}, {64, 5, 9, 0}}, apart[2] = {{64, 0, 4, 0}, {64, 5, 9, 0}};
    size_t total = 0;
    assert_ok(plan_memory_assign(meet, 2, &total));
    assert_int_equal(total, 128);
    assert_ok(plan_memory_assign(apart, 2, &total));
    assert_int_equal(total, 64);
}

/* Two gaps are free for the last block, of 256 and of 128 bytes: it takes the one that fits best. */
static void the_smallest_gap_is_taken(void **state)
{
    (void)state;
    memory_block blocks[6] = {
        {1024, 0, 9, 0}, {256, 0, 4, 0}, {192, 0, 9, 0}, {128, 0, 4, 0}, {127, 0, 9, 0}, {100, 5, 9, 0},
    };
    size_t total = 0;
    assert_ok(plan_memory_assign(blocks, 6, &total));
    assert_int_equal(blocks[3].offset, 1024 + 256 + 192);
    assert_int_equal(blocks[5].offset, blocks[3].offset);
    check_apart(blocks, 6, total);
}

static void sizes_are_padded_and_nothing_is_nothing(void **state)
{
    (void)state;
    memory_block blocks[3] = {{1, 0, 1, 0}, {0, 0, 1, 7}, {65, 0, 1, 0}};
    size_t total = 0;
    assert_ok(plan_memory_assign(blocks, 3, &total));
    assert_int_equal(total, 192);
    assert_int_equal(blocks[0].offset, 128);
    assert_int_equal(blocks[1].offset, 0);
    assert_ok(plan_memory_assign(blocks, 0, &total));
    assert_int_equal(total, 0);
}

static void a_sum_that_overflows_is_refused(void **state)
{
    (void)state;
    memory_block blocks[2] = {{SIZE_MAX - 100, 0, 1, 0}, {4096, 0, 1, 0}};
    size_t total = 5;
    assert_int_equal(plan_memory_assign(blocks, 2, &total), POLYP_ERR_SIZE);
    assert_int_equal(total, 5);
}

static void random_lives_never_overlap(void **state)
{
    (void)state;
    enum { COUNT = 120, MOMENTS = 60, TRIALS = 200 };
    double worst = 0;
    for (uint64_t seed = 0; seed < TRIALS; seed++) {
        random_stream r = random_open(seed, RANDOM_TEST, 0, 1);
        memory_block blocks[COUNT], again[COUNT];
        for (int i = 0; i < COUNT; i++) {
            const int first = (int)random_below(&r, MOMENTS);
            const int length = (int)random_below(&r, 1 + random_below(&r, MOMENTS));
            const int last = first + length < MOMENTS ? first + length : MOMENTS - 1;
            blocks[i] = (memory_block){(size_t)random_below(&r, 1 + random_below(&r, 5000)), first, last, 0};
        }
        memcpy(again, blocks, sizeof blocks);
        size_t total = 0, total_again = 0;
        assert_ok(plan_memory_assign(blocks, COUNT, &total));
        assert_ok(plan_memory_assign(again, COUNT, &total_again));
        check_apart(blocks, COUNT, total);
        assert_int_equal(total, total_again);
        for (int i = 0; i < COUNT; i++) assert_int_equal(blocks[i].offset, again[i].offset);
        const double excess = (double)total / (double)most_alive(blocks, COUNT, MOMENTS);
        if (excess > worst) worst = excess;
    }
    assert_true(worst < 1.5);
}

static void every_failed_allocation_is_reported(void **state)
{
    (void)state;
    memory_block block = {64, 0, 1, 0};
    size_t total = 0;
    for (size_t k = 1; k <= 2; k++) {
        memory_fail_at(k);
        assert_int_equal(plan_memory_assign(&block, 1, &total), POLYP_ERR_MEMORY);
    }
    memory_fail_at(0);
    assert_ok(plan_memory_assign(&block, 1, &total));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_needs_two_places),
        cmocka_unit_test(the_last_read_still_counts),
        cmocka_unit_test(the_smallest_gap_is_taken),
        cmocka_unit_test(sizes_are_padded_and_nothing_is_nothing),
        cmocka_unit_test(a_sum_that_overflows_is_refused),
        cmocka_unit_test(random_lives_never_overlap),
        cmocka_unit_test(every_failed_allocation_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
