/*
 * Drawing in two dimensions over Cairo: text, lines and areas, as a picture or as SVG from the same calls. Lengths are in
 * pixels, from the top left corner. A program built without Cairo has no canvas: canvas_available() tells, and creating
 * one fails in words.
 */
#ifndef POLYP_MEDIA_CANVAS_H
#define POLYP_MEDIA_CANVAS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

typedef struct canvas canvas;

typedef struct canvas_colour {
    unsigned char red, green, blue;
} canvas_colour;

enum canvas_anchor { CANVAS_LEFT, CANVAS_CENTRE, CANVAS_RIGHT };

typedef struct canvas_font {
    double size; /* of the letters, as CSS has it */
    bool bold;
    canvas_colour colour;
} canvas_font;

typedef struct canvas_pen {
    canvas_colour colour;
    double width;
    double dash; /* length of a dash and of the gap behind it; 0: unbroken */
} canvas_pen;

enum canvas_kind { CANVAS_PICTURE, CANVAS_SVG };

bool canvas_available(void);

/* White. A picture has `scale` pixels for each of the drawing's (1 or more; SVG takes none of it). Free with
 * canvas_destroy(). Errors: UNSUPPORTED (built without Cairo), SIZE, MEMORY. */
status canvas_create(canvas **out, enum canvas_kind kind, int width, int height, int scale);
void canvas_destroy(canvas *c); /* takes NULL */

/* Drawing cannot fail by itself: what goes wrong (memory) is told by the canvas_finish_...() that follows. */
void canvas_area(canvas *c, double x, double y, double width, double height, canvas_colour colour);
void canvas_frame(canvas *c, double x, double y, double width, double height, const canvas_pen *pen);
void canvas_dot(canvas *c, double x, double y, double radius, canvas_colour colour);

/* Through `count` points (x, y); a point that is not finite ends the line, the next one begins another. */
void canvas_line(canvas *c, const double *points, size_t count, const canvas_pen *pen);

/* What is drawn from here on stays within; until canvas_unclip(). Not nested. */
void canvas_clip(canvas *c, double x, double y, double width, double height);
void canvas_unclip(canvas *c);

/* One line of UTF-8 (other bytes become "?"), its baseline at y, the anchor at x. */
void canvas_text(canvas *c, double x, double y, const char *text, enum canvas_anchor anchor, const canvas_font *font);

/* The same turned to run upwards, centred at y. */
void canvas_text_upwards(canvas *c, double x, double y, const char *text, const canvas_font *font);

double canvas_text_width(canvas *c, const char *text, const canvas_font *font);

/* Like canvas_text() from the left, cut with an ellipsis where it would be wider than `width`. */
void canvas_text_within(canvas *c, double x, double y, double width, const char *text, const canvas_font *font);

/* The drawing as an RGB picture (polyp_image_free()) or as SVG text (memory_free(); ended by a NUL that `size` does not
 * count). Equal drawings give equal bytes with the same Cairo and fonts. Ids in the SVG begin with a checksum of the
 * drawing, so that several can stand in one HTML page. Nothing may be drawn afterwards. */
status canvas_finish_picture(polyp_image *out, canvas *c);
status canvas_finish_svg(char **out, size_t *size, canvas *c);

#endif
