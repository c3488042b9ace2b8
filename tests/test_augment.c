/* The pipeline `fastai` against arrays from fastai itself, and every transform against plain arithmetic. */
#include "augment_help.h"

/* ---- fastai --------------------------------------------------------------------------------------------- */

/* From a golden line: flip, degrees, zoom, x, y, warp x, warp y, and brightness and contrast where they stand. */
static augment_draws draws_of_line(const char *line, const char *kind, int *size)
{
    double v[9] = {0};
    char format[64];
    augment_draws d = nothing();
    (void)snprintf(format, sizeof format, "%s %%d %%lf %%lf %%lf %%lf %%lf %%lf %%lf %%lf %%lf", kind);
    const int got = sscanf(line, format, size, &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8]);
    assert_true(got == 8 || got == 10);
    d.of[AUGMENT_FLIP].on = v[0] != 0;
    turn_on(&d, AUGMENT_ROTATE)->value[0] = v[1];
    memcpy(turn_on(&d, AUGMENT_ZOOM)->value, v + 2, 3 * sizeof *v);
    memcpy(turn_on(&d, AUGMENT_WARP)->value, v + 5, 2 * sizeof *v);
    if (got == 10) turn_on(&d, AUGMENT_BRIGHTNESS)->value[0] = v[7];
    if (got == 10) turn_on(&d, AUGMENT_CONTRAST)->value[0] = v[8];
    return d;
}

static double difference(const float *mine, const unsigned char *theirs, size_t count, double scale)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++) {
        float wanted;
        memcpy(&wanted, theirs + i * sizeof wanted, sizeof wanted);
        largest = fmax(largest, fabs((double)mine[i] * scale - (double)wanted));
    }
    return largest;
}

static double coordinate_difference(golden *g, const char *line)
{
    int size;
    const augment_draws d = draws_of_line(line, "coords", &size);
    const homography whole = augment_homography(&d, size, size);
    const double step = 2.0 / (size - 1);
    const homography grid = {{step, 0, -1, 0, step, -1, 0, 0, 1}}, h = homography_after(&whole, &grid);
    float x[32], y[32], both[64];
    double largest = 0;
    for (int row = 0; row < size; row++) {
        augment_row_places(x, y, &h, 0, row, NULL, NULL, size);
        for (int i = 0; i < size; i++) both[2 * i] = x[i];
        for (int i = 0; i < size; i++) both[2 * i + 1] = y[i];
        const size_t count = 2 * (size_t)size;
        largest = fmax(largest, difference(both, golden_bytes(g, count * sizeof(float)), count, 1));
    }
    return largest;
}

typedef struct found {
    int pictures;
    double coordinates, resampled, lit, lab;
    size_t mask_pixels;
} found;

/* Resampled, then resampled and lit, so that a difference tells where it comes from. */
static void compare_picture(found *f, golden *g, const char *line)
{
    int size;
    augment_draws d = draws_of_line(line, "picture", &size);
    const size_t plane = (size_t)size * (size_t)size;
    float *const levels = memory_allocate(3 * plane, sizeof(float));
    unsigned char *const got = memory_allocate(plane, 1);
    const polyp_image picture = image_view(golden_bytes(g, 3 * plane), size, size, 3);
    const polyp_image mask = image_view(golden_bytes(g, plane), size, size, 1);
    const augment_source source = {.picture = &picture, .mask = &mask};
    const unsigned char *const resampled = golden_bytes(g, 3 * plane * sizeof(float));
    const unsigned char *const moved = golden_bytes(g, plane), *const lit = golden_bytes(g, 3 * plane * sizeof(float));
    augment_room *room;
    assert_ok(augment_room_create(&room, size));
    assert_ok(augment_apply(levels, got, room, &d, AUGMENT_FASTAI, &source));
    f->lit = fmax(f->lit, difference(levels, lit, 3 * plane, 1 / 255.0));
    d.of[AUGMENT_BRIGHTNESS].on = d.of[AUGMENT_CONTRAST].on = false;
    assert_ok(augment_apply(levels, got, room, &d, AUGMENT_FASTAI, &source));
    f->resampled = fmax(f->resampled, difference(levels, resampled, 3 * plane, 1 / 255.0));
    for (size_t i = 0; i < plane; i++) f->mask_pixels += got[i] != moved[i];
    augment_room_destroy(room);
    memory_free(levels);
    memory_free(got);
}

