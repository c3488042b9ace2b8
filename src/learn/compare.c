/* Runs side by side. */
#include "learn/compare.h"

#include <math.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/plot.h"

/* ---- opening ---------------------------------------------------------------------------------------- */

static status find_column(enum history_column *out, const char *name)
{
    char known[512] = "";
    for (int k = 0; k < HISTORY_COLUMNS; k++) {
        if (strcmp(history_column_name(k), name) == 0) {
            *out = k;
            return POLYP_OK;
        }
        const size_t used = strlen(known);
        (void)snprintf(known + used, sizeof known - used, "%s%s", k ? ", " : "", history_column_name(k));
    }
    return fail(POLYP_ERR_ARGUMENT, "there is no column '%s' in a history; there are %s", name, known);
}

/* The last part of a path that does not end in slashes; a new string, NULL after fail(MEMORY). */
static char *last_part(const char *path)
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/') end--;
    size_t begin = end;
    while (begin > 0 && path[begin - 1] != '/') begin--;
    return memory_format("%.*s", (int)(end - begin), path + begin);
}

static status open_run(compared_run *r, const char *path)
{
    char *const file = folder_exists(path) ? path_join(path, "history.csv") : memory_text(path);
    if (!file) return POLYP_ERR_MEMORY;
    const status result = history_open(&r->history, file);
    memory_free(file);
    if (result != POLYP_OK) return result;
    r->name = last_part(path);
    return r->name ? POLYP_OK : POLYP_ERR_MEMORY;
}

/* Whole paths for those whose short names do not tell them apart. */
static status name_apart(comparison *c, const char *const *paths)
{
    bool *equal;
    TRY(memory_new(&equal, c->count));
    for (size_t i = 0; i < c->count; i++) {
        for (size_t k = 0; k < c->count; k++) equal[i] |= k != i && strcmp(c->runs[i].name, c->runs[k].name) == 0;
    }
    status result = POLYP_OK;
    for (size_t i = 0; i < c->count && result == POLYP_OK; i++) {
        if (!equal[i]) continue;
        memory_free(c->runs[i].name);
        c->runs[i].name = memory_text(paths[i]);
        if (!c->runs[i].name) result = POLYP_ERR_MEMORY;
    }
    memory_free(equal);
    return result;
}

status comparison_open(comparison *out, const char *const *paths, size_t count, const char *column, double reach)
{
    *out = (comparison){.reach = reach};
    TRY(find_column(&out->column, column));
    TRY(memory_new(&out->runs, count));
    out->count = count;
    for (size_t i = 0; i < count; i++) TRY(open_run(&out->runs[i], paths[i]));
    return name_apart(out, paths);
}

void comparison_free(comparison *c)
{
    for (size_t i = 0; i < c->count; i++) {
        memory_free(c->runs[i].name);
        history_free(&c->runs[i].history);
    }
    memory_free(c->runs);
    *c = (comparison){0};
}

/* ---- the table -------------------------------------------------------------------------------------- */

static bool is_score(enum history_column column)
{
    return column >= HISTORY_JACCARD;
}

static double value_of(const comparison *c, size_t run, int epoch)
{
    return c->runs[run].history.rows[epoch - 1].values[c->column];
}

/* Both so that more is better. */
static bool is_better(const comparison *c, double value, double than)
{
    return is_score(c->column) ? value > than : value < than;
}

int comparison_best(const comparison *c, size_t run)
{
    int best = 0;
    for (int epoch = 1; epoch <= c->runs[run].history.count; epoch++) {
        const double value = value_of(c, run, epoch);
        if (!isnan(value) && (best == 0 || is_better(c, value, value_of(c, run, best)))) best = epoch;
    }
    return best;
}

int comparison_reached(const comparison *c, size_t run)
{
    for (int epoch = 1; epoch <= c->runs[run].history.count; epoch++) {
        const double value = value_of(c, run, epoch);
        if (value == c->reach || (!isnan(value) && is_better(c, value, c->reach))) return epoch;
    }
    return 0;
}

