/* Winograd's algorithm as a plan sees it: in bf16 (bf16.h) or in f32 (f32.h), by one table of functions. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_WINOGRAD_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_WINOGRAD_H

#include "engine/onednn/dnn.h"

/* spec->n images; `spec` says whether they are added to what the destination holds, and ReLU. */
typedef struct winograd_job {
    const conv_spec *spec;
    const struct winograd_bf16_steps *steps; /* for winograd_bf16_run() alone */
    const void *source, *weights;
    const float *bias; /* [oc]; NULL: 0 */
    void *destination, *scratch;
    size_t source_image, destination_image; /* values from one image to the next */
    int threads;
} winograd_job;

/* The gradient of the weights, of all images, in blocks. */
typedef struct winograd_gradient_job {
    const conv_spec *spec;
    const weights_blocks *blocks;
    const float *source, *result_gradient;
    float *weights_gradient; /* written */
    void *scratch;
    size_t source_image, result_image; /* floats from one image to the next */
    int threads;
} winograd_gradient_job;

/* The gradient of a convolution's source is such a convolution of its result's gradient, with as many input channels as
 * there were output channels, and the other way round; weights by `prepare_backward`. */
conv_spec winograd_turned(const conv_spec *s);

typedef struct winograd_way {
    const char *name; /* as reports say it */
    bool (*suits)(const conv_spec *s);
    bool (*suits_training)(const conv_spec *s);
    bool (*suits_gradient)(const conv_spec *s); /* of the weights; never: the two functions for it are NULL */
    bool (*reads)(const weights_blocks *b, const conv_spec *s);
    size_t (*weights_bytes)(const conv_spec *s);
    size_t (*scratch_bytes)(const conv_spec *s, int threads);
    void (*prepare)(void *to, const float *plain, const float *factor, const conv_spec *s, int threads);
    void (*prepare_forward)(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads);
    void (*prepare_backward)(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned, int threads);
    void (*run)(const winograd_job *job); /* `steps` of the job is not read */
    size_t (*gradient_scratch_bytes)(const conv_spec *s, int threads);
    void (*gradient)(const winograd_gradient_job *job);
} winograd_way;

/* On this processor, in the convolution's precision; NULL: none. */
const winograd_way *winograd_way_of(const conv_spec *s);

#endif
