/* Pictures: every kind against PIL's pixels, and what must happen to those that are damaged, cut off or too large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/random.h"
#include "base/thread.h"
#include "media_help.h"

/* ---- the golden pictures ------------------------------------------------------------------- */

typedef struct sample {
    char name[64];
    int tolerance, width, height, channels;
    const unsigned char *file, *pixels;
    size_t file_size;
} sample;

static bool next_sample(golden *g, sample *s)
{
    char line[256];
    while (golden_line(g, line)) {
        assert_int_equal(sscanf(line, "%63s %d %d %d %d %zu", s->name, &s->tolerance, &s->width, &s->height,
                                &s->channels, &s->file_size),
                         6);
        s->file = golden_bytes(g, s->file_size);
        s->pixels = golden_bytes(g, (size_t)s->width * (size_t)s->height * (size_t)s->channels);
#ifndef HAVE_TIFF
        if (strncmp(s->name, "tiff", 4) == 0) continue;
#endif
#ifndef HAVE_EXIF
        if (strstr(s->name, "exif") != NULL) continue;
#endif
        return true;
    }
    return false;
}

static int compare_with_sample(const polyp_image *image, const sample *s)
{
    if (image->width != s->width || image->height != s->height || image->channels != s->channels)
        fail_msg("%s: %d x %d x %d instead of %d x %d x %d", s->name, image->width, image->height, image->channels,
                 s->width, s->height, s->channels);
    return largest_difference(image->pixels, s->pixels, image_size(image));
}

static void test_every_kind_gives_the_pixels_of_pil(void **state)
{
    (void)state;
    golden g = golden_open("pictures.golden");
    sample s;
    int count = 0, largest = 0;
    while (next_sample(&g, &s)) {
        polyp_image image;
        if (image_decode(&image, s.file, s.file_size, s.name) != POLYP_OK) fail_msg("%s", polyp_error());
        const int difference = compare_with_sample(&image, &s);
        if (difference > s.tolerance) fail_msg("%s: differs by %d levels, allowed %d", s.name, difference, s.tolerance);
        if (difference > largest) largest = difference;
        polyp_image_free(&image);
        count++;
    }
    print_message("# %d pictures, largest difference %d levels\n", count, largest);
    assert_true(count > 30);
    file_close(&g.file);
}

/* ---- damage -------------------------------------------------------------------------------- */

/* Decodes a copy that ends where its memory ends, so that a read beyond it is seen by the address sanitizer. */
static status decode_copy(polyp_image *out, const unsigned char *bytes, size_t size)
{
    unsigned char *const copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    const status result = image_decode(out, copy, size, "copy");
    free(copy);
    return result;
}

static void test_every_prefix_of_every_kind_fails(void **state)
{
    (void)state;
    golden g = golden_open("pictures.golden");
    sample s;
    size_t prefixes = 0;
    while (next_sample(&g, &s))
        for (size_t size = 0; size < s.file_size; size++, prefixes++) {
            polyp_image image = {.width = -1};
            const status result = decode_copy(&image, s.file, size);
            if (result != POLYP_ERR_FORMAT && result != POLYP_ERR_SIZE && result != POLYP_ERR_UNSUPPORTED)
                fail_msg("%s: status %d with %zu of %zu bytes", s.name, result, size, s.file_size);
            assert_int_equal(image.width, -1); /* left as it was */
            assert_null(image.pixels);
        }
    print_message("# %zu prefixes\n", prefixes);
    file_close(&g.file);
}

static void corrupt(unsigned char *bytes, size_t size, random_stream *r)
{
    for (uint64_t n = 1 + random_below(r, 4); n > 0; n--) {
        const size_t at = random_below(r, size);
        bytes[at] = (unsigned char)(random_below(r, 2) ? random_next(r) : bytes[at] ^ 1U << random_below(r, 8));
    }
}

