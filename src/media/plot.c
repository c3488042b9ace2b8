/* Panels with axes, grid, legend and series, drawn on a canvas. */
#include "media/plot.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/memory.h"
#include "media/canvas.h"
#include "media/image.h"
#include "media/plot_axis.h"

enum { PANEL_WIDTH = 460, PANEL_HEIGHT = 340, FIGURE_TITLE = 30, LARGEST_PANEL = 8192 };

static const canvas_colour GRID = {228, 228, 228}, FRAME = {120, 120, 120};
static const canvas_font TITLE = {14.0, true, {34, 34, 34}}, HEADING = {13.0, true, {34, 34, 34}};
static const canvas_font WORDS = {11.0, false, {34, 34, 34}}, QUIET = {11.0, false, {120, 120, 120}};

/* Okabe and Ito's colours (jfly.uni-koeln.de/color) without the yellow, which white paper swallows. */
static const canvas_colour COLOURS[] = {{0, 114, 178},  {213, 94, 0},  {0, 158, 115}, {204, 121, 167},
                                        {86, 180, 233}, {230, 159, 0}, {0, 0, 0}};
enum { COLOUR_COUNT = sizeof COLOURS / sizeof *COLOURS };

/* A rectangle; for a panel being drawn, what is left of it for the axes. */
typedef struct box {
    double x, y, width, height;
} box;

/* ---- series ----------------------------------------------------------------------------------------- */

void plot_colour(size_t index, unsigned char rgb[3])
{
    const canvas_colour c = COLOURS[index % COLOUR_COUNT];
    rgb[0] = c.red;
    rgb[1] = c.green;
    rgb[2] = c.blue;
}

/* When the colours are used up they come again, dashed. */
static canvas_pen pen_of(const plot_series *s, size_t index)
{
    if (s->style == PLOT_GUIDE) return (canvas_pen){FRAME, 1.0, 4.0};
    const size_t turn = index / COLOUR_COUNT;
    return (canvas_pen){COLOURS[index % COLOUR_COUNT], 1.8, turn == 0 ? 0.0 : 8.0 / (double)turn};
}

static bool has_line(const plot_series *s)
{
    return s->style != PLOT_POINTS;
}

static double dot_radius(const plot_series *s)
{
    return s->style == PLOT_POINTS ? 4.5 : s->style == PLOT_DOTTED ? 2.4 : 0.0;
}

/* Whether a dot is drawn at a point: within the axes, or on them. */
static bool is_inside(const double *point, const box *in)
{
    const double slack = 0.5, x = point[0] - in->x, y = point[1] - in->y;
    return x >= -slack && x <= in->width + slack && y >= -slack && y <= in->height + slack;
}

static status draw_series(canvas *c, const plot_panel *p, const plot_series *s, size_t index, const box *in)
{
    const canvas_pen pen = pen_of(s, index);
    double *points;
    TRY(memory_new(&points, 2 * s->count));
    for (size_t i = 0; i < s->count; i++) {
        points[2 * i] = in->x + in->width * axis_place(&p->x, s->x[i]);
        points[2 * i + 1] = in->y + in->height * (1.0 - axis_place(&p->y, s->y[i]));
    }
    canvas_clip(c, in->x - 1.0, in->y - 1.0, in->width + 2.0, in->height + 2.0);
    if (has_line(s)) canvas_line(c, points, s->count, &pen);
    canvas_unclip(c); /* a dot on the edge stays round */
    for (size_t i = 0; i < s->count && dot_radius(s) > 0.0; i++) {
        if (is_inside(points + 2 * i, in)) canvas_dot(c, points[2 * i], points[2 * i + 1], dot_radius(s), pen.colour);
    }
    memory_free(points);
    return POLYP_OK;
}

/* Colours are counted without the guides. */
static status draw_all_series(canvas *c, const plot_panel *p, const box *in)
{
    status result = POLYP_OK;
    for (size_t i = 0, index = 0; i < p->count && result == POLYP_OK; i++) {
        result = draw_series(c, p, &p->series[i], index, in);
        index += p->series[i].style != PLOT_GUIDE;
    }
    return result;
}

/* ---- legend ----------------------------------------------------------------------------------------- */

enum { LEGEND_ROW = 17, LEGEND_LINE = 22, LEGEND_GAP = 16 };

static double legend_width(canvas *c, const plot_series *s, double most)
{
    return fmin(LEGEND_LINE + 5.0 + canvas_text_width(c, s->name, &WORDS), most);
}

static void draw_legend_entry(canvas *c, const plot_series *s, size_t index, double x, double y, double width)
{
    const canvas_pen pen = pen_of(s, index);
    const double line[4] = {x, y - 4.0, x + LEGEND_LINE, y - 4.0};
    if (has_line(s)) canvas_line(c, line, 2, &pen);
    if (dot_radius(s) > 0.0) canvas_dot(c, x + LEGEND_LINE / 2.0, y - 4.0, dot_radius(s), pen.colour);
    canvas_text_within(c, x + LEGEND_LINE + 5.0, y, width - LEGEND_LINE - 5.0, s->name, &WORDS);
}

