/* Items made ahead: a ring of slots over the worker pool. */
#include "learn/ahead.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/thread.h"

typedef struct slot_state {
    ahead *owner;
    size_t number; /* of the item in it */
    bool ready;    /* guarded by the owner's lock, as are the next two */
    status result;
    char words[512]; /* polyp_error() is per thread, so the worker's words travel here */
} slot_state;

struct ahead {
    ahead_make make;
    void *context;
    size_t count, slots;
    size_t next;      /* item handed over next */
    size_t submitted; /* items below this are in the making or made */
    worker_pool *pool;
    slot_state *states; /* [slots] */
    pthread_mutex_t lock;
    pthread_cond_t made;
};

static void make_item(void *argument)
{
    slot_state *const state = argument;
    ahead *const a = state->owner;
    const status result = a->make(a->context, state->number, (size_t)(state - a->states));
    pthread_mutex_lock(&a->lock);
    state->result = result;
    if (result != POLYP_OK) (void)snprintf(state->words, sizeof state->words, "%s", polyp_error());
    state->ready = true;
    pthread_cond_signal(&a->made);
    pthread_mutex_unlock(&a->lock);
}

/* Give every free slot its item. The queue has room for all slots, so this never blocks. */
static void submit_free(ahead *a)
{
    while (a->submitted < a->count && a->submitted < a->next + a->slots) {
        slot_state *const state = &a->states[a->submitted % a->slots];
        state->number = a->submitted++;
        state->ready = false;
        worker_submit(a->pool, make_item, state);
    }
}

status ahead_open(ahead **out, ahead_make make, void *context, size_t count, size_t slots, int workers)
{
    ahead *a;
    TRY(memory_new(&a, 1));
    a->make = make;
    a->context = context;
    a->count = count;
    a->slots = slots;
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->made, NULL);
    status result = memory_new(&a->states, slots);
    if (result == POLYP_OK) result = worker_pool_create(&a->pool, workers, slots);
    if (result != POLYP_OK) {
        ahead_close(a);
        return result;
    }
    for (size_t i = 0; i < slots; i++) a->states[i].owner = a;
    *out = a;
    return POLYP_OK;
}

void ahead_close(ahead *a)
{
    if (!a) return;
    worker_pool_destroy(a->pool);
    pthread_cond_destroy(&a->made);
    pthread_mutex_destroy(&a->lock);
    memory_free(a->states);
    memory_free(a);
}

void ahead_begin(ahead *a)
{
    submit_free(a);
}

void ahead_seek(ahead *a, size_t number)
{
    worker_wait(a->pool);
    a->next = a->submitted = number;
}

status ahead_next(ahead *a, size_t *slot)
{
    if (a->next >= a->count) return fail(POLYP_ERR_ARGUMENT, "there are only %zu items", a->count);
    submit_free(a);
    slot_state *const state = &a->states[a->next % a->slots];
    pthread_mutex_lock(&a->lock);
    while (!state->ready) pthread_cond_wait(&a->made, &a->lock);
    pthread_mutex_unlock(&a->lock);
    if (state->result != POLYP_OK) return fail(state->result, "%s", state->words);
    *slot = a->next % a->slots;
    a->next++;
    return POLYP_OK;
}
