/* The program from end to end on a drawn data set: synth, train, evaluate, predict, import; and bad input for them. */
#define _GNU_SOURCE /* memmem() */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <zlib.h>

#include "base/memory.h"
#include "cli_help.h"
#include "media/image.h"
#include "net/weights.h"

#define SMALL "--threads", "1", "--quiet"

/* A set of ten small pictures and a network that has seen them once: every test works on these. */
static int make_set_and_model(void **state)
{
    if (cli_begin(state) != 0) return -1;
    const cli_result *r = polyp("synth", in_folder("set"), "--count", "10", "--width", "64", "--height", "48", SMALL);
    if (r->exit_status != 0) return fprintf(stderr, "%s", r->err), -1;
    r = polyp("train", in_folder("set"), "--out", in_folder("run"), "--preset", "slim18", "--size", "32", "--epochs",
              "1", "--batch", "4", SMALL);
    return r->exit_status == 0 ? 0 : (fprintf(stderr, "%s", r->err), -1);
}

static const char *model(void)
{
    return in_folder("run/model.safetensors");
}

/* ---- synth, train, info --------------------------------------------------------------------------------- */

static void same_bytes(const char *a, const char *b)
{
    size_t size_a, size_b;
    unsigned char *const x = read_bytes(a, &size_a), *const y = read_bytes(b, &size_b);
    assert_int_equal(size_a, size_b);
    assert_memory_equal(x, y, size_a);
    free(x);
    free(y);
}

static void synth_twice_gives_the_same(void **state)
{
    (void)state;
    const char *const again = in_folder("again");
    expect(polyp("synth", again, "--count", "10", "--width", "64", "--height", "48", "--threads", "2", "--quiet"), 0,
           "10 pictures", NULL);
    same_bytes(in_folder("set/images/synth-1-000003.jpg"), in_folder("again/images/synth-1-000003.jpg"));
    same_bytes(in_folder("set/masks/synth-1-000003.png"), in_folder("again/masks/synth-1-000003.png"));
    same_bytes(in_folder("set/splits/train.txt"), in_folder("again/splits/train.txt"));
}

static void train_leaves_a_run(void **state)
{
    static const char *const files[] = {"run/model.safetensors", "run/last.safetensors", "run/history.csv",
                                        "run/recipe.json", "run/log.txt"};
    (void)state;
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) assert_true(is_there(in_folder(files[i])));
    const cli_result *const r = polyp("info", model());
    expect(r, 0, "preset      slim18", NULL);
    expect(r, 0, "size        32 x 32", NULL);
    expect(r, 0, "64 x 3 x 7 x 7", NULL);
    expect(r, 0, "training    recipe best, 1 epochs in batches of 4, seed 1", NULL);
    assert_null(strstr(r->out, "damaged"));
    FILE *const kept = fopen(in_folder("again.json"), "wb");
    assert_non_null(kept);
    fputs(polyp("info", "--recipe", model())->out, kept);
    assert_int_equal(fclose(kept), 0);
    expect(polyp("recipe", in_folder("again.json")), 0, "\"epochs\": 1", NULL);
    expect_failure(polyp("info", "--recipe", in_folder("set/splits/train.txt")), 1, "train.txt");
}

/* The same pictures without a validation give the same weights, and no scores. */
static void train_without_validation(void **state)
{
    (void)state;
    char checksum[64];
    const cli_result *r = polyp("info", model());
    const char *const line = strstr(r->out, "checksum");
    assert_non_null(line);
    (void)snprintf(checksum, sizeof checksum, "%.*s", (int)strcspn(line, "\n"), line);
    r = polyp("train", in_folder("set"), "--out", in_folder("alone"), "--split", in_folder("run/train.txt"), "--valid", "none",
              "--preset", "slim18", "--size", "32", "--epochs", "1", "--batch", "4", SMALL);
    expect(r, 0, "alone/model.safetensors", NULL);
    expect(polyp("info", in_folder("alone/model.safetensors")), 0, checksum, NULL);
    expect(polyp("info", in_folder("alone/model.safetensors")), 0, "validation  none; weights after epoch 1\n", NULL);
    assert_int_equal(lines_with(in_folder("alone/history.csv"), ",,,,,,,,"), 1);
    assert_int_equal(lines_with(in_folder("alone/log.txt"), "nothing was validated"), 1);
    assert_false(is_there(in_folder("alone/validation.png")));
    assert_int_equal(lines_with(in_folder("alone/valid.txt"), "synth"), 0);
}

