/* The data set's rows and groups; scoring a model: workers decode ahead, the caller's thread computes and scores. */
#include "learn/score_set.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/csv.h"
#include "learn/decoded.h"
#include "learn/run_log.h"
#include "media/image.h"

enum { DECODERS = 2 };

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

static status predict_and_score(score_set *s, size_t index, polyp_predictor *predictor, const decoded *d,
                                const score_options *o, scratch *own)
{
    const int size = s->report.settings.network_size;
    polyp_image probability = {0}, mask = {0}, network = {0};
    status result;
    TRY_DONE(predictor_submit(predictor, 0, &d->picture));
    TRY_DONE(predictor_collect(predictor, 0, d->picture.width, d->picture.height, &probability, &mask));
    TRY_DONE(predictor_collect_again(predictor, size, size, NULL, &network));
    const score_input in = {&d->mask, &mask, &probability, &network};
    TRY_DONE(score_picture(&s->report.rows[index], &in, &s->report.settings, own));
    if (o->each) TRY_DONE(o->each(o->context, index, &d->picture, &in));
done:
    polyp_image_free(&probability);
    polyp_image_free(&mask);
    polyp_image_free(&network);
    return result;
}

static status score_pictures(score_set *s, polyp_predictor *predictor, const score_options *o)
{
    scratch own = {0};
    decoder *reader;
    TRY(decoder_open(&reader, &s->data, DECODERS));
    status result = POLYP_OK;
    for (size_t i = 0; i < s->data.count && result == POLYP_OK; i++) {
        const decoded *d;
        result = decoder_next(reader, &d);
        if (result == POLYP_OK) result = predict_and_score(s, i, predictor, d, o, &own);
        if (result == POLYP_OK) result = score_set_report(o, i + 1, s->data.count);
    }
    decoder_close(reader);
    scratch_free(&own);
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
    polyp_predictor *predictor = NULL;
    status result;
    TRY_DONE(score_set_open(out, options, &settings));
    TRY_DONE(name_scored(out, models, count, &how));
    TRY_DONE(predictor_open_models(&predictor, models, count, &how));
    TRY_DONE(predictor_set_threshold(predictor, options->threshold));
    TRY_DONE(score_pictures(out, predictor, options));
    TRY_DONE(score_report_sum(&out->report));
    out->report.seconds = clock_seconds() - start;
done:
    polyp_predictor_close(predictor);
    return result;
}
