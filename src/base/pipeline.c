/* One lock and one condition; every item has its slot and says how far it is. */
#include "base/pipeline.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/thread.h"

enum progress { IN_THE_MAKING, MADE, UNDER_WAY, FINISHED };

typedef struct place {
    pipeline *owner;
    size_t number; /* of the item in it */
    enum progress progress;
    status result;
    char words[512]; /* polyp_error() is per thread, so a worker's words travel here */
} place;

struct pipeline {
    pipeline_stages stages;
    void *context;
    size_t count, slots;
    size_t begun, taken, told; /* items below these are in the making, have a lane, are behind us */
    bool stopped;
    place *places; /* [slots] */
    worker_pool *workers;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* A lane that is not the caller's. */
typedef struct side_lane {
    pipeline *owner;
    int number;
} side_lane;

static place *place_of(const pipeline *p, size_t number)
{
    return &p->places[number % p->slots];
}

static size_t slot_of(const place *at)
{
    return (size_t)(at - at->owner->places);
}

/* A failure leaves out the stages that follow. */
static void move_on(place *at, enum progress to, status result)
{
    pipeline *const p = at->owner;
    if (result != POLYP_OK) (void)snprintf(at->words, sizeof at->words, "%s", polyp_error());
    pthread_mutex_lock(&p->lock);
    at->result = result;
    at->progress = result == POLYP_OK ? to : FINISHED;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* ---- stages ------------------------------------------------------------------------------ */

static void make_item(void *argument)
{
    place *const at = argument;
    const pipeline *const p = at->owner;
    move_on(at, MADE, p->stages.make(p->context, at->number, slot_of(at)));
}

static void finish_item(void *argument)
{
    place *const at = argument;
    const pipeline *const p = at->owner;
    move_on(at, FINISHED, p->stages.finish(p->context, at->number, slot_of(at)));
}

static void compute_item(place *at, int lane)
{
    const pipeline *const p = at->owner;
    const status result = p->stages.compute(p->context, at->number, slot_of(at), lane);
    if (result == POLYP_OK) worker_submit(p->workers, finish_item, at);
    else move_on(at, FINISHED, result);
}

/* Every free slot gets an item. The workers' queue has room for all that can be in it, so this never blocks. */
static void begin_items(pipeline *p)
{
    while (p->begun < p->count && p->begun < p->told + p->slots) {
        place *const at = place_of(p, p->begun);
        pthread_mutex_lock(&p->lock);
        *at = (place){.owner = p, .number = p->begun++};
        pthread_mutex_unlock(&p->lock);
        worker_submit(p->workers, make_item, at);
    }
}

/* ---- lanes ------------------------------------------------------------------------------- */

/* The next item where it is made; one that failed in the making only waits to be told. The lock is held. */
static place *take_made(pipeline *p)
{
    while (!p->stopped && p->taken < p->begun && place_of(p, p->taken)->progress != IN_THE_MAKING) {
        place *const at = place_of(p, p->taken++);
        if (at->progress != MADE) continue;
        at->progress = UNDER_WAY;
        return at;
    }
    return NULL;
}

/* NULL: there are no more. */
static place *wait_for_made(pipeline *p)
{
    place *at = NULL;
    pthread_mutex_lock(&p->lock);
    while (!at && !p->stopped && p->taken < p->count) {
        at = take_made(p);
        if (!at) pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return at;
}

static void run_lane(void *argument)
{
    const side_lane *const l = argument;
    for (place *at = wait_for_made(l->owner); at; at = wait_for_made(l->owner)) compute_item(at, l->number);
}

/* An item that is finished and next to be told, else one to be computed. */
static place *wait_for_either(pipeline *p)
{
    place *at = NULL;
    pthread_mutex_lock(&p->lock);
    while (!at) {
        place *const oldest = place_of(p, p->told);
        at = oldest->progress == FINISHED ? oldest : take_made(p);
        if (!at) pthread_cond_wait(&p->changed, &p->lock);
    }
    pthread_mutex_unlock(&p->lock);
    return at;
}

static status tell(pipeline *p, const place *at)
{
    if (at->result != POLYP_OK) return fail(at->result, "%s", at->words);
    TRY(p->stages.tell(p->context, at->number, slot_of(at)));
    p->told++;
    begin_items(p);
    return POLYP_OK;
}

/* Lane 0. */
static status run_caller(pipeline *p)
{
    while (p->told < p->count) {
        place *const at = wait_for_either(p);
        if (at->progress == FINISHED) TRY(tell(p, at));
        else compute_item(at, 0);
    }
    return POLYP_OK;
}

static void stop(pipeline *p)
{
    pthread_mutex_lock(&p->lock);
    p->stopped = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

status pipeline_run(pipeline *p, int lanes)
{
    const size_t others = (size_t)(lanes > 1 ? lanes - 1 : 0);
    worker_pool *pool = NULL;
    side_lane *each = NULL;
    status result;
    if (others > 0) {
        TRY_DONE(memory_new(&each, others));
        TRY_DONE(worker_pool_create(&pool, (int)others, others));
    }
    for (size_t i = 0; i < others; i++) {
        each[i] = (side_lane){p, (int)i + 1};
        worker_submit(pool, run_lane, &each[i]);
    }
    result = run_caller(p);
done:
    stop(p);
    worker_pool_destroy(pool);
    memory_free(each);
    return result;
}

/* ---- life -------------------------------------------------------------------------------- */

status pipeline_open(pipeline **out, const pipeline_stages *stages, void *context, size_t count, size_t slots,
                     int workers)
{
    pipeline *p;
    status result;
    TRY(memory_new(&p, 1));
    *p = (pipeline){.stages = *stages, .context = context, .count = count, .slots = slots};
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->changed, NULL);
    TRY_DONE(memory_new(&p->places, slots));
    TRY_DONE(worker_pool_create(&p->workers, workers, slots));
    begin_items(p);
    *out = p;
    return POLYP_OK;
done:
    pipeline_close(p);
    return result;
}

void pipeline_close(pipeline *p)
{
    if (!p) return;
    worker_pool_destroy(p->workers);
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    memory_free(p->places);
    memory_free(p);
}
