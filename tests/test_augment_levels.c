/* What happens to levels: each photometric transform against plain arithmetic in double, and what frames do to masks. */
#include "augment_help.h"

#include "base/fast_math.h"
#include "media/resize.h"

enum { SIZE = 64, PLANE = SIZE * SIZE };

/* ---- fast_math.h ---------------------------------------------------------------------------------------- */

static void test_fast_math(void **state)
{
    (void)state;
    double log_error = 0, power_error = 0;
    random_stream r = random_open(1, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 200000; i++) {
        const float x = (float)exp(random_uniform(&r, -40, 40)), y = (float)random_uniform(&r, -100, 100);
        const double wanted = log2((double)x);
        log_error = fmax(log_error, fabs((double)fast_log2(x) - wanted) / fmax(fabs(wanted), 1));
        power_error = fmax(power_error, fabs((double)fast_exp2(y) / exp2((double)y) - 1));
    }
    print_message("fast_math: log2 %.2g, exp2 %.2g\n", log_error, power_error);
    assert_true(log_error < 3e-7 && power_error < 3e-7);
    assert_true(fast_log2(1) == 0 && fast_exp2(0) == 1 && fast_exp2(-1000) > 0 && isfinite(fast_exp2(1000)));
}

/* ---- a picture to work on ------------------------------------------------------------------------------- */

/* All levels of each channel, black and white among them. */
static polyp_image colour_card(void)
{
    polyp_image image;
    random_stream r = random_open(2, RANDOM_TEST, 0, 0);
    assert_ok(image_create(&image, SIZE, SIZE, 3));
    for (int i = 0; i < 3 * PLANE; i++) image.pixels[i] = (unsigned char)random_below(&r, 256);
    memset(image.pixels, 0, 3);
    memset(image.pixels + 3, 255, 3);
    return image;
}

static outcome apply_to_card(const polyp_image *card, const augment_draws *d, int mask_level)
{
    polyp_image mask;
    assert_ok(image_create(&mask, SIZE, SIZE, 1));
    memset(mask.pixels, mask_level, PLANE);
    const augment_source source = {.picture = card, .mask = &mask};
    outcome o = apply_to(&source, SIZE, d, AUGMENT_FASTAI);
    polyp_image_free(&mask);
    return o;
}

/* ---- lighting and colours ------------------------------------------------------------------------------- */

static double logit(double x)
{
    const double within = fmin(fmax(x, 1e-7), 1 - 1e-7);
    return -log(1 / within - 1);
}

static void test_lighting(void **state)
{
    (void)state;
    polyp_image card = colour_card();
    augment_draws d = nothing();
    double largest = 0;
    turn_on(&d, AUGMENT_BRIGHTNESS)->value[0] = 0.62;
    turn_on(&d, AUGMENT_CONTRAST)->value[0] = 1.2;
    outcome o = apply_to_card(&card, &d, 0);
    for (int i = 0; i < 3 * PLANE; i++) {
        const double x = card.pixels[3 * (i % PLANE) + i / PLANE] / 255.0;
        const double wanted = 255 / (1 + exp(-1.2 * (logit(x) + logit(0.62))));
        largest = fmax(largest, fabs((double)o.levels[i] - wanted));
    }
    print_message("lighting: %.2g levels from plain arithmetic\n", largest);
    assert_true(largest < 1e-3);
    free_outcome(&o);
    polyp_image_free(&card);
}

