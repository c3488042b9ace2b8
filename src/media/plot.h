/* Line plots: one drawing function gives SVG and PNG. Needs Cairo (media/canvas.h). */
#ifndef POLYP_MEDIA_PLOT_H
#define POLYP_MEDIA_PLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum plot_style {
    PLOT_LINE,   /* a line through the points; a point that is not a number is a gap */
    PLOT_DOTTED, /* a line with a dot at each point: for a few points, such as epochs */
    PLOT_POINTS, /* dots alone: for marks on another line */
    PLOT_GUIDE   /* a thin dashed grey line: what to compare with, such as a diagonal; takes no colour of the series */
};

typedef struct plot_series {
    const char *name; /* for the legend; NULL, "" or no point: it has no place there */
    const double *x, *y;
    size_t count;
    enum plot_style style;
} plot_series;

typedef struct plot_axis {
    const char *label; /* NULL or "": none */
    bool logarithmic;  /* what is not above 0 is a gap */
    bool whole;        /* ticks at whole numbers only (linear axes) */
    double low, high;  /* ends; both 0 (or NaN): from the data */
} plot_axis;

typedef struct plot_panel {
    const char *title;
    plot_axis x, y;
    const plot_series *series;
    size_t count;
} plot_panel;

typedef struct plot_figure {
    const char *title; /* NULL or "": none */
    const plot_panel *panels;
    size_t count;
    int columns;       /* panels side by side; 0: all of them */
    int width, height; /* of one panel with its labels, in pixels; 0: 460 x 340 */
} plot_figure;

/* SVG text; ended by a NUL that `size` does not count; memory_free() it. Equal data give equal bytes (with the same Cairo
 * and fonts), and the ids inside are its own, so that several can stand in one HTML page.
 * Errors: UNSUPPORTED (built without Cairo), ARGUMENT (no panels), SIZE, MEMORY. */
status plot_svg(char **out, size_t *size, const plot_figure *figure);

/* An RGB picture, `scale` pixels for each of the figure's (2: sharp on fine screens and in print). */
status plot_draw(polyp_image *out, const plot_figure *figure, int scale);

/* A file, replaced whole: PNG (scale 2) when `path` ends in .png, else SVG. */
status plot_write(const char *path, const plot_figure *figure);

/* The colour of a panel's series number `index`, guides not counted: Okabe and Ito's, told apart by colour-blind people. */
void plot_colour(size_t index, unsigned char rgb[3]);

#endif
