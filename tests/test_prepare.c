/* Picture to tensor and logits to mask against PyTorch and PIL (tests/golden/make_prepare.py), and by hand. */
#include "learn_help.h"

#include <math.h>

#include "predict/prepare.h"

static FILE *open_golden(void)
{
    char path[512];
    const char *const source = getenv("POLYP_SOURCE");
    (void)snprintf(path, sizeof path, "%s/tests/golden/prepare.golden", source ? source : ".");
    FILE *const file = fopen(path, "r");
    if (!file) fail_msg("%s: cannot be opened", path);
    return file;
}

static tensor make_logits(int h, int w)
{
    tensor t;
    assert_ok(tensor_create(&t, (shape){1, 1, h, w}));
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) t.data[y * w + x] = (float)((y * 37 + x * 101 + y * x * 11) % 211) / 20.0f - 5.0f;
    }
    return t;
}

/* The golden probabilities `file` stands at: the byte is theirs rounded, the mask theirs cut at 0.5 and 0.25. */
static void check_mask(FILE *file)
{
    int h, w, width, height;
    assert_int_equal(fscanf(file, "%d %d %d %d", &h, &w, &width, &height), 4);
    tensor logits = make_logits(h, w);
    polyp_image probability, half, quarter;
    assert_ok(prepare_mask(&probability, &half, &logits, 0, width, height, 0.5));
    assert_ok(prepare_mask(NULL, &quarter, &logits, 0, width, height, 0.25));
    assert_int_equal(half.width, width);
    assert_int_equal(half.height, height);
    for (int i = 0; i < width * height; i++) {
        double p;
        assert_int_equal(fscanf(file, "%lf", &p), 1);
        if (fabs(probability.pixels[i] - 255.0 * p) > 0.5 + 1e-3)
            fail_msg("%dx%d, pixel %d: %d, not %g", width, height, i, probability.pixels[i], 255.0 * p);
        if (fabs(p - 0.5) > 1e-5) assert_int_equal(half.pixels[i], p > 0.5 ? 255 : 0);
        if (fabs(p - 0.25) > 1e-5) assert_int_equal(quarter.pixels[i], p > 0.25 ? 255 : 0);
    }
    polyp_image_free(&probability);
    polyp_image_free(&half);
    polyp_image_free(&quarter);
    tensor_free(&logits);
}

static polyp_image make_picture(int w, int h)
{
    polyp_image picture;
    assert_ok(image_create(&picture, w, h, 3));
    for (int y = 0; y < h; y++) {
        for (int x = 0; x < w; x++) {
            for (int c = 0; c < 3; c++)
                picture.pixels[(y * w + x) * 3 + c] = (unsigned char)((x * 7 + y * 13 + c * 31 + x * y) % 256);
        }
    }
    return picture;
}

/* Resizing may be a level off PIL's: 1 / 255 / 0.224. Without resizing it is exact but for rounding. */
static void check_input(FILE *file)
{
    int w, h, size;
    assert_int_equal(fscanf(file, "%d %d %d", &w, &h, &size), 3);
    const double tolerance = w == size && h == size ? 1e-5 : 1.01 / 255.0 / 0.224;
    polyp_image picture = make_picture(w, h);
    tensor input;
    assert_ok(tensor_create(&input, (shape){2, 3, size, size}));
    assert_ok(prepare_input(&input, 1, &picture));
    for (int i = 0; i < 3 * size * size; i++) {
        double wanted;
        assert_int_equal(fscanf(file, "%lf", &wanted), 1);
        const double got = (double)input.data[3 * size * size + i];
        if (!(fabs(got - wanted) <= tolerance))
            fail_msg("%dx%d to %d, value %d: %g, not %g", w, h, size, i, got, wanted);
        assert_true(input.data[i] == 0.0f); /* the other plane is left alone */
    }
    tensor_free(&input);
    polyp_image_free(&picture);
}

