/* A drawn data set and the smallest network, for the tests of training. */
#ifndef POLYP_TESTS_TRAINER_HELP_H
#define POLYP_TESTS_TRAINER_HELP_H

#include "learn_help.h"

#include "learn/history.h"
#include "learn/trainer.h"

enum { EPOCHS = 3, PICTURES = 26, TESTS = 4 };

static char *folder; /* holds "data" and the runs */

static inline int make_data(void **state)
{
    (void)state;
    folder = help_folder();
    char *const data = memory_text(help_path(folder, "data"));
    help_write_data(data, PICTURES, TESTS);
    memory_free(data);
    return 0;
}

static inline int remove_data(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

/* The smallest network on the plain engine, one thread. */
static inline polyp_train_options small_options(const char *run)
{
    static char data[512];
    static char runs[4][512];
    static int next;
    char *const out = runs[next++ % 4];
    (void)snprintf(data, sizeof data, "%s", help_path(folder, "data"));
    (void)snprintf(out, sizeof runs[0], "%s", help_path(folder, run));
    polyp_train_options o = polyp_train_defaults();
    o.data = data;
    o.out = out;
    o.recipe = "quick";
    o.preset = "tiny";
    o.size = 32;
    o.epochs = EPOCHS;
    o.batch = 4;
    o.learning_rate = 1e-2;
    o.valid = "0.2";
    o.engine = "reference";
    o.threads = 1;
    return o;
}

/* Stops at the n-th report of any kind. */
typedef struct stopper {
    long left;
} stopper;

static inline int count_down(void *context, const polyp_progress *progress)
{
    stopper *const s = context;
    (void)progress;
    return --s->left <= 0;
}

#endif
