/* The table of Winograd's algorithm for each precision. */
#include "engine/onednn/winograd/winograd.h"

#include "engine/onednn/winograd/bf16.h"
#include "engine/onednn/winograd/f32.h"

conv_spec winograd_turned(const conv_spec *s)
{
    conv_spec t = *s;
    t.ic = s->oc;
    t.oc = s->ic;
    t.bias = false;
    t.f32_result = false;
    return t;
}

static bool never(const conv_spec *s)
{
    (void)s;
    return false;
}

static void run_bf16(const winograd_job *job)
{
    winograd_job fast = *job;
    fast.steps = winograd_bf16_fast();
    winograd_bf16_run(&fast);
}

const winograd_way *winograd_way_of(const conv_spec *s)
{
    static const winograd_way BF16 = {.name = "winograd bf16",
                                      .suits = winograd_bf16_suits,
                                      .suits_training = winograd_bf16_suits_training,
                                      .suits_gradient = never,
                                      .reads = winograd_bf16_reads,
                                      .weights_bytes = winograd_bf16_weights_bytes,
                                      .scratch_bytes = winograd_bf16_scratch_bytes,
                                      .prepare = winograd_bf16_prepare,
                                      .prepare_forward = winograd_bf16_prepare_forward,
                                      .prepare_backward = winograd_bf16_prepare_backward,
                                      .run = run_bf16};
    static const winograd_way F32 = {.name = "winograd f32",
                                     .suits = winograd_f32_suits,
                                     .suits_training = winograd_f32_suits_training,
                                     .suits_gradient = winograd_f32_suits_gradient,
                                     .reads = winograd_f32_reads,
                                     .weights_bytes = winograd_f32_weights_bytes,
                                     .scratch_bytes = winograd_f32_scratch_bytes,
                                     .prepare = winograd_f32_prepare,
                                     .prepare_forward = winograd_f32_prepare_forward,
                                     .prepare_backward = winograd_f32_prepare_backward,
                                     .run = winograd_f32_run,
                                     .gradient_scratch_bytes = winograd_f32_gradient_scratch_bytes,
                                     .gradient = winograd_f32_gradient};
    if (s->bf16) return winograd_bf16_fast() != NULL ? &BF16 : NULL;
    return winograd_f32_runs() ? &F32 : NULL;
}