static void train_refuses(void **state)
{
    (void)state;
    const char *const set = in_folder("set"), *const out = in_folder("refused");
    expect_failure(polyp("train", set, "--out", out, "--valid", "val", SMALL), 2, "--this-is-the-test");
    expect_failure(polyp("train", set, "--out", out, "--split", "nothing", SMALL), 1, "nothing");
    expect_failure(polyp("train", set, "--out", out, "--preset", "huge", SMALL), 2, "slim18");
    expect_failure(polyp("train", set, "--out", out, "--encoder", in_folder("none.pth"), SMALL), 1, "none.pth");
    expect_failure(polyp("train", set, "--out", out, "--batch", "64", SMALL), 2, NULL);
    write_text(in_folder("plain"), "a file, not a folder");
    expect_failure(polyp("train", set, "--out", in_folder("plain/run"), SMALL), 1, "plain");
    expect_failure(polyp("train", set, "--out", out, "--memory-limit", "1", SMALL), 1, "MiB");
}

/* The first Ctrl-C finishes the step, saves and exits with 1. */
static void interrupt_saves(void **state)
{
    (void)state;
    const char *const words[] = {
        "train", in_folder("set"), "--out", in_folder("long"), "--preset", "slim18", "--size", "32", "--epochs",
        "1000",  "--batch",        "4",     "--threads",       "1",        NULL};
    const pid_t child = cli_start(words);
    static char err[CLI_TEXT];
    for (int i = 0; i < 600; i++) { /* a minute at most: until training has begun */
        cli_slurp(in_folder("stderr"), err);
        if (strstr(err, "epoch 1 ")) break;
        usleep(100000);
    }
    assert_int_equal(kill(child, SIGINT), 0);
    const cli_result *const r = cli_finish(child);
    expect(r, 1, NULL, "stopping cleanly");
    expect(r, 1, NULL, "--resume");
    assert_true(is_there(in_folder("long/last.safetensors")));
}

/* ---- check ---------------------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    size_t size;
    unsigned char *const bytes = read_bytes(from, &size);
    write_bytes(to, bytes, size);
    free(bytes);
}

/* 0 for a good set; 1 when a picture of one split is stored in the other; JSON alone on standard output when asked. */
static void check_tells_and_exits(void **state)
{
    (void)state;
    expect(polyp("check", in_folder("set"), SMALL), 0, "10 pictures looked at: 0 errors", NULL);
    expect(polyp("synth", in_folder("leaky"), "--count", "10", "--width", "64", "--height", "48", SMALL), 0, NULL,
           NULL);
    copy_file(in_folder("leaky/images/synth-1-000000.jpg"), in_folder("leaky/images/synth-1-000004.jpg"));
    const cli_result *r = polyp("check", in_folder("leaky"), "--show", "1", SMALL);
    expect(r, 1, "synth-1-000004 (val) is synth-1-000000 (train): the same pixels", NULL);
    assert_string_equal(r->err, "");
    r = polyp("check", in_folder("leaky"), "--json", "-", SMALL);
    expect(r, 1, "\"leak\": 1", NULL);
    assert_int_equal(r->out[0], '{');
}

/* ---- evaluate ------------------------------------------------------------------------------------------- */

static json_t *parse(const char *text)
{
    json_error_t error;
    json_t *const root = json_loads(text, 0, &error);
    if (!root) fail_msg("not JSON: %s\n%s", error.text, text);
    return root;
}

static void evaluate_prints_and_writes(void **state)
{
    static const char *const wanted[] = {"images", "threshold", "per_image", "pooled", "confidence", "seconds"};
    static const char *const scores[] = {"jaccard", "dsc", "recall", "precision", "accuracy", "f2"};
    (void)state;
    const char *const csv = in_folder("scores.csv");
    const cli_result *r = polyp("evaluate", model(), in_folder("set"), "--csv", csv, SMALL);
    expect(r, 0, "Jaccard", NULL);
    expect(r, 0, "10 pictures", NULL);
    assert_true(is_there(csv));
    r = polyp("evaluate", model(), in_folder("set"), "--split", "val", "--json", "-", SMALL);
    expect(r, 0, NULL, NULL);
    json_t *const root = parse(r->out);
    for (size_t i = 0; i < 6; i++) assert_non_null(json_object_get(root, wanted[i]));
    for (size_t i = 0; i < 6; i++) assert_non_null(json_object_get(json_object_get(root, "pooled"), scores[i]));
    assert_int_equal(json_integer_value(json_object_get(root, "images")), 2);
    json_decref(root);
}