static void test_corrupted_files_never_crash(void **state)
{
    (void)state;
    enum { ROUNDS = 100 };
    golden g = golden_open("pictures.golden");
    sample s;
    size_t tried = 0, refused = 0;
    for (uint64_t number = 0; next_sample(&g, &s); number++)
        for (uint64_t round = 0; round < ROUNDS; round++, tried++) {
            random_stream r = random_open(1, RANDOM_TEST, round, number);
            unsigned char *const copy = malloc(s.file_size);
            assert_non_null(copy);
            memcpy(copy, s.file, s.file_size);
            corrupt(copy, s.file_size, &r);
            polyp_image image = {0};
            if (image_decode(&image, copy, s.file_size, s.name) != POLYP_OK) {
                refused++;
                assert_null(image.pixels);
            }
            polyp_image_free(&image);
            free(copy);
        }
    print_message("# %zu corrupted files, %zu refused\n", tried, refused);
    assert_true(refused > tried / 4);
    file_close(&g.file);
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    golden g = golden_open("pictures.golden");
    sample s;
    while (next_sample(&g, &s)) {
        status result = POLYP_ERR_MEMORY;
        size_t k = 0;
        while (result != POLYP_OK) {
            polyp_image image = {0};
            memory_fail_at(++k);
            result = image_decode(&image, s.file, s.file_size, s.name);
            if (result != POLYP_OK) {
                assert_int_equal(result, POLYP_ERR_MEMORY);
                assert_null(image.pixels);
            }
            polyp_image_free(&image);
        }
        memory_fail_at(0);
        assert_true(k > 1);
    }
    file_close(&g.file);
}

/* ---- sizes --------------------------------------------------------------------------------- */

static void check_refused_before_allocation(const void *bytes, size_t size, const char *name)
{
    polyp_image image = {0};
    memory_fail_at(0);
    const status result = image_decode(&image, bytes, size, name);
    assert_int_equal(memory_fail_at(0), 0);
    if (result != POLYP_ERR_SIZE) fail_msg("%s: status %d, %s", name, result, polyp_error());
    assert_non_null(strstr(polyp_error(), name));
    assert_null(image.pixels);
}

static void test_60000_by_60000_is_refused_in_every_format(void **state)
{
    (void)state;
    /* clang-format off */
    static const unsigned char jpeg[] = {
        0xff, 0xd8,
        0xff, 0xc0, 0, 11, 8, 0xea, 0x60, 0xea, 0x60, 1, 1, 0x11, 0, /* frame: 60000 x 60000, grey */
        0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0,                         /* scan */
        0xff, 0xd9};
    static const unsigned char png[] = {
        0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n',
        0, 0, 0, 13, 'I', 'H', 'D', 'R', 0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60, 8, 2, 0, 0, 0, /* 60000 x 60000, RGB */
        0x44, 0xb6, 0x4f, 0x38};
    static const unsigned char tiff[] = {
        'I', 'I', '*', 0, 8, 0, 0, 0, 5, 0,
        0, 1, 4, 0, 1, 0, 0, 0, 0x60, 0xea, 0, 0, /* width */
        1, 1, 4, 0, 1, 0, 0, 0, 0x60, 0xea, 0, 0, /* height */
        2, 1, 3, 0, 1, 0, 0, 0, 8, 0, 0, 0,       /* bits */
        6, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0,       /* black is zero */
        0x11, 1, 4, 0, 1, 0, 0, 0, 8, 0, 0, 0,    /* strip offset */
        0, 0, 0, 0};
    /* clang-format on */
    check_refused_before_allocation(jpeg, sizeof jpeg, "huge.jpg");
    check_refused_before_allocation(png, sizeof png, "huge.png");
#ifdef HAVE_TIFF
    check_refused_before_allocation(tiff, sizeof tiff, "huge.tif");
#else
    (void)tiff;
#endif
}

static void test_impossible_pictures_are_not_created(void **state)
{
    (void)state;
    polyp_image image = {0};
    assert_int_equal(image_create(&image, 0, 5, 3), POLYP_ERR_SIZE);
    assert_int_equal(image_create(&image, 5, -1, 3), POLYP_ERR_SIZE);
    assert_int_equal(image_create(&image, 10001, 10000, 1), POLYP_ERR_SIZE);
    assert_int_equal(image_create(&image, INT32_MAX, INT32_MAX, 4), POLYP_ERR_SIZE);
    assert_int_equal(image_create(&image, 5, 5, 2), POLYP_ERR_ARGUMENT);
    assert_null(image.pixels);
    polyp_image_free(&image);
    polyp_image_free(NULL);
}

