/* Small drawn data sets and folders for the tests of training and scoring. */
#ifndef POLYP_TESTS_LEARN_HELP_H
#define POLYP_TESTS_LEARN_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "media/image.h"

#define assert_ok(expression)                                                         \
    do {                                                                              \
        const status ok_ = (expression);                                              \
        if (ok_ != POLYP_OK) fail_msg("%s: %d: %s", #expression, ok_, polyp_error()); \
    } while (0)

#define assert_fails(expected, words, expression)                                                          \
    do {                                                                                                   \
        const status got_ = (expression);                                                                  \
        if (got_ != (expected) || !strstr(polyp_error(), words))                                           \
            fail_msg("%s: %d, not %d with \"%s\": %s", #expression, got_, expected, words, polyp_error()); \
    } while (0)

/* A fresh folder below $TMPDIR; help_remove() it. */
static inline char *help_folder(void)
{
    const char *const base = getenv("TMPDIR");
    char *const path = memory_format("%s/polyp-learn-XXXXXX", base ? base : "/tmp");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void help_remove(char *folder)
{
    char *const command = memory_format("rm -rf '%s'", folder);
    assert_int_equal(system(command), 0);
    memory_free(command);
    memory_free(folder);
}

/* A path below a folder, out of a few turning buffers. */
static inline const char *help_path(const char *folder, const char *name)
{
    static char paths[8][512];
    static int next;
    char *const path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Picture `number`: a light disc on dark noise. No disc when `empty`. */
static inline void help_draw(polyp_image *picture, polyp_image *mask, int number, int width, int height, bool empty)
{
    random_stream r = random_open(11, RANDOM_TEST, 0, (uint64_t)number);
    const double radius = random_uniform(&r, 8, 16);
    const double cx = random_uniform(&r, radius, width - radius), cy = random_uniform(&r, radius, height - radius);
    assert_ok(image_create(picture, width, height, 3));
    assert_ok(image_create(mask, width, height, 1));
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            const size_t i = (size_t)y * (size_t)width + (size_t)x;
            const bool inside = !empty && (x - cx) * (x - cx) + (y - cy) * (y - cy) < radius * radius;
            mask->pixels[i] = inside ? 255 : 0;
            for (size_t c = 0; c < 3; c++) {
                picture->pixels[3 * i + c] = (unsigned char)(random_uniform(&r, 20, 90) + (inside ? 120 : 0));
            }
        }
    }
}

static inline void help_write_pair(const char *data, int number, int width, int height, bool empty)
{
    polyp_image picture, mask;
    char name[64];
    help_draw(&picture, &mask, number, width, height, empty);
    (void)snprintf(name, sizeof name, "images/p%03d.png", number);
    assert_ok(image_write_png(&picture, help_path(data, name)));
    (void)snprintf(name, sizeof name, "masks/p%03d.png", number);
    assert_ok(image_write_png(&mask, help_path(data, name)));
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

/* images/, masks/ and splits/{train,val}.txt with `count` pairs of sizes around 80 x 72; the last `tests` are val. */
static inline void help_write_data(const char *data, int count, int tests)
{
    assert_ok(folder_create(help_path(data, "images")));
    assert_ok(folder_create(help_path(data, "masks")));
    assert_ok(folder_create(help_path(data, "splits")));
    file_writer *train, *val;
    assert_ok(file_create(&train, help_path(data, "splits/train.txt")));
    assert_ok(file_create(&val, help_path(data, "splits/val.txt")));
    for (int i = 0; i < count; i++) {
        help_write_pair(data, i, 80 + i % 5, 72 + i % 3, false);
        assert_ok(file_print(i < count - tests ? train : val, "p%03d\n", i));
    }
    assert_ok(file_commit(train));
    assert_ok(file_commit(val));
}

/* folder/run/name */
static inline const char *help_run_path(const char *folder, const char *run, const char *name)
{
    char below[256];
    (void)snprintf(below, sizeof below, "%s/%s", run, name);
    return help_path(folder, below);
}

static inline bool help_same_files(const char *a, const char *b)
{
    file_bytes x, y;
    assert_ok(file_read(&x, a, 0));
    assert_ok(file_read(&y, b, 0));
    const bool same = x.size == y.size && memcmp(x.data, y.data, x.size) == 0;
    file_close(&x);
    file_close(&y);
    return same;
}

/* Contents as text; memory_free() it. */
static inline char *help_text(const char *path)
{
    file_bytes bytes;
    assert_ok(file_read(&bytes, path, 0));
    char *const text = memory_allocate(bytes.size + 1, 1);
    assert_non_null(text);
    memcpy(text, bytes.data, bytes.size);
    file_close(&bytes);
    return text;
}

#endif
