/* curves.svg: two panels, training loss and validation scores by epoch. */
#include <math.h>

#include "base/file.h"
#include "learn/history.h"

enum { PANEL_WIDTH = 420, PANEL_HEIGHT = 260, MARGIN = 50, GAP = 70, GRID_LINES = 5 };

/* A panel: where it lies, and the value at its top (its bottom is 0). */
typedef struct panel {
    double left, top, highest;
    const char *title;
    int epochs;
} panel;

static double place_x(const panel *p, int epoch)
{
    return p->left + PANEL_WIDTH * (p->epochs > 1 ? (double)(epoch - 1) / (p->epochs - 1) : 0.5);
}

static double place_y(const panel *p, double value)
{
    return p->top + PANEL_HEIGHT * (1.0 - value / p->highest);
}

static status print_frame(file_writer *w, const panel *p)
{
    for (int i = 0; i <= GRID_LINES; i++) {
        const double value = p->highest * i / GRID_LINES, y = place_y(p, value);
        TRY(file_print(w, "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", p->left,
                       p->left + PANEL_WIDTH, y, y));
        TRY(file_print(w, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%.3g</text>\n", p->left - 6, y + 4, value));
    }
    const double below = p->top + PANEL_HEIGHT + 18;
    TRY(file_print(w, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">1</text>", place_x(p, 1), below));
    if (p->epochs > 1) {
        TRY(file_print(w, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%d</text>", place_x(p, p->epochs), below,
                       p->epochs));
    }
    return file_print(w, "<text class=\"title\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", p->left, p->top - 12, p->title);
}

/* One column as a line with a dot an epoch; NaNs are gaps. */
static status print_curve(file_writer *w, const panel *p, const history *h, enum history_column column,
                          const char *colour)
{
    bool pen_down = false;
    TRY(file_print(w, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"2\" d=\"", colour));
    for (int i = 0; i < h->count; i++) {
        const double value = h->rows[i].values[column];
        if (isfinite(value)) {
            TRY(file_print(w, "%c%.1f %.1f ", pen_down ? 'L' : 'M', place_x(p, i + 1), place_y(p, value)));
        }
        pen_down = isfinite(value);
    }
    TRY(file_print(w, "\"/>\n"));
    for (int i = 0; i < h->count; i++) {
        const double value = h->rows[i].values[column];
        if (!isfinite(value)) continue;
        TRY(file_print(w, "<circle r=\"2.5\" fill=\"%s\" cx=\"%.1f\" cy=\"%.1f\"/>", colour, place_x(p, i + 1),
                       place_y(p, value)));
    }
    return file_print(w, "\n");
}

/* 1, 2 or 5 times a power of ten, not below the highest loss. */
static double loss_ceiling(const history *h)
{
    double highest = 1e-6;
    for (int i = 0; i < h->count; i++) highest = fmax(highest, h->rows[i].values[HISTORY_TRAIN_LOSS]);
    const double power = pow(10.0, floor(log10(highest)));
    const double digit = highest / power;
    return power * (digit <= 1.0 ? 1.0 : digit <= 2.0 ? 2.0 : digit <= 5.0 ? 5.0 : 10.0);
}

static status print_panels(file_writer *w, const history *h)
{
    const panel loss = {MARGIN, MARGIN, loss_ceiling(h), "training loss by epoch", h->count};
    const panel score = {
        MARGIN + PANEL_WIDTH + GAP, MARGIN, 1.0,
        "validation, per image: <tspan fill=\"#0a7d4f\">Jaccard</tspan>, <tspan fill=\"#c2611f\">DSC</tspan>",
        h->count};
    TRY(print_frame(w, &loss));
    TRY(print_curve(w, &loss, h, HISTORY_TRAIN_LOSS, "#2456a6"));
    TRY(print_frame(w, &score));
    TRY(print_curve(w, &score, h, HISTORY_JACCARD, "#0a7d4f"));
    return print_curve(w, &score, h, HISTORY_DSC, "#c2611f");
}

static status print_drawing(file_writer *w, const history *h)
{
    const int width = 2 * MARGIN + 2 * PANEL_WIDTH + GAP, height = 2 * MARGIN + PANEL_HEIGHT;
    TRY(file_print(w, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\">\n",
                   width, height, width, height));
    TRY(file_print(w, "<style>text{font:12px sans-serif;fill:#333}.title{font-size:14px}.grid{stroke:#ddd}</style>\n"
                      "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"));
    TRY(print_panels(w, h));
    return file_print(w, "</svg>\n");
}

status curves_write(const history *h, const char *path)
{
    file_writer *w;
    TRY(file_create(&w, path));
    const status result = print_drawing(w, h);
    if (result == POLYP_OK) return file_commit(w);
    file_abandon(w);
    return result;
}
