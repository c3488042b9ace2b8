/* For tests of Winograd's algorithm: how weights lie, and bf16 as they need it, apart from the engine's own conversion. */
#ifndef POLYP_TESTS_WINOGRAD_HELP_H
#define POLYP_TESTS_WINOGRAD_HELP_H

#include "engine_help.h"

#include <stdio.h>
#include <string.h>

#include "engine/onednn/winograd/bf16.h"

enum { TAPS = 9 };

static inline float widen(uint16_t value)
{
    const uint32_t bits = (uint32_t)value << 16;
    float wide;
    memcpy(&wide, &bits, sizeof wide);
    return wide;
}

/* The upper half: exact for few significant bits, as all values of these tests have. */
static inline uint16_t cut(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return (uint16_t)(bits >> 16);
}

/* Weights of a convolution from `ic` to `oc` channels as oneDNN's gradients lie: [oc / lanes][ic / lanes][3][3][ic][oc]. */
static inline weights_blocks blocks_for(int ic, int oc, int lanes)
{
    const size_t block = (size_t)lanes * (size_t)lanes, kernel = TAPS * block;
    return (weights_blocks){.oc = oc, .ic = ic, .oc_block = lanes, .ic_block = lanes, .ic_inner = 1,
                            .oc_stride = (size_t)(ic / lanes) * kernel, .ic_stride = kernel, .y_stride = 3 * block,
                            .x_stride = block};
}

static inline size_t plain_place(int ic_count, int o, int i, int tap)
{
    return ((size_t)o * (size_t)ic_count + (size_t)i) * TAPS + (size_t)tap;
}

static inline size_t block_place(const weights_blocks *b, int o, int i, int tap)
{
    const int lanes = b->oc_block;
    return (size_t)(o / lanes) * b->oc_stride + (size_t)(i / lanes) * b->ic_stride + (size_t)(tap / 3) * b->y_stride +
           (size_t)(tap % 3) * b->x_stride + (size_t)(i % lanes * lanes + o % lanes);
}

/* Plain weights in blocks, and plain as the gradient of the source reads them. */
static inline void arrange_weights(float *blocked, float *turned, const float *plain, const weights_blocks *b)
{
    for (int o = 0; o < b->oc; o++) {
        for (int i = 0; i < b->ic; i++) {
            for (int tap = 0; tap < TAPS; tap++) {
                const float value = plain[plain_place(b->ic, o, i, tap)];
                blocked[block_place(b, o, i, tap)] = value;
                turned[plain_place(b->oc, i, o, TAPS - 1 - tap)] = value;
            }
        }
    }
}

static inline float *floats(size_t count)
{
    float *values = NULL;
    assert_ok(memory_new(&values, count));
    return values;
}

/* Convolutions of a plan, such as "conv forward", that run by an algorithm. */
static inline int lines_with(const rig *r, const char *words, const char *algorithm)
{
    char text[4096] = {0};
    FILE *const to = fmemopen(text, sizeof text - 1, "w");
    assert_non_null(to);
    plan_describe(r->p, to);
    fclose(to);
    int count = 0;
    for (const char *line = strtok(text, "\n"); line != NULL; line = strtok(NULL, "\n")) {
        count += strstr(line, words) != NULL && strstr(line, algorithm) != NULL;
    }
    return count;
}

#endif
