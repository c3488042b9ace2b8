/* What a range test leaves: its points, its curve, its suggestions. */
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "learn/lr_finder.h"
#include "media/plot.h"

static status print_points(file_writer *w, const lr_finder *f)
{
    TRY(file_print(w, "rate,smoothed_loss\n"));
    for (int i = 0; i < f->count; i++) {
        if (isfinite(f->losses[i])) TRY(file_print(w, "%.9g,%.9g\n", f->rates[i], f->losses[i]));
        else TRY(file_print(w, "%.9g,\n", f->rates[i]));
    }
    return POLYP_OK;
}

status lr_finder_write_csv(const char *path, const lr_finder *f)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_points(w, f);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}

/* The end of a curve that diverged would press the rest flat: seen is what lies below the beginning and a little more. */
static plot_axis loss_axis(const lr_finder *f)
{
    double low = (double)INFINITY, first = (double)NAN;
    for (int i = 0; i < f->count; i++) {
        if (!isfinite(f->losses[i])) continue;
        if (isnan(first)) first = f->losses[i];
        low = fmin(low, f->losses[i]);
        if (i < f->steps / 10) first = fmax(first, f->losses[i]); /* before it has settled */
    }
    const double room = first - low > 0.0 ? 0.5 * (first - low) : 0.1 * fabs(first);
    return (plot_axis){.label = "smoothed loss", .low = low - 0.2 * room, .high = first + room};
}

status lr_finder_draw(const char *path, const lr_finder *f, const lr_suggestions *s)
{
    const double at[3] = {s->valley, s->steep, s->minimum};
    static const char *const names[3] = {"valley", "steep", "minimum / 10"};
    double loss[3];
    char legend[3][48];
    plot_series series[4] = {{NULL, f->rates, f->losses, (size_t)f->count, PLOT_LINE}};
    for (int i = 0; i < 3; i++) {
        loss[i] = lr_finder_loss_at(f, at[i]);
        (void)snprintf(legend[i], sizeof legend[i], "%s: %.2g", names[i], at[i]);
        series[1 + i] = (plot_series){legend[i], &at[i], &loss[i], 1, PLOT_POINTS};
    }
    const plot_panel panel = {.title = "Learning-rate range test",
                              .x = {.label = "learning rate", .logarithmic = true},
                              .y = loss_axis(f),
                              .series = series,
                              .count = 4};
    const plot_figure figure = {.panels = &panel, .count = 1, .width = 640, .height = 420};
    return plot_write(path, &figure);
}

status lr_finder_write_json(const char *path, const lr_finder *f, const lr_suggestions *s)
{
    json_t *const root = json_pack("{s:f, s:f, s:f, s:i, s:b}", "valley", s->valley, "steep", s->steep, "minimum",
                                   s->minimum, "steps", f->count, "diverged", f->count < f->steps);
    char *const text = root ? json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
    json_decref(root);
    if (!text) return fail(POLYP_ERR_MEMORY, "%s: no memory for the suggestions", path);
    char *const line = memory_format("%s\n", text);
    free(text);
    if (!line) return POLYP_ERR_MEMORY;
    const status result = file_replace(path, line, strlen(line));
    memory_free(line);
    return result;
}
