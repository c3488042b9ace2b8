/* Where pixels come from: every geometric transform alone, their agreement on picture and mask, antialiasing, what lies outside. */
#include "augment_help.h"

#include "media/resize.h"

enum { SIZE = 64 };

/* Every pixel another colour: red and green say where it was, blue is 255 wherever there is picture at all. */
static polyp_image place_card(int width, int height)
{
    polyp_image image;
    assert_ok(image_create(&image, width, height, 3));
    for (int i = 0; i < width * height; i++) {
        image.pixels[3 * i] = (unsigned char)(i % width * 4);
        image.pixels[3 * i + 1] = (unsigned char)(i / width * 4);
        image.pixels[3 * i + 2] = 255;
    }
    return image;
}

static polyp_image blank(int width, int height, int channels, int level)
{
    polyp_image image;
    assert_ok(image_create(&image, width, height, channels));
    memset(image.pixels, level, image_size(&image));
    return image;
}

/* ---- one transform at a time ---------------------------------------------------------------------------- */

/* Place (x, y) of the output shows place (from_x, from_y) of the card, in pixels of SIZE; negative: it lies outside. */
typedef struct expectation {
    int x, y;
    double from_x, from_y;
} expectation;

static void expect(const augment_draws *d, const expectation *wanted, int count)
{
    polyp_image card = place_card(SIZE, SIZE), mask = blank(SIZE, SIZE, 1, MASK_POLYP);
    const augment_source source = {.picture = &card, .mask = &mask};
    outcome o = apply_to(&source, SIZE, d, AUGMENT_ONCE);
    for (int i = 0; i < count; i++) {
        const int at = wanted[i].y * SIZE + wanted[i].x;
        const bool outside = wanted[i].from_x < 0;
        assert_int_equal(o.mask[at], outside ? MASK_BACKGROUND : MASK_POLYP);
        assert_true(fabs((double)o.levels[at + 2 * SIZE * SIZE] - (outside ? 0 : 255)) < 0.01);
        if (outside) continue;
        const double x = (double)o.levels[at] / 4, y = (double)o.levels[at + SIZE * SIZE] / 4;
        if (fabs(x - wanted[i].from_x) > 0.02 || fabs(y - wanted[i].from_y) > 0.02)
            fail_msg("(%d, %d) shows (%g, %g), not (%g, %g)", wanted[i].x, wanted[i].y, x, y, wanted[i].from_x,
                     wanted[i].from_y);
    }
    free_outcome(&o);
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

#define EXPECT(draws, ...)                                                 \
    do {                                                                   \
        const expectation wanted_[] = {__VA_ARGS__};                       \
        (draws)->fill = AUGMENT_FILL_BLACK;                                \
        expect(draws, wanted_, (int)(sizeof wanted_ / sizeof wanted_[0])); \
    } while (0)

static void test_rotation(void **state)
{
    (void)state;
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_ROTATE)->value[0] = 90; /* clockwise: the left edge comes to the top */
    EXPECT(&d, {10, 0, 0, 53}, {63, 10, 10, 0}, {0, 63, 63, 63});
    d.of[AUGMENT_ROTATE].value[0] = 45;
    EXPECT(&d, {0, 0, -1, -1}, {32, 32, 32 + 0.5 * sqrt(2) - 0.5, 31.5}, {63, 63, -1, -1});
}