/* ---- what is no picture -------------------------------------------------------------------- */

static void test_what_is_no_picture_is_called_so(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "x", "GIF89a not for us", "BM and more", "\xff\xd8", "\x89PNG\r\n\x1a", "II*", "<svg/>"};
    polyp_image image = {0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        assert_int_equal(image_decode(&image, texts[i], strlen(texts[i]), "notes.txt"), POLYP_ERR_FORMAT);
        assert_string_equal(polyp_error(), "notes.txt: is not a JPEG, PNG or TIFF picture");
    }
    assert_int_equal(image_decode(&image, "", 0, "nothing.png"), POLYP_ERR_FORMAT);
    assert_string_equal(polyp_error(), "nothing.png: is empty");
    assert_int_equal(image_read(&image, "/nowhere/at/all.png"), POLYP_ERR_FILE);
    assert_non_null(strstr(polyp_error(), "/nowhere/at/all.png"));
    assert_null(image.pixels);
}

/* ---- encoders ------------------------------------------------------------------------------ */

static void fill_random(polyp_image *image, uint64_t seed)
{
    random_stream r = random_open(seed, RANDOM_TEST, 0, 0);
    for (size_t i = 0; i < image_size(image); i++) image->pixels[i] = (unsigned char)random_next(&r);
}

static void test_png_comes_back_as_it_was(void **state)
{
    (void)state;
    static const int sizes[][3] = {{1, 1, 1}, {1, 1, 3}, {13, 7, 1}, {13, 7, 3}, {13, 7, 4}, {301, 5, 3}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        polyp_image image, back;
        unsigned char *bytes;
        size_t size;
        assert_int_equal(image_create(&image, sizes[i][0], sizes[i][1], sizes[i][2]), POLYP_OK);
        fill_random(&image, i);
        assert_int_equal(image_encode_png(&bytes, &size, &image), POLYP_OK);
        assert_int_equal(image_decode(&back, bytes, size, "back"), POLYP_OK);
        assert_int_equal(back.width, image.width);
        assert_int_equal(back.height, image.height);
        assert_int_equal(back.channels, image.channels);
        assert_memory_equal(back.pixels, image.pixels, image_size(&image));
        memory_free(bytes);
        polyp_image_free(&image);
        polyp_image_free(&back);
    }
}

static void fill_checks(polyp_image *image, int side)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            image->pixels[(size_t)y * (size_t)image->width + (size_t)x] = (x / side + y / side) % 2 ? 255 : 0;
}

/* Only 0 and 255: packed as runs. Other levels, the last pixel alone among them, are not; all come back. */
static void test_png_of_a_mask(void **state)
{
    (void)state;
    static const int sizes[][2] = {{1, 1}, {1, 300}, {97, 61}, {622, 529}, {3000, 2}};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (int level = 0; level < 256; level += 85) {
            polyp_image image, back;
            unsigned char *bytes;
            size_t size;
            assert_int_equal(image_create(&image, sizes[i][0], sizes[i][1], 1), POLYP_OK);
            fill_checks(&image, 60);
            image.pixels[image_size(&image) - 1] = (unsigned char)level;
            assert_int_equal(image_encode_png(&bytes, &size, &image), POLYP_OK);
            assert_true(size < 200 + image_size(&image) / 50);
            assert_memory_equal(bytes + 24, "\x08\0", 2); /* 8 bits of grey */
            assert_int_equal(image_decode(&back, bytes, size, "back"), POLYP_OK);
            assert_int_equal(back.width, image.width);
            assert_int_equal(back.height, image.height);
            assert_memory_equal(back.pixels, image.pixels, image_size(&image));
            memory_free(bytes);
            polyp_image_free(&image);
            polyp_image_free(&back);
        }
    }
}

/* Sampling factors of the first component, from the frame header: 0x11 is 4:4:4, 0x22 is 4:2:0. */
static int jpeg_sampling(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i + 11 < size; i++)
        if (bytes[i] == 0xff && bytes[i + 1] == 0xc0) return bytes[i + 11];
    return -1;
}

