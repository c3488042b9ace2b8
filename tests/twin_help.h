/* For tests: a plan and its twin on two threads at the same time. */
#ifndef POLYP_TESTS_TWIN_HELP_H
#define POLYP_TESTS_TWIN_HELP_H

#include "engine_help.h"

#include <stdlib.h>
#include <string.h>

#include "base/thread.h"

enum { TWIN_PASSES = 4 };

/* The logits of some pictures, one after the other. */
typedef struct twin_run {
    plan *p;
    uint64_t seed; /* of the first picture */
    float *logits; /* [TWIN_PASSES] */
    status result;
} twin_run;

static inline void twin_compute(void *argument)
{
    twin_run *const r = argument;
    const tensor input = plan_input(r->p);
    const tensor out = plan_logits(r->p);
    const size_t count = shape_count(out.shape);
    r->result = POLYP_OK;
    for (size_t i = 0; i < TWIN_PASSES && r->result == POLYP_OK; i++) {
        fill_uniform(input.data, shape_count(input.shape), -2, 2, r->seed + i);
        r->result = plan_forward(r->p);
        memcpy(r->logits + i * count, out.data, count * sizeof(float));
    }
}

static inline twin_run twin_start(plan *p, uint64_t seed)
{
    float *const logits = calloc(TWIN_PASSES, shape_count(plan_logits(p).shape) * sizeof *logits);
    assert_non_null(logits);
    return (twin_run){.p = p, .seed = seed, .logits = logits};
}

/* `p` has weights. Both give what `p` alone gives, bit for bit, and `p` still does when the twin is gone. */
static inline void expect_twin(plan *p)
{
    plan *twin = NULL;
    worker_pool *pool = NULL;
    const size_t bytes = TWIN_PASSES * shape_count(plan_logits(p).shape) * sizeof(float);
    assert_ok(plan_twin(&twin, p));
    assert_ptr_not_equal(plan_input(p).data, plan_input(twin).data);
    twin_run alone[2] = {twin_start(p, 1), twin_start(p, 100)};
    twin_run both[2] = {twin_start(p, 1), twin_start(twin, 100)};
    for (int i = 0; i < 2; i++) twin_compute(&alone[i]);
    assert_memory_not_equal(alone[0].logits, alone[1].logits, bytes);
    assert_ok(worker_pool_create(&pool, 2, 2));
    for (int i = 0; i < 2; i++) worker_submit(pool, twin_compute, &both[i]);
    worker_pool_destroy(pool);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(alone[i].result, POLYP_OK);
        assert_int_equal(both[i].result, POLYP_OK);
        assert_memory_equal(alone[i].logits, both[i].logits, bytes);
    }
    plan_destroy(twin);
    twin_compute(&both[0]);
    assert_memory_equal(alone[0].logits, both[0].logits, bytes);
    for (int i = 0; i < 2; i++) {
        free(alone[i].logits);
        free(both[i].logits);
    }
}

#endif