static void test_scale_zoom_aspect_shift(void **state)
{
    (void)state;
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_SCALE)->value[0] = 2;
    EXPECT(&d, {0, 0, 15.75, 15.75}, {63, 1, 47.25, 16.25});
    d.of[AUGMENT_SCALE].value[0] = 0.5;
    EXPECT(&d, {15, 31, -1, -1}, {16, 32, 0.5, 32.5}, {47, 48, -1, -1});
    d = nothing();
    turn_on_with(&d, AUGMENT_ZOOM, 2, 0); /* about the left edge, at half the height */
    EXPECT(&d, {0, 0, 0.25, 15.75}, {63, 63, 31.25, 47.25});
    d = nothing();
    turn_on(&d, AUGMENT_ASPECT)->value[0] = 4; /* twice as wide, half as high */
    EXPECT(&d, {0, 16, 15.75, 0.5}, {63, 47, 47.25, 62.5}, {5, 15, -1, -1}, {5, 48, -1, -1});
    d = nothing();
    turn_on_with(&d, AUGMENT_SHIFT, 0.25, -0.125); /* right and up */
    EXPECT(&d, {16, 0, 0, 8}, {15, 0, -1, -1}, {63, 55, 47, 63}, {63, 56, -1, -1});
}

static void test_mirrors_and_reflection(void **state)
{
    (void)state;
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_FLIP);
    EXPECT(&d, {3, 7, 60, 7});
    d = nothing();
    turn_on(&d, AUGMENT_FLIP_VERTICAL);
    EXPECT(&d, {3, 7, 3, 56});
    d = nothing();
    turn_on_with(&d, AUGMENT_SHIFT, 0.25, 0);
    d.fill = AUGMENT_FILL_REFLECT;
    const expectation mirrored[] = {{15, 5, 1, 5}, {14, 5, 2, 5}, {0, 63, 16, 63}};
    expect(&d, mirrored, 3);
}

/* The warp lets fastai's corners show the picture's: with y = .2 the left edge's are 1.2 apart from the middle, in halves. */
static void test_warp(void **state)
{
    (void)state;
    const homography h = homography_warp(0.1, 0.2);
    static const double from[4][2] = {{-1.2, -1.1}, {-0.8, 1.1}, {1.2, -0.9}, {0.8, 0.9}};
    static const double to[4][2] = {{-1, -1}, {-1, 1}, {1, -1}, {1, 1}};
    for (int i = 0; i < 4; i++) {
        const place p = homography_place(&h, from[i][0], from[i][1]);
        assert_true(fabs(p.x - to[i][0]) < 1e-12 && fabs(p.y - to[i][1]) < 1e-12);
    }
    const homography none = homography_warp(0, 0);
    for (int i = 0; i < 9; i++) assert_true(fabs(none.m[i] - HOMOGRAPHY_IDENTITY.m[i]) < 1e-12);
}

/* A picture of another shape is squished to the square; with its axes swapped, what is seen is the swapped shape. */
static void test_native_aspect(void **state)
{
    (void)state;
    polyp_image card = place_card(SIZE, SIZE / 2), mask = blank(SIZE, SIZE / 2, 1, 0);
    const augment_source source = {.picture = &card, .mask = &mask};
    augment_draws d = nothing();
    outcome plain = apply_to(&source, SIZE, &d, AUGMENT_ONCE);
    turn_on(&d, AUGMENT_DIHEDRAL)->pick = 6.5 / 8; /* x and y change places */
    outcome swapped = apply_to(&source, SIZE, &d, AUGMENT_ONCE);
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            const double wanted_y = fmin(fmax(0.5 * (y + 0.5) - 0.5, 0), SIZE / 2 - 1);
            const bool mirrored = y == 0 || y == SIZE - 1; /* a quarter of a pixel outside, mirrored at its middle */
            assert_true(fabs((double)plain.levels[y * SIZE + x] / 4 - x) < 0.01);
            assert_true(fabs((double)plain.levels[(SIZE + y) * SIZE + x] / 4 - wanted_y) < (mirrored ? 0.26 : 0.01));
            assert_true(fabsf(swapped.levels[x * SIZE + y] - plain.levels[y * SIZE + x]) < 0.01f);
        }
    }
    free_outcome(&plain);
    free_outcome(&swapped);
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

/* ---- the elastic part ----------------------------------------------------------------------------------- */

