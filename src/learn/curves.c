/* curves.svg: losses, scores and the learning rate by epoch. */
#include <math.h>

#include "base/memory.h"
#include "learn/history.h"
#include "media/canvas.h"
#include "media/plot.h"

/* One column against the epochs. */
static plot_series series_of(const history *h, const double *epochs, double *values, const char *name,
                             enum history_column column)
{
    for (int i = 0; i < h->count; i++) values[i] = h->rows[i].values[column];
    return (plot_series){name, epochs, values, (size_t)h->count, PLOT_DOTTED};
}

/* One rate for all needs one line. */
static bool encoder_differs(const history *h)
{
    for (int i = 0; i < h->count; i++) {
        const double *const values = h->rows[i].values;
        if (values[HISTORY_ENCODER_LEARNING_RATE] != values[HISTORY_LEARNING_RATE]) return true;
    }
    return false;
}

/* Not in a run without validation. */
static bool was_scored(const history *h)
{
    for (int i = 0; i < h->count; i++) {
        if (!isnan(h->rows[i].values[HISTORY_JACCARD])) return true;
    }
    return false;
}

static status draw(const history *h, const char *path, double *room)
{
    const size_t n = (size_t)h->count;
    double *const epochs = room;
    for (int i = 0; i < h->count; i++) epochs[i] = i + 1;
    const plot_series losses[] = {
        series_of(h, epochs, room + n, "training", HISTORY_TRAIN_LOSS),
        series_of(h, epochs, room + 2 * n, "validation", HISTORY_VALID_LOSS),
    };
    const plot_series scores[] = {
        series_of(h, epochs, room + 3 * n, "Jaccard", HISTORY_JACCARD),
        series_of(h, epochs, room + 4 * n, "DSC", HISTORY_DSC),
    };
    const plot_series rates[] = {
        series_of(h, epochs, room + 5 * n, "decoder", HISTORY_LEARNING_RATE),
        series_of(h, epochs, room + 6 * n, "encoder", HISTORY_ENCODER_LEARNING_RATE),
    };
    const plot_axis by_epoch = {.label = "epoch", .whole = true};
    const plot_panel loss = {"Loss", by_epoch, {0}, losses, 2};
    const plot_panel score = {"Validation, mean over pictures", by_epoch, {.low = 0.0, .high = 1.0}, scores, 2};
    const plot_panel rate = {"Learning rate after the epoch", by_epoch, {0}, rates, encoder_differs(h) ? 2 : 1};
    const plot_panel all[] = {loss, score, rate}, alone[] = {loss, rate};
    const bool scored = was_scored(h);
    const plot_figure figure = {.panels = scored ? all : alone, .count = scored ? 3 : 2};
    return plot_write(path, &figure);
}

bool curves_available(void)
{
    return canvas_available();
}

status curves_write(const history *h, const char *path)
{
    double *room;
    if (!curves_available()) return POLYP_OK;
    TRY(memory_new(&room, 7 * (size_t)h->count));
    const status result = draw(h, path, room);
    memory_free(room);
    return result;
}