static void check_jpeg(int channels, int quality, int sampling, int tolerance)
{
    polyp_image image, back;
    unsigned char *bytes;
    size_t size;
    assert_int_equal(image_create(&image, 33, 17, channels), POLYP_OK);
    for (size_t i = 0; i < image_size(&image); i++) {
        const size_t pixel = i / (size_t)channels;
        image.pixels[i] = (unsigned char)(60 + 3 * (pixel % 33) + 4 * (pixel / 33) + 10 * (i % (size_t)channels));
    }
    assert_int_equal(image_encode_jpeg(&bytes, &size, &image, quality), POLYP_OK);
    assert_int_equal(jpeg_sampling(bytes, size), sampling);
    assert_int_equal(image_decode(&back, bytes, size, "back"), POLYP_OK);
    assert_int_equal(back.channels, channels == 1 ? 1 : 3);
    for (size_t i = 0; i < 33 * 17; i++)
        for (int c = 0; c < back.channels; c++)
            assert_in_range(back.pixels[i * (size_t)back.channels + (size_t)c] + tolerance -
                                image.pixels[i * (size_t)channels + (size_t)c],
                            0, 2 * tolerance);
    memory_free(bytes);
    polyp_image_free(&image);
    polyp_image_free(&back);
}

static void test_jpeg_comes_back_close_to_what_it_was(void **state)
{
    (void)state;
    check_jpeg(3, 95, 0x11, 4);
    check_jpeg(3, 89, 0x22, 12);
    check_jpeg(1, 95, 0x11, 4);
    check_jpeg(4, 95, 0x11, 4);
    polyp_image image = image_view((const unsigned char *)"abc", 1, 1, 3);
    unsigned char *bytes = NULL;
    size_t size;
    assert_int_equal(image_encode_jpeg(&bytes, &size, &image, 0), POLYP_ERR_ARGUMENT);
    assert_int_equal(image_encode_jpeg(&bytes, &size, &image, 101), POLYP_ERR_ARGUMENT);
    image.width = 70000;
    assert_int_equal(image_encode_jpeg(&bytes, &size, &image, 90), POLYP_ERR_SIZE);
    assert_null(bytes);
}

static void test_writing_and_reading_files(void **state)
{
    (void)state;
    char folder[] = "/tmp/polyp-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *const path = path_join(folder, "picture.dat"); /* the name tells nothing: content does */
    polyp_image image, back;
    assert_int_equal(image_create(&image, 13, 7, 3), POLYP_OK);
    fill_random(&image, 9);
    assert_int_equal(image_write_jpeg(&image, path, 95), POLYP_OK);
    assert_int_equal(image_write_png(&image, path), POLYP_OK); /* over it */
    assert_int_equal(image_read(&back, path), POLYP_OK);
    assert_memory_equal(back.pixels, image.pixels, image_size(&image));
    assert_int_equal(image_write_png(&image, "/nowhere/at/all.png"), POLYP_ERR_FILE);
    for (size_t k = 1; k <= 2; k++) {
        unsigned char *bytes;
        size_t size;
        memory_fail_at(k);
        const status jpeg = image_encode_jpeg(&bytes, &size, &image, 90);
        assert_int_equal(jpeg, k == 1 ? POLYP_ERR_MEMORY : POLYP_OK);
        if (jpeg == POLYP_OK) memory_free(bytes);
    }
    memory_fail_at(0);
    polyp_image_free(&image);
    polyp_image_free(&back);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0); /* nothing was left beside it */
    memory_free(path);
}

/* ---- conversion ---------------------------------------------------------------------------- */

