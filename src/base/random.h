/*
 * A small counter-based generator: SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators",
 * OOPSLA 2014). A stream is keyed by seed, purpose, epoch and sample, so that the order of work never changes a draw.
 */
#ifndef POLYP_BASE_RANDOM_H
#define POLYP_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/* Values are part of the file formats' reproducibility: append, never renumber. */
enum random_purpose {
    RANDOM_WEIGHTS = 1, /* sample = index of the parameter */
    RANDOM_ORDER = 2,   /* epoch = epoch */
    RANDOM_AUGMENT = 3, /* epoch, sample = index of the picture in the split */
    RANDOM_SYNTH = 4,   /* sample = number of the frame */
    RANDOM_SPLIT = 5,
    RANDOM_BOOTSTRAP = 6,
    RANDOM_TEST = 7,
    RANDOM_SIGNS = 8 /* sample = number of the sign pattern */
};

typedef struct random_stream {
    uint64_t state;
} random_stream;

/*
 * mix(z): z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9; z = (z ^ z >> 27) * 0x94d049bb133111eb; z ^ z >> 31
 * key: k = 0; for each v of {seed, purpose, epoch, sample}: k = mix((k ^ v) + 0x9e3779b97f4a7c15). state = k.
 */
random_stream random_open(uint64_t seed, enum random_purpose purpose, uint64_t epoch, uint64_t sample);

/* state += 0x9e3779b97f4a7c15; mix(state). So draw i (from 0) of a stream is mix(key + (i + 1) * golden). */
uint64_t random_next(random_stream *r);

/* 0 .. n-1: the high half of the 128-bit product next * n. n > 0. */
uint64_t random_below(random_stream *r, uint64_t n);

/* [low, high): low + (high - low) * (next >> 11) * 2^-53 */
double random_uniform(random_stream *r, double low, double high);

/* Box-Muller on two draws: sqrt(-2 ln(1 - u1)) cos(2 pi u2), both uniform in [0, 1). Mean 0, variance 1. */
double random_normal(random_stream *r);

/* Fisher-Yates from the last place down: for i = n-1 .. 1 swap(i, below(i + 1)). */
void random_shuffle(random_stream *r, size_t *items, size_t n);

#endif
