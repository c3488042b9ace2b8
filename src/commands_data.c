/* synth and split: making a data set and dividing one. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/random.h"
#include "base/thread.h"
#include "commands.h"
#include "learn/ahead.h"
#include "learn/dataset.h"
#include "learn/groups.h"
#include "learn/preview.h"
#include "media/image.h"
#include "media/synth.h"

/* Tell the watcher; STOPPED when it asks to stop. */
static status report(const polyp_watch *watch, const char *phase, size_t done, size_t total)
{
    if (watch->report == NULL) return POLYP_OK;
    const polyp_progress p = {
        .phase = phase, .done = done, .total = total, .unit = "picture", .loss = NAN, .learning_rate = NAN};
    return watch->report(watch->context, &p) == 0
               ? POLYP_OK
               : fail(POLYP_STOPPED, "stopped after %zu of %zu pictures", done, total);
}

/* ---- synth --------------------------------------------------------------------------------- */

enum { SYNTH_QUALITY = 92, SYNTH_SMALLEST = 32, SYNTH_LARGEST = 4096, EVERY_FIFTH = 5, NAME_SIZE = 48 };

typedef struct synth_job {
    const synth_options *options;
    char *images, *masks, *splits; /* folders */
} synth_job;

static void synth_name(char out[NAME_SIZE], const synth_options *o, size_t index)
{
    (void)snprintf(out, NAME_SIZE, "synth-%" PRIu64 "-%06zu", o->seed, index);
}

static bool in_validation(size_t index)
{
    return index % EVERY_FIFTH == EVERY_FIFTH - 1;
}

/* Sizes spread around 600 x 500 as real sets' are; a size that was asked for stays. */
static void frame_size(int *width, int *height, const synth_options *o, size_t index)
{
    random_stream r = random_open(o->seed, RANDOM_SYNTH, 1, index); /* epoch 0 draws the frame itself */
    const int varied_width = 520 + (int)random_below(&r, 161);
    const int varied_height = 430 + (int)random_below(&r, 141);
    *width = o->width > 0 ? o->width : varied_width;
    *height = o->height > 0 ? o->height : varied_height;
}

static status write_image(const polyp_image *image, const char *folder, const char *name, const char *ending)
{
    char *path = memory_format("%s/%s.%s", folder, name, ending);
    if (path == NULL) return POLYP_ERR_MEMORY;
    const status result =
        image->channels == 3 ? image_write_jpeg(image, path, SYNTH_QUALITY) : image_write_png(image, path);
    memory_free(path);
    return result;
}

/* Frame `number`, drawn and written by one worker. */
static status synth_one(void *context, size_t number, size_t slot)
{
    (void)slot;
    const synth_job *job = context;
    polyp_image picture = {0}, mask = {0};
    synth_facts facts;
    char name[NAME_SIZE];
    int width, height;
    status result;
    synth_name(name, job->options, number);
    frame_size(&width, &height, job->options, number);
    TRY_DONE(synth_draw(&picture, &mask, &facts, job->options->seed, number, width, height));
    TRY_DONE(write_image(&picture, job->images, name, "jpg"));
    TRY_DONE(write_image(&mask, job->masks, name, "png"));
done:
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    return result;
}

static status synth_frames(synth_job *job)
{
    const synth_options *o = job->options;
    const int workers = processor_count();
    ahead *frames = NULL;
    status result;
    TRY(ahead_open(&frames, synth_one, job, o->count, 2 * (size_t)workers + 1, workers));
    for (size_t i = 0; i < o->count; i++) {
        size_t slot;
        TRY_DONE(ahead_next(frames, &slot));
        TRY_DONE(report(&o->watch, "synth", i + 1, o->count));
    }
    result = POLYP_OK;
done:
    ahead_close(frames);
    return result;
}

/* SPLITS/NAME.txt with the frames of one side. */
static status synth_split(const synth_job *job, const char *name, bool validation)
{
    file_writer *file = NULL;
    char *path = memory_format("%s/%s.txt", job->splits, name);
    status result = POLYP_ERR_MEMORY;
    if (path == NULL) goto done;
    TRY_DONE(file_create(&file, path));
    for (size_t i = 0; i < job->options->count; i++) {
        char stem[NAME_SIZE];
        synth_name(stem, job->options, i);
        if (in_validation(i) == validation) TRY_DONE(file_print(file, "%s\n", stem));
    }
    result = file_commit(file);
    file = NULL;
done:
    file_abandon(file);
    memory_free(path);
    return result;
}

static status check_size(const char *what, int size)
{
    if (size == 0 || (size >= SYNTH_SMALLEST && size <= SYNTH_LARGEST)) return POLYP_OK;
    return fail(POLYP_ERR_ARGUMENT, "%s %d: give %d to %d, or 0 for varied sizes", what, size, SYNTH_SMALLEST,
                SYNTH_LARGEST);
}