/* Plainly, one after the other: saturation, hue (a turn about grey, written as parts along and across it), gains. */
static void plain_colours(double rgb[3], const augment_draws *d)
{
    const double grey = 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2];
    for (int c = 0; c < 3; c++) rgb[c] = grey + d->of[AUGMENT_SATURATION].value[0] * (rgb[c] - grey);
    const double angle = d->of[AUGMENT_HUE].value[0] * M_PI / 180, mean = (rgb[0] + rgb[1] + rgb[2]) / 3;
    double across[3],
        turned[3]; /* the part without grey, and that part turned by 90 degrees: the cross product with the axis */
    for (int c = 0; c < 3; c++) across[c] = rgb[c] - mean;
    for (int c = 0; c < 3; c++) turned[c] = (across[(c + 2) % 3] - across[(c + 1) % 3]) / sqrt(3);
    for (int c = 0; c < 3; c++) rgb[c] = mean + cos(angle) * across[c] + sin(angle) * turned[c];
    for (int c = 0; c < 3; c++) rgb[c] = fmin(fmax(rgb[c] * d->of[AUGMENT_GAINS].value[c], 0), 255);
}

static void test_colours(void **state)
{
    (void)state;
    polyp_image card = colour_card();
    augment_draws d = nothing();
    double largest = 0;
    turn_on(&d, AUGMENT_SATURATION)->value[0] = 1.3;
    turn_on(&d, AUGMENT_HUE)->value[0] = 25;
    for (int c = 0; c < 3; c++) turn_on(&d, AUGMENT_GAINS)->value[c] = 1.1 - 0.15 * c;
    outcome o = apply_to_card(&card, &d, 0);
    for (int i = 0; i < PLANE; i++) {
        double rgb[3] = {card.pixels[3 * i], card.pixels[3 * i + 1], card.pixels[3 * i + 2]};
        plain_colours(rgb, &d);
        for (int c = 0; c < 3; c++) largest = fmax(largest, fabs((double)o.levels[c * PLANE + i] - rgb[c]));
    }
    print_message("colours: %.2g levels from plain arithmetic\n", largest);
    assert_true(largest < 1e-3);
    free_outcome(&o);
    polyp_image_free(&card);
}

/* Red goes towards yellow, as the table says, and grey stays grey. */
static void test_hue_turns_red_to_yellow(void **state)
{
    (void)state;
    polyp_image card;
    augment_draws d = nothing();
    assert_ok(image_create(&card, SIZE, SIZE, 3));
    for (int i = 0; i < PLANE; i++)
        memcpy(card.pixels + 3 * i, i % 2 ? (unsigned char[]){200, 60, 60} : (unsigned char[]){90, 90, 90}, 3);
    turn_on(&d, AUGMENT_HUE)->value[0] = 20;
    outcome o = apply_to_card(&card, &d, 0);
    assert_true(o.levels[1 + PLANE] > 80 && o.levels[1 + 2 * PLANE] < 45 + 20);
    assert_true(o.levels[1 + PLANE] > o.levels[1 + 2 * PLANE] + 30);
    for (int c = 0; c < 3; c++) assert_true(fabsf(o.levels[c * PLANE] - 90) < 0.01f);
    free_outcome(&o);
    polyp_image_free(&card);
}

/* ---- another picture's colours -------------------------------------------------------------------------- */

/* Soft colours around one, on a black frame when asked. */
static polyp_image tissue(double red, double green, double blue, double spread, bool framed)
{
    polyp_image image;
    random_stream r = random_open(3, RANDOM_TEST, 0, 0);
    assert_ok(image_create(&image, SIZE, SIZE, 3));
    for (int i = 0; i < PLANE; i++) {
        const double light = 1 + spread * random_normal(&r);
        const double rgb[3] = {red * light, green * light, blue * (light + 0.3 * spread * random_normal(&r))};
        const bool black = framed && (i % SIZE < 12 || i / SIZE < 12);
        for (int c = 0; c < 3; c++) image.pixels[3 * i + c] = (unsigned char)(black ? 3 : fmin(fmax(rgb[c], 0), 255));
    }
    return image;
}

static polyp_image to_picture(const outcome *o)
{
    polyp_image image;
    assert_ok(image_create(&image, o->size, o->size, 3));
    for (int i = 0; i < PLANE; i++)
        for (int c = 0; c < 3; c++) image.pixels[3 * i + c] = (unsigned char)lrintf(o->levels[c * PLANE + i]);
    return image;
}

