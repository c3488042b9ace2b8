/* The data set's rows and groups; scoring a model: workers decode ahead and score behind, each lane computes a picture. */
#include "learn/score_set.h"

#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csv.h"
#include "base/pipeline.h"
#include "learn/run_log.h"
#include "media/image.h"
#include "predict/lanes.h"

/* ---- groups -------------------------------------------------------------------------------- */

/* Which group each sample has in a table, by name, and the names in the order of their first rows. */
typedef struct grouping {
    const char **names;
    size_t count;
} grouping;

typedef struct stem_row {
    const char *stem;
    size_t row;
} stem_row;

static int compare_stem_rows(const void *a, const void *b)
{
    const stem_row *const first = a, *const second = b;
    return strcmp(first->stem, second->stem);
}

static int group_number(grouping *g, const char *name, arena *a)
{
    for (size_t i = 0; i < g->count; i++) {
        if (strcmp(g->names[i], name) == 0) return (int)i;
    }
    char *const kept = arena_text(a, name);
    if (!kept) return -1;
    g->names[g->count++] = kept;
    return (int)g->count - 1;
}

static status sort_stems(stem_row **out, const csv_table *t, const char *path)
{
    const int stem = csv_column(t, "stem");
    if (stem < 0 || csv_column(t, "group") < 0) {
        return fail(POLYP_ERR_FORMAT, "%s: the first line must name the columns `stem` and `group`", path);
    }
    TRY(memory_new(out, t->rows));
    for (size_t i = 0; i < t->rows; i++) (*out)[i] = (stem_row){csv_cell(t, i, stem), i};
    qsort(*out, t->rows, sizeof **out, compare_stem_rows);
    for (size_t i = 1; i < t->rows; i++) {
        if (strcmp((*out)[i - 1].stem, (*out)[i].stem) != 0) continue;
        return fail(POLYP_ERR_FORMAT, "%s:%zu: %s has a group already; remove one of its lines", path,
                    t->lines[(*out)[i].row], (*out)[i].stem);
    }
    return POLYP_OK;
}

/* numbers[i] of each sample, -1 where the table does not name it or gives it no group. */
static status match_stems(int *numbers, grouping *g, const csv_table *t, const stem_row *stems, const dataset *d,
                          const char *path)
{
    const int group = csv_column(t, "group");
    size_t found = 0;
    for (size_t i = 0; i < d->count; i++) {
        const stem_row key = {d->samples[i].stem, 0};
        const stem_row *const row = bsearch(&key, stems, t->rows, sizeof key, compare_stem_rows);
        const char *const name = row ? csv_cell(t, row->row, group) : "";
        numbers[i] = -1;
        if (!*name) continue;
        numbers[i] = group_number(g, name, d->arena);
        if (numbers[i] < 0) return POLYP_ERR_MEMORY;
        found++;
    }
    if (found > 0) return POLYP_OK;
    return fail(POLYP_ERR_MISMATCH,
                "%s: it gives none of the pictures a group; its column `stem` must hold names such as %s", path,
                d->samples[0].stem);
}

static status read_groups(int *numbers, grouping *g, const dataset *d, const char *path)
{
    csv_table t = {0};
    stem_row *stems = NULL;
    status result;
    TRY_DONE(csv_read(&t, path));
    TRY_DONE(sort_stems(&stems, &t, path));
    g->names = arena_take(d->arena, t.rows, sizeof *g->names);
    TRY_DONE(g->names ? POLYP_OK : POLYP_ERR_MEMORY);
    TRY_DONE(match_stems(numbers, g, &t, stems, d, path));
done:
    memory_free(stems);
    csv_free(&t);
    return result;
}

static status read_tables(score_set *s, const score_options *o)
{
    grouping g = {0};
    int *numbers;
    const size_t count = s->data.count;
    status result = POLYP_OK;
    TRY(memory_new(&numbers, count));
    if (o->groups) {
        TRY_DONE(read_groups(numbers, &g, &s->data, o->groups));
        for (size_t i = 0; i < count; i++) s->report.rows[i].group = numbers[i];
    }
    if (o->by) {
        g = (grouping){0};
        TRY_DONE(read_groups(numbers, &g, &s->data, o->by));
        for (size_t i = 0; i < count; i++) s->report.rows[i].part = numbers[i];
        s->report.part_names = g.names;
        s->report.part_count = g.count;
    }
done:
    memory_free(numbers);
    return result;
}

/* ---- the set ------------------------------------------------------------------------------- */

status score_set_open(score_set *out, const score_options *options, const score_settings *settings)
{
    *out = (score_set){0};
    TRY(dataset_open_all(&out->data, options->data, options->more_data, options->more_count, options->split));
    TRY(dataset_set_ignore(&out->data, options->ignore > 0 ? options->ignore : -1));
    TRY(score_report_open(&out->report, out->data.count, settings));
    out->report.data = options->data;
    out->report.split = options->split;
    for (size_t i = 0; i < out->data.count; i++) {
        out->report.rows[i].stem = out->data.samples[i].stem;
        out->report.rows[i].group = out->data.samples[i].group;
    }
    return read_tables(out, options);
}

void score_set_free(score_set *s)
{
    score_report_free(&s->report);
    dataset_free(&s->data);
    *s = (score_set){0};
}

status score_set_report(const score_options *options, size_t done, size_t total)
{
    const polyp_progress progress = {.phase = "evaluate",
                                     .done = done,
                                     .total = total,
                                     .unit = "picture",
                                     .loss = (double)NAN,
                                     .learning_rate = (double)NAN};
    return watch_report(options->watch, &progress);
}

/* ---- a model ------------------------------------------------------------------------------- */