/* What `predict` writes scores as the model that wrote it; truth scores 1; a model does not differ from itself. */
static void evaluate_scores_masks_and_compares(void **state)
{
    (void)state;
    const char *const out = in_folder("own-masks"), *const masks = in_folder("set/masks");
    expect(polyp("predict", model(), in_folder("set/images"), "--out", out, "--probability", SMALL), 0, NULL, NULL);
    json_t *const by_model = parse(polyp("evaluate", model(), in_folder("set"), "--json", "-", SMALL)->out);
    json_t *const by_masks = parse(polyp("evaluate", "--masks", out, in_folder("set"), "--json", "-", SMALL)->out);
    const json_t *const first = json_object_get(by_model, "pooled"), *const second = json_object_get(by_masks, "pooled");
    assert_true(json_equal(first, second));
    json_decref(by_model);
    json_decref(by_masks);
    expect(polyp("evaluate", "--masks", out, "--probabilities", in_folder("set"), "--all", SMALL), 0, "Brier", NULL);
    const cli_result *const r = polyp("evaluate", "--masks", masks, in_folder("set"), "--published", "dsc=.99,mae=0", SMALL);
    expect(r, 0, "DSC per image 1.0000 (95 % 1.0000 .. 1.0000): exceeds 0.99", NULL);
    expect(r, 0, "is not below 0", NULL);
    expect(polyp("evaluate", model(), model(), in_folder("set"), SMALL), 0, "sign-flip test", NULL);
    expect_failure(polyp("evaluate", "--masks", out, in_folder("bad"), SMALL), 1, "bad");
}

static void evaluate_refuses_bad_sets(void **state)
{
    (void)state;
    expect(polyp("synth", in_folder("bad"), "--count", "3", "--width", "64", "--height", "48", SMALL), 0, NULL, NULL);
    write_text(in_folder("bad/splits/lost.txt"), "synth-1-000000\nno-such-picture\n");
    expect_failure(polyp("evaluate", model(), in_folder("bad"), "--split", "lost", SMALL), 1, "no-such-picture");
    polyp_image small = {0};
    assert_int_equal(image_create(&small, 20, 20, 1), POLYP_OK);
    assert_int_equal(polyp_image_write_png(&small, in_folder("bad/masks/synth-1-000001.png")), POLYP_OK);
    polyp_image_free(&small);
    expect_failure(polyp("evaluate", model(), in_folder("bad"), SMALL), 1, "20 x 20");
    assert_int_equal(remove(in_folder("bad/masks/synth-1-000001.png")), 0);
    expect_failure(polyp("evaluate", model(), in_folder("bad"), SMALL), 1, "synth-1-000001");
    assert_int_equal(remove(in_folder("bad/images/synth-1-000001.jpg")), 0);
    assert_int_equal(remove(in_folder("bad/images/synth-1-000002.jpg")), 0);
    expect_failure(polyp("evaluate", model(), in_folder("bad"), SMALL), 1, "synth-1-000002");
}

/* ---- predict -------------------------------------------------------------------------------------------- */

static void expect_size(const char *path, int width, int height, int channels)
{
    polyp_image image = {0};
    if (polyp_image_read(&image, path) != POLYP_OK) fail_msg("%s", polyp_error());
    assert_int_equal(image.width, width);
    assert_int_equal(image.height, height);
    assert_int_equal(image.channels, channels);
    polyp_image_free(&image);
}

static void predict_a_folder(void **state)
{
    (void)state;
    const cli_result *const r = polyp("predict", model(), in_folder("set/images"), "--out", in_folder("masks"),
                                      "--overlay", "--probability", SMALL);
    expect(r, 0, "10 pictures", NULL);
    expect(r, 0, "0 failed", NULL);
    expect_size(in_folder("masks/synth-1-000009.png"), 64, 48, 1);
    expect_size(in_folder("masks/synth-1-000009.probability.png"), 64, 48, 1);
    expect_size(in_folder("masks/synth-1-000009.overlay.jpg"), 64, 48, 3);
}

