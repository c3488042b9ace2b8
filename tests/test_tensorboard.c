/* TensorBoard's event files: the same bytes as TensorBoard's own writer, read back, cut anywhere, and opened by TensorBoard. */
#include "learn_help.h"

#include <math.h>
#include <sys/wait.h>

#include "learn/tensorboard.h"

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

static file_bytes golden(void)
{
    file_bytes bytes;
    const char *const source = getenv("POLYP_SOURCE");
    char *const path = memory_format("%s/tests/golden/events.tfevents", source ? source : ".");
    assert_ok(file_read(&bytes, path, 0));
    memory_free(path);
    return bytes;
}

/* ---- bytes ------------------------------------------------------------------------------------------ */

/* RFC 3720, appendix B.4. */
static void test_checksums(void **state)
{
    (void)state;
    unsigned char bytes[32] = {0};
    assert_int_equal(event_crc32c(bytes, 32), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(event_crc32c(bytes, 32), 0x62a8ab43);
    for (int i = 0; i < 32; i++) bytes[i] = (unsigned char)i;
    assert_int_equal(event_crc32c(bytes, 32), 0x46dd794e);
    assert_int_equal(event_crc32c((const unsigned char *)"123456789", 9), 0xe3069283);
    assert_int_equal(event_crc32c(bytes, 0), 0);
}

/* What tests/golden/make_events.py wrote. */
static void add_golden_events(buffer *out)
{
    unsigned char picture[40];
    char tag[201];
    for (int i = 0; i < 40; i++) picture[i] = (unsigned char)i;
    memset(tag, 'x', 200);
    tag[200] = '\0';
    const event_scalar one = {"loss/train", 0.0}, two[] = {{"loss/train", 0.6931472}, {"rate", -1e-7}};
    const event_scalar infinite = {tag, (double)INFINITY};
    const event_image image = {"validation/worst", 1040, 513, 3, picture, sizeof picture};
    assert_ok(event_add_version(out, 1700000000.25));
    assert_ok(event_add_scalars(out, 1700000001.5, 0, &one, 1));
    assert_ok(event_add_scalars(out, 1700000002.5, 1, two, 2));
    assert_ok(event_add_image(out, 1700000003.5, 300, &image));
    assert_ok(event_add_scalars(out, 1700000004.75, 123456789012, &infinite, 1));
}

static void test_the_bytes_of_tensorboards_own_writer(void **state)
{
    (void)state;
    file_bytes expected = golden();
    buffer mine = {0};
    add_golden_events(&mine);
    assert_int_equal(mine.size, expected.size);
    assert_memory_equal(mine.data, expected.data, expected.size);
    buffer_free(&mine);
    file_close(&expected);
}

static void test_read_back(void **state)
{
    (void)state;
    static const int64_t steps[] = {0, 0, 1, 300, 123456789012};
    file_bytes bytes = golden();
    event events[5];
    size_t at = 0;
    for (int i = 0; i < 5; i++) {
        assert_true(event_read(&events[i], bytes.data, bytes.size, at));
        assert_int_equal(events[i].step, steps[i]);
        at = events[i].end;
    }
    assert_int_equal(at, bytes.size);
    assert_false(event_read(&events[0], bytes.data, bytes.size, at));
    event_value v;
    assert_true(events[0].wall_time == 1700000000.25 && !event_find_value(&v, &events[0], 0));
    assert_true(event_find_value(&v, &events[2], 1) && !v.is_image);
    assert_memory_equal(v.tag, "rate", v.tag_size);
    assert_true(v.scalar == -1e-7f);
    assert_false(event_find_value(&v, &events[2], 2));
    assert_true(event_find_value(&v, &events[3], 0) && v.is_image);
    assert_true(v.image.width == 1040 && v.image.height == 513 && v.image.channels == 3 && v.image.size == 40);
    file_close(&bytes);
}

/* Any byte changed, or any cut, is noticed; nothing is read beyond the end (under the address sanitizer). */
static void test_damage_is_noticed(void **state)
{
    (void)state;
    file_bytes bytes = golden();
    event e;
    assert_true(event_read(&e, bytes.data, bytes.size, 0));
    const size_t whole = e.end;
    for (size_t n = 0; n < whole; n++) {
        unsigned char *const copy = memory_allocate(whole, 1);
        assert_non_null(copy);
        memcpy(copy, bytes.data, whole);
        assert_false(event_read(&e, copy, n, 0));
        copy[n] ^= 0x10;
        assert_false(event_read(&e, copy, whole, 0));
        memory_free(copy);
    }
    file_close(&bytes);
}

static void test_no_memory(void **state)
{
    (void)state;
    status result = POLYP_ERR_MEMORY;
    const event_image image = {"tag", 2, 1, 1, (const unsigned char *)"png", 3};
    for (size_t k = 1; result == POLYP_ERR_MEMORY && k < 100; k++) {
        buffer out = {0};
        memory_fail_at(k);
        result = event_add_image(&out, 1.0, 5, &image);
        memory_fail_at(0);
        if (result != POLYP_OK) assert_int_equal(out.size, 0);
        buffer_free(&out);
    }
    assert_int_equal(result, POLYP_OK);
}

/* ---- files ------------------------------------------------------------------------------------------ */

/* Steps 1 .. 9, three of them with an image. */
static void write_steps(const char *path, int first, int last)
{
    tensorboard *t;
    assert_ok(tensorboard_open(&t, path, first - 1));
    for (int step = first; step <= last; step++) {
        const event_scalar scalars[] = {{"loss/train", 1.0 / step}, {"loss/valid", (double)NAN}};
        assert_ok(tensorboard_scalars(t, step, scalars, 2));
        if (step % 3) continue;
        polyp_image picture;
        unsigned char *png;
        event_image image = {.tag = "validation", .width = 30 + step, .height = 20, .channels = 3};
        assert_ok(image_create(&picture, 30 + step, 20, 3));
        assert_ok(image_encode_png(&png, &image.size, &picture));
        image.bytes = png;
        assert_ok(tensorboard_image(t, step, &image));
        memory_free(png);
        polyp_image_free(&picture);
    }
    tensorboard_close(t);
}

/* "1 2 3 3 ...": an image comes behind its step's scalar. "!" when something stands behind the last whole record. */
static void check_steps(const char *path, const char *expected)
{
    file_bytes bytes;
    event e;
    char seen[256] = "";
    size_t at = 0;
    assert_ok(file_read(&bytes, path, 0));
    assert_true(event_read(&e, bytes.data, bytes.size, 0) && !e.summary); /* the version comes first */
    for (at = e.end; event_read(&e, bytes.data, bytes.size, at); at = e.end) {
        const size_t used = strlen(seen);
        (void)snprintf(seen + used, sizeof seen - used, "%s%d", used ? " " : "", (int)e.step);
    }
    if (at != bytes.size) strcat(seen, "!");
    file_close(&bytes);
    assert_string_equal(seen, expected);
}

static void test_going_on(void **state)
{
    (void)state;
    const char *const path = help_path(folder, TENSORBOARD_FILE);
    write_steps(path, 1, 9);
    check_steps(path, "1 2 3 3 4 5 6 6 7 8 9 9");
    write_steps(path, 7, 8); /* resumed behind step 6: 7 to 9 were not kept */
    check_steps(path, "1 2 3 3 4 5 6 6 7 8");
    write_steps(path, 9, 9);
    check_steps(path, "1 2 3 3 4 5 6 6 7 8 9 9");
    tensorboard *t;
    assert_ok(tensorboard_open(&t, path, -1)); /* from the start */
    tensorboard_close(t);
    check_steps(path, "");
}

/* A kill may cut the file anywhere: the torn record goes, the whole ones stay. */
static void test_torn_files(void **state)
{
    (void)state;
    const char *const path = help_path(folder, TENSORBOARD_FILE), *const torn = help_path(folder, "torn.tfevents");
    file_bytes bytes;
    tensorboard *t;
    (void)unlink(path);
    write_steps(path, 1, 4);
    assert_ok(file_read(&bytes, path, 0));
    for (size_t n = 0; n <= bytes.size; n++) {
        static const char *const allowed[] = {"", "1", "1 2", "1 2 3", "1 2 3 3", "1 2 3 3 4"};
        size_t kept = 0, at = 0;
        event e;
        for (; event_read(&e, bytes.data, n, at); at = e.end) kept++;
        assert_ok(file_replace(torn, bytes.data, n));
        assert_ok(tensorboard_open(&t, torn, 100));
        tensorboard_close(t);
        check_steps(torn, allowed[kept ? kept - 1 : 0]);
    }
    file_close(&bytes);
}

static void test_files_that_cannot_be(void **state)
{
    (void)state;
    tensorboard *t = NULL;
    assert_fails(POLYP_ERR_FILE, "none/events", tensorboard_open(&t, help_path(folder, "none/events"), -1));
    assert_fails(POLYP_ERR_FILE, folder, tensorboard_open(&t, folder, -1));
    assert_null(t);
    if (access("/dev/full", W_OK) != 0) skip();
    assert_fails(POLYP_ERR_FILE, "/dev/full", tensorboard_open(&t, "/dev/full", -1));
}

/* ---- TensorBoard itself ------------------------------------------------------------------------------ */

static const char READER[] =
    "import sys\n"
    "try:\n"
    "    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n"
    "except ImportError:\n"
    "    sys.exit(77)\n"
    "a = EventAccumulator(sys.argv[1], size_guidance={'images': 0, 'scalars': 0})\n"
    "a.Reload()\n"
    "assert a.Tags()['scalars'] == ['loss/train'] and a.Tags()['images'] == ['validation'], a.Tags()\n"
    "assert [s.step for s in a.Scalars('loss/train')] == list(range(1, 10))\n"
    "assert all(abs(s.value - 1 / s.step) < 1e-7 for s in a.Scalars('loss/train'))\n"
    "images = a.Images('validation')\n"
    "assert [(i.step, i.width, i.height) for i in images] == [(3, 33, 20), (6, 36, 20), (9, 39, 20)], images\n"
    "assert all(i.encoded_image_string.startswith(b'\\x89PNG') for i in images)\n";

/* $POLYP_ORACLE: a Python with the package; skipped without. */
static void test_tensorboard_opens_it(void **state)
{
    (void)state;
    const char *const python = getenv("POLYP_ORACLE");
    const char *const path = help_path(folder, TENSORBOARD_FILE), *const script = help_path(folder, "read.py");
    (void)unlink(path);
    write_steps(path, 1, 9);
    assert_ok(file_replace(script, READER, strlen(READER)));
    char *const command = memory_format("'%s' '%s' '%s'", python ? python : "python3", script, path);
    const int raw = system(command);
    memory_free(command);
    if (WIFEXITED(raw) && (WEXITSTATUS(raw) == 77 || WEXITSTATUS(raw) == 127)) skip();
    assert_int_equal(raw, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksums),
        cmocka_unit_test(test_the_bytes_of_tensorboards_own_writer),
        cmocka_unit_test(test_read_back),
        cmocka_unit_test(test_damage_is_noticed),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_torn_files),
        cmocka_unit_test(test_files_that_cannot_be),
        cmocka_unit_test(test_tensorboard_opens_it),
    };
    return cmocka_run_group_tests_name("tensorboard", tests, make, clear);
}
