/* The only file that knows Cairo. */
#include "media/canvas.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cairo-svg.h>
#include <cairo.h>
#include <xxhash.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "media/image.h"

static const char FONT[] = "DejaVu Sans"; /* where it is not installed, fontconfig's nearest */
static const double PI = 3.14159265358979323846;

struct canvas {
    enum canvas_kind kind;
    int width, height;
    cairo_surface_t *surface;
    cairo_t *cairo;
    buffer svg; /* what Cairo has handed over */
};

bool canvas_available(void)
{
    return true;
}

/* ---- life ------------------------------------------------------------------------------------------- */

static cairo_status_t take_bytes(void *context, const unsigned char *bytes, unsigned count)
{
    return buffer_add(context, bytes, count) == POLYP_OK ? CAIRO_STATUS_SUCCESS : CAIRO_STATUS_WRITE_ERROR;
}

static status failure(cairo_status_t code)
{
    return fail(POLYP_ERR_MEMORY, "a drawing failed in Cairo: %s", cairo_status_to_string(code));
}

static void open_surface(canvas *c)
{
    if (c->kind == CANVAS_PICTURE) {
        c->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, c->width, c->height);
        return;
    }
    c->surface = cairo_svg_surface_create_for_stream(take_bytes, &c->svg, c->width, c->height);
    cairo_svg_surface_set_document_unit(c->surface, CAIRO_SVG_UNIT_PX);
}

/* Letters without hinting: the same places at every size and in both kinds. */
static void set_font(canvas *c)
{
    cairo_font_options_t *const options = cairo_font_options_create();
    cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
    cairo_font_options_set_antialias(options, CAIRO_ANTIALIAS_GRAY);
    cairo_set_font_options(c->cairo, options);
    cairo_font_options_destroy(options);
}

static void set_colour(canvas *c, canvas_colour colour)
{
    cairo_set_source_rgb(c->cairo, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0);
}

status canvas_create(canvas **out, enum canvas_kind kind, int width, int height, int scale)
{
    enum { CAIRO_LIMIT = 32767 }; /* of a side */
    canvas *c;
    const int most = CAIRO_LIMIT / scale;
    if (width < 1 || height < 1 || width > most || height > most)
        return fail(POLYP_ERR_SIZE, "a drawing of %d x %d pixels is not possible; its sides may have 1 to %d", width,
                    height, most);
    TRY(memory_new(&c, 1));
    const int pixels = kind == CANVAS_PICTURE ? scale : 1;
    *c = (canvas){.kind = kind, .width = width * pixels, .height = height * pixels};
    open_surface(c);
    c->cairo = cairo_create(c->surface);
    cairo_scale(c->cairo, pixels, pixels);
    set_font(c);
    canvas_area(c, 0, 0, width, height, (canvas_colour){255, 255, 255});
    const cairo_status_t code = cairo_status(c->cairo);
    if (code == CAIRO_STATUS_SUCCESS) *out = c;
    else canvas_destroy(c);
    return code == CAIRO_STATUS_SUCCESS ? POLYP_OK : failure(code);
}

void canvas_destroy(canvas *c)
{
    if (!c) return;
    cairo_destroy(c->cairo);
    cairo_surface_destroy(c->surface);
    buffer_free(&c->svg);
    memory_free(c);
}

/* ---- areas and lines -------------------------------------------------------------------------------- */

