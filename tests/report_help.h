/* A small scored set with pictures, for the tests of the report. */
#ifndef POLYP_TESTS_REPORT_HELP_H
#define POLYP_TESTS_REPORT_HELP_H

#include "learn_help.h"

#include "report/page.h"

enum { MADE_MOST = 60, MADE_ALARM = 5, MADE_MISSED = 6, MADE_LARGE = 7 };

typedef struct made_set {
    score_report report;
    page_gallery *gallery;
    char stems[MADE_MOST][40];
} made_set;

static const char *const made_odd_names[] = {"<b>&\".png", "it's \xff not UTF-8", "</script><img src=x>"};

/* Shifted by `shift` pixels to the right: what was found. */
static inline void made_shift(polyp_image *out, const polyp_image *mask, int shift)
{
    assert_ok(image_create(out, mask->width, mask->height, 1));
    for (int y = 0; y < mask->height; y++)
        for (int x = shift; x < mask->width; x++)
            out->pixels[y * mask->width + x] = mask->pixels[y * mask->width + x - shift];
}

static inline void made_score(made_set *m, size_t i, score_report *r, bool first, int shift)
{
    const bool large = i == MADE_LARGE, alarm = i == MADE_ALARM;
    polyp_image picture, truth, found, map = {0};
    scratch own = {0};
    help_draw(&picture, &truth, (int)i, large ? 1500 : 90 + (int)i % 7, large ? 900 : 70, false);
    if (i == MADE_MISSED) assert_ok(image_create(&found, truth.width, truth.height, 1));
    else made_shift(&found, &truth, shift);
    const size_t pixels = (size_t)truth.width * (size_t)truth.height;
    if (alarm) memset(truth.pixels, 0, pixels);
    assert_ok(image_create(&map, truth.width, truth.height, 1));
    for (size_t p = 0; p < pixels; p++) map.pixels[p] = found.pixels[p] > 127 ? 210 : 20;
    const score_input in = {&truth, &found, r->settings.probabilities ? &map : NULL, NULL};
    assert_ok(score_picture(&r->rows[i], &in, &r->settings, &own));
    assert_ok(first ? page_gallery_take(m->gallery, i, &picture, &in) : page_gallery_take_second(m->gallery, i, &in));
    scratch_free(&own);
    polyp_image_free(&picture);
    polyp_image_free(&truth);
    polyp_image_free(&found);
    polyp_image_free(&map);
}

/* Picture i is off by i pixels, so that 0 is best. made_free() it. */
static inline void made_open(made_set *m, size_t count, const score_settings *settings, const char *blank)
{
    page_blank blanks[PAGE_BLANKS_MOST];
    size_t blank_count;
    memset(m, 0, sizeof *m);
    assert_ok(score_report_open(&m->report, count, settings));
    assert_ok(page_blanks_parse(blanks, &blank_count, blank));
    assert_ok(page_gallery_create(&m->gallery, &m->report, blanks, blank_count));
    m->report.scored = "model <1> & \"co\"";
    m->report.data = "data";
    for (size_t i = 0; i < count; i++) {
        if (i < 3) strcpy(m->stems[i], made_odd_names[i]);
        else (void)snprintf(m->stems[i], sizeof m->stems[i], "picture-%zu", i);
        m->report.rows[i].stem = m->stems[i];
        made_score(m, i, &m->report, true, (int)i);
    }
    assert_ok(score_report_sum(&m->report));
}

static inline void made_free(made_set *m)
{
    page_gallery_free(m->gallery);
    score_report_free(&m->report);
}

static inline size_t count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, words)) != NULL; at++) count++;
    return count;
}

static inline void assert_has(const char *text, const char *words)
{
    if (!strstr(text, words)) fail_msg("the page does not say: %s", words);
}

/* Place of a tile in the page. */
static inline size_t place_of(const char *page, const char *id)
{
    char text[48];
    (void)snprintf(text, sizeof text, "id=\"%s\"", id);
    const char *const at = strstr(page, text);
    if (!at) fail_msg("the page has no %s", text);
    return (size_t)(at - page);
}

#endif
