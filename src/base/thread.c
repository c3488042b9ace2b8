/* A ring of waiting jobs, one lock, three conditions: there is a job, there is room, nothing is left. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/thread.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"

typedef struct job {
    void (*work)(void *argument);
    void *argument;
} job;

struct worker_pool {
    pthread_mutex_t lock;
    pthread_cond_t has_job, has_room, all_done;
    pthread_t *threads;
    int thread_count;
    job *ring; /* `capacity` places; `waiting` of them from `first` on are taken */
    size_t capacity, first, waiting;
    size_t unfinished; /* waiting and running */
    bool closing;
};

/* The next job in order; false when the pool is closing and nothing waits. */
static bool take_job(worker_pool *pool, job *out)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waiting == 0 && !pool->closing) pthread_cond_wait(&pool->has_job, &pool->lock);
    const bool found = pool->waiting > 0;
    if (found) {
        *out = pool->ring[pool->first];
        pool->first = (pool->first + 1) % pool->capacity;
        pool->waiting--;
        pthread_cond_signal(&pool->has_room);
    }
    pthread_mutex_unlock(&pool->lock);
    return found;
}

static void *worker_main(void *context)
{
    worker_pool *pool = context;
    job next;
    while (take_job(pool, &next)) {
        next.work(next.argument);
        pthread_mutex_lock(&pool->lock);
        pool->unfinished--;
        if (pool->unfinished == 0) pthread_cond_broadcast(&pool->all_done);
        pthread_mutex_unlock(&pool->lock);
    }
    return NULL;
}

/* Starts threads until there are `workers`. */
static status start_workers(worker_pool *pool, int workers)
{
    while (pool->thread_count < workers) {
        const int problem = pthread_create(&pool->threads[pool->thread_count], NULL, worker_main, pool);
        if (problem != 0) return fail(POLYP_ERR_ENGINE, "cannot start a thread: %s", strerror(problem));
        pool->thread_count++;
    }
    return POLYP_OK;
}

status worker_pool_create(worker_pool **out, int workers, size_t queue)
{
    if (workers < 1) workers = 1;
    if (queue < 1) queue = 1;
    worker_pool *pool = NULL;
    TRY(memory_new(&pool, 1));
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->has_job, NULL);
    pthread_cond_init(&pool->has_room, NULL);
    pthread_cond_init(&pool->all_done, NULL);
    pool->capacity = queue;
    status result;
    TRY_DONE(memory_new(&pool->ring, queue));
    TRY_DONE(memory_new(&pool->threads, (size_t)workers));
    TRY_DONE(start_workers(pool, workers));
    *out = pool;
    return POLYP_OK;
done:
    worker_pool_destroy(pool);
    return result;
}

void worker_submit(worker_pool *pool, void (*work)(void *argument), void *argument)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->waiting == pool->capacity) pthread_cond_wait(&pool->has_room, &pool->lock);
    pool->ring[(pool->first + pool->waiting) % pool->capacity] = (job){work, argument};
    pool->waiting++;
    pool->unfinished++;
    pthread_cond_signal(&pool->has_job);
    pthread_mutex_unlock(&pool->lock);
}

void worker_wait(worker_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (pool->unfinished > 0) pthread_cond_wait(&pool->all_done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

void worker_pool_destroy(worker_pool *pool)
{
    if (pool == NULL) return;
    pthread_mutex_lock(&pool->lock);
    pool->closing = true;
    pthread_cond_broadcast(&pool->has_job);
    pthread_mutex_unlock(&pool->lock);
    for (int i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->all_done);
    pthread_cond_destroy(&pool->has_room);
    pthread_cond_destroy(&pool->has_job);
    pthread_mutex_destroy(&pool->lock);
    memory_free(pool->threads);
    memory_free(pool->ring);
    memory_free(pool);
}

int processor_count(void)
{
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) == 0 && CPU_COUNT(&mine) > 0) return CPU_COUNT(&mine);
    const long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}