static void print_run(const comparison *c, size_t run, int width, FILE *to)
{
    const int best = comparison_best(c, run);
    fprintf(to, "%-*s  %6d", width, c->runs[run].name, c->runs[run].history.count);
    if (best) fprintf(to, "  %10.5g  %8d", value_of(c, run, best), best);
    else fprintf(to, "  %10s  %8s", "-", "-");
    if (!isnan(c->reach)) {
        const int reached = comparison_reached(c, run);
        if (reached) fprintf(to, "  %10d", reached);
        else fprintf(to, "  %10s", "-");
    }
    fprintf(to, "\n");
}

void comparison_print(const comparison *c, FILE *to)
{
    int width = 3;
    char reached[32] = "";
    for (size_t i = 0; i < c->count; i++) width = (int)fmax(width, (double)strlen(c->runs[i].name));
    if (!isnan(c->reach)) (void)snprintf(reached, sizeof reached, "%s %g", is_score(c->column) ? ">=" : "<=", c->reach);
    fprintf(to, "%s by epoch\n%-*s  %6s  %10s  %8s", history_column_name(c->column), width, "run", "epochs", "best",
            "in epoch");
    if (reached[0]) fprintf(to, "  %10s", reached);
    fprintf(to, "\n");
    for (size_t i = 0; i < c->count; i++) print_run(c, i, width, to);
}

/* ---- the figure ------------------------------------------------------------------------------------- */

static const char *title_of(enum history_column column)
{
    static const char *const titles[HISTORY_COLUMNS] = {
        [HISTORY_LEARNING_RATE] = "Learning rate of the decoder after the epoch",
        [HISTORY_ENCODER_LEARNING_RATE] = "Learning rate of the encoder after the epoch",
        [HISTORY_TRAIN_LOSS] = "Training loss",
        [HISTORY_VALID_LOSS] = "Validation loss",
        [HISTORY_JACCARD] = "Validation Jaccard, mean over pictures",
        [HISTORY_DSC] = "Validation DSC, mean over pictures",
        [HISTORY_RECALL] = "Validation recall, mean over pictures",
        [HISTORY_PRECISION] = "Validation precision, mean over pictures",
        [HISTORY_ACCURACY] = "Validation accuracy, mean over pictures",
        [HISTORY_F2] = "Validation F2, mean over pictures",
        [HISTORY_POOLED_JACCARD] = "Validation Jaccard, pooled over all pixels",
        [HISTORY_POOLED_DSC] = "Validation DSC, pooled over all pixels",
    };
    return titles[column];
}

static int most_epochs(const comparison *c)
{
    int most = 0;
    for (size_t i = 0; i < c->count; i++) most = (int)fmax(most, c->runs[i].history.count);
    return most;
}

static plot_series series_of(const compared_run *r, enum history_column column, double *epochs, double *values)
{
    for (int i = 0; i < r->history.count; i++) {
        epochs[i] = i + 1;
        values[i] = r->history.rows[i].values[column];
    }
    return (plot_series){r->name, epochs, values, (size_t)r->history.count, PLOT_DOTTED};
}

status comparison_draw(const char *path, const comparison *c)
{
    const size_t most = (size_t)most_epochs(c);
    const double ends[2] = {1.0, (double)most}, level[2] = {c->reach, c->reach};
    const plot_axis scores = {.low = 0.0, .high = 1.0}, any = {0};
    char guide[32];
    plot_series *series = NULL;
    double *room = NULL;
    status result;
    TRY_DONE(memory_new(&series, c->count + 1));
    TRY_DONE(memory_new(&room, 2 * most * c->count));
    for (size_t i = 0; i < c->count; i++)
        series[i] = series_of(&c->runs[i], c->column, room + 2 * i * most, room + (2 * i + 1) * most);
    (void)snprintf(guide, sizeof guide, "%g", c->reach);
    series[c->count] = (plot_series){guide, ends, level, 2, PLOT_GUIDE};
    const plot_panel panel = {.title = title_of(c->column),
                              .x = {.label = "epoch", .whole = true},
                              .y = is_score(c->column) ? scores : any,
                              .series = series,
                              .count = c->count + (isnan(c->reach) ? 0 : 1)};
    const plot_figure figure = {.panels = &panel, .count = 1, .width = 720, .height = 460};
    result = plot_write(path, &figure);
done:
    memory_free(series);
    memory_free(room);
    return result;
}
