/* Everything up to the first step of a run. */
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/thread.h"
#include "learn/trainer_impl.h"
#include "net/published.h"
#include "net/quantise.h"

static const double MEBIBYTE = 1024.0 * 1024.0;

/* ---- network ---------------------------------------------------------------------------------------- */

/* Factors are there to spare a pretrained encoder: random weights learn at the full rate. */
static void free_random_encoder(recipe *r)
{
    for (int i = 0; i < PARAM_GROUPS; i++) {
        if (r->factors[i] > 0.0) r->factors[i] = 1.0;
    }
}

status trainer_choose_recipe(trainer *t)
{
    const polyp_train_options *const o = t->options;
    recipe *const r = &t->recipe;
    TRY(recipe_read(r, o->recipe));
    t->recipe_size = r->size;
    if (t->init) {
        (void)snprintf(r->preset, sizeof r->preset, "%s", t->init->facts.preset);
        r->size = t->init->facts.size;
    } else if (!o->encoder) {
        free_random_encoder(r);
    }
    for (size_t i = 0; i < o->setting_count; i++) TRY(recipe_set(r, o->settings[i]));
    if (o->preset) (void)snprintf(r->preset, sizeof r->preset, "%s", o->preset);
    if (o->size) r->size = o->size;
    if (o->epochs) r->epochs = o->epochs;
    if (o->batch) r->batch = o->batch;
    if (o->learning_rate > 0.0) r->rate = o->learning_rate;
    return recipe_check(r);
}

static status choose_network(trainer *t)
{
    const recipe *const r = &t->recipe;
    const model_facts *const init = t->init ? &t->init->facts : NULL;
    unet_spec spec;
    if (init && strcmp(r->preset, init->preset) != 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: its preset is %s, not %s; leave --preset out", t->options->init,
                    init->preset, r->preset);
    }
    TRY(unet_preset(&spec, r->preset));
    TRY(unet_build(&t->plain, &spec));
    TRY(unet_build(&t->graph, &spec));
    if (r->auxiliary) TRY(unet_add_auxiliary(&t->graph));
    t->facts = model_facts_default(r->preset);
    t->facts.size = r->size;
    if (init) memcpy(t->facts.licence, init->licence, sizeof t->facts.licence);
    t->phases = recipe_phases(r);
    return POLYP_OK;
}

static status fill_from_encoder(trainer *t)
{
    weights_file file;
    TRY(weights_open(&file, t->encoder));
    const char *const licence = weights_metadata(&file, "licence");
    if (licence) (void)snprintf(t->facts.licence, sizeof t->facts.licence, "%s", licence);
    const status result = weights_fill_encoder(&t->weights, &file, t->encoder);
    weights_close(&file);
    return result;
}

static status fill_from_8_bits(trainer *t)
{
    params wide;
    TRY(run_log_line(&t->log, "%s: its weights in 8 bits are scaled back", t->options->init));
    TRY(quantise_undo(&wide, &t->init->weights));
    const status result = params_copy_shared(&t->weights, &wide);
    params_free(&wide);
    return result;
}

static status first_weights(trainer *t)
{
    params_initialise(&t->weights, t->options->seed);
    if (t->encoder) return fill_from_encoder(t);
    if (!t->init) return POLYP_OK;
    return model_is_quantised(t->init) ? fill_from_8_bits(t) : params_copy_shared(&t->weights, &t->init->weights);
}

/* ---- memory ----------------------------------------------------------------------------------------- */

/* Of the copies for checkpoints: all where there is no average, else all but the weights. */
enum { SPARE_TABLES = 3 };

/* Of one copy, so that the next one behind it is aligned. */
static size_t table_bytes(const param_table *table)
{
    return memory_aligned(table->values * sizeof(float));
}

/* What a run holds, in bytes. */
typedef struct memory_parts {
    size_t training, validation, copies, pictures, total;
} memory_parts;

static shape input_shape(const trainer *t, int n)
{
    return (shape){n, 3, t->facts.size, t->facts.size};
}

static plan_options training_options(const trainer *t)
{
    return (plan_options){.mode = PLAN_TRAIN,
                          .precision = t->precision,
                          .threads = t->threads,
                          .average = t->recipe.average > 0.0,
                          .accumulate = t->recipe.accumulate > 1};
}

