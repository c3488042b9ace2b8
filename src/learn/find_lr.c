/* Training steps at growing rates. */
#include "learn/find_lr.h"

#include <math.h>

#include "base/file.h"
#include "base/memory.h"
#include "learn/trainer_impl.h"

static status report(const trainer *t, const lr_finder *f)
{
    const polyp_progress progress = {.phase = "find-lr",
                                     .done = (size_t)f->count,
                                     .total = (size_t)f->steps,
                                     .unit = "step",
                                     .pictures = t->recipe.batch * t->recipe.accumulate,
                                     .loss = f->losses[f->count - 1],
                                     .learning_rate = f->rates[f->count - 1]};
    return watch_report(&t->options->watch, &progress);
}

/* One phase that goes on for ever, at the finder's rate; momentum as where it is not cycled. */
static void set_rate(trainer *t, double rate)
{
    phase *const p = &t->phases.items[0];
    t->phases.count = 1;
    p->schedule.kind = SCHEDULE_CONSTANT;
    p->schedule.cycle_momentum = false;
    p->rate = rate;
}

/* What the trainer's loop does between epochs, without a validation. */
static void begin_epoch_where_needed(trainer *t)
{
    if (t->state.batch < trainer_batches_an_epoch(t)) return;
    t->state.epoch++;
    t->state.batch = 0;
    t->state.epoch_loss = 0.0;
    loader_seek(t->loader, t->state.epoch, 0);
}

/* One step's mean loss; NaN where loss or gradient were no numbers: that is how a test may end. */
static status measure(double *loss, trainer *t)
{
    const double before = t->state.epoch_loss;
    const status result = trainer_step(t);
    *loss = t->diverged ? (double)NAN : (t->state.epoch_loss - before) / t->recipe.accumulate;
    return t->diverged ? POLYP_OK : result;
}

static status run_test(trainer *t, lr_finder *f)
{
    for (bool more = true; more;) {
        double loss;
        begin_epoch_where_needed(t);
        set_rate(t, lr_finder_rate(f));
        TRY(measure(&loss, t));
        more = lr_finder_add(f, loss);
        TRY(report(t, f));
    }
    return POLYP_OK;
}

static status draw(const trainer *t, const lr_finder *f, const lr_suggestions *s)
{
    static const char *const names[] = {"lr.svg", "lr.png"};
    if (!curves_available()) return POLYP_OK; /* trainer_open() has said it */
    for (int i = 0; i < 2; i++) {
        char *const path = path_join(t->options->out, names[i]);
        if (!path) return POLYP_ERR_MEMORY;
        const status result = lr_finder_draw(path, f, s);
        memory_free(path);
        if (result != POLYP_OK) return result;
    }
    return POLYP_OK;
}

/* The points first: they are of use even where they are too few for a suggestion. */
static status finish(lr_suggestions *out, trainer *t, const lr_finder *f)
{
    char *const path = path_join(t->options->out, "lr.csv");
    if (!path) return POLYP_ERR_MEMORY;
    status result = lr_finder_write_csv(path, f);
    memory_free(path);
    if (result == POLYP_OK) result = lr_finder_suggest(out, f);
    if (result == POLYP_OK) result = draw(t, f, out);
    if (result == POLYP_OK)
        run_log_note(&t->log, "find-lr: %d of %d steps; valley %.3g, steep %.3g, minimum / 10 %.3g", f->count, f->steps,
                     out->valley, out->steep, out->minimum);
    return result;
}

static status refuse_a_run(const char *folder)
{
    char *const last = path_join(folder, "last.safetensors");
    if (!last) return POLYP_ERR_MEMORY;
    const bool there = file_exists(last);
    memory_free(last);
    if (!there) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s: a run is there already; take another folder", folder);
}

status find_lr(lr_suggestions *out, lr_finder *f, const polyp_train_options *options)
{
    trainer *t;
    TRY(refuse_a_run(options->out));
    TRY(memory_new(&t, 1));
    status result = trainer_open(t, options, (double)INFINITY);
    if (result == POLYP_OK) result = run_test(t, f);
    if (result == POLYP_OK) result = finish(out, t, f);
    if (result != POLYP_OK) run_log_note(&t->log, "ended: %s", polyp_error());
    trainer_close(t);
    memory_free(t);
    return result;
}
