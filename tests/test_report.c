/* The report's page: names escaped, numbers those of scores.json, nothing loaded from elsewhere, pictures small and right. */
#define _GNU_SOURCE /* open_memstream() */

#include "report_help.h"

#include <jansson.h>
#include <math.h>

#include "commands.h"
#include "media/canvas.h"
#include "model_help.h"
#include "report/html.h"

static char *folder;
static const score_settings maps = {.threshold = 0.5, .probabilities = true};

static int make_folder(void **state)
{
    (void)state;
    folder = help_folder();
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

/* The page; memory_free() it. */
static char *write_page(const made_set *m, const char *name)
{
    char file[300];
    assert_ok(page_write(help_path(folder, name), &m->report, NULL, NULL, m->gallery));
    (void)snprintf(file, sizeof file, "%s/index.html", name);
    return help_text(help_path(folder, file));
}

/* ---- text and numbers ------------------------------------------------------------------------------------ */

static status write_word(file_writer *w, const void *context)
{
    return html_text(w, context);
}

static char *written(const char *template, const html_part *parts, size_t count, const void *context)
{
    const char *const path = help_path(folder, "text");
    file_writer *w;
    assert_ok(file_create(&w, path));
    assert_ok(html_template(w, template, parts, count, context));
    assert_ok(file_commit(w));
    return help_text(path);
}

static void test_text(void **state)
{
    (void)state;
    static const struct { const char *in, *out; } cases[] = {
        {"<b>&\".png", "&lt;b&gt;&amp;&quot;.png"},
        {"it's", "it&#39;s"},
        {"a\tb\x01\x7f", "a b  "},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"},
        {"\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82", /* alone, overlong, a surrogate, cut off */
         "\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd|\xef\xbf\xbd\xef\xbf\xbd"},
    };
    const html_part part = {"word", write_word};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *const text = written("{{word}}", &part, 1, cases[i].in);
        assert_string_equal(text, cases[i].out);
        memory_free(text);
    }
}

static void test_template(void **state)
{
    (void)state;
    const html_part part = {"word", write_word};
    char *const text = written("a {{word}} {{word}} }} {{", &part, 1, "x");
    assert_string_equal(text, "a x x }} {{");
    memory_free(text);
    file_writer *w;
    assert_ok(file_create(&w, help_path(folder, "text")));
    assert_fails(POLYP_ERR_ENGINE, "{{other}}", html_template(w, "{{other}}", &part, 1, "x"));
    file_abandon(w);
}

static void test_names(void **state)
{
    (void)state;
    made_set m;
    made_open(&m, 12, &maps, NULL);
    char *const page = write_page(&m, "names");
    assert_has(page, "&lt;b&gt;&amp;&quot;.png</a>");
    assert_has(page, "it&#39;s \xef\xbf\xbd not UTF-8");
    assert_has(page, "&lt;/script&gt;&lt;img src=x&gt;");
    assert_has(page, "<title>Scores of model &lt;1&gt; &amp; &quot;co&quot;</title>");
    assert_null(strstr(page, "<b>&"));
    assert_null(strstr(page, "<img src=x"));
    assert_null(strstr(page, "{{"));
    memory_free(page);
    made_free(&m);
}

/* ---- numbers --------------------------------------------------------------------------------------------- */

/* "per_image.dsc" in scores.json; the other groups are its conventions. */
static double number_of(const json_t *root, const char *group, const char *key)
{
    const json_t *in = json_object_get(root, group);
    if (!in) in = json_object_get(json_object_get(root, "conventions"), group);
    const json_t *const value = json_object_get(in, key);
    if (!value) fail_msg("scores.json has no %s.%s", group, key);
    return json_is_null(value) ? (double)NAN : json_number_value(value);
}

/* What stands in the cell is the number rounded; which one its key says. */
static void check_cell(const json_t *root, const char *cell)
{
    char group[40], key[40], shown[40], wanted[40];
    assert_int_equal(sscanf(cell, "data-key=\"%39[^.].%39[^\"]\">%39[^<]<", group, key, shown), 3);
    const double value = number_of(root, group, key);
    (void)snprintf(wanted, sizeof wanted, score_facts[score_metric_find(key)].unit[0] ? "%.2f" : "%.4f", value);
    assert_string_equal(shown, isnan(value) ? "\xe2\x80\x93" : wanted);
}

