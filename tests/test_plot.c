/* Plots: ticks worked by hand, lines where their values are, equal bytes for equal data. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "media/canvas.h"
#include "media/plot.h"
#include "media/plot_axis.h"
#include "media_help.h"

#define NEED_CANVAS() \
    if (!canvas_available()) skip()

/* ---- axes ------------------------------------------------------------------------------------------- */

static void check_ticks(plot_axis axis, int wanted, const char *expected)
{
    axis_ticks t;
    char seen[512] = "";
    axis_find_ticks(&t, &axis, wanted);
    for (int i = 0; i < t.count; i++) {
        const size_t used = strlen(seen);
        snprintf(seen + used, sizeof seen - used, "%s%s", i ? " " : "", t.label[i]);
        assert_true(axis_place(&axis, t.at[i]) > -1e-6 && axis_place(&axis, t.at[i]) < 1.0 + 1e-6);
    }
    assert_string_equal(seen, expected);
}

static void test_linear_ticks(void **state)
{
    (void)state;
    check_ticks((plot_axis){.low = 0, .high = 1}, 5, "0.0 0.2 0.4 0.6 0.8 1.0");
    check_ticks((plot_axis){.low = -0.31, .high = 0.42}, 4, "-0.2 0.0 0.2 0.4");
    check_ticks((plot_axis){.low = 1, .high = 50}, 6, "10 20 30 40 50");
    check_ticks((plot_axis){.low = 0, .high = 0.00042}, 5, "0.0000 0.0001 0.0002 0.0003 0.0004");
    check_ticks((plot_axis){.low = 0, .high = 4.2e-7}, 5, "0 1e-07 2e-07 3e-07 4e-07");
    check_ticks((plot_axis){.low = 0, .high = 3e7}, 3, "0 1e+07 2e+07 3e+07");
    check_ticks((plot_axis){.low = 9.5e6, .high = 1.05e7}, 4, "9.5e+06 1.00e+07 1.05e+07");
    check_ticks((plot_axis){.low = 1, .high = 3}, 8, "1.0 1.5 2.0 2.5 3.0");
    check_ticks((plot_axis){.low = 1, .high = 3, .whole = true}, 8, "1 2 3");
    check_ticks((plot_axis){.low = 0.5, .high = 1.5, .whole = true}, 8, "1");
}

static void test_logarithmic_ticks(void **state)
{
    (void)state;
    check_ticks((plot_axis){.logarithmic = true, .low = 0.001, .high = 1000}, 6, "0.001 0.01 0.1 1 10 100 1000");
    check_ticks((plot_axis){.logarithmic = true, .low = 1e-7, .high = 10}, 4,
                "10⁻⁷ 10⁻⁶ 10⁻⁵ 10⁻⁴ 10⁻³ 10⁻² 10⁻¹ 10⁰ 10¹");
    check_ticks((plot_axis){.logarithmic = true, .low = 1e-12, .high = 1e12}, 4,
                "10⁻¹² 10⁻⁹ 10⁻⁶ 10⁻³ 10⁰ 10³ 10⁶ 10⁹ 10¹²");
    check_ticks((plot_axis){.logarithmic = true, .low = 1, .high = 30}, 5, "1 2 5 10 20");
    check_ticks((plot_axis){.logarithmic = true, .low = 1e-5, .high = 6e-5}, 5, "10⁻⁵ 2·10⁻⁵ 5·10⁻⁵");
    check_ticks((plot_axis){.logarithmic = true, .low = 0.3, .high = 0.39}, 4,
                "0.30 0.35"); /* too short for powers */
}

static void test_ends_follow_the_data(void **state)
{
    (void)state;
    plot_axis a = {0};
    axis_fit(&a, 2.0, 12.0, 0.1);
    assert_true(a.low == 1.0 && a.high == 13.0);
    axis_fit(&a, 100.0, 200.0, 0.1); /* they stay once set */
    assert_true(a.low == 1.0 && a.high == 13.0);
    assert_true(axis_place(&a, 1.0) == 0.0 && axis_place(&a, 7.0) == 0.5 && axis_place(&a, 13.0) == 1.0);
    a = (plot_axis){.logarithmic = true};
    axis_fit(&a, 1e-3, 1e1, 0.0);
    assert_true(fabs(axis_place(&a, 1e-1) - 0.5) < 1e-12);
    assert_true(isnan(axis_place(&a, 0.0)) && isnan(axis_place(&a, -1.0)));
    static const double same[] = {0.0, 5.0, -3.0, 1e9}; /* one value alone has room on both sides */
    for (int i = 0; i < 4; i++) {
        a = (plot_axis){0};
        axis_fit(&a, same[i], same[i], 0.0);
        assert_true(a.low < same[i] && a.high > same[i]);
    }
    a = (plot_axis){0};
    axis_fit(&a, (double)INFINITY, (double)-INFINITY, 0.05); /* no data */
    assert_true(isfinite(a.low) && isfinite(a.high) && a.low < a.high);
}

