/* The few facts of a training that a person asks for first; `polyp info --recipe` prints all of them. */
#include "commands_info.h"

#include <jansson.h>

static const char *text_of(const json_t *object, const char *key, const char *otherwise)
{
    const char *const text = json_string_value(json_object_get(object, key));
    return text && text[0] ? text : otherwise;
}

static void print_count(const json_t *object, const char *key, const char *before, const char *after, FILE *to)
{
    const json_t *const value = json_object_get(object, key);
    if (json_is_integer(value)) fprintf(to, "%s%lld%s", before, (long long)json_integer_value(value), after);
}

static void print_score(const json_t *run, const char *key, const char *before, FILE *to)
{
    const json_t *const value = json_object_get(run, key);
    if (json_is_number(value)) fprintf(to, "%s%.4f", before, json_number_value(value));
}

static void print_averaged(const json_t *run, FILE *to)
{
    const size_t count = json_array_size(json_object_get(run, "averaged"));
    if (count > 0) fprintf(to, "averaged    the weights of %zu models, of the last of which this is said:\n", count);
}

/* A model was gone on from, or an encoder taken, or nothing. */
static void print_start(const json_t *run, FILE *to)
{
    const char *const init = text_of(run, "init", "");
    if (init[0]) fprintf(to, "begun with the model %s\n", init);
    else fprintf(to, "encoder %s\n", text_of(run, "encoder", "random"));
}

static void print_facts(const json_t *root, const json_t *run, FILE *to)
{
    print_averaged(run, to);
    fprintf(to, "training    recipe %s", text_of(root, "name", "without a name"));
    print_count(json_object_get(root, "training"), "epochs", ", ", " epochs", to);
    print_count(json_object_get(root, "training"), "batch", " in batches of ", "", to);
    print_count(run, "seed", ", seed ", "", to);
    fprintf(to, ", %s\n", text_of(run, "precision", "f32"));
    print_count(run, "pictures", "pictures    ", "", to);
    fprintf(to, " of split %s", text_of(run, "split", "train"));
    fprintf(to, ", data %s, ", text_of(run, "data", "unknown"));
    print_start(run, to);
    if (json_integer_value(json_object_get(run, "valid_pictures")) == 0) {
        print_count(run, "epoch", "validation  none; weights after epoch ", "\n", to);
        return;
    }
    print_count(run, "epoch", "validation  after epoch ", "", to);
    print_count(run, "valid_pictures", " on ", " pictures", to);
    print_score(run, "valid_jaccard", ": Jaccard ", to);
    print_score(run, "valid_dsc", ", DSC ", to);
    fprintf(to, " (per image, at the pictures' own size)\n");
}

void info_print_quantisation(const char *quantisation, FILE *to)
{
    json_t *const root = json_loads(quantisation, 0, NULL);
    fprintf(to, "weights     in 8 bits");
    if (root) {
        fprintf(to, ", batch norms' means %s; values in %s", text_of(root, "means", "as they were"),
                text_of(root, "values", "8 bits"));
        print_count(root, "pictures", ", found on ", " pictures", to);
    }
    fprintf(to, "\n");
    json_decref(root);
}

void info_print_training(const char *training, FILE *to)
{
    json_t *const root = json_loads(training, 0, NULL);
    const json_t *const run = json_object_get(root, "run");
    if (run && json_is_integer(json_object_get(run, "pictures")) && json_is_integer(json_object_get(run, "epoch"))) {
        print_facts(root, run, to);
    } else {
        fprintf(to, "training    %s\n", training);
    }
    json_decref(root);
}
