/* One list of keys: what a recipe file may say, and what each value may be. */
#include "learn/recipe_keys.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/parts.h"

/* ---- rows ------------------------------------------------------------------------------------------- */

static recipe_key *append(recipe_keys *keys, const char *section, const char *name, enum recipe_kind kind, void *value)
{
    recipe_key *const key = &keys->rows[keys->count++];
    *key = (recipe_key){.kind = kind, .value = value, .step = 1};
    (void)snprintf(key->name, sizeof key->name, "%s%s%s", section, *section ? "." : "", name);
    return key;
}

static void add_integer(recipe_keys *keys, const char *name, int *value, double low, double high, const char *help)
{
    recipe_key *const key = append(keys, "", name, RECIPE_INTEGER, value);
    key->low = low;
    key->high = high;
    key->help = help;
}

static void add_real(recipe_keys *keys, const char *name, double *value, double low, double high, const char *help)
{
    recipe_key *const key = append(keys, "", name, RECIPE_REAL, value);
    key->low = low;
    key->high = high;
    key->help = help;
}

/* enums are read and written as int */
static void add_choice(recipe_keys *keys, const char *name, void *value, const char *choices, const char *help)
{
    recipe_key *const key = append(keys, "", name, RECIPE_CHOICE, value);
    key->choices = choices;
    key->help = help;
}

static void add_text(recipe_keys *keys, const char *name, char *value, int room, const char *help)
{
    recipe_key *const key = append(keys, "", name, RECIPE_TEXT, value);
    key->step = room;
    key->help = help;
}

static void add_switch(recipe_keys *keys, const char *name, bool *value, const char *help)
{
    append(keys, "", name, RECIPE_SWITCH, value)->help = help;
}

/* ---- sections --------------------------------------------------------------------------------------- */

static void network_keys(recipe_keys *k, recipe *r)
{
    add_text(k, "name", r->name, sizeof r->name, "what the recipe is called");
    add_text(k, "about", r->about, sizeof r->about, "a sentence on it");
    add_text(k, "network.preset", r->preset, sizeof r->preset, "slim, wide, coauthor, slim18, ...");
    add_integer(k, "network.size", &r->size, 32, 4096, "pictures are size x size to the network");
    k->rows[k->count - 1].step = 32;
    add_switch(k, "network.auxiliary", &r->auxiliary, "heads at 1/4 and 1/8 of the size while training");
    add_real(k, "network.auxiliary_weight", &r->auxiliary_weight, 0, 10, "of each one's loss");
}

static void training_keys(recipe_keys *k, recipe *r)
{
    add_integer(k, "training.epochs", &r->epochs, 1, 100000, "times through the data");
    add_integer(k, "training.batch", &r->batch, 1, 4096, "pictures a pass");
    add_integer(k, "training.accumulate", &r->accumulate, 1, 1024, "passes a step: their gradients are averaged");
    add_choice(k, "training.keep", &r->keep, "best|last", "which epoch's network becomes the model");
    add_integer(k, "training.patience", &r->patience, 0, 100000,
                "epochs without a better validation until it stops; 0: never");
    add_choice(k, "training.freeze", &r->freeze, "nothing|body|first",
               "the encoder: trained, frozen, or frozen for the first epochs and fine-tuned after");
    add_integer(k, "training.freeze_epochs", &r->freeze_epochs, 1, 100000, "of `first`");
    add_real(k, "sampling.small_share", &r->small_share, 0, 1, "a polyp below this share of its picture is small");
    add_real(k, "sampling.small_weight", &r->small_weight, 0.01, 100, "how often pictures of small polyps are taken");
    add_integer(k, "sampling.ignore_level", &r->ignore_level, -1, 254,
                "grey level of ignored pixels in masks; -1: none");
}