static void test_elastic_is_as_strong_as_asked_and_smooth(void **state)
{
    (void)state;
    enum { SIDE = 128, FIELDS = 300 };
    float dx[SIDE], dy[SIDE], above[SIDE];
    double squares = 0, steepest = 0;
    for (uint64_t seed = 1; seed <= FIELDS; seed++) {
        elastic e;
        const augment_draw draw = {.on = true, .value = {0.02, 4}, .seed = seed};
        elastic_draw(&e, &draw, SIDE);
        for (int row = 0; row < SIDE; row++) {
            elastic_row(dx, dy, &e, row);
            for (int i = 0; i < SIDE; i++) {
                squares += (double)dx[i] * (double)dx[i] + (double)dy[i] * (double)dy[i];
                if (i) steepest = fmax(steepest, fabs((double)(dx[i] - dx[i - 1])));
                if (row) steepest = fmax(steepest, fabs((double)(dx[i] - above[i])));
            }
            memcpy(above, dx, sizeof above);
        }
    }
    const double root = sqrt(squares / (FIELDS * SIDE * SIDE)) / SIDE;
    print_message("elastic: root mean square %.4f of .02, steepest %.2f pixels a pixel\n", root, steepest);
    assert_true(fabs(root - 0.02) < 0.0008);
    assert_true(steepest > 0.05 && steepest < 0.5); /* no tears between the cells, no fold */
}

/* ---- together ------------------------------------------------------------------------------------------- */

