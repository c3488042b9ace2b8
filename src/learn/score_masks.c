/* Scoring what another program wrote: each worker reads truth and prediction and scores them; no network runs. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/thread.h"
#include "learn/ahead.h"
#include "learn/score_set.h"
#include "media/image.h"
#include "media/resize.h"

enum { SLOTS_MOST = 64, SHOWN = 3 };

/* ---- which file ---------------------------------------------------------------------------- */

typedef struct named_file {
    char *stem;
    const char *name;
} named_file;

/* Files of the folder by their stem. */
typedef struct file_index {
    name_list list;
    named_file *files;
    size_t count;
} file_index;

static int compare_files(const void *a, const void *b)
{
    const named_file *const first = a, *const second = b;
    return strcmp(first->stem, second->stem);
}

static void file_index_free(file_index *index)
{
    for (size_t i = 0; i < index->count; i++) memory_free(index->files[i].stem);
    memory_free(index->files);
    name_list_free(&index->list);
}

static status file_index_open(file_index *out, const char *folder)
{
    if (!folder_exists(folder)) return fail(POLYP_ERR_FILE, "%s: no such folder of masks", folder);
    TRY(folder_list(&out->list, folder));
    TRY(memory_new(&out->files, out->list.count));
    for (size_t i = 0; i < out->list.count; i++) {
        out->files[i] = (named_file){path_stem(out->list.names[i]), out->list.names[i]};
        if (!out->files[i].stem) return POLYP_ERR_MEMORY;
        out->count++;
    }
    qsort(out->files, out->count, sizeof *out->files, compare_files);
    return POLYP_OK;
}

/* The one file of this stem; NULL when there is none. MISMATCH when there are two. */
static status find_file(const char **out, const file_index *index, const char *stem, const char *folder)
{
    const named_file key = {(char *)(uintptr_t)stem, NULL};
    const named_file *const end = index->files + index->count;
    const named_file *found =
        index->count ? bsearch(&key, index->files, index->count, sizeof key, compare_files) : NULL;
    *out = NULL;
    if (!found) return POLYP_OK;
    while (found > index->files && strcmp(found[-1].stem, stem) == 0) found--;
    if (found + 1 < end && strcmp(found[1].stem, stem) == 0) {
        return fail(POLYP_ERR_MISMATCH,
                    "%s: %s and %s have the same stem, so it is not clear which one is meant; remove one", folder,
                    found[0].name, found[1].name);
    }
    *out = found->name;
    return POLYP_OK;
}

static status find_prediction(const char **out, const file_index *index, const char *stem, const foreign_masks *m)
{
    if (!m->probabilities) return find_file(out, index, stem, m->folder);
    char *const longer = memory_format("%s.probability", stem); /* as `polyp predict --probability` writes it */
    if (!longer) return POLYP_ERR_MEMORY;
    status result = find_file(out, index, longer, m->folder);
    memory_free(longer);
    if (result == POLYP_OK && !*out) result = find_file(out, index, stem, m->folder);
    return result;
}

/* Paths of all predictions, or one sentence about those that are missing. */
static status find_predictions(char **paths, const dataset *d, const foreign_masks *m, const file_index *index)
{
    size_t missing = 0;
    char words[200] = "";
    for (size_t i = 0; i < d->count; i++) {
        const char *name;
        TRY(find_prediction(&name, index, d->samples[i].stem, m));
        if (!name) {
            const size_t used = strlen(words);
            if (missing++ < SHOWN)
                snprintf(words + used, sizeof words - used, "%s%.50s", used ? ", " : "", d->samples[i].stem);
            continue;
        }
        paths[i] = path_join(m->folder, name);
        if (!paths[i]) return POLYP_ERR_MEMORY;
    }
    if (missing == 0) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH,
                "%s: %zu of %zu pictures have no %s of the same stem: %s%s; add them or give a --split without them",
                m->folder, missing, d->count, m->probabilities ? "probability map" : "mask", words,
                missing > SHOWN ? ", ..." : "");
}

/* ---- one pair ------------------------------------------------------------------------------ */

typedef struct work {
    polyp_image picture, truth, mask, probability, network;
    scratch scratch;
} work;

typedef struct mask_job {
    score_set *set;
    const foreign_masks *masks;
    const score_options *options;
    char **paths; /* [count] */
    work slots[SLOTS_MOST];
} mask_job;

static void work_clear(work *w)
{
    polyp_image_free(&w->picture);
    polyp_image_free(&w->truth);
    polyp_image_free(&w->mask);
    polyp_image_free(&w->probability);
    polyp_image_free(&w->network);
    w->picture = w->truth = w->mask = w->probability = w->network = (polyp_image){0};
}

static status fit_size(polyp_image *image, const polyp_image *truth, const char *path, bool resize)
{
    polyp_image fitted = {0};
    if (image->width == truth->width && image->height == truth->height) return POLYP_OK;
    if (!resize) {
        return fail(POLYP_ERR_SIZE,
                    "%s is %d x %d, but the picture is %d x %d; write it at the picture's size, or give --resize", path,
                    image->width, image->height, truth->width, truth->height);
    }
    TRY(resize_bilinear(&fitted, image, truth->width, truth->height));
    polyp_image_free(image);
    *image = fitted;
    return POLYP_OK;
}

/* `mask` may be the map itself. */
static void decide(polyp_image *mask, const polyp_image *probability, double threshold)
{
    const size_t pixels = (size_t)mask->width * (size_t)mask->height;
    int least = 0; /* level above the threshold */
    while (least < 256 && !(least / 255.0 > threshold)) least++;
    for (size_t i = 0; i < pixels; i++) mask->pixels[i] = probability->pixels[i] >= least ? 255 : 0;
}

