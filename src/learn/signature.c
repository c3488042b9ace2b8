/* A difference hash in two directions and coarse colours, as one number of how far two pictures are apart. */
#include "learn/signature.h"

#include <string.h>

/*
 * How far apart near-duplicates may be, chosen by looking at the closest pairs of Kvasir-SEG's 1000 pictures (499,500
 * pairs, half of them more than 74 apart, one in a thousand less than 40.5). Of the pairs at most so far apart, these
 * showed one scene: 20: 17 of 17    28: 22 of 22    32: 24 of 28    34: 26 of 56 The first 17 are one frame each,
 * stored twice; 13 of them lie across the official training and validation split. At 32 the 1000 pictures make 972
 * groups, none larger than 3. A pair too many only ties two pictures to one fold; a pair missed leaks, and some are:
 * the same polyp from another side looks no more alike than two polyps.
 */
static const double SIGNATURE_NEAR = 32;

/* ---- dark borders -------------------------------------------------------------------------- */

/* The same frame is published with and without the black surround of the endoscope's screen, so the surround goes
 * first: rows and columns at the edges where under an eighth of the pixels is lit. */
enum { LIT_LEVEL = 40, LIT_SHARE = 8 };

typedef signature_window window;

static int brightest(const unsigned char *pixel)
{
    const int red_green = pixel[0] > pixel[1] ? pixel[0] : pixel[1];
    return pixel[2] > red_green ? pixel[2] : red_green;
}

/* Is enough of a row (step: one pixel) or column (step: one row) lit? */
static bool is_lit(const unsigned char *first, int count, size_t step)
{
    int lit = 0;
    for (int i = 0; i < count; i++) lit += brightest(first + (size_t)i * step) > LIT_LEVEL;
    return lit * LIT_SHARE > count;
}

static bool row_lit(const polyp_image *p, int y)
{
    return is_lit(p->pixels + (size_t)y * (size_t)p->width * 3, p->width, 3);
}

static bool column_lit(const polyp_image *p, int x)
{
    return is_lit(p->pixels + (size_t)x * 3, p->height, (size_t)p->width * 3);
}

window signature_lit(const polyp_image *p)
{
    window w = {0, 0, p->width, p->height};
    while (w.top < w.bottom && !row_lit(p, w.top)) w.top++;
    while (w.bottom > w.top && !row_lit(p, w.bottom - 1)) w.bottom--;
    while (w.left < w.right && !column_lit(p, w.left)) w.left++;
    while (w.right > w.left && !column_lit(p, w.right - 1)) w.right--;
    if (w.top == w.bottom || w.left == w.right) return (window){0, 0, p->width, p->height};
    return w;
}

/* ---- the grid ------------------------------------------------------------------------------ */

enum { SIDE = SIGNATURE_SIDE, HALF = SIGNATURE_SIDE / 2 };

typedef struct grid {
    double cells[SIDE][SIDE][3]; /* mean colour, 0..255 */
} grid;

/* Cell `i` of SIDE over first .. last: at least one pixel, whole pixels only. */
static void cell_range(int *from, int *to, int first, int last, int i)
{
    const long long length = last - first;
    *from = first + (int)(length * i / SIDE);
    *to = first + (int)(length * (i + 1) / SIDE);
    if (*to == *from) *to = *from + 1;
}

static void cell_mean(double mean[3], const polyp_image *p, const window *w)
{
    uint64_t sum[3] = {0};
    for (int y = w->top; y < w->bottom; y++) {
        const unsigned char *pixel = p->pixels + ((size_t)y * (size_t)p->width + (size_t)w->left) * 3;
        for (int x = w->left; x < w->right; x++, pixel += 3) {
            for (int c = 0; c < 3; c++) sum[c] += pixel[c];
        }
    }
    const double count = (double)(w->bottom - w->top) * (double)(w->right - w->left);
    for (int c = 0; c < 3; c++) mean[c] = (double)sum[c] / count;
}

static void grid_of(grid *g, const polyp_image *p)
{
    const window all = signature_lit(p);
    for (int y = 0; y < SIDE; y++) {
        window cell;
        cell_range(&cell.top, &cell.bottom, all.top, all.bottom, y);
        for (int x = 0; x < SIDE; x++) {
            cell_range(&cell.left, &cell.right, all.left, all.right, x);
            cell_mean(g->cells[y][x], p, &cell);
        }
    }
}

/* ---- the signature ------------------------------------------------------------------------- */

/* Not rounded: equal neighbours would give flat pictures of different scenes the same empty bits. */
static double grey(const double cell[3])
{
    return 0.299 * cell[0] + 0.587 * cell[1] + 0.114 * cell[2];
}

static void put_bit(signature *s, int *place, bool value)
{
    if (value) s->bits[*place / 64] |= (uint64_t)1 << (*place % 64);
    (*place)++;
}

static void fill_bits(signature *s, const grid *g)
{
    int place = 0;
    for (int y = 0; y < SIDE; y++) {
        for (int x = 0; x < SIDE; x++) {
            const double here = grey(g->cells[y][x]);
            if (x > 0) put_bit(s, &place, here > grey(g->cells[y][x - 1]));
            if (y > 0) put_bit(s, &place, here > grey(g->cells[y - 1][x]));
        }
    }
}

static void fill_colours(signature *s, const grid *g)
{
    uint8_t *next = s->colours;
    for (int y = 0; y < HALF; y++) {
        for (int x = 0; x < HALF; x++) {
            for (int c = 0; c < 3; c++) {
                const double sum = g->cells[2 * y][2 * x][c] + g->cells[2 * y][2 * x + 1][c] +
                                   g->cells[2 * y + 1][2 * x][c] + g->cells[2 * y + 1][2 * x + 1][c];
                *next++ = (uint8_t)(sum / 4 + 0.5);
            }
        }
    }
}

void signature_of(signature *out, const polyp_image *picture)
{
    grid g;
    grid_of(&g, picture);
    memset(out, 0, sizeof *out);
    fill_bits(out, &g);
    fill_colours(out, &g);
}

/* ---- comparing ----------------------------------------------------------------------------- */

static double bits_apart(const signature *a, const signature *b)
{
    int different = 0;
    for (int i = 0; i < SIGNATURE_WORDS; i++) different += __builtin_popcountll(a->bits[i] ^ b->bits[i]);
    return 100.0 * different / SIGNATURE_BITS;
}

/* The median, not the mean: a box drawn over a corner of one of them must not count. */
static double colours_apart(const signature *a, const signature *b)
{
    int seen[256] = {0};
    for (int i = 0; i < SIGNATURE_COLOURS; i++) {
        const int difference = a->colours[i] - b->colours[i];
        seen[difference < 0 ? -difference : difference]++;
    }
    int level = 0;
    for (int below = seen[0]; 2 * below < SIGNATURE_COLOURS; below += seen[level]) level++;
    return level;
}

double signature_distance(const signature *a, const signature *b)
{
    return bits_apart(a, b) + colours_apart(a, b);
}

bool signature_near(const signature *a, const signature *b)
{
    return bits_apart(a, b) <= SIGNATURE_NEAR && signature_distance(a, b) <= SIGNATURE_NEAR;
}