/* Everything geometric at random: a white disc must stay where its mask is, but for its edge. */
static void picture_and_mask_agree(enum augment_pipeline pipeline, int width, int height)
{
    augment_recipe recipe = augment_recipe_none();
    polyp_image picture, mask;
    recipe.pipeline = pipeline;
    for (int k = 0; k <= AUGMENT_ELASTIC; k++)
        if (pipeline == AUGMENT_ONCE || !augment_kinds[k].once_only) recipe.entries[k].probability = 0.6;
    assert_ok(augment_check(&recipe));
    draw_disc(&picture, &mask, width, height, 0.6 * width, 0.4 * height, 0.3 * height);
    const augment_source source = {.picture = &picture, .mask = &mask};
    size_t different = 0, polyp = 0;
    for (uint64_t n = 0; n < 120; n++) {
        augment_draws d;
        recipe.fill = n % 2 ? AUGMENT_FILL_BLACK : AUGMENT_FILL_REFLECT;
        augment_draw_all(&d, &recipe, 3, 0, n);
        outcome o = apply_to(&source, SIZE, &d, pipeline);
        for (int i = 0; i < SIZE * SIZE; i++) {
            const bool white = o.levels[i] > 127.5f;
            polyp += o.mask[i] == MASK_POLYP;
            different += white != (o.mask[i] == MASK_POLYP);
        }
        free_outcome(&o);
    }
    assert_true(polyp > 120 * SIZE * SIZE / 20);
    assert_true(different < polyp / 50);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

static void test_picture_and_mask_agree(void **state)
{
    (void)state;
    picture_and_mask_agree(AUGMENT_FASTAI, SIZE, SIZE);
    picture_and_mask_agree(AUGMENT_ONCE, SIZE, SIZE);
    picture_and_mask_agree(AUGMENT_ONCE, 331, 257);
    picture_and_mask_agree(AUGMENT_ONCE, 60, 90);
}

/* Ends of all ranges, each against each other kind's: no place is infinite or not a number, no read outside. */
static void test_limits_are_safe(void **state)
{
    (void)state;
    polyp_image card = place_card(40, 33), mask = blank(40, 33, 1, MASK_POLYP);
    const augment_source source = {.picture = &card, .mask = &mask};
    for (unsigned ends = 0; ends < 512; ends++) {
        augment_draws d = nothing();
        d.fill = ends % 3 ? AUGMENT_FILL_REFLECT : AUGMENT_FILL_BLACK;
        for (int k = 0; k <= AUGMENT_ELASTIC; k++) {
            augment_draw *const draw = turn_on(&d, (enum augment_kind)k);
            draw->pick = (double)(ends % 8) / 8;
            for (int i = 0; i < AUGMENT_RANGES && augment_kinds[k].ranges[i].name; i++)
                draw->value[i] =
                    ends >> (k + i) % 9 & 1 ? augment_kinds[k].ranges[i].most : augment_kinds[k].ranges[i].least;
        }
        outcome o = apply_to(&source, 32, &d, AUGMENT_ONCE);
        for (int i = 0; i < 3 * 32 * 32; i++) assert_true(o.levels[i] >= -0.01f && o.levels[i] <= 255.01f);
        free_outcome(&o);
    }
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

static void test_smallest_pictures(void **state)
{
    (void)state;
    for (int width = 1; width <= 3; width++) {
        polyp_image card = place_card(width, 4 - width), mask = blank(width, 4 - width, 1, MASK_POLYP);
        const augment_source source = {.picture = &card, .mask = &mask};
        augment_draws d = nothing();
        turn_on(&d, AUGMENT_ROTATE)->value[0] = 30;
        outcome o = apply_to(&source, 32, &d, AUGMENT_ONCE);
        for (int i = 0; i < 32 * 32; i++) assert_true(o.mask[i] == MASK_POLYP && o.levels[i + 2 * 32 * 32] > 254.9f);
        free_outcome(&o);
        polyp_image_free(&card);
        polyp_image_free(&mask);
    }
}

/* ---- antialiasing --------------------------------------------------------------------------------------- */

static void test_fine_patterns_become_grey(void **state)
{
    (void)state;
    static const int sizes[] = {2, 3, 5, 8}; /* pixels of the picture to one of the output */
    for (int s = 0; s < 4; s++) {
        const int side = sizes[s] * SIZE + s; /* not whole blocks */
        polyp_image board = blank(side, side, 3, 0), mask = blank(side, side, 1, 0);
        for (int i = 0; i < side * side; i++) memset(board.pixels + 3 * i, (i % side + i / side) % 2 ? 255 : 0, 3);
        const augment_source source = {.picture = &board, .mask = &mask};
        augment_draws d = nothing();
        for (int turned = 0; turned < 2; turned++) {
            outcome o = apply_to(&source, SIZE, &d, AUGMENT_ONCE);
            double largest = 0;
            for (int i = 0; i < SIZE * SIZE; i++) largest = fmax(largest, fabs((double)o.levels[i] - 127.5));
            assert_true(largest < (sizes[s] == 3 ? 40 : 26)); /* odd blocks hold one more of one colour */
            free_outcome(&o);
            turn_on(&d, AUGMENT_ROTATE)->value[0] = 20;
        }
        polyp_image_free(&board);
        polyp_image_free(&mask);
    }
}

/* Untouched, the pipeline is a resize: near PIL's on a picture with detail, and just as sharp. */
static void test_untouched_is_a_resize(void **state)
{
    (void)state;
    polyp_image picture = blank(301, 239, 3, 0), mask = blank(301, 239, 1, 0), wanted;
    for (int i = 0; i < 301 * 239; i++) {
        const double x = i % 301, y = i / 301;
        for (int c = 0; c < 3; c++)
            picture.pixels[3 * i + c] = (unsigned char)(127.5 + 60 * sin(x / (5 + c)) + 60 * cos(y / 7 + x / 11));
    }
    assert_ok(resize_bilinear(&wanted, &picture, SIZE, SIZE));
    const augment_source source = {.picture = &picture, .mask = &mask};
    const augment_draws d = nothing();
    outcome o = apply_to(&source, SIZE, &d, AUGMENT_ONCE);
    double sum = 0, contrast = 0, wanted_contrast = 0;
    for (int i = 0; i < SIZE * SIZE; i++) {
        const double mine = (double)o.levels[i], theirs = wanted.pixels[3 * i];
        sum += fabs(mine - theirs);
        contrast += (mine - 127.5) * (mine - 127.5);
        wanted_contrast += (theirs - 127.5) * (theirs - 127.5);
    }
    print_message("untouched: %.2f levels from a resize on average, contrast %.3f of its\n", sum / (SIZE * SIZE),
                  sqrt(contrast / wanted_contrast));
    assert_true(sum / (SIZE * SIZE) < 1.5);
    assert_true(fabs(sqrt(contrast / wanted_contrast) - 1) < 0.02);
    free_outcome(&o);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    polyp_image_free(&wanted);
}

/* ---- what lies outside ---------------------------------------------------------------------------------- */

static bool has_black(const augment_draws *d, bool black_corners)
{
    polyp_image picture = blank(SIZE, SIZE, 3, 200), mask = blank(SIZE, SIZE, 1, 0);
    for (int i = 0; i < SIZE * SIZE && black_corners; i++)
        if (i % SIZE + i / SIZE < 12 || i % SIZE + i / SIZE > 2 * SIZE - 14) memset(picture.pixels + 3 * i, 4, 3);
    const augment_source source = {.picture = &picture, .mask = &mask};
    outcome o = apply_to(&source, SIZE, d, AUGMENT_ONCE);
    const bool black = o.levels[SIZE / 2 * SIZE] == 0.0f; /* the middle of the left edge, shifted out */
    free_outcome(&o);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    return black;
}

static void test_either_fill_fits_the_picture(void **state)
{
    (void)state;
    augment_draws d = nothing();
    turn_on_with(&d, AUGMENT_SHIFT, 0.1, 0);
    d.fill = AUGMENT_FILL_EITHER;
    assert_false(has_black(&d, false));
    assert_true(has_black(&d, true)); /* mirrored corners would lie in the middle of the picture */
    d.fill = AUGMENT_FILL_REFLECT;
    assert_false(has_black(&d, true));
    turn_on(&d, AUGMENT_SCALE)->value[0] = 0.6;
    assert_false(has_black(&d, false));
    d.fill = AUGMENT_FILL_EITHER;
    assert_true(has_black(&d, false)); /* would come twice */
}

static void test_ignored_pixels_stay_ignored(void **state)
{
    (void)state;
    polyp_image card = place_card(SIZE, SIZE), mask = blank(SIZE, SIZE, 1, MASK_IGNORED);
    memset(mask.pixels, MASK_POLYP, SIZE * SIZE / 2);
    const augment_source source = {.picture = &card, .mask = &mask};
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_ROTATE)->value[0] = 31;
    for (int pipeline = 0; pipeline < AUGMENT_PIPELINES; pipeline++) {
        outcome o = apply_to(&source, SIZE, &d, (enum augment_pipeline)pipeline);
        int counts[2] = {0};
        for (int i = 0; i < SIZE * SIZE; i++) {
            assert_true(o.mask[i] == MASK_IGNORED ||
                        o.mask[i] == MASK_POLYP); /* nothing between: no third level arises */
            counts[o.mask[i] == MASK_POLYP]++;
        }
        assert_true(abs(counts[0] - counts[1]) < SIZE * SIZE / 10);
        free_outcome(&o);
    }
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_scale_zoom_aspect_shift),
        cmocka_unit_test(test_mirrors_and_reflection),
        cmocka_unit_test(test_warp),
        cmocka_unit_test(test_native_aspect),
        cmocka_unit_test(test_elastic_is_as_strong_as_asked_and_smooth),
        cmocka_unit_test(test_picture_and_mask_agree),
        cmocka_unit_test(test_limits_are_safe),
        cmocka_unit_test(test_smallest_pictures),
        cmocka_unit_test(test_fine_patterns_become_grey),
        cmocka_unit_test(test_untouched_is_a_resize),
        cmocka_unit_test(test_either_fill_fits_the_picture),
        cmocka_unit_test(test_ignored_pixels_stay_ignored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
