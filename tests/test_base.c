/* base: words of errors, memory, random streams, workers. Files have their own: test_file.c. */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "base/thread.h"

/* cmocka's own compares floats, not doubles. */
static void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) <= tolerance) return;
    fail_msg("%.17g is not %.17g within %g", value, expected, tolerance);
}

/* ---- status -------------------------------------------------------------------------------- */

static void test_fail_keeps_code_and_words(void **state)
{
    (void)state;
    assert_int_equal((fail)(POLYP_ERR_FORMAT, "%s: ends after %d bytes", "a.png", 12), POLYP_ERR_FORMAT);
    assert_string_equal(polyp_error(), "a.png: ends after 12 bytes");
}

static void test_fail_within_puts_prefix_before(void **state)
{
    (void)state;
    (fail)(POLYP_ERR_FORMAT, "not a picture");
    assert_int_equal(fail_within(POLYP_ERR_FORMAT, "b.jpg"), POLYP_ERR_FORMAT);
    assert_string_equal(polyp_error(), "b.jpg: not a picture");
    /* the old words may be an argument of the new ones */
    (fail)(POLYP_ERR_FILE, "again: %s", polyp_error());
    assert_string_equal(polyp_error(), "again: b.jpg: not a picture");
}

static void test_long_words_are_cut_not_overrun(void **state)
{
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    (fail)(POLYP_ERR_FORMAT, "%s", text);
    const size_t length = strlen(polyp_error());
    assert_in_range(length, 500, 4999);
    fail_within(POLYP_ERR_FORMAT, text);
    assert_int_equal(strlen(polyp_error()), length);
}

static void *fail_elsewhere(void *seen)
{
    *(size_t *)seen = strlen(polyp_error());
    (fail)(POLYP_ERR_FILE, "of another thread");
    return NULL;
}

static void test_words_are_per_thread(void **state)
{
    (void)state;
    (fail)(POLYP_ERR_FORMAT, "of this thread");
    size_t seen = 99;
    pthread_t other;
    assert_int_equal(pthread_create(&other, NULL, fail_elsewhere, &seen), 0);
    pthread_join(other, NULL);
    assert_int_equal(seen, 0);
    assert_string_equal(polyp_error(), "of this thread");
}

static status leave_early(void)
{
    TRY(POLYP_OK);
    TRY((fail)(POLYP_ERR_SIZE, "stop here"));
    return POLYP_ERR_ENGINE;
}

static void test_try_hands_status_up(void **state)
{
    (void)state;
    assert_int_equal(leave_early(), POLYP_ERR_SIZE);
    assert_string_equal(polyp_version(), POLYP_VERSION);
}

/* ---- memory -------------------------------------------------------------------------------- */

static bool all_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0) return false;
    }
    return true;
}

static void test_sizes_do_not_overflow(void **state)
{
    (void)state;
    size_t out = 7;
    assert_false(size_multiply(SIZE_MAX, 2, &out));
    assert_false(size_multiply(SIZE_MAX / 3 + 1, 3, &out));
    assert_false(size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
    assert_true(size_multiply(SIZE_MAX / 3, 3, &out));
    assert_int_equal(out, SIZE_MAX / 3 * 3);
    assert_true(size_multiply(0, SIZE_MAX, &out));
    assert_int_equal(out, 0);
    assert_true(size_add(SIZE_MAX - 1, 1, &out));
    assert_true(out == SIZE_MAX);
}

/* Twice, with dirt in between: the second time the block may be one that was used. */
static void test_blocks_are_aligned_and_zero(void **state)
{
    (void)state;
    const size_t sizes[] = {0, 1, 63, 64, 65, 1000, 100000, (4 << 20) - 1, 4 << 20, (9 << 20) + 17};
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const size_t size = sizes[i / 2];
        unsigned char *block = memory_allocate(size, 1);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % MEMORY_ALIGNMENT, 0);
        assert_true(all_zero(block, size));
        memset(block, 0xa5, size);
        memory_free(block);
    }
    memory_free(NULL);
}

