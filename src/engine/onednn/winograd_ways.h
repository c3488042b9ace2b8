/* Winograd's algorithm as a plan sees it: in bf16 (winograd.h) or in f32 (winograd_f32.h), by one table of functions. */
#ifndef POLYP_ENGINE_ONEDNN_WINOGRAD_WAYS_H
#define POLYP_ENGINE_ONEDNN_WINOGRAD_WAYS_H

#include "engine/onednn/winograd.h"

typedef struct winograd_way {
    const char *name; /* as reports say it */
    bool (*suits)(const conv_spec *s);
    bool (*suits_training)(const conv_spec *s);
    bool (*suits_gradient)(const conv_spec *s); /* of the weights, by winograd_f32_gradient() */
    bool (*reads)(const weights_blocks *b, const conv_spec *s);
    size_t (*weights_bytes)(const conv_spec *s);
    size_t (*scratch_bytes)(const conv_spec *s, int threads);
    void (*prepare)(void *to, const float *plain, const float *factor, const conv_spec *s, int threads);
    void (*prepare_forward)(void *to, const float *blocks, const weights_blocks *b, const conv_spec *s, int threads);
    void (*prepare_backward)(void *to, const float *blocks, const weights_blocks *b, const conv_spec *turned, int threads);
    void (*run)(const winograd_job *job); /* `steps` of the job is not read */
} winograd_way;

/* On this processor, in the convolution's precision; NULL: none. */
const winograd_way *winograd_way_of(const conv_spec *s);

#endif