static void test_numbers(void **state)
{
    (void)state;
    made_set m;
    json_error_t error;
    size_t cells = 0;
    made_open(&m, 20, &maps, NULL);
    char *const page = write_page(&m, "numbers");
    json_t *const root = json_load_file(help_path(folder, "numbers/scores.json"), 0, &error);
    assert_non_null(root);
    for (const char *at = page; (at = strstr(at, "data-key=")) != NULL; at++, cells++) check_cell(root, at);
    assert_int_equal(cells, 2 * SCORE_POOLED + (SCORE_METRICS - SCORE_POOLED) + 5 * SIX_METRICS);
    assert_true(fabs(json_number_value(json_object_get(json_object_get(root, "per_image"), "dsc")) -
                     m.report.all.mean[SCORE_DSC]) < 1e-12);
    char *const csv = help_text(help_path(folder, "numbers/scores.csv"));
    assert_int_equal(count_of(csv, "\n"), 21);
    assert_has(csv, "\"<b>&\"\".png\",");
    memory_free(csv);
    json_decref(root);
    memory_free(page);
    made_free(&m);
}

/* ---- nothing from elsewhere ------------------------------------------------------------------------------ */

/* Every value of the attribute begins like this. */
static void assert_all_begin(const char *page, const char *attribute, const char *begin)
{
    for (const char *at = page; (at = strstr(at, attribute)) != NULL;) {
        at += strlen(attribute);
        if (strncmp(at, begin, strlen(begin)) != 0) fail_msg("%s%.60s", attribute, at);
    }
}

static void test_loads_nothing(void **state)
{
    (void)state;
    made_set m;
    made_open(&m, 14, &maps, NULL);
    char *const page = write_page(&m, "alone");
    assert_all_begin(page, " src=\"", "data:image/jpeg;base64,");
    assert_all_begin(page, "href=\"", "#");
    assert_all_begin(page, "url(", "#");
    assert_null(strstr(page, "@import"));
    assert_null(strstr(page, "<link"));
    assert_has(page, "default-src 'none'; img-src data:;");
    /* the names of SVG's own language are no addresses */
    assert_int_equal(count_of(page, "http:") + count_of(page, "https:"),
                     count_of(page, "xmlns=\"http://www.w3.org/2000/svg\"") +
                         count_of(page, "xmlns:xlink=\"http://www.w3.org/1999/xlink\""));
    if (canvas_available()) assert_int_equal(count_of(page, "<figure class=\"plot\">"), 5);
    memory_free(page);
    made_free(&m);
}

