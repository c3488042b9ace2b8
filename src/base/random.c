/* SplitMix64, keyed; see random.h for the exact rule of every draw. */
#include "base/random.h"

#include <math.h>

static const uint64_t GOLDEN = 0x9e3779b97f4a7c15;

static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

random_stream random_open(uint64_t seed, enum random_purpose purpose, uint64_t epoch, uint64_t sample)
{
    const uint64_t parts[] = {seed, (uint64_t)purpose, epoch, sample};
    uint64_t key = 0;
    for (int i = 0; i < 4; i++) key = mix((key ^ parts[i]) + GOLDEN);
    return (random_stream){key};
}

uint64_t random_next(random_stream *r)
{
    r->state += GOLDEN;
    return mix(r->state);
}

uint64_t random_below(random_stream *r, uint64_t n)
{
    /* The bias is at most n / 2^64: far under what any of our uses can see. */
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)((wide)random_next(r) * n >> 64);
}

double random_uniform(random_stream *r, double low, double high)
{
    return low + (high - low) * ((double)(random_next(r) >> 11) * 0x1p-53);
}

double random_normal(random_stream *r)
{
    const double two_pi = 6.283185307179586476925286766559;
    const double u1 = random_uniform(r, 0, 1);
    const double u2 = random_uniform(r, 0, 1);
    return sqrt(-2 * log(1 - u1)) * cos(two_pi * u2);
}

void random_shuffle(random_stream *r, size_t *items, size_t n)
{
    for (size_t i = n; i-- > 1;) {
        const size_t other = (size_t)random_below(r, i + 1);
        const size_t kept = items[i];
        items[i] = items[other];
        items[other] = kept;
    }
}