static bool has_points(const plot_series *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (isfinite(s->x[i]) && isfinite(s->y[i])) return true;
    }
    return false;
}

/* Names in rows, at most over half the panel; takes their room from the top of `in`. */
static void draw_legend(canvas *c, const plot_panel *p, box *in)
{
    const double bottom = in->y + in->height / 2.0;
    double x = in->x;
    bool any = false;
    for (size_t i = 0, index = 0; i < p->count; index += p->series[i].style != PLOT_GUIDE, i++) {
        const plot_series *const s = &p->series[i];
        if (!s->name || !s->name[0] || !has_points(s)) continue;
        const double width = legend_width(c, s, in->width);
        if (any && x + width > in->x + in->width) {
            if (in->y + 2 * LEGEND_ROW > bottom) {
                canvas_text(c, x, in->y + 12.0, "\xe2\x80\xa6", CANVAS_LEFT, &WORDS);
                break;
            }
            x = in->x;
            in->y += LEGEND_ROW;
            in->height -= LEGEND_ROW;
        }
        draw_legend_entry(c, s, index, x, in->y + 12.0, width);
        x += width + LEGEND_GAP;
        any = true;
    }
    if (!any) return;
    in->y += LEGEND_ROW + 7.0;
    in->height -= LEGEND_ROW + 7.0;
}

/* ---- axes ------------------------------------------------------------------------------------------- */

/* Takes in the values of one coordinate that the axis can show. */
static void find_ends(const double *values, size_t count, bool logarithmic, double *low, double *high)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]) || (logarithmic && values[i] <= 0.0)) continue;
        *low = fmin(*low, values[i]);
        *high = fmax(*high, values[i]);
    }
}

/* False when there is nothing to show but guides. */
static bool fit_axes(plot_panel *p)
{
    double x[2] = {(double)INFINITY, (double)-INFINITY}, y[2] = {(double)INFINITY, (double)-INFINITY};
    bool any = false;
    for (size_t i = 0; i < p->count; i++) {
        const plot_series *const s = &p->series[i];
        find_ends(s->x, s->count, p->x.logarithmic, &x[0], &x[1]);
        find_ends(s->y, s->count, p->y.logarithmic, &y[0], &y[1]);
        any |= s->style != PLOT_GUIDE && x[0] <= x[1] && y[0] <= y[1];
    }
    axis_fit(&p->x, x[0], x[1], 0.0);
    axis_fit(&p->y, y[0], y[1], 0.05);
    return any;
}

static double widest_label(canvas *c, const axis_ticks *t)
{
    double widest = 0.0;
    for (int i = 0; i < t->count; i++) widest = fmax(widest, canvas_text_width(c, t->label[i], &WORDS));
    return widest;
}

static void draw_x_ticks(canvas *c, const plot_axis *axis, const axis_ticks *t, const box *in)
{
    const canvas_pen grid = {GRID, 1.0, 0.0};
    for (int i = 0; i < t->count; i++) {
        const double x = in->x + in->width * axis_place(axis, t->at[i]);
        const double line[4] = {x, in->y, x, in->y + in->height};
        canvas_line(c, line, 2, &grid);
        canvas_text(c, x, in->y + in->height + 15.0, t->label[i], CANVAS_CENTRE, &WORDS);
    }
}

static void draw_y_ticks(canvas *c, const plot_axis *axis, const axis_ticks *t, const box *in)
{
    const canvas_pen grid = {GRID, 1.0, 0.0};
    for (int i = 0; i < t->count; i++) {
        const double y = in->y + in->height * (1.0 - axis_place(axis, t->at[i]));
        const double line[4] = {in->x, y, in->x + in->width, y};
        canvas_line(c, line, 2, &grid);
        canvas_text(c, in->x - 6.0, y + 4.0, t->label[i], CANVAS_RIGHT, &WORDS);
    }
}

static bool has_label(const plot_axis *axis)
{
    return axis->label && axis->label[0];
}

