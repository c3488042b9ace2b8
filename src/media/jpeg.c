/* JPEG through libjpeg-turbo. Its errors jump: every call into it runs below one of the two ..._guarded functions. */
#include <setjmp.h>
#include <stdio.h> /* jpeglib.h needs it first */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "base/memory.h"
#include "media/formats.h"

/* ---- its errors -------------------------------------------------------------------------- */

typedef struct jpeg_trouble {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back a pointer to it */
    jmp_buf escape;
    char words[JMSG_LENGTH_MAX];
} jpeg_trouble;

static _Noreturn void jump_out(j_common_ptr session)
{
    jpeg_trouble *const trouble = (jpeg_trouble *)session->err;
    trouble->manager.format_message(session, trouble->words);
    longjmp(trouble->escape, 1);
}

/* After these the picture is whole as far as anybody can tell; every other warning means invented pixels. */
static bool is_harmless(int warning)
{
    return warning == JWRN_EXTRANEOUS_DATA || warning == JWRN_JFIF_MAJOR || warning == JWRN_ADOBE_XFORM;
}

static void on_message(j_common_ptr session, int level)
{
    if (level < 0 && !is_harmless(session->err->msg_code)) jump_out(session);
}

static struct jpeg_error_mgr *watch_trouble(jpeg_trouble *trouble)
{
    jpeg_std_error(&trouble->manager);
    trouble->manager.error_exit = jump_out;
    trouble->manager.emit_message = on_message;
    return &trouble->manager;
}

static status failure(const jpeg_trouble *trouble, const char *name)
{
    switch (trouble->manager.msg_code) {
    case JERR_OUT_OF_MEMORY: return fail(POLYP_ERR_MEMORY, "%s: no memory to decode or encode this JPEG", name);
    case JERR_BAD_PRECISION:
    case JERR_SOF_UNSUPPORTED:
    case JERR_CONVERSION_NOTIMPL:
        return fail(POLYP_ERR_UNSUPPORTED,
                    "%s: this kind of JPEG is not handled (%s); save it as a baseline JPEG or PNG", name,
                    trouble->words);
    case JWRN_JPEG_EOF: return fail(POLYP_ERR_FORMAT, "%s: the JPEG is cut off", name);
    default: return fail(POLYP_ERR_FORMAT, "%s: damaged JPEG (%s)", name, trouble->words);
    }
}

/* ---- decoding ---------------------------------------------------------------------------- */

typedef struct jpeg_reader {
    jpeg_trouble trouble;
    struct jpeg_decompress_struct session;
    struct jpeg_progress_mgr progress;
    const char *name;
    polyp_image image;
    int orientation;
    unsigned char *cmyk_row; /* only for CMYK and YCCK */
} jpeg_reader;

/* A progressive file may pass over the picture without end, a few bytes each time: a small file, hours of work. */
static void on_progress(j_common_ptr session)
{
    enum { MOST_SCANS = 500 };
    if (((j_decompress_ptr)session)->input_scan_number > MOST_SCANS) {
        session->err->msg_code = JWRN_BOGUS_PROGRESSION;
        jump_out(session);
    }
}

static int marker_orientation(const struct jpeg_decompress_struct *session)
{
    static const char start[6] = "Exif\0";
    for (jpeg_saved_marker_ptr m = session->marker_list; m; m = m->next)
        if (m->data_length > sizeof start && memcmp(m->data, start, sizeof start) == 0)
            return exif_orientation(m->data + sizeof start, m->data_length - sizeof start);
    return 1;
}

static int choose_channels(struct jpeg_decompress_struct *session)
{
    switch (session->jpeg_color_space) {
    case JCS_GRAYSCALE: session->out_color_space = JCS_GRAYSCALE; return 1;
    case JCS_CMYK:
    case JCS_YCCK: session->out_color_space = JCS_CMYK; return 3;
    default: session->out_color_space = JCS_RGB; return 3;
    }
}

/* CMYK is stored inverted (255 = no ink), as Adobe does and as every reader assumes. */
static void cmyk_to_rgb(unsigned char *rgb, const unsigned char *cmyk, int width)
{
    for (int x = 0; x < width; x++, rgb += 3, cmyk += 4)
        for (int c = 0; c < 3; c++) rgb[c] = (unsigned char)((cmyk[c] * cmyk[3] + 127) / 255);
}

static void read_rows(jpeg_reader *r)
{
    const size_t stride = (size_t)r->image.width * (size_t)r->image.channels;
    while (r->session.output_scanline < r->session.output_height) {
        unsigned char *const to = r->image.pixels + r->session.output_scanline * stride;
        JSAMPROW row = r->cmyk_row ? r->cmyk_row : to;
        jpeg_read_scanlines(&r->session, &row, 1);
        if (r->cmyk_row) cmyk_to_rgb(to, row, r->image.width);
    }
}