/* Rules and passes are named where results are; a model with itself is the model. */
/* Without a model: the one that POLYP_MODEL names, or one sentence on what to do. */
static void the_shipped_model_is_taken(void **state)
{
    (void)state;
    assert_int_equal(setenv("POLYP_MODEL", model(), 1), 0);
    const char *const picture = in_folder("set/images/synth-1-000001.jpg"), *const out = in_folder("shipped");
    expect(polyp("predict", picture, "--out", out, SMALL), 0, "1 picture", NULL);
    expect(polyp("predict", in_folder("set/images"), "--out", out, SMALL), 0, "0 failed", NULL);
    expect(polyp("evaluate", in_folder("set"), SMALL), 0, "Jaccard", NULL);
    expect(polyp("info"), 0, model(), NULL);
    char both[CLI_PATH + 16];
    snprintf(both, sizeof both, "%s,shipped", model());
    expect(polyp("predict", both, picture, "--out", out, SMALL), 0, "1 picture", NULL);
    expect(polyp("evaluate", "shipped", model(), in_folder("set"), SMALL), 0, "B - A", NULL);
    expect(polyp("export", "shipped", in_folder("shipped.onnx")), 0, "shipped.onnx", NULL);
    expect(polyp("bench", "--model", "shipped", "--no-peak", "--size", "64", SMALL), 0, "images/s", NULL);
    expect(polyp("info", "shipped"), 0, model(), NULL);
    assert_int_equal(setenv("POLYP_MODEL", in_folder("nothing.safetensors"), 1), 0);
    expect_failure(polyp("predict", picture, "--out", out, SMALL), 1, "nothing.safetensors");
    expect_failure(polyp("evaluate", "shipped", model(), in_folder("set"), SMALL), 1, "nothing.safetensors");
    expect_failure(polyp("export", "shipped", in_folder("none.onnx")), 1, "nothing.safetensors");
    expect_failure(polyp("bench", "--model", "shipped", SMALL), 1, "nothing.safetensors");
    expect_failure(polyp("quantize", "shipped", in_folder("set"), in_folder("none"), SMALL), 1, "nothing.safetensors");
    assert_int_equal(unsetenv("POLYP_MODEL"), 0);
}

static void predict_and_evaluate_better_masks(void **state)
{
    (void)state;
    char twice[2 * CLI_PATH + 8];
    snprintf(twice, sizeof twice, "%s,%s", model(), model());
    cli_result *r = polyp("predict", twice, in_folder("set/images/synth-1-000001.jpg"), "--out", in_folder("better"),
                          "--tta", "flips", "--largest", "--fill-holes", "--json", "-", "--coco", in_folder("coco.json"), SMALL);
    expect(r, 0, NULL, NULL);
    json_t *const root = parse(r->out);
    assert_string_equal(json_string_value(json_object_get(root, "tta")), "flips");
    assert_true(json_is_true(json_object_get(json_object_get(root, "rules"), "largest_only")));
    json_decref(root);
    assert_true(is_there(in_folder("coco.json")));
    expect(polyp("evaluate", "--ensemble", model(), model(), model(), in_folder("set"), "--largest", SMALL), 0,
           "mean of 3 models, only the largest region", NULL);
    expect_failure(polyp("predict", twice, in_folder("set/images"), "--out", in_folder("no"), "--hysteresis", "0.9", SMALL), 2,
                   "a lower one");
    strcat(twice, ",");
    expect_failure(polyp("predict", twice, in_folder("set/images"), "--out", in_folder("no"), SMALL), 2, "path is empty");
}

static void predict_one_pixel(void **state)
{
    polyp_image dot = {0};
    (void)state;
    assert_int_equal(image_create(&dot, 1, 1, 3), POLYP_OK);
    assert_int_equal(polyp_image_write_png(&dot, in_folder("dot.png")), POLYP_OK);
    polyp_image_free(&dot);
    expect(polyp("predict", model(), in_folder("dot.png"), "--out", in_folder("masks"), "--overlay", SMALL), 0,
           "1 picture,", NULL);
    expect_size(in_folder("masks/dot.png"), 1, 1, 1);
}

