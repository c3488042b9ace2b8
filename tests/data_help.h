/* For tests of data: a fresh folder per test, small files and pictures in it, and whether the real set is there. */
#ifndef POLYP_TESTS_DATA_HELP_H
#define POLYP_TESTS_DATA_HELP_H

/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/image.h"

#define assert_ok(expression)                                \
    do {                                                     \
        const status got_ = (expression);                    \
        if (got_ != POLYP_OK) fail_msg("%s", polyp_error()); \
    } while (0)

/* The code, and each of the words in the message. */
static inline void assert_failed(status got, status expected, const char *words)
{
    if (got != expected) fail_msg("status %d, expected %d (%s)", got, expected, polyp_error());
    if (strstr(polyp_error(), words) == NULL) fail_msg("'%s' does not say '%s'", polyp_error(), words);
}

static inline void assert_near(double value, double expected, double tolerance)
{
    if (fabs(value - expected) <= tolerance) return;
    fail_msg("%.17g is not %.17g within %g", value, expected, tolerance);
}

/* ---- folders and files --------------------------------------------------------------------- */

/* setup and teardown: *state is the folder's path */
static inline int make_folder(void **state)
{
    char *path = memory_text("/tmp/polyp-test-XXXXXX");
    if (path == NULL || mkdtemp(path) == NULL) return -1;
    *state = path;
    return 0;
}

static inline int remove_folder(void **state)
{
    char *command = memory_format("rm -rf '%s'", (char *)*state);
    const int result = system(command);
    memory_free(command);
    memory_free(*state);
    return result;
}

/* A path in the folder; good until four calls later. */
static inline const char *in(void **state, const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    (void)snprintf(path, sizeof paths[0], "%s/%s", (const char *)*state, name);
    return path;
}

/* Write a file with its folders. */
static inline void put(const char *path, const char *text)
{
    char *folder = memory_text(path);
    *strrchr(folder, '/') = '\0';
    assert_ok(folder_create(folder));
    memory_free(folder);
    assert_ok(file_replace(path, text, strlen(text)));
}

/* ---- pictures ------------------------------------------------------------------------------ */

/* One colour everywhere; free it. */
static inline polyp_image plain_image(int width, int height, int channels, int level)
{
    polyp_image image = {0};
    assert_ok(image_create(&image, width, height, channels));
    memset(image.pixels, level, (size_t)width * (size_t)height * (size_t)channels);
    return image;
}

/* PNG with its folders; the picture is freed. */
static inline void put_png(const char *path, polyp_image image)
{
    put(path, "");
    assert_ok(image_write_png(&image, path));
    polyp_image_free(&image);
}

static inline void put_jpeg(const char *path, polyp_image image, int quality)
{
    put(path, "");
    assert_ok(image_write_jpeg(&image, path, quality));
    polyp_image_free(&image);
}

/* ---- the real set -------------------------------------------------------------------------- */

/* SHARED/data/kvasir-seg, or NULL where it is absent: then call skip(). */
static inline const char *real_set(void)
{
    static char path[1024];
    const char *shared = getenv("POLYP_SHARED");
    const char *source = getenv("POLYP_SOURCE");
    if (shared != NULL) (void)snprintf(path, sizeof path, "%s/data/kvasir-seg", shared);
    else (void)snprintf(path, sizeof path, "%s/../shared/data/kvasir-seg", source != NULL ? source : ".");
    return folder_exists(path) ? path : NULL;
}

#endif
