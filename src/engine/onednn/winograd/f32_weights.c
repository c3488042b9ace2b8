/* Winograd's algorithm in f32: how weights are transformed, from a plain table or from a training plan's blocks. They lie
 * as [point][group of output channels][input channel][F32_GROUP]. */
#include "engine/onednn/winograd/f32.h"
#include "engine/onednn/winograd/f32_steps.h"

enum { ALL_TAPS = F32_TAPS * F32_TAPS, LANES = F32_LANES, GROUP = F32_GROUP, OF_GROUP = GROUP / LANES };

static size_t point_floats(const conv_spec *s)
{
    return (size_t)s->ic * (size_t)s->oc;
}

static float *place_of(void *to, const conv_spec *s, int group, int input)
{
    return (float *)to + ((size_t)group * (size_t)s->ic + (size_t)input) * GROUP;
}

/* ---- from a plain table ------------------------------------------------------------------------------------ */

static void plain_taps(float taps[ALL_TAPS][GROUP], const float *plain, const float *factor, int ic)
{
    for (int o = 0; o < GROUP; o++, plain += (size_t)ic * ALL_TAPS) {
        const float f = factor == NULL ? 1.0F : factor[o];
        for (int tap = 0; tap < ALL_TAPS; tap++) taps[tap][o] = f * plain[tap];
    }
}

void winograd_f32_prepare(void *to, const float *plain, const float *factor, const conv_spec *s, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < s->oc / GROUP * s->ic; i++) {
        float taps[ALL_TAPS][GROUP];
        const int group = i / s->ic, input = i % s->ic, first = group * GROUP;
        plain_taps(taps, plain + ((size_t)first * (size_t)s->ic + (size_t)input) * ALL_TAPS,
                   factor == NULL ? NULL : factor + first, s->ic);
        winograd_f32_taps(place_of(to, s, group, input), point_floats(s), taps[0], GROUP);
    }
}

/* ---- from a training plan's blocks ------------------------------------------------------------------------- */

bool winograd_f32_reads(const weights_blocks *b, const conv_spec *s)
{
    return b->oc == s->oc && b->ic == s->ic && b->oc_block == LANES && b->ic_block == LANES && b->ic_inner == 1;
}

static const float *tap_block(const float *blocks, const weights_blocks *b, int output, int input, int tap)
{
    return blocks + (size_t)output * b->oc_stride + (size_t)input * b->ic_stride + (size_t)(tap / F32_TAPS) * b->y_stride +
           (size_t)(tap % F32_TAPS) * b->x_stride;
}

/* Input channel `input`: a row of each block. */
static void forward_taps(float taps[ALL_TAPS][GROUP], const float *blocks, const weights_blocks *b, int group, int input)
{
    for (int tap = 0; tap < ALL_TAPS; tap++) {
        for (int o = 0; o < GROUP; o++) {
            const float *const block = tap_block(blocks, b, group * OF_GROUP + o / LANES, input / LANES, tap);
            taps[tap][o] = block[input % LANES * LANES + o % LANES];
        }
    }
}

/* Backward, what was an input channel is an output channel, and the other way round, and the kernel is turned by 180 degrees:
 * a column of each block. */
static void backward_taps(float taps[ALL_TAPS][GROUP], const float *blocks, const weights_blocks *b, int group, int input)
{
    for (int tap = 0; tap < ALL_TAPS; tap++) {
        for (int o = 0; o < GROUP; o++) {
            const float *const block = tap_block(blocks, b, input / LANES, group * OF_GROUP + o / LANES, tap);
            taps[ALL_TAPS - 1 - tap][o] = block[o % LANES * LANES + input % LANES];
        }
    }
}

/* s: the convolution that is computed, of which `b` says how the forward one's weights lie. */
static void prepare_blocks(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, bool turned, int threads)
{
#pragma omp parallel for num_threads(threads) schedule(static)
    for (int i = 0; i < s->oc / GROUP * s->ic; i++) {
        float taps[ALL_TAPS][GROUP];
        const int group = i / s->ic, input = i % s->ic;
        if (turned) backward_taps(taps, blocks, b, group, input);
        else forward_taps(taps, blocks, b, group, input);
        winograd_f32_taps(place_of(to, s, group, input), point_floats(s), taps[0], GROUP);
    }
}

void winograd_f32_prepare_forward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads)
{
    prepare_blocks(to, blocks, b, s, false, threads);
}

void winograd_f32_prepare_backward(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned,
                                   int threads)
{
    prepare_blocks(to, blocks, b, turned, true, threads);
}