/* Grid, numbers and labels; `in` shrinks to the rectangle between the axes. */
static void draw_axes(canvas *c, const plot_panel *p, box *in)
{
    const canvas_pen frame = {FRAME, 1.0, 0.0};
    axis_ticks x, y;
    in->height -= 20.0 + (has_label(&p->x) ? 18.0 : 0.0);
    axis_find_ticks(&y, &p->y, (int)fmax(2.0, in->height / 38.0));
    const double left = widest_label(c, &y) + 8.0 + (has_label(&p->y) ? 18.0 : 0.0);
    const double panel_left = in->x;
    in->x += left;
    in->width -= left + 16.0; /* the last number on the right may stand out */
    axis_find_ticks(&x, &p->x, (int)fmax(2.0, in->width / 64.0));
    draw_x_ticks(c, &p->x, &x, in);
    draw_y_ticks(c, &p->y, &y, in);
    canvas_frame(c, in->x, in->y, in->width, in->height, &frame);
    if (has_label(&p->x))
        canvas_text(c, in->x + in->width / 2.0, in->y + in->height + 34.0, p->x.label, CANVAS_CENTRE, &WORDS);
    if (has_label(&p->y)) canvas_text_upwards(c, panel_left + 11.0, in->y + in->height / 2.0, p->y.label, &WORDS);
}

/* ---- panels ----------------------------------------------------------------------------------------- */

static status draw_panel(canvas *c, const plot_panel *panel, box in)
{
    plot_panel p = *panel; /* whose axes are fitted */
    const bool any = fit_axes(&p);
    if (p.title && p.title[0]) {
        canvas_text_within(c, in.x, in.y + 14.0, in.width, p.title, &HEADING);
        in.y += 24.0;
        in.height -= 24.0;
    }
    draw_legend(c, &p, &in);
    draw_axes(c, &p, &in);
    if (!any) canvas_text(c, in.x + in.width / 2.0, in.y + in.height / 2.0, "no values yet", CANVAS_CENTRE, &QUIET);
    return draw_all_series(c, &p, &in);
}

/* The figure with its defaults put in. Errors: ARGUMENT. */
static status complete(plot_figure *f, const plot_figure *figure)
{
    *f = *figure;
    if (f->width == 0) f->width = PANEL_WIDTH;
    if (f->height == 0) f->height = PANEL_HEIGHT;
    if (f->count < 1 || f->count > 1000 || f->columns < 0 || f->width < 160 || f->height < 140 ||
        f->width > LARGEST_PANEL || f->height > LARGEST_PANEL)
        return fail(POLYP_ERR_ARGUMENT, "a plot needs 1 to 1000 panels of 160 x 140 pixels or more");
    if (f->columns == 0 || (size_t)f->columns > f->count) f->columns = (int)f->count;
    return POLYP_OK;
}

static status draw_figure(canvas *c, const plot_figure *f)
{
    enum { MARGIN = 12 };
    const int top = f->title && f->title[0] ? FIGURE_TITLE : 0;
    if (top) canvas_text_within(c, MARGIN, 21.0, f->columns * f->width - 2.0 * MARGIN, f->title, &TITLE);
    for (size_t i = 0; i < f->count; i++) {
        const int row = (int)i / f->columns, column = (int)i % f->columns;
        const box in = {column * f->width + MARGIN, top + row * f->height + MARGIN / 2.0, f->width - 2.0 * MARGIN,
                        f->height - 2.0 * MARGIN};
        TRY(draw_panel(c, &f->panels[i], in));
    }
    return POLYP_OK;
}

static status draw_on(canvas **out, enum canvas_kind kind, const plot_figure *figure, int scale)
{
    plot_figure f;
    canvas *c;
    TRY(complete(&f, figure));
    const int rows = ((int)f.count + f.columns - 1) / f.columns;
    const int height = (f.title && f.title[0] ? FIGURE_TITLE : 0) + rows * f.height;
    TRY(canvas_create(&c, kind, f.columns * f.width, height, scale));
    const status result = draw_figure(c, &f);
    if (result == POLYP_OK) *out = c;
    else canvas_destroy(c);
    return result;
}

status plot_svg(char **out, size_t *size, const plot_figure *figure)
{
    canvas *c;
    TRY(draw_on(&c, CANVAS_SVG, figure, 1));
    const status result = canvas_finish_svg(out, size, c);
    canvas_destroy(c);
    return result;
}

status plot_draw(polyp_image *out, const plot_figure *figure, int scale)
{
    canvas *c;
    TRY(draw_on(&c, CANVAS_PICTURE, figure, scale));
    const status result = canvas_finish_picture(out, c);
    canvas_destroy(c);
    return result;
}

/* ---- files ------------------------------------------------------------------------------------------ */

static bool is_png(const char *path)
{
    const char *const dot = strrchr(path, '.');
    return dot && strcasecmp(dot, ".png") == 0;
}

static status write_png(const char *path, const plot_figure *figure)
{
    polyp_image picture;
    TRY(plot_draw(&picture, figure, 2));
    const status result = image_write_png(&picture, path);
    polyp_image_free(&picture);
    return result;
}

status plot_write(const char *path, const plot_figure *figure)
{
    char *text;
    size_t size;
    if (is_png(path)) return write_png(path, figure);
    TRY(plot_svg(&text, &size, figure));
    const status result = file_replace(path, text, size);
    memory_free(text);
    return result;
}
