/* Stands for canvas.c in a build without Cairo. */
#include "media/canvas.h"

bool canvas_available(void)
{
    return false;
}

status canvas_create(canvas **out, enum canvas_kind kind, int width, int height, int scale)
{
    (void)out, (void)kind, (void)width, (void)height, (void)scale;
    return fail(POLYP_ERR_UNSUPPORTED,
                "this program was built without Cairo and cannot draw; install libcairo2-dev and "
                "build it again");
}

/* No canvas exists: nothing below is ever called with one. */
void canvas_destroy(canvas *c)
{
    (void)c;
}

void canvas_area(canvas *c, double x, double y, double width, double height, canvas_colour colour)
{
    (void)c, (void)x, (void)y, (void)width, (void)height, (void)colour;
}

void canvas_frame(canvas *c, double x, double y, double width, double height, const canvas_pen *pen)
{
    (void)c, (void)x, (void)y, (void)width, (void)height, (void)pen;
}

void canvas_dot(canvas *c, double x, double y, double radius, canvas_colour colour)
{
    (void)c, (void)x, (void)y, (void)radius, (void)colour;
}

void canvas_line(canvas *c, const double *points, size_t count, const canvas_pen *pen)
{
    (void)c, (void)points, (void)count, (void)pen;
}

void canvas_clip(canvas *c, double x, double y, double width, double height)
{
    (void)c, (void)x, (void)y, (void)width, (void)height;
}

void canvas_unclip(canvas *c)
{
    (void)c;
}

void canvas_text(canvas *c, double x, double y, const char *text, enum canvas_anchor anchor, const canvas_font *font)
{
    (void)c, (void)x, (void)y, (void)text, (void)anchor, (void)font;
}

void canvas_text_upwards(canvas *c, double x, double y, const char *text, const canvas_font *font)
{
    (void)c, (void)x, (void)y, (void)text, (void)font;
}

double canvas_text_width(canvas *c, const char *text, const canvas_font *font)
{
    (void)c, (void)text, (void)font;
    return 0.0;
}

void canvas_text_within(canvas *c, double x, double y, double width, const char *text, const canvas_font *font)
{
    (void)c, (void)x, (void)y, (void)width, (void)text, (void)font;
}

status canvas_finish_picture(polyp_image *out, canvas *c)
{
    (void)out, (void)c;
    return POLYP_ERR_UNSUPPORTED;
}

status canvas_finish_svg(char **out, size_t *size, canvas *c)
{
    (void)out, (void)size, (void)c;
    return POLYP_ERR_UNSUPPORTED;
}
