/*
 * exp and log in double that the compiler turns into vector code: no call, no branch, no table. Errors of a few units in
 * the last place. The sigmoid and its parts on top of them.
 */
#ifndef POLYP_NET_LOSS_MATH_H
#define POLYP_NET_LOSS_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

/* A call that is left in a loop keeps it from becoming vector code. */
#define VECTOR_INLINE static inline __attribute__((always_inline))

VECTOR_INLINE uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

VECTOR_INLINE double of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* exp(x) for x up to 700; below -708 as at -708, 3e-308. NaN stays NaN. */
VECTOR_INLINE double fast_exp(double x)
{
    /* adding 1.5 * 2^52 rounds to a whole number, which then stands in the lowest bits */
    const double shifter = 0x1.8p52, log2e = 0x1.71547652b82fep0;
    const double ln2_high = 0x1.62e42fefa38p-1, ln2_low = 0x1.ef35793c7673p-45;
    x = x < -708.0 ? -708.0 : x;
    const double shifted = x * log2e + shifter, n = shifted - shifter;
    const double r = (x - n * ln2_high) - n * ln2_low; /* within +-ln2/2 */
    double p = 1.0 / 6227020800.0;                     /* Taylor: 1/13!, ..., 1/0! */
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * of_bits((bits_of(shifted) + 1023) << 52);
}

/* 2 atanh(s) / s by its series, as a function of z = s^2 up to 1/9 */
VECTOR_INLINE double twice_atanh_ratio(double z)
{
    double p = 2.0 / 33;
    p = p * z + 2.0 / 31;
    p = p * z + 2.0 / 29;
    p = p * z + 2.0 / 27;
    p = p * z + 2.0 / 25;
    p = p * z + 2.0 / 23;
    p = p * z + 2.0 / 21;
    p = p * z + 2.0 / 19;
    p = p * z + 2.0 / 17;
    p = p * z + 2.0 / 15;
    p = p * z + 2.0 / 13;
    p = p * z + 2.0 / 11;
    p = p * z + 2.0 / 9;
    p = p * z + 2.0 / 7;
    p = p * z + 2.0 / 5;
    p = p * z + 2.0 / 3;
    return p * z + 2.0;
}

/* log(1 + e) for e in 0 to 1 */
VECTOR_INLINE double fast_log1p(double e)
{
    const double s = e / (2.0 + e);
    return s * twice_atanh_ratio(s * s);
}

/* log(x) for x >= 0; 0 counts as 2^-1023. */
VECTOR_INLINE double fast_log(double x)
{
    const double ln2 = 0x1.62e42fefa39efp-1;
    /* mantissa in 1/sqrt(2) to sqrt(2), exponent + 1024 as a double, by the bits alone */
    const uint64_t bits = bits_of(x), half = 0x3fe6a09e667f3bcdU, bias = (uint64_t)1024 << 52;
    const uint64_t exponent = (bits - half + bias) >> 52;
    const double m = of_bits(bits - (exponent << 52) + bias);
    const double n = of_bits(exponent + bits_of(0x1p52)) - 0x1p52 - 1024.0;
    const double s = (m - 1.0) / (m + 1.0);
    return n * ln2 + s * twice_atanh_ratio(s * s);
}

/* sigmoid(z) and its parts, without overflow for any z */
typedef struct sigmoid {
    double p;        /* 1 / (1 + exp(-z)) */
    double slope;    /* p (1 - p) */
    double softplus; /* log(1 + exp(z)) */
} sigmoid;

VECTOR_INLINE sigmoid sigmoid_of(double z)
{
    const double e = fast_exp(-fabs(z));
    const double p = 1 / (1 + e);
    return (sigmoid){.p = z >= 0 ? p : e * p, .slope = e * p * p, .softplus = (z > 0 ? z : 0) + fast_log1p(e)};
}

#endif