static status read_picture(jpeg_reader *r, const unsigned char *bytes, size_t size)
{
    struct jpeg_decompress_struct *const session = &r->session;
    jpeg_create_decompress(session);
    session->progress = &r->progress;
    jpeg_mem_src(session, bytes, size);
    jpeg_save_markers(session, JPEG_APP0 + 1, 0xffff);
    jpeg_read_header(session, TRUE);
    TRY(image_check_size(session->image_width, session->image_height, r->name));
    const int width = (int)session->image_width, height = (int)session->image_height;
    TRY(image_reuse(&r->image, width, height, choose_channels(session)));
    if (session->out_color_space == JCS_CMYK) {
        r->cmyk_row = memory_allocate((size_t)width, 4);
        if (!r->cmyk_row) return POLYP_ERR_MEMORY;
    }
    jpeg_start_decompress(session);
    read_rows(r);
    r->orientation = marker_orientation(session);
    jpeg_finish_decompress(session);
    return POLYP_OK;
}

/* A function of its own, because locals of the one that calls setjmp() are lost in a jump. */
static status read_guarded(jpeg_reader *r, const unsigned char *bytes, size_t size)
{
    r->session.err = watch_trouble(&r->trouble);
    if (setjmp(r->trouble.escape)) return failure(&r->trouble, r->name);
    return read_picture(r, bytes, size);
}

status jpeg_decode(polyp_image *out, int *orientation, const unsigned char *bytes, size_t size, const char *name)
{
    jpeg_reader r = {.name = name, .image = *out, .progress.progress_monitor = on_progress};
    *out = (polyp_image){0};
    const status result = read_guarded(&r, bytes, size);
    jpeg_destroy_decompress(&r.session);
    memory_free(r.cmyk_row);
    if (result == POLYP_OK) *out = r.image, *orientation = r.orientation;
    else polyp_image_free(&r.image);
    return result;
}

/* ---- encoding ---------------------------------------------------------------------------- */

typedef struct jpeg_writer {
    jpeg_trouble trouble;
    struct jpeg_compress_struct session;
    unsigned char *bytes; /* libjpeg's, from malloc() */
    unsigned long size;
} jpeg_writer;

static J_COLOR_SPACE colours_of(const polyp_image *image)
{
    return image->channels == 1 ? JCS_GRAYSCALE : image->channels == 3 ? JCS_RGB : JCS_EXT_RGBX;
}

static void write_picture(jpeg_writer *w, const polyp_image *image, int quality)
{
    struct jpeg_compress_struct *const session = &w->session;
    jpeg_create_compress(session);
    jpeg_mem_dest(session, &w->bytes, &w->size);
    session->image_width = (JDIMENSION)image->width;
    session->image_height = (JDIMENSION)image->height;
    session->input_components = image->channels;
    session->in_color_space = colours_of(image);
    jpeg_set_defaults(session);
    jpeg_set_quality(session, quality, TRUE);
    if (quality >= 90) session->comp_info[0].h_samp_factor = session->comp_info[0].v_samp_factor = 1; /* 4:4:4 */
    jpeg_start_compress(session, TRUE);
    const size_t stride = (size_t)image->width * (size_t)image->channels;
    while (session->next_scanline < session->image_height) {
        JSAMPROW row = image->pixels + session->next_scanline * stride;
        jpeg_write_scanlines(session, &row, 1);
    }
    jpeg_finish_compress(session);
}

static status write_guarded(jpeg_writer *w, const polyp_image *image, int quality)
{
    w->session.err = watch_trouble(&w->trouble);
    if (setjmp(w->trouble.escape)) return failure(&w->trouble, "new JPEG");
    write_picture(w, image, quality);
    return POLYP_OK;
}

static status hand_over(unsigned char **out, size_t *size, const jpeg_writer *w)
{
    unsigned char *const bytes = memory_allocate(w->size, 1);
    if (!bytes) return POLYP_ERR_MEMORY;
    memcpy(bytes, w->bytes, w->size);
    *out = bytes;
    *size = w->size;
    return POLYP_OK;
}

status image_encode_jpeg(unsigned char **out, size_t *size, const polyp_image *image, int quality)
{
    if (quality < 1 || quality > 100)
        return fail(POLYP_ERR_ARGUMENT, "a JPEG cannot have quality %d; give 1 to 100", quality);
    if (image->width > JPEG_MAX_DIMENSION || image->height > JPEG_MAX_DIMENSION)
        return fail(POLYP_ERR_SIZE, "%d x %d pixels do not fit a JPEG; write a PNG", image->width, image->height);
    jpeg_writer w = {0};
    status result = write_guarded(&w, image, quality);
    if (result == POLYP_OK) result = hand_over(out, size, &w);
    jpeg_destroy_compress(&w.session);
    free(w.bytes);
    return result;
}