static void test_golden(void **state)
{
    (void)state;
    FILE *const file = open_golden();
    char kind[8];
    int cases = 0;
    for (; fscanf(file, "%7s", kind) == 1; cases++) {
        if (strcmp(kind, "mask") == 0) {
            check_mask(file);
        } else {
            check_input(file);
        }
    }
    assert_int_equal(cases, 10);
    fclose(file);
}

static void test_grey_and_alpha(void **state)
{
    (void)state;
    polyp_image grey, alpha;
    assert_ok(image_create(&grey, 2, 2, 1));
    assert_ok(image_create(&alpha, 2, 2, 4));
    for (int i = 0; i < 4; i++) {
        grey.pixels[i] = (unsigned char)(60 * i);
        for (int c = 0; c < 3; c++) alpha.pixels[4 * i + c] = (unsigned char)(60 * i);
        alpha.pixels[4 * i + 3] = 7;
    }
    tensor a, b;
    assert_ok(tensor_create(&a, (shape){1, 3, 2, 2}));
    assert_ok(tensor_create(&b, (shape){1, 3, 2, 2}));
    assert_ok(prepare_input(&a, 0, &grey));
    assert_ok(prepare_input(&b, 0, &alpha));
    assert_memory_equal(a.data, b.data, 12 * sizeof(float));
    assert_true(fabsf(a.data[1] - (60.0f / 255.0f - 0.485f) / 0.229f) < 1e-6f);
    tensor_free(&a);
    tensor_free(&b);
    polyp_image_free(&grey);
    polyp_image_free(&alpha);
}

/* Huge logits do not overflow; what is no number is no polyp. */
static void test_extreme_logits(void **state)
{
    (void)state;
    const float values[] = {1e30f, -1e30f, -INFINITY, NAN, 0.0f, 100.0f, -100.0f};
    const unsigned char wanted[] = {255, 0, 0, 0, 128, 255, 0};
    for (int i = 0; i < 7; i++) {
        float value = values[i];
        const tensor logits = {{1, 1, 1, 1}, &value};
        polyp_image probability, mask;
        assert_ok(prepare_mask(&probability, &mask, &logits, 0, 2, 2, 0.5));
        for (int k = 0; k < 4; k++) {
            assert_int_equal(probability.pixels[k], wanted[i]);
            assert_int_equal(mask.pixels[k], wanted[i] > 128 ? 255 : 0); /* exactly 0.5 is not above it */
        }
        polyp_image_free(&probability);
        polyp_image_free(&mask);
    }
}

static void test_threshold_ends(void **state)
{
    (void)state;
    float value = 50.0f;
    const tensor logits = {{1, 1, 1, 1}, &value};
    polyp_image mask;
    assert_ok(prepare_mask(NULL, &mask, &logits, 0, 1, 1, 1.0));
    assert_int_equal(mask.pixels[0], 0); /* no probability is above 1 */
    polyp_image_free(&mask);
    value = -50.0f;
    assert_ok(prepare_mask(NULL, &mask, &logits, 0, 1, 1, 0.0));
    assert_int_equal(mask.pixels[0], 255); /* every one is above 0 */
    polyp_image_free(&mask);
}

static void test_failure_leaves_outputs(void **state)
{
    (void)state;
    tensor logits = make_logits(4, 4);
    for (size_t k = 1; k <= 4; k++) {
        polyp_image probability = {(unsigned char *)1, 1, 2, 3}, mask = probability;
        (void)memory_fail_at(k);
        assert_int_equal(prepare_mask(&probability, &mask, &logits, 0, 9, 9, 0.5), POLYP_ERR_MEMORY);
        (void)memory_fail_at(0);
        assert_ptr_equal(probability.pixels, (unsigned char *)1);
        assert_ptr_equal(mask.pixels, (unsigned char *)1);
    }
    polyp_image none;
    assert_int_equal(prepare_mask(&none, NULL, &logits, 0, 0, 5, 0.5), POLYP_ERR_SIZE);
    tensor_free(&logits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_grey_and_alpha),
        cmocka_unit_test(test_extreme_logits),
        cmocka_unit_test(test_threshold_ends),
        cmocka_unit_test(test_failure_leaves_outputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
