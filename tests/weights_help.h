/* For tests of weights files: golden files, a folder to write in, files cut and spoilt. */
#ifndef POLYP_TESTS_WEIGHTS_HELP_H
#define POLYP_TESTS_WEIGHTS_HELP_H

/* cmocka.h needs these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "net/weights.h"

#define assert_ok(expression)                                    \
    do {                                                         \
        const status got_ = (expression);                        \
        if (got_ != POLYP_OK) fail_msg("%s", polyp_error());     \
    } while (0)

/* The expression fails with this status and says these words. */
#define assert_refused(expression, code, words)                                                                \
    do {                                                                                                       \
        const status got_ = (expression);                                                                      \
        if (got_ != (code)) fail_msg("status %d, not %d: %s", (int)got_, (int)(code), polyp_error());          \
        if (strstr(polyp_error(), (words)) == NULL) fail_msg("'%s' does not say '%s'", polyp_error(), (words)); \
    } while (0)

/* A fresh folder per test, its path in *state. */
static inline int make_folder(void **state)
{
    char *const path = memory_text("/tmp/polyp-test-XXXXXX");
    if (path == NULL || mkdtemp(path) == NULL) return -1;
    *state = path;
    return 0;
}

static inline int remove_folder(void **state)
{
    char *const command = memory_format("rm -rf '%s'", (char *)*state);
    const int result = system(command);
    memory_free(command);
    memory_free(*state);
    return result;
}

/* Paths live until 32 more are made. */
static inline const char *join(const char *folder, const char *name)
{
    static char paths[32][512];
    static int next;
    char *const path = paths[next++ % 32];
    (void)snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static inline const char *in(void **state, const char *name)
{
    return join((const char *)*state, name);
}

static inline const char *golden(const char *name)
{
    const char *const source = getenv("POLYP_SOURCE");
    char place[256];
    (void)snprintf(place, sizeof place, "%s/tests/golden", source == NULL ? "." : source);
    return join(place, name);
}

static inline void put_bytes(const char *path, const void *bytes, size_t size)
{
    (void)remove(path); /* some file systems flush a file that is cut and written anew */
    FILE *const f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline void copy_file(const char *to, const char *from)
{
    file_bytes bytes;
    assert_ok(file_read(&bytes, from, 0));
    put_bytes(to, bytes.data, bytes.size);
    file_close(&bytes);
}

/* Every shorter file is refused in words, and `out` is left alone. Returns how many were tried. */
static inline size_t refuse_every_cut(const char *path)
{
    file_bytes whole;
    assert_ok(file_read(&whole, path, 0));
    for (size_t size = whole.size; size-- > 0;) {
        weights_file file;
        memset(&file, 0x55, sizeof file);
        const weights_file before = file;
        assert_int_equal(truncate(path, (off_t)size), 0);
        const status got = weights_open(&file, path);
        if (got != POLYP_ERR_FORMAT && got != POLYP_ERR_UNSUPPORTED) fail_msg("cut to %zu bytes: status %d", size, (int)got);
        assert_memory_equal(&file, &before, sizeof file);
        if (strstr(polyp_error(), path) == NULL) fail_msg("'%s' does not name the file", polyp_error());
    }
    const size_t cuts = whole.size;
    file_close(&whole);
    return cuts;
}

/* Both entries hold the same values; NaN is NaN, whatever its bits. */
static inline void assert_same_values(const weights_entry *got, const weights_entry *want)
{
    float a[64], b[64];
    assert_non_null(got);
    assert_true(want->count <= 64);
    assert_int_equal(got->count, want->count);
    assert_int_equal(got->rank, want->rank);
    assert_memory_equal(got->shape, want->shape, (size_t)got->rank * sizeof got->shape[0]);
    assert_ok(weights_to_f32(a, got));
    assert_ok(weights_to_f32(b, want));
    for (size_t i = 0; i < want->count; i++) {
        const int both_nan = a[i] != a[i] && b[i] != b[i];
        if (!both_nan && memcmp(&a[i], &b[i], sizeof a[i]) != 0) {
            fail_msg("%s[%zu] is %g, not %g", want->name, i, (double)a[i], (double)b[i]);
        }
    }
}

/* Read all values of an opened file, as a program would. */
static inline void read_everything(const weights_file *file)
{
    for (size_t i = 0; i < file->count; i++) {
        const weights_entry *const entry = &file->entries[i];
        if (entry->count > 100000) continue; /* an expanded tensor may have any size */
        float *const values = malloc(entry->count * sizeof *values + 1);
        assert_non_null(values);
        (void)weights_to_f32(values, entry);
        free(values);
    }
}

/* Bytes spoilt by a seeded draw: opened or refused, never a crash (run it under the sanitizers). */
static inline void survive_spoiling(const char *path, size_t rounds, uint64_t seed)
{
    file_bytes whole;
    assert_ok(file_read(&whole, path, 0));
    unsigned char *const copy = malloc(whole.size);
    assert_non_null(copy);
    size_t opened = 0;
    for (size_t round = 0; round < rounds; round++) {
        random_stream r = random_open(seed, RANDOM_TEST, 0, round);
        memcpy(copy, whole.data, whole.size);
        for (uint64_t n = 1 + random_below(&r, 6); n > 0; n--) {
            copy[random_below(&r, whole.size)] = (unsigned char)random_next(&r);
        }
        put_bytes(path, copy, whole.size);
        weights_file file;
        if (weights_open(&file, path) != POLYP_OK) continue;
        opened++;
        read_everything(&file);
        weights_close(&file);
    }
    assert_true(opened < rounds);
    put_bytes(path, whole.data, whole.size);
    free(copy);
    file_close(&whole);
}

#endif