loader_options trainer_loader_options(const trainer *t)
{
    return (loader_options){.size = t->recipe.size,
                            .batch = t->recipe.batch,
                            .seed = t->options->seed,
                            .augment = &t->recipe.augment,
                            .shuffle = true};
}

static status count_memory(memory_parts *m, const trainer *t)
{
    const plan_options train = training_options(t);
    const plan_options infer = {.mode = PLAN_INFER, .precision = t->precision, .threads = t->threads};
    const size_t pixels = (size_t)t->facts.size * (size_t)t->facts.size;
    const loader_options batches = trainer_loader_options(t);
    size_t spare;
    TRY(plan_memory_needed(&m->training, t->engine, &t->graph, input_shape(t, t->recipe.batch), &train));
    TRY(plan_memory_spare(&spare, t->engine, &t->graph, input_shape(t, t->recipe.batch), &train));
    m->validation = 0;
    if (trainer_validates(t)) TRY(plan_memory_needed(&m->validation, t->engine, &t->plain, input_shape(t, 1), &infer));
    /* weights, both moments, the average; what the plan has room for, and may take, costs nothing */
    const size_t tables = 3 + (size_t)(t->recipe.average > 0.0), borrowed = spare / table_bytes(&t->graph.params);
    m->copies = (tables - (borrowed < SPARE_TABLES ? borrowed : SPARE_TABLES)) * table_bytes(&t->graph.params);
    /* and the gradient of the logits */
    m->pictures = loader_memory(&t->data.train, &batches) + pixels * (size_t)t->recipe.batch * sizeof(float);
    m->total = m->training + m->validation + m->copies + m->pictures;
    return POLYP_OK;
}

/* Said before anything large is allocated. */
static status report_memory(trainer *t)
{
    memory_parts m;
    TRY(count_memory(&m, t));
    TRY(run_log_line(&t->log, "memory: %.0f MiB (training %.0f, validation %.0f, weights to save %.0f, pictures %.0f)",
                     (double)m.total / MEBIBYTE, (double)m.training / MEBIBYTE, (double)m.validation / MEBIBYTE,
                     (double)m.copies / MEBIBYTE, (double)m.pictures / MEBIBYTE));
    if (t->options->memory_limit == 0 || m.total <= t->options->memory_limit) return POLYP_OK;
    return fail(POLYP_ERR_MEMORY,
                "this training needs %.0f MiB, more than the limit of %.0f MiB; take a smaller batch, size or preset",
                (double)m.total / MEBIBYTE, (double)t->options->memory_limit / MEBIBYTE);
}

/* ---- recipe, state ---------------------------------------------------------------------------------- */

static status make_record(trainer *t)
{
    run_record *const r = &t->record;
    *r = (run_record){.options = t->options,
                      .recipe = &t->recipe,
                      .engine = engine_name(t->engine),
                      .precision = precision_name(t->precision),
                      .split = t->data.split,
                      .valid = t->data.valid_name,
                      .threads = t->threads,
                      .pictures = t->data.train.count,
                      .valid_pictures = t->data.valid.count};
    memcpy(r->data_hash, t->data.hash, sizeof r->data_hash);
    if (t->encoder) TRY(weights_hash_file(r->encoder_hash, t->encoder));
    if (t->options->init) TRY(weights_hash_file(r->init_hash, t->options->init));
    return run_record_print(t->record_text, r);
}

static status fresh_state(trainer *t)
{
    TRY(first_weights(t));
    t->state = (checkpoint){.best = -1.0};
    memcpy(t->state.record, t->record_text, sizeof t->state.record);
    memcpy(t->state.data_hash, t->data.hash, sizeof t->state.data_hash);
    return POLYP_OK;
}