static void test_impossible_sizes_are_refused_in_words(void **state)
{
    (void)state;
    assert_null(memory_allocate(SIZE_MAX, 2));
    assert_non_null(strstr(polyp_error(), "18446744073709551615 times 2 bytes"));
    assert_null(memory_allocate(SIZE_MAX - 5, 1));
    assert_null(memory_allocate(SIZE_MAX / 2, 1));
    double *untouched = (double *)(void *)state;
    assert_int_equal(memory_new(&untouched, SIZE_MAX / 8 + 1), POLYP_ERR_MEMORY);
    assert_ptr_equal(untouched, state);
}

static void test_resize_keeps_and_zeroes(void **state)
{
    (void)state;
    int *array = NULL;
    assert_int_equal(memory_resize(&array, 0, 3), POLYP_OK);
    for (int i = 0; i < 3; i++) array[i] = i + 1;
    assert_int_equal(memory_resize(&array, 3, 5000), POLYP_OK);
    assert_int_equal(array[0] + 10 * array[1] + 100 * array[2], 321);
    assert_true(all_zero((unsigned char *)(array + 3), 4997 * sizeof *array));
    assert_int_equal(memory_resize(&array, 5000, 2), POLYP_OK);
    assert_int_equal(array[1], 2);
    int *const before = array;
    assert_int_equal(memory_resize(&array, 2, SIZE_MAX / 2), POLYP_ERR_MEMORY);
    assert_ptr_equal(array, before);
    assert_int_equal(array[1], 2);
    memory_free(array);
}

static void test_text_and_format(void **state)
{
    (void)state;
    char *copy = memory_text("polyp");
    char *made = memory_format("%s-%03d.%s", "frame", 7, "png");
    char *empty = memory_text("");
    assert_string_equal(copy, "polyp");
    assert_string_equal(made, "frame-007.png");
    assert_string_equal(empty, "");
    memory_free(copy);
    memory_free(made);
    memory_free(empty);
}

static void test_kth_allocation_fails_once(void **state)
{
    (void)state;
    memory_fail_at(3);
    void *blocks[5];
    for (int i = 0; i < 5; i++) blocks[i] = memory_allocate(1, 8);
    assert_int_equal(memory_fail_at(0), 5);
    for (int i = 0; i < 5; i++) {
        if (i == 2) assert_null(blocks[i]);
        else assert_non_null(blocks[i]);
        memory_free(blocks[i]);
    }
    assert_non_null(strstr(polyp_error(), "no memory"));
}

static void test_kth_failure_reaches_text(void **state)
{
    (void)state;
    memory_fail_at(1);
    assert_null(memory_text("x"));
    memory_fail_at(1);
    assert_null(memory_format("%d", 1));
    memory_fail_at(0);
}

static void test_arena(void **state)
{
    (void)state;
    arena *a = NULL;
    assert_int_equal(arena_create(&a, 1000), POLYP_OK);
    unsigned char *blocks[40];
    for (int i = 0; i < 40; i++) {
        const size_t size = (size_t)(i * 97 % 1500); /* some larger than a chunk */
        blocks[i] = arena_take(a, size, 1);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % MEMORY_ALIGNMENT, 0);
        assert_true(all_zero(blocks[i], size));
        memset(blocks[i], i + 1, size);
    }
    for (int i = 0; i < 40; i++) { /* none lies on another */
        const size_t size = (size_t)(i * 97 % 1500);
        for (size_t k = 0; k < size; k++) assert_int_equal(blocks[i][k], i + 1);
    }
    assert_string_equal(arena_text(a, "a stem"), "a stem");
    assert_string_equal(arena_format(a, "%s-%d", "a stem", 2), "a stem-2");
    assert_null(arena_take(a, SIZE_MAX, 2));
    assert_null(arena_take(a, SIZE_MAX - 3, 1));
    arena_destroy(a);
    arena_destroy(NULL);
}

