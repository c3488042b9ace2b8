/* The table of Winograd's algorithm for each precision. */
#include "engine/onednn/winograd_ways.h"

#include "engine/onednn/winograd_f32.h"

static bool never(const conv_spec *s)
{
    (void)s;
    return false;
}

static void run_bf16(const winograd_job *job)
{
    winograd_job fast = *job;
    fast.steps = winograd_fast();
    winograd_run(&fast);
}

const winograd_way *winograd_way_of(const conv_spec *s)
{
    static const winograd_way BF16 = {.name = "winograd bf16",
                                      .suits = winograd_suits,
                                      .suits_training = winograd_suits_training,
                                      .suits_gradient = never,
                                      .reads = winograd_reads,
                                      .weights_bytes = winograd_weights_bytes,
                                      .scratch_bytes = winograd_scratch_bytes,
                                      .prepare = winograd_prepare,
                                      .prepare_forward = winograd_prepare_forward,
                                      .prepare_backward = winograd_prepare_backward,
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
                                     .run = winograd_f32_run};
    if (s->bf16) return winograd_fast() != NULL ? &BF16 : NULL;
    return winograd_f32_runs() ? &F32 : NULL;
}
