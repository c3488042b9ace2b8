/* Logarithm and power of 2 that a compiler can vectorise (libm's it cannot): relative error under 3e-7. */
#ifndef POLYP_BASE_FAST_MATH_H
#define POLYP_BASE_FAST_MATH_H

#include <stdint.h>
#include <string.h>

#define FAST_MATH static inline __attribute__((always_inline))

FAST_MATH float float_of_bits(int32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

FAST_MATH int32_t bits_of_float(float value)
{
    int32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* x > 0 and normal. x = 2^e m with m in sqrt(1/2) .. sqrt(2); ln m = 2 artanh((m - 1) / (m + 1)). */
FAST_MATH float fast_log2(float x)
{
    const int32_t bits = bits_of_float(x), whole = (bits - 0x3f3504f3) >> 23;
    const float m = float_of_bits(bits - whole * (1 << 23));
    const float t = (m - 1.0f) / (m + 1.0f), s = t * t;
    const float series =
        2.8853900818f + s * (0.9617966939f + s * (0.5770780164f + s * (0.4121985832f + s * 0.3205988981f)));
    return (float)whole + t * series;
}

/* Below -126 it stays at 2^-126, above 127 at 2^127. */
FAST_MATH float fast_exp2(float x)
{
    const float low = x > -126.0f ? x : -126.0f, within = low < 127.0f ? low : 127.0f;
    const int32_t whole = (int32_t)(within + (within < 0.0f ? -0.5f : 0.5f));
    const float f = within - (float)whole; /* -1/2 .. 1/2 */
    const float power =
        1.0f + f * (0.6931471806f +
                    f * (0.2402265070f +
                         f * (0.0555041087f +
                              f * (0.0096181291f + f * (0.0013333558f + f * (0.0001540353f + f * 0.0000152527f))))));
    return power * float_of_bits((whole + 127) * (1 << 23));
}

/* x > 0 */
FAST_MATH float fast_power(float x, float exponent)
{
    return fast_exp2(exponent * fast_log2(x));
}

#endif
