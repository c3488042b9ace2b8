/* history.csv and curves.svg: what is written is read back, by names of columns, and damage is told. */
#include "learn_help.h"

#include <math.h>

#include "learn/history.h"

static char *folder;

static int make(void **state)
{
    (void)state;
    folder = help_folder();
    return 0;
}

static int clear(void **state)
{
    (void)state;
    help_remove(folder);
    return 0;
}

/* Row i has i + column / 16 in its columns, and nothing for the validation loss. */
static history some_history(int epochs)
{
    history h;
    assert_ok(history_create(&h, epochs + 2));
    for (h.count = 0; h.count < epochs; h.count++) {
        for (int k = 0; k < HISTORY_COLUMNS; k++) {
            if (k != HISTORY_VALID_LOSS) h.rows[h.count].values[k] = h.count + k / 16.0;
        }
    }
    return h;
}

static const char *put(const char *name, const char *text)
{
    const char *const path = help_path(folder, name);
    assert_ok(file_replace(path, text, strlen(text)));
    return path;
}

static void test_written_and_read_back(void **state)
{
    (void)state;
    history h = some_history(5), read, all;
    const char *const path = help_path(folder, "history.csv");
    assert_ok(history_write(&h, path));
    char *const text = help_text(path);
    static const char head[] =
        "epoch,learning_rate,encoder_learning_rate,train_loss,valid_loss,valid_jaccard,valid_dsc,"
        "valid_recall,valid_precision,valid_accuracy,valid_f2,valid_pooled_jaccard,valid_pooled_dsc\n"
        "1,0,0.0625,0.125,,0.25,";
    assert_memory_equal(text, head, sizeof head - 1);
    memory_free(text);
    assert_ok(history_create(&read, 9));
    assert_ok(history_read(&read, path, 3)); /* later lines are of steps that were not kept */
    assert_int_equal(read.count, 3);
    assert_true(isnan(read.rows[2].values[HISTORY_VALID_LOSS]));
    assert_true(read.rows[2].values[HISTORY_DSC] == 2 + HISTORY_DSC / 16.0);
    assert_ok(history_read(&read, path, 7)); /* lines that nobody has are empty */
    assert_int_equal(read.count, 7);
    assert_true(isnan(read.rows[6].values[HISTORY_DSC]));
    assert_ok(history_read(&read, help_path(folder, "none.csv"), 2));
    assert_int_equal(read.count, 2);
    assert_ok(history_open(&all, path));
    assert_int_equal(all.count, 5);
    assert_true(all.rows[4].values[HISTORY_POOLED_DSC] == 4 + HISTORY_POOLED_DSC / 16.0);
    history_free(&h);
    history_free(&read);
    history_free(&all);
}

/* An older file lacks columns, a newer one has more, another program ended lines with \r\n. */
static void test_columns_are_found_by_name(void **state)
{
    (void)state;
    history h;
    assert_ok(
        history_open(&h, put("other.csv", "epoch,valid_dsc,colour,learning_rate\r\n1,.5,7,1e-3\r\n2,,8,1e-4\r\n")));
    assert_int_equal(h.count, 2);
    assert_true(h.rows[0].values[HISTORY_DSC] == .5 && h.rows[1].values[HISTORY_LEARNING_RATE] == 1e-4);
    assert_true(isnan(h.rows[1].values[HISTORY_DSC]) && isnan(h.rows[0].values[HISTORY_TRAIN_LOSS]));
    history_free(&h);
    assert_ok(history_open(&h, put("empty.csv", "epoch,valid_dsc\n")));
    assert_int_equal(h.count, 0);
    history_free(&h);
}

static void test_damage_is_told(void **state)
{
    (void)state;
    history h = {0};
    assert_fails(POLYP_ERR_FILE, "gone.csv", history_open(&h, help_path(folder, "gone.csv")));
    assert_fails(POLYP_ERR_FORMAT, "first line", history_open(&h, put("a.csv", "")));
    assert_fails(POLYP_ERR_FORMAT, "first line", history_open(&h, put("a.csv", "epoch")));
    assert_fails(POLYP_ERR_FORMAT, "first line", history_open(&h, put("a.csv", "epoch,colour\n1,2\n")));
    assert_fails(POLYP_ERR_FORMAT, "first line", history_open(&h, put("a.csv", "time,valid_dsc\n1,2\n")));
    assert_fails(POLYP_ERR_FORMAT, "line 2", history_open(&h, put("a.csv", "epoch,valid_dsc\n2,.5\n")));
    assert_fails(POLYP_ERR_FORMAT, "line 3", history_open(&h, put("a.csv", "epoch,valid_dsc\n1,.5\n2,.6,.7\n")));
    assert_fails(POLYP_ERR_FORMAT, "line 3", history_open(&h, put("a.csv", "epoch,valid_dsc\n1,.5\n2,half\n")));
    assert_fails(POLYP_ERR_FORMAT, "line 3",
                 history_open(&h, put("a.csv", "epoch,valid_dsc,valid_f2\n1,.5,.5\n2,.5\n")));
}

/* A file cut at any byte is damaged, or whole lines of it are read. */
static void test_cut_anywhere(void **state)
{
    (void)state;
    history h = some_history(2), read;
    const char *const path = help_path(folder, "whole.csv");
    assert_ok(history_write(&h, path));
    char *const text = help_text(path);
    for (size_t n = strlen(text); n-- > 0;) {
        text[n] = '\0';
        const status result = history_open(&read, put("cut.csv", text));
        assert_true(result == POLYP_OK || result == POLYP_ERR_FORMAT);
        if (result == POLYP_OK) assert_true(text[n - 1] == '\n' || read.count < 2);
        if (result == POLYP_OK) history_free(&read);
    }
    memory_free(text);
    history_free(&h);
}

static void test_curves(void **state)
{
    (void)state;
    if (!curves_available()) skip();
    history h = some_history(4);
    assert_ok(curves_write(&h, help_path(folder, "curves.svg")));
    char *const first = help_text(help_path(folder, "curves.svg"));
    assert_non_null(strstr(first, "</svg>"));
    assert_ok(curves_write(&h, help_path(folder, "again.svg")));
    assert_true(help_same_files(help_path(folder, "curves.svg"), help_path(folder, "again.svg")));
    h.rows[3].values[HISTORY_JACCARD] += 0.1;
    assert_ok(curves_write(&h, help_path(folder, "again.svg")));
    assert_false(help_same_files(help_path(folder, "curves.svg"), help_path(folder, "again.svg")));
    h.count = 0; /* before the first epoch */
    assert_ok(curves_write(&h, help_path(folder, "again.svg")));
    memory_free(first);
    history_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_written_and_read_back),
        cmocka_unit_test(test_columns_are_found_by_name),
        cmocka_unit_test(test_damage_is_told),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_curves),
    };
    return cmocka_run_group_tests_name("history", tests, make, clear);
}
