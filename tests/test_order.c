/* An epoch's order: today's shuffle for equal weights, else numbers as even as they can be and kept on average. */
#include "learn_help.h"

#include <math.h>

#include "learn/order.h"

enum { COUNT = 200 };

static sample samples[COUNT];
static size_t order[2 * COUNT];

static void set_weights(double (*weight)(size_t i))
{
    for (size_t i = 0; i < COUNT; i++) samples[i] = (sample){.weight = weight(i)};
}

static double one(size_t i)
{
    (void)i;
    return 1.0;
}

static double third(size_t i)
{
    (void)i;
    return 1.0 / 3.0;
}

/* Two sets in one: the first at half its size. */
static double two_sets(size_t i)
{
    return i < COUNT / 2 ? 0.5 : 1.0;
}

/* Few heavy ones among light ones, some never. */
static double uneven(size_t i)
{
    if (i % 10 == 3) return 0.0;
    return i % 50 == 7 ? 12.5 : 0.1 + (double)(i % 7);
}

static void count_epoch(size_t times[COUNT], uint64_t seed, uint64_t epoch)
{
    memset(times, 0, COUNT * sizeof *times);
    order_of_epoch(order, samples, COUNT, seed, epoch);
    for (size_t i = 0; i < COUNT; i++) {
        assert_true(order[i] < COUNT);
        times[order[i]]++;
    }
}

/* What the loader did before there were weights: resumed runs and results of old seeds stay. */
static void test_equal_weights_are_the_plain_shuffle(void **state)
{
    (void)state;
    double (*const weights[])(size_t) = {one, third};
    for (size_t w = 0; w < 2; w++) {
        set_weights(weights[w]);
        for (uint64_t epoch = 0; epoch < 20; epoch++) {
            size_t plain[COUNT];
            random_stream r = random_open(5, RANDOM_ORDER, epoch, 0);
            for (size_t i = 0; i < COUNT; i++) plain[i] = i;
            random_shuffle(&r, plain, COUNT);
            order_of_epoch(order, samples, COUNT, 5, epoch);
            assert_memory_equal(order, plain, sizeof plain);
        }
    }
}

static double expected_times(size_t i)
{
    double sum = 0;
    for (size_t k = 0; k < COUNT; k++) sum += samples[k].weight;
    return COUNT * samples[i].weight / sum;
}

static void test_numbers_are_within_one_and_right_on_average(void **state)
{
    (void)state;
    double (*const weights[])(size_t) = {two_sets, uneven};
    enum { EPOCHS = 4000 };
    double worst = 0;
    for (size_t w = 0; w < 2; w++) {
        size_t sums[COUNT] = {0};
        set_weights(weights[w]);
        for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
            size_t times[COUNT];
            count_epoch(times, 9, epoch);
            for (size_t i = 0; i < COUNT; i++) {
                assert_true(fabs((double)times[i] - expected_times(i)) < 1.0 + 1e-9);
                if (samples[i].weight == 0) assert_int_equal(times[i], 0);
                sums[i] += times[i];
            }
        }
        /* a number is floor or ceil of e: its mean's standard error is at most 0.5 / sqrt(EPOCHS) = 0.008 */
        for (size_t i = 0; i < COUNT; i++) {
            const double off = fabs((double)sums[i] / EPOCHS - expected_times(i));
            if (off > worst) worst = off;
        }
    }
    printf("# largest difference from the expected number, mean of %d epochs: %.4f\n", EPOCHS, worst);
    assert_true(worst < 0.04);
}

/* A pure function of its arguments, and the second shuffle does its work. */
static void test_repeats_itself_and_is_mixed(void **state)
{
    (void)state;
    set_weights(two_sets);
    size_t again[COUNT];
    order_of_epoch(order, samples, COUNT, 3, 1);
    memcpy(again, order, sizeof again);
    order_of_epoch(order, samples, COUNT, 3, 1);
    assert_memory_equal(again, order, sizeof again);
    order_of_epoch(order, samples, COUNT, 3, 2);
    assert_memory_not_equal(again, order, sizeof again);
    order_of_epoch(order, samples, COUNT, 4, 1);
    assert_memory_not_equal(again, order, sizeof again);
    size_t neighbours = 0, second_set = 0; /* repeats of one sample must not come in a row */
    set_weights(uneven);
    order_of_epoch(order, samples, COUNT, 3, 1);
    for (size_t i = 1; i < COUNT; i++) neighbours += order[i] == order[i - 1];
    assert_in_range(neighbours, 0, 10);
    set_weights(two_sets);
    order_of_epoch(order, samples, COUNT, 3, 1);
    for (size_t i = 0; i < COUNT / 2; i++) second_set += order[i] >= COUNT / 2;
    assert_in_range(second_set, 50, 85); /* of the first half: two thirds are expected */
}

/* With a fixed list, neighbours of equal weight would always come in turn: never both, never neither. */
static void test_neighbours_are_drawn_independently(void **state)
{
    (void)state;
    set_weights(two_sets);
    int both = 0, neither = 0;
    enum { EPOCHS = 1000 };
    for (uint64_t epoch = 0; epoch < EPOCHS; epoch++) {
        size_t times[COUNT];
        count_epoch(times, 1, epoch);
        both += times[0] == 1 && times[1] == 1;
        neither += times[0] == 0 && times[1] == 0;
    }
    assert_in_range(both, 370, 520); /* 4/9 */
    assert_in_range(neither, 60, 165); /* 1/9 */
}

static void test_one_sample_and_one_heavy(void **state)
{
    (void)state;
    set_weights(one);
    order_of_epoch(order, samples, 1, 1, 0);
    assert_int_equal(order[0], 0);
    for (size_t i = 0; i < COUNT; i++) samples[i].weight = i == 77 ? 1e-3 : 0.0;
    order_of_epoch(order, samples, COUNT, 1, 0);
    for (size_t i = 0; i < COUNT; i++) assert_int_equal(order[i], 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_equal_weights_are_the_plain_shuffle),
        cmocka_unit_test(test_numbers_are_within_one_and_right_on_average),
        cmocka_unit_test(test_repeats_itself_and_is_mixed),
        cmocka_unit_test(test_neighbours_are_drawn_independently),
        cmocka_unit_test(test_one_sample_and_one_heavy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