/* ---- drawings --------------------------------------------------------------------------------------- */

/* The middle row of the pixels of a colour within a column; -1: none. */
static double row_of(const polyp_image *p, int x, size_t index)
{
    unsigned char rgb[3];
    double sum = 0.0;
    int count = 0;
    plot_colour(index, rgb);
    for (int y = 0; y < p->height; y++) {
        if (memcmp(p->pixels + 3 * ((size_t)y * (size_t)p->width + (size_t)x), rgb, 3) != 0) continue;
        sum += y;
        count++;
    }
    return count ? sum / count : -1.0;
}

static const double across[] = {0, 1, 2, 3, 4};

static polyp_image draw(const plot_series *series, size_t count, plot_axis y)
{
    polyp_image picture;
    const plot_panel panel = {.x = {.low = 0, .high = 4}, .y = y, .series = series, .count = count};
    const plot_figure figure = {.panels = &panel, .count = 1, .width = 400, .height = 300};
    assert_int_equal(plot_draw(&picture, &figure, 2), POLYP_OK);
    assert_true(picture.width == 800 && picture.height == 600);
    return picture;
}

static void test_lines_lie_where_their_values_are(void **state)
{
    (void)state;
    NEED_CANVAS();
    const double low[] = {0.25, 0.25, 0.25, 0.25, 0.25}, middle[] = {0.5, 0.5, 0.5, 0.5, 0.5};
    const double high[] = {0.75, 0.75, (double)NAN, 0.75, 0.75}, outside[] = {9, 9, 9, 9, 9};
    const plot_series series[] = {{NULL, across, low, 5, PLOT_LINE},
                                  {NULL, across, middle, 5, PLOT_LINE},
                                  {NULL, across, high, 5, PLOT_LINE},
                                  {NULL, across, outside, 5, PLOT_LINE}};
    polyp_image p = draw(series, 4, (plot_axis){.low = 0, .high = 1});
    const int columns[] = {120, 780 - 100};
    for (int i = 0; i < 2; i++) {
        const double rows[3] = {row_of(&p, columns[i], 0), row_of(&p, columns[i], 1), row_of(&p, columns[i], 2)};
        assert_true(rows[0] > rows[1] && rows[1] > rows[2] && rows[2] > 0.0);
        assert_true(fabs((rows[0] - rows[1]) - (rows[1] - rows[2])) <= 1.0); /* evenly apart */
        assert_true(rows[0] - rows[2] > 200.0);
        assert_true(row_of(&p, columns[i], 3) == -1.0);
    }
    assert_true(row_of(&p, 430, 0) > 0.0 && row_of(&p, 430, 2) == -1.0); /* the gap */
    polyp_image_free(&p);
}

static void test_a_logarithmic_axis(void **state)
{
    (void)state;
    NEED_CANVAS();
    const double a[] = {1e-3, 1e-3, 1e-3, 1e-3, 1e-3}, b[] = {1e-1, 1e-1, 1e-1, 1e-1, 1e-1}, c[] = {10, 10, 10, 0, -1};
    const plot_series series[] = {
        {NULL, across, a, 5, PLOT_LINE}, {NULL, across, b, 5, PLOT_LINE}, {NULL, across, c, 5, PLOT_DOTTED}};
    polyp_image p = draw(series, 3, (plot_axis){.logarithmic = true});
    const double rows[3] = {row_of(&p, 150, 0), row_of(&p, 150, 1), row_of(&p, 150, 2)};
    assert_true(fabs((rows[0] - rows[1]) - (rows[1] - rows[2])) <= 1.0 && rows[1] > rows[2] && rows[2] > 0.0);
    assert_true(row_of(&p, 700, 2) == -1.0);
    polyp_image_free(&p);
}

/* Colours are the series', not the guides'; names stand in the legend. */
static void test_guides_and_legend(void **state)
{
    (void)state;
    NEED_CANVAS();
    const double flat[] = {0.5, 0.5, 0.5, 0.5, 0.5}, diagonal[] = {0, 0.25, 0.5, 0.75, 1};
    const plot_series series[] = {{"guide", across, diagonal, 5, PLOT_GUIDE}, {"measured", across, flat, 5, PLOT_LINE}};
    polyp_image named = draw(series, 2, (plot_axis){.low = 0, .high = 1});
    assert_true(row_of(&named, 600, 0) > 0.0);
    const plot_series bare[] = {{"", across, diagonal, 5, PLOT_GUIDE}, {NULL, across, flat, 5, PLOT_LINE}};
    polyp_image plain = draw(bare, 2, (plot_axis){.low = 0, .high = 1});
    assert_true(row_of(&plain, 600, 0) < row_of(&named, 600, 0)); /* the legend took room above */
    polyp_image_free(&named);
    polyp_image_free(&plain);
}