static void optimiser_keys(recipe_keys *k, recipe *r)
{
    static const char *const groups[PARAM_GROUPS] = {"stem", "layer1", "layer2", "layer3", "layer4", "decoder"};
    add_real(k, "optimiser.rate", &r->rate, 1e-12, 1e3, "learning rate at the schedule's peak");
    for (int i = 0; i < PARAM_GROUPS; i++) {
        recipe_key *const key = append(k, "optimiser.factors", groups[i], RECIPE_REAL, &r->factors[i]);
        key->high = 1e3;
        key->help = "factor on the rate; 0: not trained";
    }
    add_real(k, "optimiser.weight_decay", &r->weight_decay, 0, 10, "of convolution weights, decoupled");
    add_real(k, "optimiser.beta1", &r->beta1, 0, 0.9999, "where the schedule does not cycle it");
    add_real(k, "optimiser.beta2", &r->beta2, 0, 0.999999, "of the squared gradients' average");
    add_real(k, "optimiser.epsilon", &r->epsilon, 1e-15, 1, "added outside the root");
    add_real(k, "optimiser.clip", &r->clip, 0, 1e6, "largest norm of a step's gradient; 0: any");
    add_real(k, "optimiser.average", &r->average, 0, 1,
             "share of the run that the weights' moving average reaches back over; 0: none");
    add_integer(k, "optimiser.average_batches", &r->average_batches, 1, 100000,
                "batches that find batch norm's statistics again for it");
}

static void add_range(recipe_keys *keys, const char *section, const char *name, double range[2], double low, double high,
                      const char *help)
{
    recipe_key *const key = append(keys, section, name, RECIPE_RANGE, range);
    key->low = low;
    key->high = high;
    key->help = help;
}

static void schedule_keys(recipe_keys *k, recipe *r)
{
    schedule_spec *const s = &r->schedule;
    add_choice(k, "schedule.kind", &s->kind, SCHEDULE_CHOICES, "how the rate goes over the run");
    add_real(k, "schedule.start", &s->start, 0, 1, "share of the run that rises (flat-cosine: that is flat)");
    add_real(k, "schedule.divisor", &s->divisor, 1, 1e9, "the rate begins at its peak / this");
    add_real(k, "schedule.final_divisor", &s->final_divisor, 1, 1e12, "and ends at its peak / this");
    add_switch(k, "schedule.cycle_momentum", &s->cycle_momentum, "one-cycle: beta1 goes against the rate");
    add_range(k, "schedule", "momentum", s->momentum, 0, 0.9999, "beta1's ends then");
}

static void loss_keys(recipe_keys *k, recipe *r)
{
    loss_spec *const l = &r->loss;
    add_choice(k, "loss.kind", &l->kind, LOSS_CHOICES, "what is made small");
    add_real(k, "loss.smooth", &l->smooth, 1e-9, 1e6, "dice, tversky, structure: added above and below");
    add_real(k, "loss.dice", &l->dice, 0, 1000, "bce+dice: weight of the Dice part");
    add_real(k, "loss.gamma", &l->gamma, 0, 10, "focal: how far it looks away from pixels that are right already");
    add_real(k, "loss.balance", &l->balance, -1, 1, "focal: weight of polyps, 1 - this of the rest; below 0: no weights");
    add_real(k, "loss.alpha", &l->alpha, 0, 10, "tversky: weight of what is too much");
    add_real(k, "loss.beta", &l->beta, 0, 10, "tversky: weight of what is missed");
    add_real(k, "loss.border", &l->border, 0, 1000, "structure: how much more a pixel at a border counts");
    add_integer(k, "loss.radius", &l->radius, 1, 1000, "structure: of the square that a pixel is compared with");
}

/* ---- augmentation ----------------------------------------------------------------------------------- */

static void augment_kind_keys(recipe_keys *k, augment_entry *entry, const augment_kind_row *kind)
{
    char section[48];
    (void)snprintf(section, sizeof section, "augment.%s", kind->name);
    recipe_key *const probability = append(k, section, "probability", RECIPE_REAL, &entry->probability);
    probability->high = 1;
    probability->help = kind->does;
    for (int i = 0; i < AUGMENT_RANGES && kind->ranges[i].name; i++) {
        const augment_range *const range = &kind->ranges[i];
        add_range(k, section, range->name, entry->range[i], range->least, range->most, range->means);
    }
}