/* ---- pictures -------------------------------------------------------------------------------------------- */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *const at = c ? strchr(digits, c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* Base64 up to a quote; memory_free() it. */
static unsigned char *bytes_of(const char *text, size_t *size)
{
    const size_t length = strcspn(text, "\"");
    unsigned char *bytes;
    assert_ok(memory_new(&bytes, length));
    unsigned held = 0;
    int bits = 0;
    *size = 0;
    for (size_t i = 0; i < length && text[i] != '='; i++) {
        assert_true(digit_of(text[i]) >= 0);
        held = held << 6 | (unsigned)digit_of(text[i]);
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        bytes[(*size)++] = (unsigned char)(held >> bits);
    }
    return bytes;
}

/* The picture of a tile, as a reader of the page sees it. */
static polyp_image tile_of(const char *page, size_t item)
{
    static const char before[] = "base64,";
    char id[32];
    polyp_image picture;
    size_t size;
    int width, height;
    (void)snprintf(id, sizeof id, "id=\"tile-%zu\"", item);
    const char *const tile = strstr(page, id);
    assert_non_null(tile);
    unsigned char *const jpeg = bytes_of(strstr(tile, before) + strlen(before), &size);
    assert_true(size < 100000);
    assert_ok(image_decode(&picture, jpeg, size, "tile"));
    assert_int_equal(sscanf(strstr(tile, "width="), "width=\"%d\" height=\"%d\"", &width, &height), 2);
    assert_int_equal(picture.width, width);
    assert_int_equal(picture.height, height);
    memory_free(jpeg);
    return picture;
}

static int distance_from_grey(const polyp_image *p, int x, int y)
{
    int most = 0;
    for (int c = 0; c < 3; c++) {
        const int d = abs(p->pixels[(y * p->width + x) * 3 + c] - 128);
        if (d > most) most = d;
    }
    return most;
}

/* Pictures are never larger than a tile, the outlines lie over them, and what is blanked is grey. */
static void test_pictures(void **state)
{
    (void)state;
    made_set m;
    made_open(&m, 14, &maps, "0,0,50,25;80,80,20,20");
    char *const page = write_page(&m, "pictures");
    polyp_image large = tile_of(page, MADE_LARGE), small = tile_of(page, 3);
    assert_int_equal(large.width, 480);
    assert_int_equal(large.height, 288);
    assert_int_equal(small.width, 93);
    assert_true(distance_from_grey(&large, 20, 20) <= 3 && distance_from_grey(&large, 470, 280) <= 3);
    assert_true(distance_from_grey(&large, 460, 20) > 20 && distance_from_grey(&large, 20, 200) > 20);
    assert_int_equal(count_of(page, "<svg class=\"outlines\""), 14);
    assert_int_equal(count_of(page, "<path class=\"truth\" d=\"M"), 13);
    assert_int_equal(count_of(page, "<path class=\"found\" d=\"M"), 13);
    assert_has(page, "painted grey");
    assert_true(strlen(page) < 600000);
    polyp_image_free(&large);
    polyp_image_free(&small);
    memory_free(page);
    made_free(&m);
}

static void test_galleries(void **state)
{
    (void)state;
    made_set m;
    made_open(&m, MADE_MOST, &maps, NULL);
    char *const page = write_page(&m, "galleries");
    const size_t worst = place_of(page, "worst"), median = place_of(page, "median"), best = place_of(page, "best"),
                 alarms = place_of(page, "alarms");
    assert_true(worst < median && median < best && best < alarms);
    assert_true(place_of(page, "tile-6") > worst && place_of(page, "tile-6") < median); /* nothing found: DSC 0 */
    assert_true(place_of(page, "tile-0") > best && place_of(page, "tile-0") < alarms);
    assert_true(place_of(page, "tile-0") < place_of(page, "tile-1"));
    assert_true(place_of(page, "tile-5") > alarms);
    assert_int_equal(count_of(page, "<figure class=\"tile\""), 37);
    char *const again = write_page(&m, "galleries");
    assert_string_equal(again, page); /* nothing of when or how often */
    memory_free(again);
    memory_free(page);
    made_free(&m);
}

/* Noise has thousands of regions; the page keeps its size and shows the largest of them. */
static void test_noise(void **state)
{
    (void)state;
    score_report r;
    page_gallery *g;
    polyp_image picture, truth;
    scratch own = {0};
    assert_ok(image_create(&picture, 480, 400, 3));
    assert_ok(image_create(&truth, 480, 400, 1));
    polyp_image noise = {0};
    assert_ok(image_create(&noise, 480, 400, 1));
    random_stream draws = random_open(3, RANDOM_TEST, 0, 0);
    for (int i = 0; i < 480 * 400; i++) noise.pixels[i] = i / 480 >= 300 || random_uniform(&draws, 0, 1) < 0.2 ? 255 : 0;
    memset(truth.pixels, 255, 480 * 40);
    const score_input in = {&truth, &noise, NULL, NULL};
    assert_ok(score_report_open(&r, 1, &(score_settings){.threshold = 0.5}));
    r.rows[0].stem = "noise";
    assert_ok(page_gallery_create(&g, &r, NULL, 0));
    assert_ok(score_picture(&r.rows[0], &in, &r.settings, &own));
    assert_ok(page_gallery_take(g, 0, &picture, &in));
    assert_ok(score_report_sum(&r));
    assert_ok(page_write(help_path(folder, "noise"), &r, NULL, NULL, g));
    char *const page = help_text(help_path(folder, "noise/index.html"));
    const char *path = strstr(page, "<path class=\"found\" d=");
    assert_non_null(path);
    path = strstr(path, "M");
    const size_t length = strcspn(path, "\"");
    assert_in_range(length, 8000, 17000);
    assert_true(strstr(path, "480 400") < path + length); /* the large region below */
    memory_free(page);
    page_gallery_free(g);
    score_report_free(&r);
    scratch_free(&own);
    polyp_image_free(&picture);
    polyp_image_free(&truth);
    polyp_image_free(&noise);
}

/* Memory is bounded: of many pictures a part is kept, but the best and the worst always. */
static void test_many_pictures(void **state)
{
    (void)state;
    enum { MANY = 2500 };
    score_report r;
    page_gallery *g;
    polyp_image picture, mask;
    static const score_settings settings = {.threshold = 0.5};
    help_draw(&picture, &mask, 1, 40, 40, false);
    const score_input in = {&mask, &mask, NULL, NULL};
    assert_ok(score_report_open(&r, MANY, &settings));
    assert_ok(page_gallery_create(&g, &r, NULL, 0));
    for (size_t i = 0; i < MANY; i++) {
        r.rows[i].size = SIZE_SMALL;
        r.rows[i].stem = "same";
        for (int k = 0; k < SCORE_METRICS; k++) r.rows[i].values[k] = (double)((i * 7919) % MANY) / MANY;
        assert_ok(page_gallery_take(g, i, &picture, &in));
    }
    assert_ok(page_write(help_path(folder, "many"), &r, NULL, NULL, g));
    char *const page = help_text(help_path(folder, "many/index.html"));
    assert_int_equal(count_of(page, "<figure class=\"tile\""), 36);
    assert_has(page, "<span class=\"value\">DSC 0.000</span>");
    assert_has(page, "<span class=\"value\">DSC 1.000</span>");
    memory_free(page);
    page_gallery_free(g);
    score_report_free(&r);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
}

static void test_blanks(void **state)
{
    (void)state;
    page_blank b[PAGE_BLANKS_MOST];
    size_t count;
    assert_ok(page_blanks_parse(b, &count, "0,20,25.5,60;1,2,3,4"));
    assert_int_equal(count, 2);
    assert_true(b[0].width == 25.5 && b[1].height == 4);
    assert_ok(page_blanks_parse(b, &count, NULL));
    assert_int_equal(count, 0);
    static const char *const wrong[] = {"1,2,3", "1,2,3,4,5", "1,2,3,101", "-1,2,3,4", "a", "1;2,3,4", "1,2,3,nan"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_fails(POLYP_ERR_ARGUMENT, "LEFT,TOP,WIDTH,HEIGHT", page_blanks_parse(b, &count, wrong[i]));
    assert_fails(POLYP_ERR_ARGUMENT, "more than 16",
                 page_blanks_parse(b, &count, "1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;"
                                              "1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1;1,1,1,1"));
}

/* Rows are scored; the pictures and the page may run out of memory anywhere. */
static status keep_and_write(const made_set *m, const polyp_image *picture, const score_input *in)
{
    page_gallery *g = NULL;
    status result = page_gallery_create(&g, &m->report, NULL, 0);
    for (size_t i = 0; i < m->report.count && result == POLYP_OK; i++) result = page_gallery_take(g, i, picture, in);
    if (result == POLYP_OK) result = page_write(help_path(folder, "memory"), &m->report, NULL, NULL, g);
    page_gallery_free(g);
    return result;
}

static void test_every_allocation_may_fail(void **state)
{
    (void)state;
    made_set m;
    polyp_image picture, mask;
    made_open(&m, 2, &maps, NULL);
    help_draw(&picture, &mask, 1, 60, 50, false);
    const score_input in = {&mask, &mask, NULL, NULL};
    size_t k = 1;
    for (status result = POLYP_ERR_MEMORY; result != POLYP_OK; k++) {
        (void)memory_fail_at(k);
        result = keep_and_write(&m, &picture, &in);
        (void)memory_fail_at(0);
        if (result != POLYP_OK) assert_int_equal(result, POLYP_ERR_MEMORY);
    }
    assert_in_range(k, 40, 1000);
    polyp_image_free(&picture);
    polyp_image_free(&mask);
    made_free(&m);
}

/* ---- what differs ---------------------------------------------------------------------------------------- */

static void test_method(void **state)
{
    (void)state;
    made_set m;
    made_open(&m, 9, &(score_settings){.threshold = 0.5, .foreign = true, .empty = EMPTY_SKLEARN}, NULL);
    char *const masks = write_page(&m, "method");
    assert_has(masks, "Another program wrote the masks.");
    assert_has(masks, "(--empty sklearn)");
    assert_has(masks, "The masks hold no probabilities");
    assert_has(masks, "Nothing was scored at a network");
    assert_null(strstr(masks, "Reliability</"));
    memory_free(masks);
    made_free(&m);
    made_open(&m, 9, &(score_settings){.threshold = 0.25, .network_size = 224, .probabilities = true, .min_max = true}, NULL);
    for (size_t i = 0; i < 9; i++) m.report.rows[i].group = (int)i / 3;
    assert_ok(score_report_sum(&m.report));
    char *const model = write_page(&m, "method");
    assert_has(model, "squished to 224 \xc3\x97 224");
    assert_has(model, "its probability is above 0.25.");
    assert_has(model, "(--min-max)");
    assert_has(model, "whole groups of pictures are drawn");
    assert_has(model, "10000 times as many");
    memory_free(model);
    made_free(&m);
}

/* The first gallery: the pictures that the two score most differently, with both scores and both outlines. */
static void assert_differences(const char *page, const score_report *a, const score_report *b)
{
    const size_t apart = place_of(page, "apart"), worst = place_of(page, "worst");
    const char *at = page + apart;
    double before = 1;
    char value[64];
    size_t item, count = 0;
    assert_true(apart < worst);
    for (; (at = strstr(at, "id=\"tile-")) && at < page + worst; at++, count++) {
        assert_int_equal(sscanf(at, "id=\"tile-%zu\"", &item), 1);
        const double of_a = a->rows[item].values[SCORE_DSC], of_b = b->rows[item].values[SCORE_DSC];
        assert_true(fabs(of_a - of_b) > 0 && fabs(of_a - of_b) <= before);
        before = fabs(of_a - of_b);
        (void)snprintf(value, sizeof value, "DSC A %.3f, B %.3f", of_a, of_b);
        const char *const said = strstr(at, value);
        assert_true(said && said < strstr(at, "</figure>"));
        assert_true(strstr(at, "class=\"second\"") < strstr(at, "</figure>"));
    }
    assert_int_equal(count, 12);
    assert_has(page, "<input type=\"checkbox\" id=\"show-second\"");
    assert_int_equal(count_of(page, "<path class=\"second\""), count_of(page, "<path class=\"found\""));
}

static void test_two_models(void **state)
{
    (void)state;
    made_set m;
    score_report second;
    score_comparison c;
    made_open(&m, 16, &maps, NULL);
    assert_ok(score_report_open(&second, 16, &maps));
    second.scored = "other";
    for (size_t i = 0; i < 16; i++) {
        second.rows[i].stem = m.stems[i];
        made_score(&m, i, &second, false, (int)i / 2);
    }
    assert_ok(score_report_sum(&second));
    assert_ok(score_compare(&c, &m.report, &second));
    assert_ok(page_write(help_path(folder, "two"), &m.report, &second, &c, m.gallery));
    char *const page = help_text(help_path(folder, "two/index.html"));
    char *const csv = help_text(help_path(folder, "two/scores.csv"));
    char wanted[64];
    (void)snprintf(wanted, sizeof wanted, "<td>%.4f</td>", c.tests[SCORE_DSC].effect);
    assert_true(c.tests[SCORE_DSC].effect > 0.01);
    assert_has(page, wanted);
    assert_has(page, "B: <code>other</code>");
    assert_has(page, "<a href=\"#comparison\">");
    assert_differences(page, &m.report, &second);
    assert_int_equal(count_of(csv, "\n"), 33);
    assert_int_equal(count_of(csv, ",other\n"), 16);
    assert_has(csv, ",scored\n");
    memory_free(page);
    memory_free(csv);
    score_report_free(&second);
    made_free(&m);
}

/* ---- the command ----------------------------------------------------------------------------------------- */

static polyp_status command(const char *masks, const char *data, const char *report, const char *blank)
{
    const evaluate_options o = {.masks = masks,
                                .data = data,
                                .report = report,
                                .blank = blank,
                                .network_size = 32,
                                .empty = "none",
                                .threshold = -1,
                                .engine = "reference",
                                .threads = 1};
    return command_evaluate(&o, NULL);
}

static void test_command(void **state)
{
    (void)state;
    char *const data = memory_text(help_path(folder, "data")), *const masks = memory_text(help_path(folder, "data/masks"));
    help_write_data(data, 4, 1);
    assert_ok(command(masks, data, help_path(folder, "new/report"), "0,0,10,10"));
    char *const page = help_text(help_path(folder, "new/report/index.html"));
    assert_int_equal(count_of(page, "<figure class=\"tile\""), 4);
    assert_has(page, "<td data-key=\"per_image_network.dsc\">1.0000</td>"); /* truth against itself */
    assert_has(page, "32 \xc3\x97 32");
    assert_fails(POLYP_ERR_ARGUMENT, "--blank", command(masks, data, help_path(folder, "new/report"), "1,2"));
    assert_fails(POLYP_ERR_ARGUMENT, "--report", command(masks, data, NULL, "1,2,3,4"));
    assert_fails(POLYP_ERR_FILE, "p000.png", command(masks, data, help_path(folder, "data/masks/p000.png"), NULL));
    assert_true(file_exists(help_path(folder, "data/masks/p000.png")));
    char *const after = help_text(help_path(folder, "new/report/index.html"));
    assert_string_equal(after, page);
    memory_free(after);
    memory_free(page);
    memory_free(data);
    memory_free(masks);
}

/* Two models: the page shows both and the difference, both are printed whole, and every file holds both. */
static void test_command_compares(void **state)
{
    (void)state;
    char *const data = memory_text(help_path(folder, "two-data")), *const all = memory_text(help_path(folder, "all.st"));
    char *const none = memory_text(help_path(folder, "none.st")), *const csv = memory_text(help_path(folder, "two.csv"));
    const char *models[] = {all, none};
    char *text;
    size_t length;
    help_write_data(data, 5, 1);
    write_constant_model(all, 3.0f);
    write_constant_model(none, -3.0f);
    const evaluate_options o = {.models = models,
                                .model_count = 2,
                                .data = data,
                                .report = help_path(folder, "compared"),
                                .csv = csv,
                                .empty = "none",
                                .all = true,
                                .published = "recall=.5",
                                .threshold = -1,
                                .engine = "reference",
                                .threads = 1};
    FILE *const to = open_memstream(&text, &length);
    assert_ok(command_evaluate(&o, to));
    assert_int_equal(fclose(to), 0);
    assert_int_equal(count_of(text, "found at IoU 0.5"), 2);
    assert_has(text, "\nA:\nRecall per image 1.0000 (95 % 1.0000 .. 1.0000): exceeds 0.5\n");
    assert_has(text, "\nB:\nRecall per image 0.0000 (95 % 0.0000 .. 0.0000): does not exceed 0.5\n");
    free(text);
    text = help_text(csv);
    assert_int_equal(count_of(text, "\n"), 11);
    memory_free(text);
    text = help_text(help_path(folder, "compared/index.html"));
    assert_int_equal(count_of(text, "<figure class=\"tile\""), 5);
    assert_int_equal(count_of(text, "<path class=\"found\""), 5); /* of the first, to which everything is polyp */
    assert_int_equal(count_of(text, "<path class=\"second\""), 0); /* the other finds nothing */
    assert_has(text, "Where A and B differ most");
    assert_true(!strstr(text, "id=\"median\"")); /* all five stand above it */
    assert_has(text, "squished to 32 \xc3\x97 32");
    assert_has(text, "<section id=\"comparison\">");
    assert_has(text, "<td>exceeds</td><td>0.5</td>");
    memory_free(text);
    models[1] = "no-such.st"; /* said before a picture is scored or the folder made */
    evaluate_options late = o;
    late.report = help_path(folder, "late");
    assert_fails(POLYP_ERR_FILE, "no-such.st", command_evaluate(&late, NULL));
    assert_false(file_exists(help_path(folder, "late")));
    memory_free(data);
    memory_free(all);
    memory_free(none);
    memory_free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),       cmocka_unit_test(test_template),      cmocka_unit_test(test_names),
        cmocka_unit_test(test_numbers),    cmocka_unit_test(test_loads_nothing), cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_galleries),  cmocka_unit_test(test_many_pictures), cmocka_unit_test(test_noise), cmocka_unit_test(test_blanks),
        cmocka_unit_test(test_every_allocation_may_fail),
        cmocka_unit_test(test_method),     cmocka_unit_test(test_two_models),    cmocka_unit_test(test_command),
        cmocka_unit_test(test_command_compares),
    };
    return cmocka_run_group_tests_name("report", tests, make_folder, remove_folder);
}