static void set_pen(canvas *c, const canvas_pen *pen)
{
    set_colour(c, pen->colour);
    cairo_set_line_width(c->cairo, pen->width);
    cairo_set_line_join(c->cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_dash(c->cairo, &pen->dash, pen->dash > 0.0 ? 1 : 0, 0.0);
}

void canvas_area(canvas *c, double x, double y, double width, double height, canvas_colour colour)
{
    set_colour(c, colour);
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_fill(c->cairo);
}

void canvas_frame(canvas *c, double x, double y, double width, double height, const canvas_pen *pen)
{
    set_pen(c, pen);
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_stroke(c->cairo);
}

void canvas_dot(canvas *c, double x, double y, double radius, canvas_colour colour)
{
    set_colour(c, colour);
    cairo_new_sub_path(c->cairo);
    cairo_arc(c->cairo, x, y, radius, 0.0, 2.0 * PI);
    cairo_fill(c->cairo);
}

void canvas_line(canvas *c, const double *points, size_t count, const canvas_pen *pen)
{
    bool down = false;
    set_pen(c, pen);
    for (size_t i = 0; i < count; i++) {
        const double x = points[2 * i], y = points[2 * i + 1];
        const bool there = isfinite(x) && isfinite(y);
        if (there && down) cairo_line_to(c->cairo, x, y);
        else if (there) cairo_move_to(c->cairo, x, y);
        down = there;
    }
    cairo_stroke(c->cairo);
}

void canvas_clip(canvas *c, double x, double y, double width, double height)
{
    cairo_rectangle(c->cairo, x, y, width, height);
    cairo_clip(c->cairo);
}

void canvas_unclip(canvas *c)
{
    cairo_reset_clip(c->cairo);
}

/* ---- text ------------------------------------------------------------------------------------------- */

/* How many bytes the character at `text` has; 0 when it is not UTF-8 (or a control character). */
static size_t character_size(const char *text)
{
    const unsigned char *const p = (const unsigned char *)text;
    const size_t size = p[0] < 0x20 || p[0] == 0x7f ? 0
                        : p[0] < 0x80               ? 1
                        : p[0] < 0xc2               ? 0
                        : p[0] < 0xe0               ? 2
                        : p[0] < 0xf0               ? 3
                        : p[0] < 0xf5               ? 4
                                                    : 0;
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80) return 0;
    }
    const bool overlong = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    const bool outside = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);
    return size > 1 && (overlong || outside) ? 0 : size;
}

enum { TEXT_ROOM = 512 };

/* A copy that Cairo takes: anything but UTF-8 would end the whole drawing. Cut to the room. */
static void clean(char out[TEXT_ROOM], const char *text)
{
    size_t used = 0;
    while (*text && used + 4 < TEXT_ROOM) {
        const size_t size = character_size(text);
        if (size == 0) out[used] = '?';
        else memcpy(out + used, text, size);
        used += size ? size : 1;
        text += size ? size : 1;
    }
    out[used] = '\0';
}

