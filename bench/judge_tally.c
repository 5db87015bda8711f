#include "judge_tally.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>

/* The likeliest class, -1 if a probability is not finite. */
static int likeliest(const float p[JUDGE_CLASSES])
{
    int best = 0;
    for (int c = 0; c < JUDGE_CLASSES; c++) {
        if (!isfinite(p[c]))
            return -1;
        if (p[c] > p[best])
            best = c;
    }
    return best;
}

void judge_count(judge_tally *tally, const float *probabilities, const int32_t *labels, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const float *p = probabilities + i * JUDGE_CLASSES;
        int best = likeliest(p);
        int32_t label = labels ? labels[i] : -1;
        tally->images++;
        if (best >= 0) {
            bool recognised = (double)p[best] > JUDGE_CONFIDENCE;
            tally->confidence += (double)p[best];
            tally->recognised += recognised;
            tally->of[best].images++;
            tally->of[best].recognised += recognised;
        }
        if (label >= 0 && label < JUDGE_CLASSES) {
            tally->of[label].asked++;
            tally->of[label].right += best == label;
        }
    }
}

int64_t judge_asked(const judge_tally *tally)
{
    int64_t sum = 0;
    for (int c = 0; c < JUDGE_CLASSES; c++)
        sum += tally->of[c].asked;
    return sum;
}

int64_t judge_right(const judge_tally *tally)
{
    int64_t sum = 0;
    for (int c = 0; c < JUDGE_CLASSES; c++)
        sum += tally->of[c].right;
    return sum;
}

double judge_share(int64_t part, int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

static int64_t classified(const judge_tally *tally)
{
    int64_t sum = 0;
    for (int c = 0; c < JUDGE_CLASSES; c++)
        sum += tally->of[c].images;
    return sum;
}

double judge_entropy(const judge_tally *tally)
{
    int64_t n = classified(tally);
    double sum = 0.0;
    for (int c = 0; c < JUDGE_CLASSES; c++) {
        double p = judge_share(tally->of[c].images, n);
        sum -= p > 0.0 ? p * log(p) : 0.0;
    }
    return sum;
}

double judge_kl(const judge_tally *tally)
{
    return classified(tally) > 0 ? log(JUDGE_CLASSES) - judge_entropy(tally) : 0.0;
}

static double percent(int64_t part, int64_t whole)
{
    return 100.0 * judge_share(part, whole);
}

void judge_print(const judge_tally *tally, const char *title, FILE *out)
{
    int64_t asked = judge_asked(tally);
    fprintf(out, "%s: %" PRId64 " images\n\n", title, tally->images);
    fprintf(out, "recognised with confidence above %.1f   %6.2f %%\n", JUDGE_CONFIDENCE,
            percent(tally->recognised, tally->images));
    fprintf(out, "mean confidence                        %8.4f\n",
            tally->images > 0 ? tally->confidence / (double)tally->images : 0.0);
    if (asked > 0)
        fprintf(out, "of the class that was asked for        %6.2f %%\n", percent(judge_right(tally), asked));
    fprintf(out, "entropy of the classes                 %8.4f nats of %.4f; KL to uniform %.4f\n\n",
            judge_entropy(tally), log(JUDGE_CLASSES), judge_kl(tally));
    fprintf(out, "| class | images | share | recognised |%s\n", asked > 0 ? " asked for | given |" : "");
    fprintf(out, "|---|---|---|---|%s\n", asked > 0 ? "---|---|" : "");
    for (int c = 0; c < JUDGE_CLASSES; c++) {
        const judge_class *k = &tally->of[c];
        fprintf(out, "| %d | %" PRId64 " | %.2f %% | %.2f %% |", c, k->images, percent(k->images, tally->images),
                percent(k->recognised, k->images));
        if (asked > 0)
            fprintf(out, " %" PRId64 " | %.2f %% |", k->asked, percent(k->right, k->asked));
        fprintf(out, "\n");
    }
}

static json_t *class_json(const judge_tally *tally, int c)
{
    const judge_class *k = &tally->of[c];
    return json_pack("{s:i, s:I, s:f, s:I, s:I, s:I}", "class", c, "images", (json_int_t)k->images, "share",
                     judge_share(k->images, tally->images), "recognised", (json_int_t)k->recognised, "asked",
                     (json_int_t)k->asked, "right", (json_int_t)k->right);
}

json_t *judge_json(const judge_tally *tally, const char *title)
{
    int64_t asked = judge_asked(tally);
    json_t *classes = json_array();
    for (int c = 0; c < JUDGE_CLASSES; c++)
        if (json_array_append_new(classes, class_json(tally, c)) != 0) {
            json_decref(classes);
            return NULL;
        }
    json_t *out =
        json_pack("{s:s, s:I, s:f, s:I, s:f, s:f, s:f, s:f, s:o}", "images_of", title, "images",
                  (json_int_t)tally->images, "confidence_above", JUDGE_CONFIDENCE, "recognised",
                  (json_int_t)tally->recognised, "recognised_share", judge_share(tally->recognised, tally->images),
                  "mean_confidence", tally->images > 0 ? tally->confidence / (double)tally->images : 0.0, "entropy",
                  judge_entropy(tally), "kl_to_uniform", judge_kl(tally), "classes", classes);
    if (out && asked > 0 &&
        (json_object_set_new(out, "asked", json_integer(asked)) != 0 ||
         json_object_set_new(out, "right", json_integer(judge_right(tally))) != 0 ||
         json_object_set_new(out, "right_share", json_real(judge_share(judge_right(tally), asked))) != 0)) {
        json_decref(out);
        return NULL;
    }
    return out;
}