/* A PNG that says it has 60000 x 60000 pixels and ends after that. */
static void write_huge_png(const char *path)
{
    unsigned char bytes[33] = {0x89, 'P', 'N', 'G',  '\r', '\n', 0x1a, '\n', 0,    0, 0, 13, 'I', 'H', 'D',
                               'R',  0,   0,   0xea, 0x60, 0,    0,    0xea, 0x60, 8, 2, 0,  0,   0};
    const uLong crc = crc32(0, bytes + 12, 17);
    for (int i = 0; i < 4; i++) bytes[29 + i] = (unsigned char)(crc >> (24 - 8 * i));
    write_bytes(path, bytes, sizeof bytes);
}

static size_t count_failed(const char *json_path, size_t *all)
{
    size_t size, failed = 0;
    unsigned char *const text = read_bytes(json_path, &size);
    text[size] = '\0';
    json_t *const root = parse((const char *)text), *const pictures = json_object_get(root, "pictures");
    *all = json_array_size(pictures);
    for (size_t i = 0; i < *all; i++) failed += json_object_get(json_array_get(pictures, i), "error") != NULL;
    json_decref(root);
    free(text);
    return failed;
}

/* Each bad picture is told by name; the good ones among them are done. */
static void predict_goes_on_after_bad_pictures(void **state)
{
    size_t all;
    (void)state;
    const char *const good = in_folder("set/images/synth-1-000000.jpg"), *const json = in_folder("found.json");
    const char *const last = in_folder("set/images/synth-1-000004.jpg");
    write_text(in_folder("words.jpg"), "no picture at all");
    write_text(in_folder("nothing.png"), "");
    copy_cut(good, in_folder("cut.jpg"), 900);
    copy_cut(in_folder("set/masks/synth-1-000000.png"), in_folder("cut.png"), 60);
    write_bytes(in_folder("cut2.tif"), "II*\0\x10\0\0\0", 8);
    write_huge_png(in_folder("huge.png"));
    expect_failure(
        polyp("predict", model(), in_folder("cut.jpg"), in_folder("cut.png"), "--out", in_folder("m"), SMALL), 2,
        "would both become cut.png");
    assert_int_equal(rename(in_folder("cut.png"), in_folder("cut1.png")), 0);
    const cli_result *const r =
        polyp("predict", model(), good, in_folder("words.jpg"), in_folder("nothing.png"), in_folder("cut.jpg"),
              in_folder("cut1.png"), in_folder("cut2.tif"), in_folder("huge.png"), in_folder("missing.jpg"), last,
              "--out", in_folder("m"), "--json", json, SMALL);
    static const char *const bad[] = {"words.jpg", "nothing.png", "cut.jpg",    "cut1.png",
                                      "cut2.tif",  "huge.png",    "missing.jpg"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) expect(r, 1, NULL, bad[i]);
    expect(r, 1, "9 pictures", "polyp: skipped: ");
    expect(r, 1, "7 failed", NULL);
    assert_true(is_there(in_folder("m/synth-1-000000.png")));
    assert_true(is_there(in_folder("m/synth-1-000004.png")));
    assert_false(is_there(in_folder("m/words.png")));
    assert_int_equal(count_failed(json, &all), 7);
    assert_int_equal(all, 9);
}

static void predict_refuses(void **state)
{
    (void)state;
    const char *const good = in_folder("set/images/synth-1-000000.jpg");
    const char *const mask = in_folder("set/masks/synth-1-000000.png");
    write_text(in_folder("plain"), "a file, not a folder");
    expect_failure(polyp("predict", model(), good, "--out", in_folder("plain/masks"), SMALL), 1, "plain");
    expect_failure(polyp("predict", model(), mask, "--out", in_folder("set/masks"), SMALL), 2, "written over it");
    expect_failure(polyp("predict", model(), in_folder("set/splits"), "--out", in_folder("m"), SMALL), 1, "splits");
}

/* ---- models --------------------------------------------------------------------------------------------- */