static void augment_keys(recipe_keys *k, recipe *r)
{
    add_choice(k, "augment.pipeline", &r->augment.pipeline, "fastai|once",
               "fastai: its transforms on the squished picture; once: all transforms in one resampling of the file's");
    add_choice(k, "augment.fill", &r->augment.fill, "reflect|black|either", "what lies outside the picture");
    for (int i = 0; i < AUGMENT_KINDS; i++) augment_kind_keys(k, &r->augment.entries[i], &augment_kinds[i]);
}

void recipe_keys_bind(recipe_keys *out, recipe *r)
{
    out->count = 0;
    network_keys(out, r);
    training_keys(out, r);
    optimiser_keys(out, r);
    schedule_keys(out, r);
    loss_keys(out, r);
    augment_keys(out, r);
}

/* ---- names ------------------------------------------------------------------------------------------ */

const recipe_key *recipe_keys_find(const recipe_keys *keys, const char *name)
{
    for (int i = 0; i < keys->count; i++) {
        if (strcmp(keys->rows[i].name, name) == 0) return &keys->rows[i];
    }
    return NULL;
}

enum { LONGEST = 63 };

/* Levenshtein's distance of the first LONGEST characters. */
static int edits(const char *a, const char *b)
{
    int row[LONGEST + 1];
    const int n = (int)strnlen(b, LONGEST);
    for (int j = 0; j <= n; j++) row[j] = j;
    for (int i = 1; i <= LONGEST && a[i - 1]; i++) {
        int diagonal = row[0];
        row[0] = i;
        for (int j = 1; j <= n; j++) {
            const int change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = at_most(change, at_most(row[j], row[j - 1]) + 1);
        }
    }
    return row[n];
}

/* Of the whole name, or of its last part: who forgets the section means a key of that name. */
static int distance(const char *name, const char *key)
{
    const char *const last = strrchr(key, '.');
    const int whole = edits(name, key);
    return last && !strchr(name, '.') ? at_most(whole, edits(name, last + 1)) : whole;
}

const recipe_key *recipe_keys_nearest(const recipe_keys *keys, const char *name)
{
    const recipe_key *nearest = &keys->rows[0];
    for (int i = 1; i < keys->count; i++) {
        if (distance(name, keys->rows[i].name) < distance(name, nearest->name)) nearest = &keys->rows[i];
    }
    return nearest;
}

static void section_of(const recipe_key *key, char out[64])
{
    const char *const dot = strrchr(key->name, '.');
    (void)snprintf(out, 64, "%.*s", dot ? (int)(dot - key->name) : 0, key->name);
}

void recipe_keys_nearest_section(const recipe_keys *keys, const char *name, char out[64])
{
    char section[64];
    out[0] = '\0';
    for (int i = 0; i < keys->count; i++) {
        section_of(&keys->rows[i], section);
        if (section[0] && (!out[0] || edits(name, section) < edits(name, out))) memcpy(out, section, sizeof section);
    }
}

void recipe_key_accepts(const recipe_key *key, char *out, size_t size)
{
    switch (key->kind) {
    case RECIPE_INTEGER:
        (void)snprintf(out, size, key->step > 1 ? "a whole number from %.15g to %.15g, a multiple of %d"
                                                : "a whole number from %.15g to %.15g",
                       key->low, key->high, key->step);
        break;
    case RECIPE_REAL: (void)snprintf(out, size, "a number from %.15g to %.15g", key->low, key->high); break;
    case RECIPE_SWITCH: (void)snprintf(out, size, "true or false"); break;
    case RECIPE_CHOICE: (void)snprintf(out, size, "one of %s", key->choices); break;
    case RECIPE_TEXT: (void)snprintf(out, size, "a text of at most %d bytes", key->step - 1); break;
    case RECIPE_RANGE:
        (void)snprintf(out, size, "[low, high], both from %.15g to %.15g", key->low, key->high);
        break;
    }
}
