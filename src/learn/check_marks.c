/* Borders, boxes and blank pictures, found by simple rules; their constants were set on Kvasir-SEG (docs/data.md). */
#include "learn/check_marks.h"

static const unsigned char *pixel_at(const polyp_image *p, int x, int y)
{
    return p->pixels + ((size_t)y * (size_t)p->width + (size_t)x) * 3;
}

/* ---- borders -------------------------------------------------------------------------------- */

static void find_border(check_picture *out, const polyp_image *p)
{
    const signature_window lit = signature_lit(p);
    const int across = p->width - (lit.right - lit.left), down = p->height - (lit.bottom - lit.top);
    out->lit = (check_box){lit.left, lit.top, lit.right, lit.bottom};
    out->bordered = across > CHECK_BORDER_SHARE * p->width || down > CHECK_BORDER_SHARE * p->height;
}

/* ---- the green box -------------------------------------------------------------------------- */

/* Seen: (16, 166, 138) and (0, 190, 140). Dye and blue instruments have more blue than green. */
static bool is_box_green(const unsigned char *c)
{
    return c[1] >= 90 && c[1] >= c[0] + 50 && c[2] >= c[0] + 30 && c[1] > c[2];
}

static int green_of_row(const polyp_image *p, int y, int from, int to)
{
    int count = 0;
    for (int x = from; x < to; x++) count += is_box_green(pixel_at(p, x, y));
    return count;
}

static int green_of_column(const polyp_image *p, int x, int from, int to)
{
    int count = 0;
    for (int y = from; y < to; y++) count += is_box_green(pixel_at(p, x, y));
    return count;
}

/* The rows, then the columns between the first and the last that are green for a twentieth of the side at least. */
static check_box green_bounds(const polyp_image *p)
{
    check_box b = {0, 0, p->width, p->height};
    while (b.top < b.bottom && green_of_row(p, b.top, 0, p->width) * 20 < p->width) b.top++;
    while (b.top < b.bottom && green_of_row(p, b.bottom - 1, 0, p->width) * 20 < p->width) b.bottom--;
    if (b.top == b.bottom) return (check_box){0};
    while (b.left < b.right && green_of_column(p, b.left, b.top, b.bottom) * 20 < p->height) b.left++;
    while (b.left < b.right && green_of_column(p, b.right - 1, b.top, b.bottom) * 20 < p->height) b.right--;
    return b.left < b.right ? b : (check_box){0};
}

static double area_of(check_box b)
{
    return (double)(b.right - b.left) * (double)(b.bottom - b.top);
}

static check_box find_green_box(const polyp_image *p)
{
    const check_box b = green_bounds(p);
    double green = 0;
    for (int y = b.top; y < b.bottom; y++) green += green_of_row(p, y, b.left, b.right);
    const bool large = area_of(b) >= 0.01 * p->width * p->height;
    return large && green >= 0.75 * area_of(b) ? b : (check_box){0};
}

/* ---- the blanked box ------------------------------------------------------------------------ */

static bool is_black(const unsigned char *c)
{
    enum { BLACK_MOST = 24 }; /* JPEG's noise around a painted edge */
    return c[0] <= BLACK_MOST && c[1] <= BLACK_MOST && c[2] <= BLACK_MOST;
}

/* Black pixels from `left` on in a row of the lit part. */
static int black_run(const polyp_image *p, check_box lit, int y)
{
    int x = lit.left;
    while (x < lit.right && is_black(pixel_at(p, x, y))) x++;
    return x - lit.left;
}

/* How many rows up from the lower edge begin with a black tenth of the width. */
static int black_height(const polyp_image *p, check_box lit)
{
    int y = lit.bottom;
    while (y > lit.top && black_run(p, lit, y - 1) * 10 >= lit.right - lit.left) y--;
    return lit.bottom - y;
}

/* A corner cut off by an octagonal view grows row by row; a painted box has its full width at once. */
static check_box find_blanked_box(const polyp_image *p, check_box lit)
{
    enum { EDGE_ROWS = 4 };
    const int height = black_height(p, lit), width = lit.right - lit.left;
    const int top = lit.bottom - height;
    if (height * 10 < lit.bottom - lit.top || top - EDGE_ROWS < lit.top) return (check_box){0};
    const int above = black_run(p, lit, top - EDGE_ROWS), first = black_run(p, lit, top + EDGE_ROWS);
    const int middle = black_run(p, lit, top + height / 2);
    const bool straight = first * 10 >= middle * 9 && above * 2 < first && middle * 4 < width * 3;
    return straight ? (check_box){lit.left, top, lit.left + first, lit.bottom} : (check_box){0};
}

/* ---- colours -------------------------------------------------------------------------------- */

static int spread_of(const unsigned char *c)
{
    const int high = c[0] > c[1] ? c[0] : c[1], low = c[0] < c[1] ? c[0] : c[1];
    return (c[2] > high ? c[2] : high) - (c[2] < low ? c[2] : low);
}

static void find_colours(check_picture *out, const polyp_image *p)
{
    enum { GREY_MOST = 8, BLANK_MOST = 8 };
    const size_t count = (size_t)p->width * (size_t)p->height;
    int low = 255, high = 0;
    out->grey = true;
    for (size_t i = 0; i < count; i++) {
        const unsigned char *const c = p->pixels + 3 * i;
        if (spread_of(c) > GREY_MOST) out->grey = false;
        if (c[1] < low) low = c[1];
        if (c[1] > high) high = c[1];
    }
    out->blank = high - low <= BLANK_MOST;
}

void check_marks(check_picture *out, const polyp_image *picture)
{
    find_border(out, picture);
    find_colours(out, picture);
    out->box = find_green_box(picture);
    out->blanked_box = area_of(out->box) > 0 ? (check_box){0} : find_blanked_box(picture, out->lit);
}