static void test_conversions_by_hand(void **state)
{
    (void)state;
    static const unsigned char rgba[] = {255, 0, 0, 9, 0, 255, 0, 0, 0, 0, 255, 255, 10, 20, 30, 40};
    const polyp_image four = image_view(rgba, 2, 2, 4);
    polyp_image rgb, grey, again;
    assert_int_equal(image_to_rgb(&rgb, &four), POLYP_OK);
    assert_memory_equal(rgb.pixels, "\xff\0\0\0\xff\0\0\0\xff\x0a\x14\x1e", 12);
    assert_int_equal(image_to_grey(&grey, &rgb), POLYP_OK);
    assert_memory_equal(grey.pixels, "\x4c\x96\x1d\x12", 4); /* 76.2, 149.7, 29.1, 18.2 */
    assert_int_equal(image_to_rgb(&again, &grey), POLYP_OK);
    assert_memory_equal(again.pixels, "\x4c\x4c\x4c\x96\x96\x96\x1d\x1d\x1d\x12\x12\x12", 12);
    polyp_image_free(&again);
    assert_int_equal(image_to_grey(&again, &grey), POLYP_OK);
    assert_memory_equal(again.pixels, grey.pixels, 4);
    polyp_image_free(&again);
    polyp_image_free(&grey);
    polyp_image_free(&rgb);
}

/* ---- many at once, and real ones ----------------------------------------------------------- */

typedef struct decode_job {
    sample s;
    atomic_int *wrong;
} decode_job;

static void decode_and_compare(void *argument)
{
    decode_job *const job = argument;
    polyp_image image = {0};
    const status result = image_decode(&image, job->s.file, job->s.file_size, job->s.name);
    if (result != POLYP_OK || largest_difference(image.pixels, job->s.pixels, image_size(&image)) > job->s.tolerance)
        atomic_fetch_add(job->wrong, 1);
    polyp_image_free(&image);
    /* failing at the same time must not mix up either */
    if (image_decode(&image, job->s.file, job->s.file_size / 2, job->s.name) == POLYP_OK) {
        atomic_fetch_add(job->wrong, 1);
        polyp_image_free(&image);
    }
}

static void test_threads_decode_side_by_side(void **state)
{
    (void)state;
    golden g = golden_open("pictures.golden");
    atomic_int wrong = 0;
    enum { MOST = 256 };
    decode_job *jobs;
    assert_int_equal(memory_new(&jobs, MOST), POLYP_OK);
    worker_pool *pool;
    assert_int_equal(worker_pool_create(&pool, 4, 8), POLYP_OK);
    for (size_t i = 0; i < MOST && next_sample(&g, &jobs[i].s); i++) {
        jobs[i].wrong = &wrong;
        worker_submit(pool, decode_and_compare, &jobs[i]);
    }
    worker_wait(pool);
    worker_pool_destroy(pool);
    memory_free(jobs);
    file_close(&g.file);
    assert_int_equal(wrong, 0);
}

static void test_real_pictures_decode(void **state)
{
    (void)state;
    const char *const shared = getenv("POLYP_SHARED");
    char *const folder = path_join(shared ? shared : "../shared", "data/kvasir-seg/images");
    name_list list;
    if (!folder_exists(folder) || folder_list(&list, folder) != POLYP_OK) {
        memory_free(folder);
        skip();
    }
    size_t count = 0;
    for (size_t i = 0; i < list.count; i += 25, count++) {
        char *const path = path_join(folder, list.names[i]);
        polyp_image image;
        if (image_read(&image, path) != POLYP_OK) fail_msg("%s", polyp_error());
        assert_int_equal(image.channels, 3);
        polyp_image_free(&image);
        memory_free(path);
    }
    print_message("# %zu real pictures\n", count);
    name_list_free(&list);
    memory_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_gives_the_pixels_of_pil),
        cmocka_unit_test(test_every_prefix_of_every_kind_fails),
        cmocka_unit_test(test_corrupted_files_never_crash),
        cmocka_unit_test(test_every_failing_allocation_is_reported),
        cmocka_unit_test(test_60000_by_60000_is_refused_in_every_format),
        cmocka_unit_test(test_impossible_pictures_are_not_created),
        cmocka_unit_test(test_what_is_no_picture_is_called_so),
        cmocka_unit_test(test_png_comes_back_as_it_was),
        cmocka_unit_test(test_png_of_a_mask),
        cmocka_unit_test(test_jpeg_comes_back_close_to_what_it_was),
        cmocka_unit_test(test_writing_and_reading_files),
        cmocka_unit_test(test_conversions_by_hand),
        cmocka_unit_test(test_threads_decode_side_by_side),
        cmocka_unit_test(test_real_pictures_decode),
    };
    return cmocka_run_group_tests_name("media", tests, NULL, NULL);
}