static void test_colours_of_another(void **state)
{
    (void)state;
    polyp_image mine = tissue(150, 90, 70, 0.10, true), other = tissue(175, 120, 125, 0.15, false), mask, result;
    augment_source source = {.picture = &mine, .mask = &mask};
    colour_statistics got;
    float moved = 0;
    augment_draws d = nothing();
    assert_ok(image_create(&mask, SIZE, SIZE, 1));
    colour_statistics_find(&source.own, &mine);
    colour_statistics_find(&source.other, &other);
    turn_on(&d, AUGMENT_COLOURS_OF_ANOTHER)->value[0] = 1;
    outcome o = apply_to(&source, SIZE, &d, AUGMENT_FASTAI);
    result = to_picture(&o);
    colour_statistics_find(&got, &result);
    for (int c = 0; c < 3; c++) {
        moved += fabsf(source.own.mean[c] - source.other.mean[c]);
        assert_true(fabsf(got.mean[c] - source.other.mean[c]) < 0.5f);
        assert_true(fabsf(got.deviation[c] / source.other.deviation[c] - 1) < 0.1f);
    }
    assert_true(moved > 20); /* there was something to take over */
    for (int c = 0; c < 3; c++) assert_true(o.levels[c * PLANE] == 3.0f); /* the frame stays black */
    free_outcome(&o);
    polyp_image_free(&result);
    source.other = source.own;
    o = apply_to(&source, SIZE, &d, AUGMENT_FASTAI);
    for (int i = 0; i < 3 * PLANE; i++)
        assert_true(fabs((double)o.levels[i] - mine.pixels[3 * (i % PLANE) + i / PLANE]) < 0.05);
    free_outcome(&o);
    polyp_image_free(&mine);
    polyp_image_free(&other);
    polyp_image_free(&mask);
}

static void test_statistics_leave_black_out(void **state)
{
    (void)state;
    polyp_image plain = tissue(150, 90, 70, 0.1, false), framed = tissue(150, 90, 70, 0.1, true), black;
    colour_statistics a, b;
    colour_statistics_find(&a, &plain);
    colour_statistics_find(&b, &framed);
    for (int c = 0; c < 3; c++) {
        assert_true(fabsf(a.mean[c] - b.mean[c]) < 0.5f);
        assert_true(fabsf(a.deviation[c] / b.deviation[c] - 1) < 0.1f);
    }
    assert_ok(image_create(&black, SIZE, SIZE, 3));
    colour_statistics_find(&a, &black);
    for (int c = 0; c < 3; c++) assert_true(a.mean[c] == 0 && a.deviation[c] == 1);
    polyp_image_free(&plain);
    polyp_image_free(&framed);
    polyp_image_free(&black);
}

/* ---- lens, sensor, file --------------------------------------------------------------------------------- */

static int mirrored(int at)
{
    return at < 0 ? -at : at < SIZE ? at : 2 * (SIZE - 1) - at;
}

static void test_blur(void **state)
{
    (void)state;
    polyp_image card = colour_card();
    augment_draws d = nothing();
    const double sigma = 1.3;
    double largest = 0;
    turn_on(&d, AUGMENT_BLUR)->value[0] = sigma;
    outcome o = apply_to_card(&card, &d, 0);
    for (int i = 0; i < PLANE; i += 7) {
        double sum = 0, weights = 0;
        for (int y = -4; y <= 4; y++) {
            for (int x = -4; x <= 4; x++) {
                const double w = exp(-(x * x + y * y) / (2 * sigma * sigma));
                sum += w * card.pixels[3 * (mirrored(i / SIZE + y) * SIZE + mirrored(i % SIZE + x)) + 1];
                weights += w;
            }
        }
        largest = fmax(largest, fabs((double)o.levels[PLANE + i] - sum / weights));
    }
    print_message("blur: %.2g levels from plain arithmetic\n", largest);
    assert_true(largest < 1e-3);
    free_outcome(&o);
    d.of[AUGMENT_BLUR].value[0] = 10; /* the widest there is: reaches beyond the middle */
    o = apply_to_card(&card, &d, 0);
    for (int i = 0; i < 3 * PLANE; i++) assert_true(o.levels[i] > 100 && o.levels[i] < 155);
    free_outcome(&o);
    polyp_image_free(&card);
}