/* Every allocation of a small job fails once; each time the job says so and leaks nothing (the sanitizer looks). */
static void test_arena_survives_every_failure(void **state)
{
    (void)state;
    for (size_t k = 1; k <= 3; k++) {
        arena *a = NULL;
        memory_fail_at(k);
        const status made = arena_create(&a, 64);
        const bool first = made == POLYP_OK && arena_take(a, 64, 1) != NULL;
        const bool second = first && arena_take(a, 64, 1) != NULL;
        assert_int_equal(memory_fail_at(0), k);
        assert_int_equal((made == POLYP_OK) + first + second, k - 1);
        arena_destroy(a);
    }
}

static void test_peak_grows(void **state)
{
    (void)state;
    const size_t before = memory_peak();
    assert_in_range(before, 100000, (size_t)1 << 40);
    const size_t size = (size_t)64 << 20;
    unsigned char *block = memory_allocate(size, 1);
    assert_non_null(block);
    memset(block, 1, size);
    assert_true(memory_peak() >= size);
    memory_free(block);
}

/* ---- random -------------------------------------------------------------------------------- */

/* The published first outputs of SplitMix64 for seed 1234567 (rosettacode.org, "Pseudo-random numbers/Splitmix64"). */
static void test_splitmix_published_values(void **state)
{
    (void)state;
    static const uint64_t expected[] = {UINT64_C(6457827717110365317), UINT64_C(3203168211198807973),
                                        UINT64_C(9817491932198370423), UINT64_C(4593380528125082431),
                                        UINT64_C(16408922859458223821)};
    random_stream r = {1234567};
    for (int i = 0; i < 5; i++) assert_true(random_next(&r) == expected[i]);
}

/* From a second writing of the header's rule, in Python (tests/golden/make_random.py). */
static void test_key_follows_its_rule(void **state)
{
    (void)state;
    random_stream r = random_open(42, RANDOM_AUGMENT, 7, 123);
    assert_true(r.state == UINT64_C(12518112914893284332));
    assert_true(random_next(&r) == UINT64_C(13048210368878288346));
    assert_true(random_below(&r, 1000) == 753);
    assert_near(random_uniform(&r, -2, 3), 2.239069949844918, 1e-15);
    assert_near(random_normal(&r), 1.4401729063868, 1e-12);
}

static void test_streams_differ_in_each_part(void **state)
{
    (void)state;
    const uint64_t base = random_open(1, RANDOM_ORDER, 2, 3).state;
    assert_true(base == random_open(1, RANDOM_ORDER, 2, 3).state);
    assert_true(base != random_open(2, RANDOM_ORDER, 2, 3).state);
    assert_true(base != random_open(1, RANDOM_AUGMENT, 2, 3).state);
    assert_true(base != random_open(1, RANDOM_ORDER, 3, 2).state);
    assert_true(base != random_open(1, RANDOM_ORDER, 2, 4).state);
}

/* Chi-square over 64 cells, neighbouring streams' first draws: under 120 but for once in 100,000 seeds (63 expected). */
static void test_below_is_uniform_across_streams(void **state)
{
    (void)state;
    enum { CELLS = 64, DRAWS = 64000 };
    double counts[CELLS] = {0};
    for (uint64_t i = 0; i < DRAWS; i++) {
        random_stream r = random_open(5, RANDOM_TEST, i / 100, i % 100);
        const uint64_t cell = random_below(&r, CELLS);
        assert_in_range(cell, 0, CELLS - 1);
        counts[cell]++;
    }
    double chi = 0;
    const double expected = (double)DRAWS / CELLS;
    for (int i = 0; i < CELLS; i++) chi += (counts[i] - expected) * (counts[i] - expected) / expected;
    assert_true(chi > 25 && chi < 120);
}

