/* libFuzzer target: any bytes as a table, and as a data set's table of pairs.
 *   CC=clang meson setup FOLDER -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false
 *   ninja -C FOLDER tests/fuzz/fuzz_csv
 *   cp -r tests/fuzz/seeds/csv CORPUS && FOLDER/tests/fuzz/fuzz_csv CORPUS */
#include "data_folder.h"

#include "base/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every cell is text within the table's own. */
static void read_cells(const csv_table *t)
{
    size_t letters = 0;
    for (size_t row = 0; row < t->rows; row++) {
        if (t->lines[row] == 0 || (row > 0 && t->lines[row] <= t->lines[row - 1])) abort();
        for (size_t column = 0; column < t->columns; column++) letters += strlen(csv_cell(t, row, (int)column));
    }
    if (letters > 0 && t->columns == 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    csv_table t = {0};
    data_begin("set.csv");
    data_write(data, size);
    if (csv_read(&t, data_file) == POLYP_OK) read_cells(&t);
    else if (t.text != NULL || t.cells != NULL) abort(); /* a failure must leave the output as it was */
    csv_free(&t);
    data_use();
    return 0;
}