static void test_noise(void **state)
{
    (void)state;
    polyp_image grey;
    augment_draws d = nothing();
    double sum = 0, squares = 0, neighbours = 0, channels = 0;
    assert_ok(image_create(&grey, SIZE, SIZE, 3));
    memset(grey.pixels, 120, 3 * PLANE);
    turn_on(&d, AUGMENT_NOISE)->value[0] = 6;
    d.of[AUGMENT_NOISE].seed = UINT64_C(77) << 32;
    outcome o = apply_to_card(&grey, &d, 0);
    for (int i = 0; i < 3 * PLANE; i++) {
        const double v = (double)o.levels[i] - 120;
        sum += v;
        squares += v * v;
        if (i % PLANE) neighbours += v * ((double)o.levels[i - 1] - 120);
        if (i >= PLANE) channels += v * ((double)o.levels[i - PLANE] - 120);
    }
    const double count = 3 * PLANE, variance = squares / count;
    assert_true(fabs(sum / count) < 4 * 6 / sqrt(count));
    assert_true(fabs(sqrt(variance) / 6 - 1) < 0.03);
    assert_true(fabs(neighbours / count / variance) < 0.04 && fabs(channels / count / variance) < 0.04);
    d.of[AUGMENT_NOISE].seed = UINT64_C(78) << 32;
    outcome other = apply_to_card(&grey, &d, 0);
    assert_memory_not_equal(o.levels, other.levels, 3 * PLANE * sizeof(float));
    free_outcome(&o);
    free_outcome(&other);
    memset(grey.pixels, 255, 3 * PLANE);
    o = apply_to_card(&grey, &d, 0);
    for (int i = 0; i < 3 * PLANE; i++) assert_true(o.levels[i] <= 255);
    free_outcome(&o);
    polyp_image_free(&grey);
}

static void test_recordings(void **state)
{
    (void)state;
    polyp_image card = tissue(150, 90, 70, 0.1, true), small, large, again;
    unsigned char *bytes;
    size_t size;
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_DOWN_AND_UP)->value[0] = 0.5;
    turn_on(&d, AUGMENT_JPEG)->value[0] = 40;
    outcome o = apply_to_card(&card, &d, 0);
    assert_ok(resize_bilinear(&small, &card, SIZE / 2, SIZE / 2));
    assert_ok(resize_bilinear(&large, &small, SIZE, SIZE));
    assert_ok(image_encode_jpeg(&bytes, &size, &large, 40));
    assert_ok(image_decode(&again, bytes, size, "test"));
    for (int i = 0; i < 3 * PLANE; i++) assert_true(o.levels[i] == (float)again.pixels[3 * (i % PLANE) + i / PLANE]);
    free_outcome(&o);
    memory_free(bytes);
    polyp_image_free(&card);
    polyp_image_free(&small);
    polyp_image_free(&large);
    polyp_image_free(&again);
}

/* ---- frames, boxes, holes ------------------------------------------------------------------------------- */

/* How many pixels of a grey picture are black and without polyp, by frame. Neither a polyp under black nor the reverse. */
static int covered(augment_draws *d)
{
    polyp_image grey;
    int count = 0;
    assert_ok(image_create(&grey, SIZE, SIZE, 3));
    memset(grey.pixels, 120, 3 * PLANE);
    outcome o = apply_to_card(&grey, d, MASK_POLYP);
    for (int i = 0; i < PLANE; i++) {
        assert_true(o.levels[i] >= 3 && o.levels[i] <= 120);
        if (o.levels[i] < 50) assert_int_equal(o.mask[i], MASK_BACKGROUND);
        if (o.levels[i] > 70) assert_int_equal(o.mask[i], MASK_POLYP);
        count += o.mask[i] == MASK_BACKGROUND;
    }
    free_outcome(&o);
    polyp_image_free(&grey);
    return count;
}