static double measure(canvas *c, const char *cleaned, const canvas_font *font)
{
    cairo_text_extents_t extents;
    cairo_select_font_face(c->cairo, FONT, CAIRO_FONT_SLANT_NORMAL,
                           font->bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(c->cairo, font->size);
    cairo_text_extents(c->cairo, cleaned, &extents);
    return extents.x_advance;
}

double canvas_text_width(canvas *c, const char *text, const canvas_font *font)
{
    char cleaned[TEXT_ROOM];
    clean(cleaned, text);
    return measure(c, cleaned, font);
}

void canvas_text(canvas *c, double x, double y, const char *text, enum canvas_anchor anchor, const canvas_font *font)
{
    char cleaned[TEXT_ROOM];
    clean(cleaned, text);
    const double width = measure(c, cleaned, font);
    set_colour(c, font->colour);
    cairo_move_to(c->cairo, x - (anchor == CANVAS_LEFT ? 0.0 : anchor == CANVAS_CENTRE ? width / 2.0 : width), y);
    cairo_show_text(c->cairo, cleaned);
    cairo_new_path(c->cairo);
}

void canvas_text_upwards(canvas *c, double x, double y, const char *text, const canvas_font *font)
{
    cairo_save(c->cairo);
    cairo_translate(c->cairo, x, y);
    cairo_rotate(c->cairo, -PI / 2.0);
    canvas_text(c, 0.0, 0.0, text, CANVAS_CENTRE, font);
    cairo_restore(c->cairo);
}

void canvas_text_within(canvas *c, double x, double y, double width, const char *text, const canvas_font *font)
{
    static const char ELLIPSIS[] = "\xe2\x80\xa6";
    char cleaned[TEXT_ROOM + sizeof ELLIPSIS];
    clean(cleaned, text);
    size_t length = strlen(cleaned);
    if (measure(c, cleaned, font) > width) {
        do {
            while (length > 0 && ((unsigned char)cleaned[--length] & 0xc0) == 0x80) continue;
            memcpy(cleaned + length, ELLIPSIS, sizeof ELLIPSIS);
        } while (length > 0 && measure(c, cleaned, font) > width);
    }
    canvas_text(c, x, y, cleaned, CANVAS_LEFT, font);
}

/* ---- the result ------------------------------------------------------------------------------------- */

status canvas_finish_picture(polyp_image *out, canvas *c)
{
    polyp_image picture;
    cairo_surface_flush(c->surface);
    if (cairo_status(c->cairo) != CAIRO_STATUS_SUCCESS) return failure(cairo_status(c->cairo));
    TRY(image_create(&picture, c->width, c->height, 3));
    const unsigned char *const pixels = cairo_image_surface_get_data(c->surface);
    const size_t stride = (size_t)cairo_image_surface_get_stride(c->surface);
    unsigned char *to = picture.pixels;
    for (int y = 0; y < c->height; y++) {
        for (int x = 0; x < c->width; x++) {
            uint32_t pixel; /* 0x00RRGGBB in the machine's byte order */
            memcpy(&pixel, pixels + (size_t)y * stride + 4 * (size_t)x, sizeof pixel);
            *to++ = (unsigned char)(pixel >> 16);
            *to++ = (unsigned char)(pixel >> 8);
            *to++ = (unsigned char)pixel;
        }
    }
    *out = picture;
    return POLYP_OK;
}

/* Cairo 1.16 numbers its surfaces over the life of the process: the name that nothing refers to is taken out. */
static void drop_surface_id(buffer *svg)
{
    static const char BEGIN[] = " id=\"surface";
    char *const at = strstr((char *)svg->data, BEGIN);
    const char *const end = at ? strchr(at + sizeof BEGIN - 1, '"') : NULL;
    if (!end) return;
    memmove(at, end + 1, strlen(end + 1) + 1);
    svg->size -= (size_t)(end + 1 - at);
}

/* Whether an id, or a reference to one, begins behind `size` bytes of text. */
static bool ends_before_id(const char *text, size_t size)
{
    static const char *const before[] = {" id=\"", "href=\"#", "url(#"};
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        const size_t length = strlen(before[i]);
        if (size >= length && memcmp(text + size - length, before[i], length) == 0) return true;
    }
    return false;
}

static status add_with_prefixes(buffer *out, const buffer *svg)
{
    const char *const text = (const char *)svg->data;
    char prefix[16];
    size_t done = 0;
    (void)snprintf(prefix, sizeof prefix, "p%08x-", (unsigned)XXH3_64bits(svg->data, svg->size));
    for (size_t i = 1; i < svg->size; i++) {
        if (!ends_before_id(text, i)) continue;
        TRY(buffer_add(out, text + done, i - done));
        TRY(buffer_add(out, prefix, strlen(prefix)));
        done = i;
    }
    return buffer_add(out, text + done, svg->size - done);
}

status canvas_finish_svg(char **out, size_t *size, canvas *c)
{
    buffer named = {0};
    cairo_surface_finish(c->surface);
    const cairo_status_t drawn = cairo_status(c->cairo), written = cairo_surface_status(c->surface);
    if (written == CAIRO_STATUS_WRITE_ERROR) return POLYP_ERR_MEMORY; /* take_bytes() has said it */
    if (written != CAIRO_STATUS_SUCCESS) return failure(written);
    if (drawn != CAIRO_STATUS_SUCCESS && drawn != CAIRO_STATUS_SURFACE_FINISHED) return failure(drawn);
    TRY(buffer_add(&c->svg, "", 1)); /* the NUL at the end */
    drop_surface_id(&c->svg);
    const status result = add_with_prefixes(&named, &c->svg);
    if (result == POLYP_OK) {
        *out = (char *)named.data;
        *size = named.size - 1;
    } else {
        buffer_free(&named);
    }
    return result;
}