/* Cut in the length, in the header, at its end, in the data, before the last byte. */
static void cut_models_are_refused(void **state)
{
    size_t size;
    (void)state;
    unsigned char *const bytes = read_bytes(model(), &size);
    size_t header = 8;
    for (int i = 0; i < 8; i++) header += (size_t)bytes[i] << (8 * i);
    const size_t places[] = {0, 1, 7, 8, 9, 200, header - 1, header, header + 1, size / 2, size - 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *const cut = in_folder("cut.safetensors");
        write_bytes(cut, bytes, places[i]);
        expect_failure(polyp("info", cut), 1, "cut.safetensors");
        expect_failure(polyp("import", cut, in_folder("x.safetensors")), 1, "cut.safetensors");
    }
    expect_failure(polyp("predict", in_folder("cut.safetensors"), in_folder("set/images"), "--out", in_folder("m")), 1,
                   "cut.safetensors");
    free(bytes);
}

/* The message names the tensor and both shapes. */
static void another_shape_is_refused(void **state)
{
    size_t size;
    (void)state;
    unsigned char *const bytes = read_bytes(model(), &size);
    unsigned char *const place = memmem(bytes, size, "[64,3,7,7]", 10);
    assert_non_null(place);
    memcpy(place, "[64,7,3,7]", 10);
    write_bytes(in_folder("shape.safetensors"), bytes, size);
    free(bytes);
    const cli_result *const r = polyp("info", in_folder("shape.safetensors"));
    expect_failure(r, 1, "encoder.conv1.weight");
    expect(r, 1, NULL, "3");
    expect(r, 1, NULL, "shape.safetensors");
}

static void checkpoints_are_not_models(void **state)
{
    (void)state;
    expect_failure(polyp("info", in_folder("run/last.safetensors")), 1, "model.safetensors");
}

/* A model goes through import unchanged but for what is asked. */
static void import_keeps_a_model(void **state)
{
    (void)state;
    const char *const out = in_folder("imported.safetensors");
    expect(polyp("import", model(), out, "--size", "64", "--licence", "CC0"), 0, "slim18", NULL);
    const cli_result *const r = polyp("info", out);
    expect(r, 0, "size        64 x 64", NULL);
    expect(r, 0, "licence     CC0", NULL);
    char was[17], is[17];
    weights_file before = {0}, after = {0};
    assert_int_equal(weights_open(&before, model()), POLYP_OK);
    assert_int_equal(weights_open(&after, out), POLYP_OK);
    weights_hash(was, before.data, before.data_size);
    weights_hash(is, after.data, after.data_size);
    assert_string_equal(was, is);
    weights_close(&before);
    weights_close(&after);
}

static void export_for_others(void **state)
{
    (void)state;
    const char *const onnx = in_folder("model.onnx"), *const weights = in_folder("weights.safetensors");
    expect(polyp("export", model(), onnx, "--preprocess"), 0, "slim18, 162 tensors", NULL);
    const cli_result *const about = polyp("info", onnx);
    expect(about, 0, "ONNX        opset 17", NULL);
    expect(about, 0, "preset      slim18", NULL);
    expect(polyp("export", model(), weights), 0, "slim18", NULL);
    expect(polyp("info", weights), 0, "preset      slim18", NULL);
    expect_failure(polyp("export", model(), in_folder("model.pth")), 2, "must end in .onnx");
    expect_failure(polyp("export", model(), onnx, "--size", "100"), 2, "multiple of 32");
    expect_failure(polyp("export", in_folder("set/splits/train.txt"), onnx), 1, "train.txt");
    expect(polyp("info", onnx), 0, "preset      slim18", NULL);
}

/* A torchvision ResNet-18 is the model's encoder without our prefix. */
static void write_encoder(const char *path)
{
    weights_file file = {0};
    weights_item *items = NULL;
    size_t count = 0;
    assert_int_equal(weights_open(&file, model()), POLYP_OK);
    assert_int_equal(memory_new(&items, file.count), POLYP_OK);
    for (size_t i = 0; i < file.count; i++) {
        const weights_entry *const e = &file.entries[i];
        if (strncmp(e->name, "encoder.", 8) != 0) continue;
        items[count] = (weights_item){.name = e->name + 8, .dtype = e->dtype, .rank = e->rank, .data = e->data};
        memcpy(items[count++].shape, e->shape, sizeof e->shape);
    }
    assert_int_equal(weights_write(path, items, count, NULL, 0), POLYP_OK);
    memory_free(items);
    weights_close(&file);
}