static void test_borders_cover_what_they_should(void **state)
{
    (void)state;
    const double cut = 0.2,
                 radius = sqrt(0.5) - 2 * cut; /* of a circle that reaches in from the corners that far twice */
    const double wanted[4] = {2 * cut * cut, 1 - M_PI * radius * radius, (4 - M_PI) * cut * cut, 2 * 0.125};
    const double cuts[4] = {cut, 2 * cut, cut / 2, 0.125};
    for (int frame = 0; frame < 4; frame++) {
        augment_draws d = nothing();
        turn_on(&d, AUGMENT_BORDER)->value[0] = cuts[frame];
        d.of[AUGMENT_BORDER].pick = (frame + 0.5) / 4;
        const double share = (double)covered(&d) / PLANE;
        if (fabs(share - wanted[frame]) > 0.015)
            fail_msg("frame %d covers %.3f, not %.3f", frame, share, wanted[frame]);
    }
    augment_draws d = nothing();
    turn_on(&d, AUGMENT_BORDER)->value[0] = 0;
    for (int frame = 0; frame < 4; frame++) {
        d.of[AUGMENT_BORDER].pick = (frame + 0.5) / 4;
        assert_int_equal(covered(&d), 0);
    }
}

static void test_inset(void **state)
{
    (void)state;
    polyp_image grey;
    assert_ok(image_create(&grey, SIZE, SIZE, 3));
    memset(grey.pixels, 120, 3 * PLANE);
    for (int shape = 0; shape < 2; shape++) {
        augment_draws d = nothing();
        turn_on_with(&d, AUGMENT_INSET, 0.25, 0.5);
        d.of[AUGMENT_INSET].pick = shape ? 0.1 : 0.9;
        d.of[AUGMENT_INSET].seed = 5;
        outcome o = apply_to_card(&grey, &d, MASK_POLYP);
        int bright = 0;
        for (int i = 0; i < PLANE; i++) {
            const bool inside = i % SIZE < SIZE / 4 && i / SIZE >= SIZE / 2;
            assert_int_equal(o.mask[i], inside ? MASK_BACKGROUND : MASK_POLYP);
            if (!inside) assert_true(o.levels[i] == 120);
            bright += inside && o.levels[i] == 170;
        }
        assert_true(shape ? bright > 10 && bright < PLANE / 16 : bright == 0);
        free_outcome(&o);
    }
    polyp_image_free(&grey);
}

static void test_cutout(void **state)
{
    (void)state;
    polyp_image card = tissue(150, 90, 70, 0.1, false);
    augment_draws d = nothing();
    turn_on_with(&d, AUGMENT_CUTOUT, 3, 0.125);
    d.of[AUGMENT_CUTOUT].seed = 9;
    outcome o = apply_to_card(&card, &d, MASK_POLYP);
    int changed = 0;
    for (int i = 0; i < PLANE; i++) {
        changed += o.levels[i] != (float)card.pixels[3 * i];
        assert_int_equal(o.mask[i], MASK_POLYP);
    }
    assert_in_range(changed, 60, 3 * 64); /* a pixel may have had the mean before; holes may overlap */
    free_outcome(&o);
    turn_on_with(&d, AUGMENT_CUTOUT, 1, 1); /* one hole as large as the picture */
    o = apply_to_card(&card, &d, 0);
    for (int i = 1; i < PLANE; i++) assert_true(o.levels[i] == o.levels[0]);
    free_outcome(&o);
    polyp_image_free(&card);
}

/* ---- the whole ------------------------------------------------------------------------------------------ */