static status resumed_state(trainer *t)
{
    const char *const path = t->paths.last;
    const checkpoint_tensors tensors = trainer_tensors(t);
    TRY(checkpoint_read(path, &tensors, &t->state));
    TRY(run_record_compare(path, t->state.record, t->record_text));
    if (strcmp(t->state.data_hash, t->data.hash) != 0) {
        return fail(POLYP_ERR_MISMATCH, "%s: the pictures or masks of %s have changed since; resume with the same data",
                    path, t->options->data);
    }
    if (t->state.epoch > t->recipe.epochs || t->state.batch > loader_batches(t->loader)) {
        return fail(POLYP_ERR_FORMAT, "%s: its place lies beyond the run's end; delete it to train from the start",
                    path);
    }
    TRY(history_read(&t->history, t->paths.history, t->state.epoch));
    return run_log_line(&t->log, "resumed at epoch %d, batch %zu", t->state.epoch + 1, t->state.batch);
}

static status load_state(trainer *t)
{
    const bool resumes = t->options->resume && file_exists(t->paths.last);
    TRY(resumes ? resumed_state(t) : fresh_state(t));
    TRY(plan_load(t->plan, &t->weights));
    if (resumes) TRY(plan_load_moments(t->plan, &t->moment1, &t->moment2));
    if (t->recipe.average > 0.0) TRY(plan_load_average(t->plan, resumes ? &t->average : &t->weights));
    /* an epoch that only lacks its validation draws no more batches */
    const bool at_end = t->state.batch == trainer_batches_an_epoch(t);
    loader_seek(t->loader, t->state.epoch + at_end, at_end ? 0 : t->state.batch);
    return POLYP_OK;
}

/* ---- opening ---------------------------------------------------------------------------------------- */

/* What training looks at in output k: its loss, gradient and masks. */
static status open_output(trainer *t, int k)
{
    const shape s = k == 0 ? plan_logits(t->plan).shape : plan_auxiliary(t->plan, k - 1).shape;
    loss_spec spec = t->recipe.loss;
    const int radius = spec.radius * s.h / t->recipe.size; /* the same part of the picture */
    spec.radius = radius > 1 ? radius : 1;
    TRY(loss_open(&t->losses[k], &spec, s));
    if (k > 0) TRY(tensor_create(&t->masks[k], s));
    return tensor_create(&t->gradients[k], s);
}

/* In what the plan lends, from `*taken` bytes on, or where that is not enough, in memory of its own. */
static status open_copy(params *out, const trainer *t, size_t *taken)
{
    const param_table *const table = &t->graph.params;
    size_t bytes;
    unsigned char *const spare = plan_spare(t->plan, &bytes);
    if (bytes - *taken < table_bytes(table)) return params_create(out, table);
    float *const values = (float *)(void *)(spare + *taken);
    *taken += table_bytes(table);
    return params_create_in(out, table, values);
}

static status open_copies(trainer *t)
{
    const bool averages = t->recipe.average > 0.0;
    size_t taken = 0;
    TRY(averages ? params_create(&t->weights, &t->graph.params) : open_copy(&t->weights, t, &taken));
    TRY(open_copy(&t->moment1, t, &taken));
    TRY(open_copy(&t->moment2, t, &taken));
    return averages ? open_copy(&t->average, t, &taken) : POLYP_OK;
}

static status open_validation(trainer *t)
{
    const plan_options train = training_options(t);
    const int size = t->recipe.size;
    TRY(memory_new(&t->rows, t->data.valid.count));
    if (!trainer_validates(t)) return POLYP_OK;
    TRY(loss_open(&t->valid_loss, &t->recipe.loss, (shape){1, 1, size, size}));
    return predictor_create(&t->validator, t->engine, &t->plain, size, t->facts.threshold, &train);
}

static status open_parts(trainer *t)
{
    const recipe *const r = &t->recipe;
    const plan_options train = training_options(t);
    const loader_options batches = trainer_loader_options(t);
    TRY(loader_open(&t->loader, &t->data.train, &batches));
    TRY(plan_create(&t->plan, t->engine, &t->graph, input_shape(t, r->batch), &train));
    TRY(open_copies(t));
    for (int k = 0; k <= t->graph.auxiliary_count; k++) TRY(open_output(t, k));
    TRY(open_validation(t));
    return history_create(&t->history, r->epochs);
}

static status write_inputs(const trainer *t)
{
    TRY(run_record_write(t->paths.recipe, &t->record));
    TRY(write_stems(t->paths.train, &t->data.train));
    TRY(write_stems(t->paths.valid, &t->data.valid));
    return t->data.folds > 0 ? write_stems(t->paths.report, &t->data.report) : POLYP_OK;
}

