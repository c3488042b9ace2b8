/*
 * Everything between int8 convolutions, over bytes in nhwc: a pixel's channels are dense, and `stride` bytes lie from one
 * pixel to the next, so that a tensor can be some channels of a wider one.
 */
#ifndef POLYP_ENGINE_ONEDNN_INT8_KERNELS_H
#define POLYP_ENGINE_ONEDNN_INT8_KERNELS_H

#include <stdbool.h>
#include <stddef.h>

/* Some channels of a tensor. */
typedef struct byte_field {
    unsigned char *data; /* signed ones too */
    size_t stride;
    bool is_signed;
} byte_field;

/* nchw of f32, normalised: the nearest byte of value / scale in channel map[c]; other channels get 0. */
typedef struct byte_input {
    const float *planar;
    const int *map;
    int channels, padded, n;
    size_t pixels; /* of one image */
    float scale;
} byte_input;
void bytes_from_floats(unsigned char *out, const byte_input *job, int threads);

/* out = in * ratio, rounded to the nearest and cut to the range of `out`; `rows` of `row` pixels. */
typedef struct byte_copy {
    byte_field out, in;
    size_t rows, row, channels;
    float ratio;
} byte_copy;
void bytes_rescale(const byte_copy *job, int threads);

/* One pixel run: what bytes_rescale() does for `count` bytes. Plain, for tests, and the one that runs. */
void bytes_rescale_plain(unsigned char *out, const unsigned char *in, size_t count, float ratio, bool in_signed,
                         bool out_signed);

/* Maximum of unsigned bytes in windows; n images of dense pixels. */
typedef struct byte_pool {
    int n, ih, iw, oh, ow, kernel, stride, padding, channels;
} byte_pool;
void bytes_max_pool(unsigned char *out, const unsigned char *in, const byte_pool *s, int threads);

/* A transposed convolution's groups [y][x][dy][dx][channels] to pixels (2y + dy, 2x + dx); h x w is the small size of all
 * images in a row. */
void bytes_deal(byte_field out, const unsigned char *groups, size_t h, size_t w, size_t channels, int threads);

/* Every pixel becomes 2x2 equal ones, rescaled; h x w as above. */
void bytes_upsample(const byte_copy *job, size_t h, size_t w, int threads);

/* A convolution of stride 1 to logits: weights f32 [oc][kernel][kernel][channels], out nchw f32. */
typedef struct byte_head {
    const unsigned char *in;
    bool is_signed;
    const float *weights, *bias;
    int n, h, w, channels, oc, kernel, padding;
} byte_head;
void bytes_head(float *out, const byte_head *job, int threads);

#endif