/* A picture on its way to its row; the slot's buffers go on to the next one. */
typedef struct scoring {
    polyp_image picture, truth; /* as sample_read() gives them */
    polyp_image probability, mask, network;
} scoring;

/* What scoring one picture needs beside: much, so there is one for each worker, not for each slot. */
typedef struct bench {
    atomic_bool taken;
    scratch scratch;
} bench;

/* One run over the pictures. */
typedef struct pass {
    score_set *set;
    const lanes *lanes;
    const score_options *options;
    scoring slots[PREDICTOR_SLOTS];
    bench benches[1 + LANES_MOST]; /* [workers] */
} pass;

static score_input input_of(const scoring *s)
{
    return (score_input){&s->truth, &s->mask, &s->probability, &s->network};
}

static void clear_pictures(scoring *s)
{
    polyp_image_free(&s->picture);
    polyp_image_free(&s->truth);
    polyp_image_free(&s->probability);
    polyp_image_free(&s->mask);
    polyp_image_free(&s->network);
}

static status read_pair(void *context, size_t number, size_t slot)
{
    pass *const p = context;
    scoring *const s = &p->slots[slot];
    polyp_image_free(&s->picture);
    polyp_image_free(&s->truth);
    TRY(sample_read(&s->picture, &s->truth, &p->set->data.samples[number]));
    return predictor_submit(p->lanes->items[0], (int)slot, &s->picture);
}

static status predict(void *context, size_t number, size_t slot, int lane)
{
    pass *const p = context;
    scoring *const s = &p->slots[slot];
    polyp_predictor *const predictor = p->lanes->items[lane];
    const int size = p->set->report.settings.network_size;
    (void)number;
    TRY(predictor_collect(predictor, (int)slot, s->picture.width, s->picture.height, &s->probability, &s->mask));
    return predictor_collect_again(predictor, size, size, NULL, &s->network);
}

/* There are as many as workers, so one is free. */
static bench *take_bench(pass *p)
{
    bench *b = p->benches;
    while (atomic_exchange(&b->taken, true)) b = b == &p->benches[LANES_MOST] ? p->benches : b + 1;
    return b;
}

static status score(void *context, size_t number, size_t slot)
{
    pass *const p = context;
    scoring *const s = &p->slots[slot];
    const score_input in = input_of(s);
    score_report *const r = &p->set->report;
    bench *const b = take_bench(p);
    const status result = score_picture(&r->rows[number], &in, &r->settings, &b->scratch);
    atomic_store(&b->taken, false);
    return result;
}

/* The picture's row is filled: it is shown. */
static status tell(void *context, size_t number, size_t slot)
{
    const pass *const p = context;
    const scoring *const s = &p->slots[slot];
    const score_options *const o = p->options;
    const score_input in = input_of(s);
    if (o->each) TRY(o->each(o->context, number, &s->picture, &in));
    return score_set_report(o, number + 1, p->set->data.count);
}

static status score_pictures(score_set *set, const lanes *l, const score_options *o)
{
    static const pipeline_stages stages = {read_pair, predict, score, tell};
    pass *p;
    pipeline *line = NULL;
    TRY(memory_new(&p, 1));
    p->set = set;
    p->lanes = l;
    p->options = o;
    status result = pipeline_open(&line, &stages, p, set->data.count, pipeline_slots(l->count), 1 + l->count);
    if (result == POLYP_OK) result = pipeline_run(line, l->count);
    pipeline_close(line);
    for (int i = 0; i < PREDICTOR_SLOTS; i++) clear_pictures(&p->slots[i]);
    for (int i = 0; i < 1 + LANES_MOST; i++) scratch_free(&p->benches[i].scratch);
    memory_free(p);
    return result;
}

/* Every model's path and what is done beside one plain pass; the text is the data's. */
static status name_scored(score_set *s, const polyp_model *const *models, size_t count,
                          const polyp_predictor_options *how)
{
    char *words = predictor_words(count, how), *text = words ? memory_text(models[0]->path) : NULL;
    for (size_t i = 1; i < count && text; i++) {
        char *const longer = memory_format("%s, %s", text, models[i]->path);
        memory_free(text);
        text = longer;
    }
    char *const all = text && words[0] ? memory_format("%s (%s)", text, words) : NULL;
    if (text) s->report.scored = arena_text(s->data.arena, all ? all : text);
    const bool done = s->report.scored && (all || !words[0]);
    memory_free(all);
    memory_free(text);
    memory_free(words);
    return done ? POLYP_OK : POLYP_ERR_MEMORY;
}

status score_set_models(score_set *out, const polyp_model *const *models, size_t count, const score_options *options)
{
    const double start = clock_seconds();
    const polyp_predictor_options how = {.engine = options->engine,
                                         .threads = options->threads,
                                         .precision = options->precision,
                                         .tta = options->tta,
                                         .rules = options->rules};
    const score_settings settings = {
        .threshold = options->threshold < 0 ? models[0]->facts.threshold : options->threshold,
        .empty = options->empty,
        .min_max = options->min_max,
        .network_size = models[0]->facts.size,
        .probabilities = true,
    };
    lanes l = {0};
    status result;
    TRY_DONE(score_set_open(out, options, &settings));
    TRY_DONE(name_scored(out, models, count, &how));
    TRY_DONE(lanes_open(&l, models, count, &how, options->threshold, out->data.count));
    predictor_tell(l.items[0], options->watch);
    TRY_DONE(score_pictures(out, &l, options));
    TRY_DONE(score_report_sum(&out->report));
    out->report.seconds = clock_seconds() - start;
done:
    lanes_close(&l);
    return result;
}
