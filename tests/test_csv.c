/* Tables of text: separators, quotes, line ends, and what is wrong with a line. */
#include "data_help.h"

#include "base/csv.h"

static status read_table(csv_table *t, void **state, const char *text)
{
    put(in(state, "t.csv"), text);
    return csv_read(t, in(state, "t.csv"));
}

static void test_plain_table(void **state)
{
    csv_table t;
    assert_ok(read_table(&t, state, "Image,mask,group\na.png, m/a.png ,7\n\n  \nb.png,,\r\n"));
    assert_int_equal(t.columns, 3);
    assert_int_equal(t.rows, 2);
    assert_int_equal(csv_column(&t, "image"), 0);
    assert_int_equal(csv_column(&t, "GROUP"), 2);
    assert_int_equal(csv_column(&t, "split"), -1);
    assert_string_equal(csv_cell(&t, 0, 0), "a.png");
    assert_string_equal(csv_cell(&t, 0, 1), "m/a.png");
    assert_string_equal(csv_cell(&t, 0, 2), "7");
    assert_string_equal(csv_cell(&t, 0, -1), "");
    assert_string_equal(csv_cell(&t, 1, 0), "b.png");
    assert_string_equal(csv_cell(&t, 1, 1), "");
    assert_string_equal(csv_cell(&t, 1, 2), "");
    assert_int_equal(t.lines[0], 2);
    assert_int_equal(t.lines[1], 5);
    csv_free(&t);
    csv_free(&t);
    csv_free(NULL);
}

static void test_quotes(void **state)
{
    csv_table t;
    assert_ok(read_table(&t, state, "a,b\n\"x, \"\"y\"\"\r\nz \" ,\"\"\n1,2"));
    assert_int_equal(t.rows, 2);
    assert_string_equal(csv_cell(&t, 0, 0), "x, \"y\"\r\nz ");
    assert_string_equal(csv_cell(&t, 0, 1), "");
    assert_string_equal(csv_cell(&t, 1, 1), "2");
    assert_int_equal(t.lines[1], 4);
    csv_free(&t);
}

static void test_other_separators_and_mark(void **state)
{
    csv_table t;
    assert_ok(read_table(&t, state, "\xef\xbb\xbfstem;group\na,b;1,5\n"));
    assert_int_equal(csv_column(&t, "stem"), 0);
    assert_string_equal(csv_cell(&t, 0, 0), "a,b");
    assert_string_equal(csv_cell(&t, 0, 1), "1,5");
    csv_free(&t);
    assert_ok(read_table(&t, state, "stem\tgroup\n\t x\nb\t\n"));
    assert_int_equal(t.rows, 2);
    assert_string_equal(csv_cell(&t, 0, 0), "");
    assert_string_equal(csv_cell(&t, 0, 1), "x");
    assert_string_equal(csv_cell(&t, 1, 1), "");
    csv_free(&t);
    assert_ok(read_table(&t, state, "stem")); /* one column, no rows */
    assert_int_equal(t.columns, 1);
    assert_int_equal(t.rows, 0);
    csv_free(&t);
}

static void test_tables_that_are_wrong(void **state)
{
    csv_table t = {.rows = 77};
    assert_failed(read_table(&t, state, ""), POLYP_ERR_FORMAT, "t.csv: empty");
    assert_failed(read_table(&t, state, " \n \n"), POLYP_ERR_FORMAT, "t.csv: empty");
    assert_failed(read_table(&t, state, "a,b\n1,2\n3\n"), POLYP_ERR_FORMAT, "t.csv:3: 1 cells, but the first line names 2");
    assert_failed(read_table(&t, state, "a,b\n1,2,3,4,5,6\n"), POLYP_ERR_FORMAT, "t.csv:2: 6 cells");
    assert_failed(read_table(&t, state, "a,b\n1,\"2\n3,4\n"), POLYP_ERR_FORMAT, "t.csv:2: a quoted cell is not closed");
    assert_failed(read_table(&t, state, "a,b\n\"1\"x,2\n"), POLYP_ERR_FORMAT, "t.csv:2: text follows a quoted cell");
    assert_ok(file_replace(in(state, "t.csv"), "a,b\n1\0,2\n", 9));
    assert_failed(csv_read(&t, in(state, "t.csv")), POLYP_ERR_FORMAT, "not a text file");
    assert_failed(csv_read(&t, in(state, "none.csv")), POLYP_ERR_FILE, "none.csv");
    assert_int_equal(t.rows, 77);
}

/* Every prefix of a table is a table or an error, never a crash; and so when memory ends. */
static void test_cut_anywhere_and_no_memory(void **state)
{
    static const char text[] = "a;b\n\"x;\"\"\n\";2\n\n 3 ; \"4\" \n";
    csv_table t;
    for (size_t n = 0; n < sizeof text; n++) {
        assert_ok(file_replace(in(state, "t.csv"), text, n < sizeof text - 1 ? n : n - 1));
        if (csv_read(&t, in(state, "t.csv")) == POLYP_OK) csv_free(&t);
    }
    for (size_t k = 1;; k++) {
        (void)memory_fail_at(k);
        const status got = csv_read(&t, in(state, "t.csv"));
        (void)memory_fail_at(0);
        if (got == POLYP_OK) {
            assert_in_range(k, 4, 10);
            csv_free(&t);
            return;
        }
        assert_int_equal(got, POLYP_ERR_MEMORY);
    }
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(test_plain_table),
        in_folder(test_quotes),
        in_folder(test_other_separators_and_mark),
        in_folder(test_tables_that_are_wrong),
        in_folder(test_cut_anywhere_and_no_memory),
    };
    return cmocka_run_group_tests_name("csv", tests, NULL, NULL);
}