static void import_knows_an_encoder(void **state)
{
    (void)state;
    const char *const out = in_folder("encoder.safetensors");
    write_encoder(in_folder("resnet18.safetensors"));
    expect(polyp("import", in_folder("resnet18.safetensors"), out), 0, "encoder weights of resnet18", NULL);
    const cli_result *const about = polyp("info", out);
    expect(about, 0, "encoder     resnet18, for `polyp train --encoder`", NULL);
    expect(about, 0, "licence     unknown", NULL);
    assert_null(strstr(about->out, "damaged"));
    expect(polyp("info", in_folder("resnet18.safetensors")), 0, "encoder     resnet18", NULL);
    expect(polyp("train", in_folder("set"), "--out", in_folder("run2"), "--preset", "slim18", "--encoder", out,
                 "--size", "32", "--epochs", "1", "--batch", "4", SMALL),
           0, "model.safetensors", NULL);
    expect_failure(polyp("train", in_folder("set"), "--out", in_folder("run3"), "--preset", "slim", "--encoder", out,
                         "--size", "32", "--epochs", "1", "--batch", "4", SMALL),
                   1, "encoder.safetensors");
}

/* The same pictures each time; nothing is trained, and a run that is there stays as it is. */
static void preview_shows(void **state)
{
    (void)state;
    const char *const set = in_folder("set");
    const cli_result *r = polyp("train", set, "--out", in_folder("seen"), "--recipe", "wide", "--size", "64", "--batch",
                                "3", "--preview", "7", SMALL);
    if (r->exit_status != 0) { /* a build without Cairo */
        expect_failure(r, 1, "Cairo");
        skip();
    }
    expect(r, 0, "seen/preview.png", NULL);
    assert_false(is_there(in_folder("seen/last.safetensors")));
    polyp_image sheet;
    assert_int_equal(polyp_image_read(&sheet, in_folder("seen/preview.png")), POLYP_OK);
    assert_true(sheet.width > 6 * 64 && sheet.height > 2 * 64);
    polyp_image_free(&sheet);
    size_t size, size_after;
    unsigned char *const before = read_bytes(in_folder("run/last.safetensors"), &size);
    r = polyp("train", set, "--out", in_folder("run"), "--recipe", "wide", "--size", "64", "--batch", "3", "--preview",
              "7", SMALL);
    expect(r, 0, "run/preview.png", NULL);
    same_bytes(in_folder("seen/preview.png"), in_folder("run/preview.png"));
    unsigned char *const after = read_bytes(in_folder("run/last.safetensors"), &size_after);
    assert_true(size == size_after && memcmp(before, after, size) == 0);
    free(before);
    free(after);
}

static void split_tells(void **state)
{
    (void)state;
    expect(polyp("split", in_folder("set"), "--folds", "2", SMALL), 0, "fold1: ", NULL);
    assert_true(is_there(in_folder("set/splits/fold1.valid.txt")));
    expect_failure(polyp("split", in_folder("set"), "--folds", "60", SMALL), 2, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(synth_twice_gives_the_same),
        cmocka_unit_test(train_leaves_a_run),
        cmocka_unit_test(train_without_validation),
        cmocka_unit_test(train_refuses),
        cmocka_unit_test(interrupt_saves),
        cmocka_unit_test(check_tells_and_exits),
        cmocka_unit_test(evaluate_prints_and_writes),
        cmocka_unit_test(evaluate_scores_masks_and_compares),
        cmocka_unit_test(evaluate_refuses_bad_sets),
        cmocka_unit_test(predict_a_folder),
        cmocka_unit_test(the_shipped_model_is_taken),
        cmocka_unit_test(predict_and_evaluate_better_masks),
        cmocka_unit_test(predict_one_pixel),
        cmocka_unit_test(predict_goes_on_after_bad_pictures),
        cmocka_unit_test(predict_refuses),
        cmocka_unit_test(cut_models_are_refused),
        cmocka_unit_test(another_shape_is_refused),
        cmocka_unit_test(checkpoints_are_not_models),
        cmocka_unit_test(import_keeps_a_model),
        cmocka_unit_test(export_for_others),
        cmocka_unit_test(import_knows_an_encoder),
        cmocka_unit_test(preview_shows),
        cmocka_unit_test(split_tells),
    };
    return cmocka_run_group_tests(tests, make_set_and_model, cli_end);
}