static status synth_folders(synth_job *job)
{
    const char *out = job->options->out;
    job->images = path_join(out, "images");
    job->masks = path_join(out, "masks");
    job->splits = path_join(out, "splits");
    if (job->images == NULL || job->masks == NULL || job->splits == NULL) return POLYP_ERR_MEMORY;
    if (folder_exists(job->images)) {
        return fail(POLYP_ERR_ARGUMENT, "%s: holds images/ already; give a new folder, nothing is overwritten", out);
    }
    TRY(folder_create(job->images));
    TRY(folder_create(job->masks));
    return folder_create(job->splits);
}

polyp_status command_synth(const synth_options *options)
{
    synth_job job = {.options = options};
    status result;
    if (options->count == 0) return fail(POLYP_ERR_ARGUMENT, "count 0: give the number of pictures to draw");
    TRY(check_size("width", options->width));
    TRY(check_size("height", options->height));
    TRY_DONE(synth_folders(&job));
    TRY_DONE(synth_frames(&job));
    TRY_DONE(synth_split(&job, "train", false));
    if (options->count >= EVERY_FIFTH) TRY_DONE(synth_split(&job, "val", true));
done:
    memory_free(job.images);
    memory_free(job.masks);
    memory_free(job.splits);
    return result;
}

/* ---- split --------------------------------------------------------------------------------- */

enum { MOST_FOLDS = sizeof((split_result *)NULL)->fold_sizes / sizeof(size_t) };

/* foldF.KIND.txt of one data set: its pictures in fold `f` (valid) or in all others (train), in their order. */
static status write_fold(const char *data, int set, const char *kind, const dataset *d, const int *fold, int f)
{
    const bool inside = strcmp(kind, "valid") == 0;
    char name[32];
    file_writer *file = NULL;
    (void)snprintf(name, sizeof name, "fold%d.%s", f, kind);
    char *path = dataset_split_path(data, name);
    status result = POLYP_ERR_MEMORY;
    if (path == NULL) goto done;
    TRY_DONE(file_create(&file, path));
    for (size_t i = 0; i < d->count; i++) {
        const sample *const s = &d->samples[i];
        if (s->set == set && (fold[i] == f) == inside) TRY_DONE(file_print(file, "%s\n", s->name));
    }
    result = file_commit(file);
    file = NULL;
done:
    file_abandon(file);
    memory_free(path);
    return result;
}

static status create_splits_folder(const char *data)
{
    char *path = dataset_split_path(data, "fold0.train");
    if (path == NULL) return POLYP_ERR_MEMORY;
    *strrchr(path, '/') = '\0';
    const status result = folder_create(path);
    memory_free(path);
    return result;
}

static status write_folds(const char *data, int set, const dataset *d, const int *fold, int folds)
{
    TRY(create_splits_folder(data));
    for (int f = 0; f < folds; f++) {
        TRY(write_fold(data, set, "train", d, fold, f));
        TRY(write_fold(data, set, "valid", d, fold, f));
    }
    return POLYP_OK;
}

/* Sizes of folds and groups. */
static status summarise(split_result *out, const size_t *group, const int *fold, size_t count, size_t groups)
{
    size_t *sizes = NULL;
    TRY(memory_new(&sizes, groups));
    *out = (split_result){.pictures = count, .groups = groups};
    for (size_t i = 0; i < count; i++) {
        out->fold_sizes[fold[i]]++;
        sizes[group[i]]++;
        if (sizes[group[i]] > out->largest_group) out->largest_group = sizes[group[i]];
    }
    memory_free(sizes);
    return POLYP_OK;
}

static const char *data_of(const split_options *options, size_t set)
{
    return set == 0 ? options->data : options->more_data[set - 1];
}

polyp_status command_split(split_result *out, const split_options *options)
{
    if (options->folds < 2 || options->folds > MOST_FOLDS) {
        return fail(POLYP_ERR_ARGUMENT, "folds %d: give 2 to %d", options->folds, (int)MOST_FOLDS);
    }
    dataset data = {0};
    size_t *group = NULL, groups = 0;
    int *fold = NULL;
    split_result summary;
    status result;
    TRY_DONE(dataset_open_all(&data, options->data, options->more_data, options->more_count, options->split));
    TRY_DONE(memory_new(&group, data.count));
    TRY_DONE(memory_new(&fold, data.count));
    TRY_DONE(groups_find(group, &groups, &data, 0, &options->watch));
    TRY_DONE(groups_deal(fold, group, data.count, groups, options->folds, options->seed));
    TRY_DONE(summarise(&summary, group, fold, data.count, groups));
    for (size_t i = 0; i <= options->more_count; i++) {
        TRY_DONE(write_folds(data_of(options, i), (int)i, &data, fold, options->folds));
    }
    *out = summary;
done:
    memory_free(group);
    memory_free(fold);
    dataset_free(&data);
    return result;
}

/* ---- preview -------------------------------------------------------------------------------------------- */

polyp_status command_preview(const polyp_train_options *options, int count)
{
    return preview_write(options, count);
}
