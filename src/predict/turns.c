/* The eight ways to lay a square picture, and back. */
#include "predict/turns.h"

#include <stdbool.h>
#include <string.h>

enum { SIZE_STEP = 32 };

static const tta_kind kinds[] = {
    {"none", 1, 1, {1}},
    {"flips", 4, 1, {1}},
    {"dihedral", 8, 1, {1}},
    {"full", 8, 3, {1, 0.75, 1.25}},
};

status tta_find(const tta_kind **out, const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].name, name ? name : "none") != 0) continue;
        *out = &kinds[i];
        return POLYP_OK;
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no test-time augmentation '%s'; there are none, flips, dihedral and full",
                name);
}

int tta_size(int size, double scale)
{
    const int steps = (int)(scale * size / SIZE_STEP + 0.5);
    return SIZE_STEP * (steps > 0 ? steps : 1);
}

/* Where turn `turn` takes pixel (x, y) of its result from. Bit 0: left-right, bit 1: up-down, bit 2: then
 * transposed. */
static size_t source_of(int x, int y, int n, int turn)
{
    const int u = turn & 1 ? n - 1 - x : x, v = turn & 2 ? n - 1 - y : y;
    return turn & 4 ? (size_t)u * (size_t)n + (size_t)v : (size_t)v * (size_t)n + (size_t)u;
}

void turn_apply(float *out, const float *in, size_t planes, int n, int turn)
{
    const size_t plane = (size_t)n * (size_t)n;
    if (turn == 0) memcpy(out, in, planes * plane * sizeof *out);
    for (size_t c = 0; c < planes && turn != 0; c++) {
        for (int y = 0; y < n; y++) {
            float *const row = out + c * plane + (size_t)y * (size_t)n;
            for (int x = 0; x < n; x++) row[x] = in[c * plane + source_of(x, y, n, turn)];
        }
    }
}

void turn_undo_add(float *sum, const float *in, int n, int turn)
{
    for (int y = 0; y < n; y++) {
        for (int x = 0; x < n; x++) sum[source_of(x, y, n, turn)] += in[(size_t)y * (size_t)n + (size_t)x];
    }
}