static void compare_symmetry(golden *g, int size, int index)
{
    const size_t plane = (size_t)size * (size_t)size;
    const polyp_image picture = image_view(golden_bytes(g, 3 * plane), size, size, 3);
    const unsigned char *const wanted = golden_bytes(g, 3 * plane);
    unsigned char blank[81] = {0}, mask[81];
    float levels[3 * 81];
    const polyp_image no_mask = image_view(blank, size, size, 1);
    const augment_source source = {.picture = &picture, .mask = &no_mask};
    augment_room *room;
    assert_int_equal(plane, 81);
    assert_ok(augment_room_create(&room, size));
    for (int pipeline = 0; pipeline < AUGMENT_PIPELINES; pipeline++) {
        augment_draws d = nothing();
        turn_on(&d, AUGMENT_DIHEDRAL)->pick = (index + 0.5) / 8;
        assert_ok(augment_apply(levels, mask, room, &d, (enum augment_pipeline)pipeline, &source));
        for (size_t i = 0; i < 3 * plane; i++)
            assert_true(levels[i / 3 + i % 3 * plane] == (float)wanted[i]); /* exactly */
    }
    augment_room_destroy(room);
}

static double lab_difference(golden *g, int count)
{
    const unsigned char *const rgb = golden_bytes(g, 3 * (size_t)count);
    double largest = 0;
    for (int i = 0; i < count; i++) {
        const float levels[3] = {(float)rgb[3 * i], (float)rgb[3 * i + 1], (float)rgb[3 * i + 2]};
        float lab[3], back[3];
        colour_to_lab(lab, levels);
        colour_from_lab(back, lab);
        largest = fmax(largest, difference(lab, golden_bytes(g, sizeof lab), 3, 1));
        for (int c = 0; c < 3; c++) assert_true(fabsf(back[c] - levels[c]) < 0.01f);
    }
    return largest;
}

static void test_fastai(void **state)
{
    (void)state;
    golden g = golden_open("augment.golden");
    found f = {0};
    char line[256];
    int size, number, symmetries = 0, coordinates = 0;
    while (golden_line(&g, line)) {
        if (sscanf(line, "symmetry %d %d", &size, &number) == 2) {
            compare_symmetry(&g, size, number);
            symmetries++;
        } else if (sscanf(line, "lab %d", &number) == 1) {
            f.lab = lab_difference(&g, number);
        } else if (strncmp(line, "coords", 6) == 0) {
            f.coordinates = fmax(f.coordinates, coordinate_difference(&g, line));
            coordinates++;
        } else {
            compare_picture(&f, &g, line);
            f.pictures++;
        }
    }
    file_close(&g.file);
    print_message(
        "fastai: largest difference of coordinates %.2g, of resampled pictures %.2g, after lighting %.2g of 1; "
        "%zu mask pixels differ; CIELAB %.2g\n",
        f.coordinates, f.resampled, f.lit, f.mask_pixels, f.lab);
    assert_int_equal(coordinates, 12);
    assert_int_equal(f.pictures, 12);
    assert_int_equal(symmetries, 8);
    assert_true(f.coordinates < 1e-5);
    assert_true(f.resampled < 1e-4 && f.lit < 1e-4); /* one level of 255 is 3.9e-3 */
    assert_int_equal(f.mask_pixels, 0);
    assert_true(f.lab > 0 && f.lab < 2e-3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fastai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