static status read_grey(polyp_image *out, const char *path)
{
    polyp_image stored = {0};
    TRY(image_read(&stored, path));
    if (stored.channels == 1) {
        *out = stored;
        return POLYP_OK;
    }
    const status result = image_to_grey(out, &stored);
    polyp_image_free(&stored);
    return result;
}

static status read_probability(work *w, const char *path, bool resize, double threshold)
{
    TRY(read_grey(&w->probability, path));
    TRY(fit_size(&w->probability, &w->truth, path, resize));
    TRY(image_create(&w->mask, w->probability.width, w->probability.height, 1));
    decide(&w->mask, &w->probability, threshold);
    return POLYP_OK;
}

/* A mask's levels may be anything (--resize): only above 127 or not counts. */
static status shrink_mask(polyp_image *out, const polyp_image *mask, int size)
{
    polyp_image polyp = {0};
    TRY(image_create(&polyp, mask->width, mask->height, 1));
    decide(&polyp, mask, 127 / 255.0);
    const status result = resize_area(out, &polyp, size, size);
    polyp_image_free(&polyp);
    return result;
}

static status at_network_size(work *w, int size, bool map, double threshold)
{
    if (size == 0) return POLYP_OK;
    if (!map) return shrink_mask(&w->network, &w->mask, size);
    TRY(resize_bilinear(&w->network, &w->probability, size, size));
    decide(&w->network, &w->network, threshold);
    return POLYP_OK;
}

static score_input input_of(const work *w)
{
    return (score_input){.truth = &w->truth,
                         .mask = &w->mask,
                         .probability = w->probability.pixels ? &w->probability : NULL,
                         .network_mask = w->network.pixels ? &w->network : NULL};
}

/* Runs on a worker, scoring included: rows do not touch one another. */
static status score_pair(void *context, size_t number, size_t slot)
{
    mask_job *const job = context;
    work *const w = &job->slots[slot];
    score_report *const r = &job->set->report;
    const sample *const s = &job->set->data.samples[number];
    const sample prediction = {
        .stem = s->stem, .image = job->paths[number], .mask = job->paths[number], .group = -1, .ignore = -1};
    const bool resize = job->masks->resize, maps = job->masks->probabilities;
    work_clear(w);
    TRY(sample_read(job->options->each ? &w->picture : NULL, &w->truth, s));
    if (maps) {
        TRY(read_probability(w, job->paths[number], resize, r->settings.threshold));
    } else {
        TRY(sample_read(NULL, &w->mask, &prediction));
        TRY(fit_size(&w->mask, &w->truth, job->paths[number], resize));
    }
    TRY(at_network_size(w, r->settings.network_size, maps, r->settings.threshold));
    const score_input in = input_of(w);
    return score_picture(&r->rows[number], &in, &r->settings, &w->scratch);
}

/* ---- all of them --------------------------------------------------------------------------- */

static status collect(mask_job *job, ahead *reader)
{
    const score_options *const o = job->options;
    const size_t count = job->set->data.count;
    for (size_t i = 0; i < count; i++) {
        size_t slot;
        TRY(ahead_next(reader, &slot));
        const work *const w = &job->slots[slot];
        const score_input in = input_of(w);
        if (o->each) TRY(o->each(o->context, i, &w->picture, &in));
        TRY(score_set_report(o, i + 1, count));
    }
    return POLYP_OK;
}

static status score_pairs(mask_job *job)
{
    const int threads = job->options->threads > 0 ? job->options->threads : processor_count();
    const int workers = threads < SLOTS_MOST / 2 ? threads : SLOTS_MOST / 2;
    ahead *reader;
    TRY(ahead_open(&reader, score_pair, job, job->set->data.count, (size_t)workers * 2, workers));
    const status result = collect(job, reader);
    ahead_close(reader);
    for (int i = 0; i < SLOTS_MOST; i++) {
        work_clear(&job->slots[i]);
        scratch_free(&job->slots[i].scratch);
    }
    return result;
}

static void free_paths(char **paths, size_t count)
{
    for (size_t i = 0; paths && i < count; i++) memory_free(paths[i]);
    memory_free(paths);
}

/* The folder, and how its files were read where that is not the plain way. */
static status name_scored(score_set *s, const foreign_masks *m)
{
    const char *const kind = m->probabilities ? m->resize ? " (probabilities, resized)" : " (probabilities)"
                             : m->resize      ? " (resized)"
                                              : "";
    s->report.scored = arena_format(s->data.arena, "%s%s", m->folder, kind);
    return s->report.scored ? POLYP_OK : POLYP_ERR_MEMORY;
}

status score_set_masks(score_set *out, const foreign_masks *masks, const score_options *options)
{
    const double start = clock_seconds();
    const score_settings settings = {.threshold = options->threshold < 0 ? 0.5 : options->threshold,
                                     .empty = options->empty,
                                     .min_max = options->min_max,
                                     .network_size = masks->network_size,
                                     .probabilities = masks->probabilities,
                                     .foreign = true};
    file_index index = {0};
    mask_job *job = NULL;
    status result;
    TRY_DONE(score_set_open(out, options, &settings));
    TRY_DONE(name_scored(out, masks));
    TRY_DONE(memory_new(&job, 1));
    *job = (mask_job){.set = out, .masks = masks, .options = options};
    TRY_DONE(file_index_open(&index, masks->folder));
    TRY_DONE(memory_new(&job->paths, out->data.count));
    TRY_DONE(find_predictions(job->paths, &out->data, masks, &index));
    TRY_DONE(score_pairs(job));
    TRY_DONE(score_report_sum(&out->report));
    out->report.seconds = clock_seconds() - start;
done:
    if (job) free_paths(job->paths, out->data.count);
    memory_free(job);
    file_index_free(&index);
    return result;
}
