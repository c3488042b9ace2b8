/* Items through the stages of a pipeline: each once, in its slot, told in order; failures in every stage; stopping. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "base/pipeline.h"

enum { ITEMS_MOST = 200, SLOTS_MOST = 32, LANES_MOST = 8, NOWHERE = -1 };
enum stage { MAKE, COMPUTE, FINISH, TELL };

typedef struct story {
    atomic_size_t slots[SLOTS_MOST]; /* 1 + the item that lives there; 0: nobody */
    atomic_int seen[ITEMS_MOST];     /* stages that the item has been through */
    atomic_bool lane_busy[LANES_MOST];
    atomic_int lanes_used;
    pthread_t caller;
    size_t told;
    int fail_in; /* a stage, at this item; or NOWHERE */
    size_t fail_at;
    bool slow; /* items take different times */
} story;

static void wait_a_little(size_t number)
{
    const struct timespec t = {.tv_nsec = (long)(number * 7919 % 5) * 300000};
    (void)nanosleep(&t, NULL);
}

/* The item is where it should be, and has been through the stages before. */
static status visit(story *s, enum stage stage, size_t number, size_t slot)
{
    if (s->slow) wait_a_little(number + (size_t)stage);
    assert_int_equal(atomic_load(&s->slots[slot]), number + 1);
    assert_int_equal(atomic_fetch_add(&s->seen[number], 1), (int)stage);
    if (s->fail_in != (int)stage || number != s->fail_at) return POLYP_OK;
    return (fail)(POLYP_ERR_FORMAT, "item %zu fails in stage %d", number, (int)stage);
}

static status make(void *context, size_t number, size_t slot)
{
    story *const s = context;
    assert_int_equal(atomic_exchange(&s->slots[slot], number + 1), 0);
    return visit(s, MAKE, number, slot);
}

static status compute(void *context, size_t number, size_t slot, int lane)
{
    story *const s = context;
    assert_false(atomic_exchange(&s->lane_busy[lane], true));
    assert_int_equal(pthread_equal(pthread_self(), s->caller) != 0, lane == 0);
    atomic_fetch_or(&s->lanes_used, 1 << lane);
    const status result = visit(s, COMPUTE, number, slot);
    atomic_store(&s->lane_busy[lane], false);
    return result;
}

static status finish(void *context, size_t number, size_t slot)
{
    return visit(context, FINISH, number, slot);
}

static status tell(void *context, size_t number, size_t slot)
{
    story *const s = context;
    assert_true(pthread_equal(pthread_self(), s->caller));
    assert_int_equal(number, s->told);
    TRY(visit(s, TELL, number, slot));
    atomic_store(&s->slots[slot], 0);
    s->told++;
    return POLYP_OK;
}

static status run(story *s, size_t count, int lanes, size_t slots, int workers)
{
    static const pipeline_stages stages = {make, compute, finish, tell};
    pipeline *p;
    s->caller = pthread_self();
    TRY(pipeline_open(&p, &stages, s, count, slots, workers));
    const status result = pipeline_run(p, lanes);
    pipeline_close(p);
    return result;
}

static void every_item_is_told_in_order(void **state)
{
    (void)state;
    static const size_t counts[] = {0, 1, 2, 7, ITEMS_MOST};
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (int lanes = 1; lanes <= LANES_MOST; lanes *= 2) {
            for (int workers = 1; workers <= 3; workers += 2) {
                story s = {.fail_in = NOWHERE, .slow = counts[i] < 50};
                assert_int_equal(run(&s, counts[i], lanes, pipeline_slots(lanes), workers), POLYP_OK);
                assert_int_equal(s.told, counts[i]);
            }
        }
    }
}

static void one_slot_is_enough(void **state)
{
    (void)state;
    story s = {.fail_in = NOWHERE};
    assert_int_equal(run(&s, 20, 3, 1, 1), POLYP_OK);
    assert_int_equal(s.told, 20);
}

static void all_lanes_work(void **state)
{
    (void)state;
    story s = {.fail_in = NOWHERE, .slow = true};
    assert_int_equal(run(&s, ITEMS_MOST, 4, pipeline_slots(4), 4), POLYP_OK);
    assert_int_equal(atomic_load(&s.lanes_used), 0xf);
}

static void the_first_failure_ends_it(void **state)
{
    (void)state;
    for (int stage = MAKE; stage <= TELL; stage++) {
        for (size_t at = 0; at < 40; at += 13) {
            story s = {.fail_in = stage, .fail_at = at, .slow = true};
            char words[64];
            (void)snprintf(words, sizeof words, "item %zu fails in stage %d", at, stage);
            assert_int_equal(run(&s, 40, 2, pipeline_slots(2), 2), POLYP_ERR_FORMAT);
            assert_string_equal(polyp_error(), words);
            assert_int_equal(s.told, at);
        }
    }
}

static void memory_may_end(void **state)
{
    (void)state;
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result == POLYP_ERR_MEMORY; k++) {
        story s = {.fail_in = NOWHERE};
        memory_fail_at(k);
        result = run(&s, 5, 2, pipeline_slots(2), 2);
        memory_fail_at(0);
    }
    assert_int_equal(result, POLYP_OK);
}

/* Opened and never run: what is in the making is waited for. */
static void it_may_be_closed_at_once(void **state)
{
    (void)state;
    static const pipeline_stages stages = {make, compute, finish, tell};
    story s = {.fail_in = NOWHERE, .slow = true};
    pipeline *p;
    assert_int_equal(pipeline_open(&p, &stages, &s, 10, 4, 2), POLYP_OK);
    pipeline_close(p);
    pipeline_close(NULL);
    for (size_t i = 0; i < 10; i++) assert_int_equal(atomic_load(&s.seen[i]), i < 4 ? 1 : 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_told_in_order),
        cmocka_unit_test(one_slot_is_enough),
        cmocka_unit_test(all_lanes_work),
        cmocka_unit_test(the_first_failure_ends_it),
        cmocka_unit_test(memory_may_end),
        cmocka_unit_test(it_may_be_closed_at_once),
    };
    return cmocka_run_group_tests_name("pipeline", tests, NULL, NULL);
}