static augment_draws everything(void)
{
    augment_recipe recipe = augment_recipe_none();
    augment_draws d;
    recipe.pipeline = AUGMENT_ONCE;
    for (int k = 0; k < AUGMENT_KINDS; k++) recipe.entries[k].probability = 1;
    augment_draw_all(&d, &recipe, 1, 2, 3);
    return d;
}

/* Equal input, equal bytes; and the room keeps nothing of the picture before. */
static void test_repeats_exactly(void **state)
{
    (void)state;
    const augment_draws d = everything(), none = nothing();
    polyp_image card = colour_card(), mask, other = tissue(150, 90, 70, 0.1, true);
    assert_ok(image_create(&mask, SIZE, SIZE, 1));
    augment_source source = {.picture = &card, .mask = &mask};
    colour_statistics_find(&source.own, &card);
    colour_statistics_find(&source.other, &other);
    outcome once = apply_to(&source, SIZE, &d, AUGMENT_ONCE), twice = apply_to(&source, SIZE, &none, AUGMENT_ONCE);
    augment_room *room;
    assert_ok(augment_room_create(&room, SIZE));
    assert_ok(augment_apply(twice.levels, twice.mask, room, &none, AUGMENT_ONCE, &source));
    assert_ok(augment_apply(twice.levels, twice.mask, room, &d, AUGMENT_ONCE, &source));
    assert_memory_equal(once.levels, twice.levels, 3 * PLANE * sizeof(float));
    assert_memory_equal(once.mask, twice.mask, PLANE);
    augment_room_destroy(room);
    free_outcome(&once);
    free_outcome(&twice);
    polyp_image_free(&card);
    polyp_image_free(&mask);
    polyp_image_free(&other);
}

static status all_of_it(const augment_source *source, const augment_draws *d)
{
    static float levels[3 * PLANE];
    static unsigned char mask[PLANE];
    augment_room *room = NULL;
    TRY(augment_room_create(&room, SIZE));
    const status result = augment_apply(levels, mask, room, d, AUGMENT_ONCE, source);
    augment_room_destroy(room);
    return result;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    const augment_draws d = everything();
    polyp_image card = colour_card(), mask;
    assert_ok(image_create(&mask, SIZE, SIZE, 1));
    const augment_source source = {.picture = &card, .mask = &mask, .own = {{0}, {1, 1, 1}}, .other = {{0}, {1, 1, 1}}};
    size_t k = 1;
    for (;; k++) {
        memory_fail_at(k);
        const status result = all_of_it(&source, &d);
        memory_fail_at(0);
        if (result == POLYP_OK) break;
        assert_int_equal(result, POLYP_ERR_MEMORY);
    }
    assert_true(k > 10);
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

static void test_fastai_wants_squished_pictures(void **state)
{
    (void)state;
    polyp_image card = tissue(150, 90, 70, 0.1, true), mask;
    augment_room *room;
    float levels[3 * 32 * 32];
    unsigned char out[32 * 32];
    const augment_draws d = nothing();
    assert_ok(image_create(&mask, SIZE, SIZE, 1));
    assert_ok(augment_room_create(&room, 32));
    const augment_source source = {.picture = &card, .mask = &mask};
    assert_int_equal(augment_apply(levels, out, room, &d, AUGMENT_FASTAI, &source), POLYP_ERR_ARGUMENT);
    assert_non_null(strstr(polyp_error(), "64 x 64"));
    augment_room_destroy(room);
    polyp_image_free(&card);
    polyp_image_free(&mask);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fast_math),
        cmocka_unit_test(test_lighting),
        cmocka_unit_test(test_colours),
        cmocka_unit_test(test_hue_turns_red_to_yellow),
        cmocka_unit_test(test_colours_of_another),
        cmocka_unit_test(test_statistics_leave_black_out),
        cmocka_unit_test(test_blur),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_recordings),
        cmocka_unit_test(test_borders_cover_what_they_should),
        cmocka_unit_test(test_inset),
        cmocka_unit_test(test_cutout),
        cmocka_unit_test(test_repeats_exactly),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_fastai_wants_squished_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