static void test_uniform_and_normal_moments(void **state)
{
    (void)state;
    enum { DRAWS = 200000 };
    random_stream r = random_open(9, RANDOM_TEST, 0, 0);
    double sum = 0, low = 1, high = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double u = random_uniform(&r, 0, 1);
        sum += u;
        if (u < low) low = u;
        if (u > high) high = u;
    }
    assert_near(sum / DRAWS, 0.5, 0.003);
    assert_true(low >= 0 && low < 1e-4 && high < 1 && high > 1 - 1e-4);
    double first = 0, second = 0, fourth = 0;
    for (int i = 0; i < DRAWS; i++) {
        const double z = random_normal(&r);
        first += z;
        second += z * z;
        fourth += z * z * z * z;
    }
    assert_near(first / DRAWS, 0, 0.01);
    assert_near(second / DRAWS, 1, 0.015);
    assert_near(fourth / DRAWS, 3, 0.15);
}

static void test_shuffle(void **state)
{
    (void)state;
    size_t items[10];
    static const size_t expected[10] = {3, 5, 0, 7, 1, 2, 4, 8, 6, 9};
    for (size_t i = 0; i < 10; i++) items[i] = i;
    random_stream r = random_open(3, RANDOM_ORDER, 1, 0);
    random_shuffle(&r, items, 10);
    assert_memory_equal(items, expected, sizeof items);
    random_shuffle(&r, items, 0);
    random_shuffle(&r, items, 1);
    assert_memory_equal(items, expected, sizeof items);
}

/* Each of the 24 orders of four things comes up as often as the others. */
static void test_shuffle_is_fair(void **state)
{
    (void)state;
    int seen[256] = {0};
    random_stream r = random_open(8, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 24000; i++) {
        size_t four[4] = {0, 1, 2, 3};
        random_shuffle(&r, four, 4);
        seen[four[0] * 64 + four[1] * 16 + four[2] * 4 + four[3]]++;
    }
    int orders = 0;
    for (int i = 0; i < 256; i++) {
        if (seen[i] == 0) continue;
        orders++;
        assert_in_range(seen[i], 850, 1150);
    }
    assert_int_equal(orders, 24);
}

/* ---- workers ------------------------------------------------------------------------------- */

typedef struct order_log {
    atomic_int next;
    int places[500];
} order_log;

typedef struct order_job {
    order_log *log;
    int number;
} order_job;

static void note_order(void *argument)
{
    order_job *job = argument;
    job->log->places[atomic_fetch_add(&job->log->next, 1)] = job->number;
}

static void run_numbered_jobs(order_log *log, int workers, size_t queue)
{
    static order_job jobs[500];
    worker_pool *pool = NULL;
    assert_int_equal(worker_pool_create(&pool, workers, queue), POLYP_OK);
    for (int i = 0; i < 500; i++) {
        jobs[i] = (order_job){log, i};
        worker_submit(pool, note_order, &jobs[i]);
    }
    worker_wait(pool);
    assert_int_equal(atomic_load(&log->next), 500);
    worker_wait(pool); /* nothing to wait for */
    worker_pool_destroy(pool);
}

static void test_one_worker_keeps_the_order(void **state)
{
    (void)state;
    order_log log = {0};
    run_numbered_jobs(&log, 1, 3);
    for (int i = 0; i < 500; i++) assert_int_equal(log.places[i], i);
}

static void test_many_workers_do_each_job_once(void **state)
{
    (void)state;
    order_log log = {0};
    run_numbered_jobs(&log, 4, 8);
    int seen[500] = {0};
    for (int i = 0; i < 500; i++) seen[log.places[i]]++;
    for (int i = 0; i < 500; i++) assert_int_equal(seen[i], 1);
}

typedef struct gate {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    atomic_int submitted, run;
    worker_pool *pool;
} gate;

