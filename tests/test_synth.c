/* Drawn frames: equal numbers give equal bytes, masks of sensible size, and no threshold on colour finds polyps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "media/image.h"
#include "media/synth.h"

enum { WIDTH = 150, HEIGHT = 125, PIXELS = WIDTH * HEIGHT };

typedef struct frame {
    polyp_image picture, mask;
    synth_facts facts;
} frame;

static frame draw(uint64_t seed, uint64_t index)
{
    frame f = {.facts = {0}};
    assert_int_equal(synth_draw(&f.picture, &f.mask, &f.facts, seed, index, WIDTH, HEIGHT), POLYP_OK);
    assert_int_equal(f.picture.channels, 3);
    assert_int_equal(f.mask.channels, 1);
    return f;
}

static void drop(frame *f)
{
    polyp_image_free(&f->picture);
    polyp_image_free(&f->mask);
}

static size_t polyp_pixels(const frame *f)
{
    size_t count = 0;
    for (size_t i = 0; i < PIXELS; i++) {
        assert_true(f->mask.pixels[i] == 0 || f->mask.pixels[i] == 255);
        count += f->mask.pixels[i] == 255;
    }
    return count;
}

static void equal_numbers_give_equal_bytes(void **state)
{
    (void)state;
    frame a = draw(3, 5), b = draw(3, 5), other_frame = draw(3, 6), other_seed = draw(4, 5);
    assert_memory_equal(a.picture.pixels, b.picture.pixels, 3 * PIXELS);
    assert_memory_equal(a.mask.pixels, b.mask.pixels, PIXELS);
    assert_memory_not_equal(a.picture.pixels, other_frame.picture.pixels, 3 * PIXELS);
    assert_memory_not_equal(a.picture.pixels, other_seed.picture.pixels, 3 * PIXELS);
    drop(&a);
    drop(&b);
    drop(&other_frame);
    drop(&other_seed);
}

/* About one in ten has none; a polyp that was drawn can be seen, and covers 1 to 45 % with all its neighbours. */
static void share_of_frames_and_of_pixels(void **state)
{
    enum { FRAMES = 200 };
    size_t without = 0, large = 0, small = 0;
    (void)state;
    for (uint64_t i = 0; i < FRAMES; i++) {
        frame f = draw(1, i);
        const double share = (double)polyp_pixels(&f) / PIXELS;
        assert_true(f.facts.polyps >= 0 && f.facts.polyps <= 3);
        assert_true((f.facts.polyps == 0) == (share == 0));
        if (share > 0) assert_true(share > 0.01 && share < 0.45);
        without += share == 0;
        large += share > 0.15;
        small += share > 0 && share < 0.06;
        drop(&f);
    }
    assert_in_range(without, FRAMES / 25, FRAMES / 5);
    assert_true(large > FRAMES / 10);
    assert_true(small > FRAMES / 10);
}

enum { FEATURES = 6, LEVELS = 512 };

/* 0 .. 511: red, green, blue, red - green, red - blue, red's part of the sum */
static size_t feature(const unsigned char *p, int kind)
{
    const int sum = p[0] + p[1] + p[2];
    switch (kind) {
    case 3: return (size_t)(p[0] - p[1] + 255);
    case 4: return (size_t)(p[0] - p[2] + 255);
    case 5: return sum > 0 ? (size_t)(511 * p[0] / sum) : 0;
    default: return p[kind];
    }
}

typedef struct histogram {
    size_t polyp[LEVELS], other[LEVELS];
} histogram;

/* Best Jaccard of "level > t" and of "level <= t" over all t, pixels pooled. */
static double best_jaccard(const histogram *h)
{
    double all = 0, tp = 0, fp = 0, others = 0, best = 0;
    for (size_t i = 0; i < LEVELS; i++) {
        all += (double)h->polyp[i];
        others += (double)h->other[i];
    }
    for (size_t i = 0; i < LEVELS; i++) {
        tp += (double)h->polyp[i];
        fp += (double)h->other[i];
        const double below = tp / (all + fp), above = (all - tp) / (all + others - fp);
        if (below > best) best = below;
        if (above > best) best = above;
    }
    return best;
}

static void no_threshold_on_a_colour_finds_them(void **state)
{
    static histogram h[FEATURES];
    (void)state;
    memset(h, 0, sizeof h);
    for (uint64_t index = 0; index < 20; index++) {
        frame f = draw(2, index);
        for (size_t i = 0; i < PIXELS; i++) {
            for (int k = 0; k < FEATURES; k++) {
                const size_t level = feature(f.picture.pixels + 3 * i, k);
                if (f.mask.pixels[i]) h[k].polyp[level]++;
                else h[k].other[level]++;
            }
        }
        drop(&f);
    }
    for (int k = 0; k < FEATURES; k++) {
        const double best = best_jaccard(&h[k]);
        if (best >= 0.5) fail_msg("feature %d alone reaches a Jaccard of %.3f", k, best);
    }
}

/* A frame is neither black nor burnt out, and its pixels differ. */
static void frames_are_lit(void **state)
{
    (void)state;
    for (uint64_t index = 0; index < 30; index++) {
        frame f = draw(5, index);
        size_t dark = 0, white = 0;
        for (size_t i = 0; i < PIXELS; i++) {
            const int green = f.picture.pixels[3 * i + 1];
            dark += green < 12;
            white += green > 250;
        }
        assert_true(dark < PIXELS * 6 / 10);
        assert_true(white < PIXELS / 10);
        drop(&f);
    }
}

static void smallest_and_too_small(void **state)
{
    polyp_image picture = {0}, mask = {0};
    synth_facts facts;
    (void)state;
    assert_int_equal(synth_draw(&picture, &mask, &facts, 1, 1, 31, 200), POLYP_ERR_SIZE);
    assert_null(picture.pixels);
    for (uint64_t index = 0; index < 20; index++) {
        assert_int_equal(synth_draw(&picture, &mask, &facts, 1, index, 32, 32 + (int)index), POLYP_OK);
        polyp_image_free(&picture);
        polyp_image_free(&mask);
    }
    assert_int_equal(synth_draw(&picture, &mask, &facts, 1, 1, 400, 32), POLYP_OK);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

static void no_memory(void **state)
{
    (void)state;
    memory_fail_at(0);
    for (size_t k = 1; k <= 3; k++) {
        polyp_image picture = {0}, mask = {0};
        synth_facts facts;
        memory_fail_at(k);
        assert_int_equal(synth_draw(&picture, &mask, &facts, 1, 1, WIDTH, HEIGHT), POLYP_ERR_MEMORY);
        assert_null(picture.pixels);
        assert_null(mask.pixels);
    }
    memory_fail_at(0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_numbers_give_equal_bytes),
        cmocka_unit_test(share_of_frames_and_of_pixels),
        cmocka_unit_test(no_threshold_on_a_colour_finds_them),
        cmocka_unit_test(frames_are_lit),
        cmocka_unit_test(smallest_and_too_small),
        cmocka_unit_test(no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