static plot_figure some_figure(void)
{
    static const double y[] = {0.9, 0.7, 0.65, 0.4, 0.42}, rates[] = {1e-6, 1e-4, 1e-3, 1e-2, 1};
    static const plot_series series[] = {{"one", across, y, 5, PLOT_DOTTED}, {"two", across, rates, 5, PLOT_POINTS}};
    static const plot_panel panels[] = {
        {"first", {.label = "x", .whole = true}, {.label = "y"}, series, 2},
        {"second", {.label = "x"}, {.label = "rate", .logarithmic = true}, series + 1, 1},
        {"nothing", {.label = "x"}, {.label = "y"}, NULL, 0}};
    return (plot_figure){.title = "title", .panels = panels, .count = 3, .columns = 2};
}

static void test_equal_data_are_equal_bytes(void **state)
{
    (void)state;
    NEED_CANVAS();
    const plot_figure figure = some_figure();
    char *svg[2];
    size_t size[2];
    polyp_image other;
    assert_int_equal(plot_svg(&svg[0], &size[0], &figure), POLYP_OK);
    assert_int_equal(plot_draw(&other, &figure, 1), POLYP_OK); /* what was drawn before must not show */
    assert_int_equal(plot_svg(&svg[1], &size[1], &figure), POLYP_OK);
    assert_int_equal(size[0], size[1]);
    assert_memory_equal(svg[0], svg[1], size[0]);
    assert_true(other.width == 2 * 460 && other.height == 30 + 2 * 340);
    assert_non_null(strstr(svg[0], "width=\"920px\" height=\"710px\""));
    assert_null(strstr(svg[0], "nan"));
    assert_null(strstr(svg[0], "inf"));
    for (int i = 0; i < 2; i++) memory_free(svg[i]);
    polyp_image_free(&other);
}

static void test_plot_files(void **state)
{
    (void)state;
    NEED_CANVAS();
    const plot_figure figure = some_figure();
    char path[64];
    file_bytes bytes;
    snprintf(path, sizeof path, "/tmp/polyp-test-plot-%d.svg", (int)getpid());
    assert_int_equal(plot_write(path, &figure), POLYP_OK);
    assert_int_equal(file_read(&bytes, path, 0), POLYP_OK);
    assert_memory_equal(bytes.data, "<?xml", 5);
    file_close(&bytes);
    unlink(path);
    polyp_image read;
    snprintf(path, sizeof path, "/tmp/polyp-test-plot-%d.png", (int)getpid());
    assert_int_equal(plot_write(path, &figure), POLYP_OK);
    assert_int_equal(polyp_image_read(&read, path), POLYP_OK);
    assert_true(read.width == 2 * 920 && read.height == 2 * 710);
    polyp_image_free(&read);
    unlink(path);
    assert_int_equal(plot_write("/nowhere/plot.svg", &figure), POLYP_ERR_FILE);
    assert_non_null(strstr(polyp_error(), "/nowhere/plot.svg"));
}

static void test_plot_refusals(void **state)
{
    (void)state;
    plot_figure figure = some_figure();
    polyp_image picture;
    char *svg = NULL;
    size_t size;
    figure.count = 0;
    assert_int_equal(plot_svg(&svg, &size, &figure), POLYP_ERR_ARGUMENT);
    figure = some_figure();
    figure.width = 20;
    assert_int_equal(plot_draw(&picture, &figure, 1), POLYP_ERR_ARGUMENT);
    figure = some_figure();
    if (!canvas_available()) {
        assert_int_equal(plot_svg(&svg, &size, &figure), POLYP_ERR_UNSUPPORTED);
        return;
    }
    status result = POLYP_ERR_MEMORY;
    for (size_t k = 1; result == POLYP_ERR_MEMORY && k < 1000; k++) {
        memory_fail_at(k);
        result = plot_svg(&svg, &size, &figure);
        memory_fail_at(0);
    }
    assert_int_equal(result, POLYP_OK);
    memory_free(svg);
}

/* Many series: colours come again, dashed, and the legend leaves half of the panel to the axes. */
static void test_more_series_than_colours(void **state)
{
    (void)state;
    NEED_CANVAS();
    enum { MANY = 60 };
    static plot_series series[MANY];
    static double y[MANY][5];
    for (int i = 0; i < MANY; i++) {
        for (int k = 0; k < 5; k++) y[i][k] = i;
        series[i] = (plot_series){"a name of some length", across, y[i], 5, PLOT_LINE};
    }
    polyp_image p = draw(series, MANY, (plot_axis){0});
    assert_true(row_of(&p, 400, 0) > 300.0);
    polyp_image_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linear_ticks),
        cmocka_unit_test(test_logarithmic_ticks),
        cmocka_unit_test(test_ends_follow_the_data),
        cmocka_unit_test(test_lines_lie_where_their_values_are),
        cmocka_unit_test(test_a_logarithmic_axis),
        cmocka_unit_test(test_guides_and_legend),
        cmocka_unit_test(test_equal_data_are_equal_bytes),
        cmocka_unit_test(test_plot_files),
        cmocka_unit_test(test_plot_refusals),
        cmocka_unit_test(test_more_series_than_colours),
    };
    return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
