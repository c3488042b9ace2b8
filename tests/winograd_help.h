/* For tests of Winograd's algorithm in bf16: sizes, and bf16 as they need it, apart from the engine's own conversion. */
#ifndef POLYP_TESTS_WINOGRAD_HELP_H
#define POLYP_TESTS_WINOGRAD_HELP_H

#include <string.h>

#include "engine/onednn/winograd.h"

enum { LANES = 16, TAPS = 9 };

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

#endif