static void wait_at_gate(void *argument)
{
    gate *g = argument;
    pthread_mutex_lock(&g->lock);
    while (!g->open) pthread_cond_wait(&g->opened, &g->lock);
    pthread_mutex_unlock(&g->lock);
    atomic_fetch_add(&g->run, 1);
}

static void *submit_ten(void *argument)
{
    gate *g = argument;
    for (int i = 0; i < 10; i++) {
        worker_submit(g->pool, wait_at_gate, g);
        atomic_fetch_add(&g->submitted, 1);
    }
    return NULL;
}

/* One runs, two wait: so the fourth submit blocks until the gate opens. */
static void test_full_queue_blocks(void **state)
{
    (void)state;
    gate g = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER};
    assert_int_equal(worker_pool_create(&g.pool, 1, 2), POLYP_OK);
    pthread_t submitter;
    assert_int_equal(pthread_create(&submitter, NULL, submit_ten, &g), 0);
    const struct timespec moment = {.tv_nsec = 2000000};
    for (int i = 0; i < 2000 && atomic_load(&g.submitted) < 3; i++) nanosleep(&moment, NULL);
    for (int i = 0; i < 30; i++) nanosleep(&moment, NULL); /* time to go wrong in */
    assert_int_equal(atomic_load(&g.submitted), 3);
    assert_int_equal(atomic_load(&g.run), 0);
    pthread_mutex_lock(&g.lock);
    g.open = true;
    pthread_cond_broadcast(&g.opened);
    pthread_mutex_unlock(&g.lock);
    pthread_join(submitter, NULL);
    worker_pool_destroy(g.pool); /* finishes what was submitted */
    assert_int_equal(atomic_load(&g.run), 10);
}

static void test_pool_survives_every_failed_allocation(void **state)
{
    (void)state;
    for (size_t k = 1; k <= 3; k++) {
        worker_pool *pool = NULL;
        memory_fail_at(k);
        assert_int_equal(worker_pool_create(&pool, 2, 4), POLYP_ERR_MEMORY);
        assert_int_equal(memory_fail_at(0), k);
        assert_null(pool);
    }
    worker_pool_destroy(NULL);
}

static void test_processor_count(void **state)
{
    (void)state;
    assert_in_range(processor_count(), 1, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fail_keeps_code_and_words),
        cmocka_unit_test(test_fail_within_puts_prefix_before),
        cmocka_unit_test(test_long_words_are_cut_not_overrun),
        cmocka_unit_test(test_words_are_per_thread),
        cmocka_unit_test(test_try_hands_status_up),
        cmocka_unit_test(test_sizes_do_not_overflow),
        cmocka_unit_test(test_blocks_are_aligned_and_zero),
        cmocka_unit_test(test_impossible_sizes_are_refused_in_words),
        cmocka_unit_test(test_resize_keeps_and_zeroes),
        cmocka_unit_test(test_text_and_format),
        cmocka_unit_test(test_kth_allocation_fails_once),
        cmocka_unit_test(test_kth_failure_reaches_text),
        cmocka_unit_test(test_arena),
        cmocka_unit_test(test_arena_survives_every_failure),
        cmocka_unit_test(test_peak_grows),
        cmocka_unit_test(test_splitmix_published_values),
        cmocka_unit_test(test_key_follows_its_rule),
        cmocka_unit_test(test_streams_differ_in_each_part),
        cmocka_unit_test(test_below_is_uniform_across_streams),
        cmocka_unit_test(test_uniform_and_normal_moments),
        cmocka_unit_test(test_shuffle),
        cmocka_unit_test(test_shuffle_is_fair),
        cmocka_unit_test(test_one_worker_keeps_the_order),
        cmocka_unit_test(test_many_workers_do_each_job_once),
        cmocka_unit_test(test_full_queue_blocks),
        cmocka_unit_test(test_pool_survives_every_failed_allocation),
        cmocka_unit_test(test_processor_count),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