/* The model to go on from brings its size, as --init promises; who asked a recipe for another should know. */
static status tell_size(trainer *t)
{
    const polyp_train_options *const o = t->options;
    if (!t->init || t->recipe.size != t->init->facts.size || t->recipe.size == t->recipe_size || o->size) return POLYP_OK;
    return run_log_line(&t->log, "%d x %d as %s has it, not the recipe's %d x %d; --size decides otherwise", t->recipe.size,
                        t->recipe.size, o->init, t->recipe_size, t->recipe_size);
}

/* The pictures, and what the recipe says of them; then the log, which tells. */
static status open_data(trainer *t)
{
    const polyp_train_options *const o = t->options;
    const recipe *const r = &t->recipe;
    size_t small;
    TRY(training_data_open(&t->data, o));
    TRY(training_data_apply(&small, &t->data, r->ignore_level, r->small_share, r->small_weight, &o->watch));
    TRY(run_log_open(&t->log, t->paths.log, &o->watch));
    TRY(run_log_line(&t->log, "%zu pictures to train on, %zu to validate on; %s at %d x %d, engine %s, %s, %d threads",
                     t->data.train.count, t->data.valid.count, t->facts.preset, t->facts.size, t->facts.size,
                     engine_name(t->engine), precision_name(t->precision), t->threads));
    TRY(tell_size(t));
    if (t->data.folds > 0)
        TRY(run_log_line(&t->log, "fold %d of %d: %zu pictures kept for the report", t->data.fold, t->data.folds,
                         t->data.report.count));
    if (t->data.left_out > 0)
        TRY(run_log_line(&t->log, "%zu pictures left out: near-duplicates of validation pictures", t->data.left_out));
    if (small == 0) return POLYP_OK;
    return run_log_line(&t->log, "%zu pictures with a polyp under %g of the picture weigh %g times as much", small,
                        r->small_share, r->small_weight);
}

/* A file, or the name of published weights that were fetched. */
static status find_encoder(trainer *t)
{
    if (!t->options->encoder) return POLYP_OK;
    TRY(published_resolve(&t->encoder, t->options->encoder));
    if (!t->encoder) t->encoder = memory_text(t->options->encoder);
    return t->encoder ? POLYP_OK : POLYP_ERR_MEMORY;
}

status trainer_open(trainer *t, const polyp_train_options *options, double seconds_between)
{
    t->options = options;
    t->seconds_between = seconds_between;
    t->threads = options->threads ? options->threads : processor_count();
    TRY(find_encoder(t));
    TRY(engine_find(&t->engine, options->engine));
    TRY(engine_precision(&t->precision, t->engine, options->precision));
    if (options->init) TRY(model_open(&t->init, options->init));
    TRY(trainer_choose_recipe(t));
    TRY(choose_network(t));
    TRY(run_paths_create(&t->paths, options->out, options->resume));
    TRY(open_data(t));
    if (!curves_available())
        TRY(run_log_line(&t->log, "no figures are drawn: this program was built without Cairo"));
    TRY(make_record(t));
    TRY(trainer_check_fold(t));
    TRY(report_memory(t));
    TRY(open_parts(t));
    TRY(load_state(t));
    t->saved_at = clock_seconds();
    return write_inputs(t);
}

void trainer_close(trainer *t)
{
    memory_free(t->encoder);
    loader_close(t->loader);
    plan_destroy(t->plan);
    polyp_predictor_close(t->validator);
    loss_close(t->valid_loss);
    for (int k = 0; k < GRAPH_OUTPUTS; k++) {
        loss_close(t->losses[k]);
        tensor_free(&t->gradients[k]);
        tensor_free(&t->masks[k]);
    }
    params_free(&t->weights);
    params_free(&t->moment1);
    params_free(&t->moment2);
    params_free(&t->average);
    params_free(&t->validated);
    memory_free(t->rows);
    history_free(&t->history);
    polyp_model_close(t->init);
    graph_free(&t->graph);
    graph_free(&t->plain);
    training_data_free(&t->data);
    run_figures_close(&t->figures);
    run_log_close(&t->log);
    run_paths_free(&t->paths);
}
