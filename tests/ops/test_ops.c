/*
 * test_ops - every case of registry.def, on every device.
 *
 *     test_ops [--device NAME] [--seed N] [--no-fresh] [PATTERN]    cases whose "group.name" contains PATTERN
 *
 * For each case, in f32: value, gradient and second derivative against golden values from PyTorch in float64; the
 * fused gradient against the composed one; one thread against two; both derivatives against finite differences. In
 * bf16: all three against f32 on the same rounded inputs. On a device other than "cpu" also, unless --no-fresh: all
 * three in f32, tf32 and bf16 against the CPU on inputs drawn from the seed (fresh.h). Exit status 0 if all hold.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare.h"
#include "fresh.h"

/* ---- golden values ---- */

static void *copy_golden(const gan_file *file, const op_case *c, const char *key, int index, size_t *bytes)
{
    char name[128];
    if (index < 0)
        snprintf(name, sizeof name, "%s.%s", c->name, key);
    else
        snprintf(name, sizeof name, "%s.%s%d", c->name, key, index);
    const void *data = gan_file_data(file, name, bytes);
    void *copy = data ? malloc(*bytes + 1) : NULL;
    return copy ? memcpy(copy, data, *bytes) : NULL;
}

/* A tensor of as many elements as the case says, or NULL. */
static void *copy_of_size(const gan_file *file, const op_case *c, const char *key, int index, size_t wanted)
{
    size_t bytes = 0;
    void *copy = copy_golden(file, c, key, index, &bytes);
    if (copy && bytes == wanted)
        return copy;
    free(copy);
    return NULL;
}

static bool load_golden(const gan_file *file, const op_case *c, op_data *data, op_result *want)
{
    *data = (op_data){0};
    *want = (op_result){0};
    int n = op_parse_inputs(c->inputs, data->spec);
    size_t bytes = 0;
    want->y = copy_golden(file, c, "y", -1, &bytes);
    want->n_y = (int64_t)(bytes / sizeof(float));
    data->n_in = n < 0 ? 0 : n;
    bool ok = n >= 0 && want->y;
    for (int i = 0; ok && i < n; i++) {
        size_t size = (size_t)gan_shape_count(data->spec[i].shape) * gan_dtype_size(data->spec[i].dtype);
        ok = (data->in[i] = copy_of_size(file, c, "in", i, size));
        if (!ok || !data->spec[i].differentiated)
            continue;
        if (!data->w)
            data->w = copy_of_size(file, c, "w", -1, bytes);
        data->v[i] = copy_of_size(file, c, "v", i, size);
        want->g[i] = copy_of_size(file, c, "g", i, size);
        want->h[i] = copy_of_size(file, c, "h", i, size); /* not there: zeros */
        ok = data->w && data->v[i] && want->g[i];
    }
    return ok;
}

/* ---- finite differences ---- */

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

/* sum(y w) and sum of <g, v> at in + step * direction. */
static bool evaluate_at(run *r, const op_data *data, float *const *direction, double step, double out[2])
{
    op_data moved = *data;
    bool ok = true;
    for (int i = 0; i < data->n_in; i++) {
        int64_t n = gan_shape_count(data->spec[i].shape);
        if (!direction[i])
            continue;
        float *x = malloc((size_t)n * sizeof *x + 1);
        for (int64_t k = 0; x && k < n; k++)
            x[k] = (float)(((const float *)data->in[i])[k] + step * direction[i][k]);
        moved.in[i] = x;
        ok = ok && x;
    }
    op_result result = {0};
    ok = ok && op_evaluate(r->one, r->c, &moved, OP_GRADIENT, false, &result) == GAN_OK;
    out[0] = ok ? dot(result.y, data->w, result.n_y) : 0;
    out[1] = 0;
    for (int i = 0; i < data->n_in; i++) {
        if (ok && direction[i])
            out[1] += dot(result.g[i], data->v[i], gan_shape_count(data->spec[i].shape));
        if (direction[i])
            free(moved.in[i]);
    }
    op_result_free(&result);
    return ok;
}

/* The derivative along a random direction by the central difference of fourth order, against <gradient, direction>
 * and <second derivative, direction>. With a step of 1/64 its error is that of rounding, about 1e-5 of the sum of
 * magnitudes. Registry domains keep kinks farther away than two steps. */
static void check_finite(run *r, const op_data *data, const op_result *exact)
{
    static const double at[4] = {-2, -1, 1, 2}, weight[4] = {1.0 / 12, -8.0 / 12, 8.0 / 12, -1.0 / 12};
    const double step = 1.0 / 64, allowed = 2e-3;
    float *direction[OP_MAX_INPUTS] = {0};
    double expected[2] = {0}, scale[2] = {0}, found[2] = {0};
    bool ok = true;
    for (int i = 0; i < data->n_in; i++) {
        if (!data->spec[i].differentiated)
            continue;
        int64_t n = gan_shape_count(data->spec[i].shape);
        direction[i] = malloc((size_t)n * sizeof(float) + 1);
        for (int64_t k = 0; direction[i] && k < n; k++) {
            uint32_t word[4];
            gan_philox(7, (uint64_t)i, (uint64_t)k, word);
            float u = direction[i][k] = (float)(2 * (word[0] * 0x1p-32) - 1);
            expected[0] += (double)exact->g[i][k] * u;
            expected[1] += (double)exact->h[i][k] * u;
            scale[0] += fabs((double)exact->g[i][k] * u);
            scale[1] += fabs((double)exact->h[i][k] * u);
        }
        ok = ok && direction[i];
        scale[1] += 1e-2 * fabs(dot(exact->g[i], data->v[i], n));
    }
    scale[0] += 1e-2 * fabs(dot(exact->y, data->w, exact->n_y));
    for (int k = 0; ok && k < 4; k++) {
        double value[2];
        ok = evaluate_at(r, data, direction, at[k] * step, value);
        for (int j = 0; j < 2; j++)
            found[j] += weight[k] * value[j] / step;
    }
    for (int i = 0; i < OP_MAX_INPUTS; i++)
        free(direction[i]);
    if (!ok) {
        fail_status(r, r->one, "finite differences");
        return;
    }
    for (int j = 0; j < 2; j++) {
        double d = fabs(found[j] - expected[j]) / fmax(scale[j], 1e-3);
        r->worst->f32[FINITE] = fmax(r->worst->f32[FINITE], d);
        if (d <= allowed)
            continue;
        char text[200];
        snprintf(text, sizeof text, "finite difference of the %s: %.9g, should be %.9g (%.3g, allowed %.3g)",
                 j ? "gradient" : "value", found[j], expected[j], d, allowed);
        fail(r, text);
    }
}

/* ---- one case ---- */

static bool differentiated(const op_data *data)
{
    return data->w != NULL;
}

static void check_f32(run *r, const op_data *data, const op_result *golden)
{
    const op_case *c = r->c;
    const double *tolerance = c->tolerance.f32;
    op_result fused, composed, threaded;
    op_dirty_memory(r->one);
    op_dirty_memory(r->two);
    if (op_evaluate(r->one, c, data, OP_GRADIENT, false, &fused) != GAN_OK) {
        fail_status(r, r->one, "fused");
        return;
    }
    if (op_evaluate(r->one, c, data, OP_SECOND, false, &composed) != GAN_OK) {
        fail_status(r, r->one, "composed");
        op_result_free(&fused);
        return;
    }
    if (golden) {
        compare_results(r, "fused against golden", data, &fused, golden, false,
                        (limits){.tolerance = tolerance, .factor = 1}, r->worst->f32);
        compare_results(r, "composed against golden", data, &composed, golden, true,
                        (limits){.tolerance = tolerance, .factor = 1}, r->worst->f32);
    }
    compare_results(r, "fused against composed", data, &fused, &composed, false,
                    (limits){.tolerance = tolerance, .factor = 2}, NULL);
    if (op_evaluate(r->two, c, data, OP_GRADIENT, false, &threaded) != GAN_OK)
        fail_status(r, r->two, "fused on two threads");
    else
        compare_results(r, "fused on two threads", data, &threaded, &fused, false,
                        (limits){.tolerance = tolerance, .factor = 1}, NULL);
    op_result_free(&threaded);
    if (op_evaluate(r->two, c, data, OP_SECOND, false, &threaded) != GAN_OK)
        fail_status(r, r->two, "composed on two threads");
    else
        compare_results(r, "composed on two threads", data, &threaded, &composed, true,
                        (limits){.tolerance = tolerance, .factor = 1}, NULL);
    op_result_free(&threaded);
    if (c->smooth && differentiated(data))
        check_finite(r, data, &composed);
    op_result_free(&fused);
    op_result_free(&composed);
}

static void check_bf16(run *r, const op_data *data, int64_t n_y)
{
    const op_case *c = r->c;
    op_data rounded;
    op_result want = {0}, fused = {0}, composed = {0};
    op_dirty_memory(r->bf16);
    if (!op_data_round(data, n_y, &rounded))
        fail(r, "no memory");
    else if (op_evaluate(r->one, c, &rounded, OP_SECOND, false, &want) != GAN_OK)
        fail_status(r, r->one, "f32 on rounded inputs");
    else if (op_evaluate(r->bf16, c, &rounded, OP_GRADIENT, true, &fused) != GAN_OK)
        fail_status(r, r->bf16, "bf16 fused");
    else if (op_evaluate(r->bf16, c, &rounded, OP_SECOND, true, &composed) != GAN_OK)
        fail_status(r, r->bf16, "bf16 composed");
    else {
        const double *tolerance = c->tolerance.bf16;
        compare_results(r, "bf16 fused", &rounded, &fused, &want, false, (limits){.tolerance = tolerance, .factor = 1},
                        r->worst->bf16);
        compare_results(r, "bf16 composed", &rounded, &composed, &want, true,
                        (limits){.tolerance = tolerance, .factor = 1}, r->worst->bf16);
    }
    op_result_free(&want);
    op_result_free(&fused);
    op_result_free(&composed);
    op_data_free(&rounded);
}

static void check_case(run *r, const gan_file *file, const fresh *f)
{
    op_data data;
    op_result golden = {0};
    int before = r->failures;
    bool ok = r->c->golden ? load_golden(file, r->c, &data, &golden) : op_data_draw(r->one, r->c, &data);
    if (!ok) {
        fail(r, r->c->golden ? "no golden values; run scripts/make-golden-ops" : "its inputs cannot be made");
        gan_clear_status(r->one);
    } else {
        check_f32(r, &data, r->c->golden ? &golden : NULL);
        op_result value;
        if (r->failures == before && op_evaluate(r->one, r->c, &data, OP_VALUE, false, &value) == GAN_OK) {
            check_bf16(r, &data, value.n_y);
            op_result_free(&value);
        }
    }
    if (f)
        check_fresh(r, f);
    if (r->failures > before)
        printf("     %s\n", r->c->expression);
    r->worst->cases++;
    op_data_free(&data);
    op_result_free(&golden);
}

/* ---- all cases ---- */

static gan_context *open_context(const char *device, gan_precision precision, int threads)
{
    gan_message message;
    gan_context *ctx = NULL;
    gan_context_options options = {
        .struct_size = sizeof options, .device = device, .precision = precision, .threads = threads};
    if (gan_context_create(&options, &ctx, &message) != GAN_OK) {
        fprintf(stderr, "test_ops: %s\n", message.text);
        exit(2);
    }
    return ctx;
}

static gan_file *open_golden(const char *group)
{
    char path[4096];
    gan_message message;
    gan_file *file = NULL;
    snprintf(path, sizeof path, "%s/golden/ops/%s.safetensors", TEST_SOURCE_DIR, group);
    if (gan_file_open(path, &file, &message) != GAN_OK)
        printf("test_ops: %s\n", message.text);
    return file;
}

static void open_fresh(fresh *f, const char *device, uint64_t seed)
{
    *f = (fresh){.seed = seed,
                 .cpu = open_context("cpu", GAN_PRECISION_F32, 2),
                 .cpu_bf16 = open_context("cpu", GAN_PRECISION_BF16, 2),
                 .f32 = open_context(device, GAN_PRECISION_F32, 2),
                 .tf32 = open_context(device, GAN_PRECISION_TF32, 2),
                 .bf16 = open_context(device, GAN_PRECISION_BF16, 2)};
}

static void close_fresh(fresh *f)
{
    gan_context_destroy(f->cpu);
    gan_context_destroy(f->cpu_bf16);
    gan_context_destroy(f->f32);
    gan_context_destroy(f->tf32);
    gan_context_destroy(f->bf16);
}

static void print_worst(const group_worst *w, bool with_fresh)
{
    printf("%-12s %3d cases; worst relative error f32 value %.1e gradient %.1e second %.1e finite %.1e; "
           "bf16 %.1e %.1e %.1e\n",
           w->name, w->cases, w->f32[VALUE], w->f32[GRADIENT], w->f32[SECOND], w->f32[FINITE], w->bf16[VALUE],
           w->bf16[GRADIENT], w->bf16[SECOND]);
    if (with_fresh)
        printf("%12s fresh inputs: f32 %.1e %.1e %.1e; tf32 %.1e %.1e %.1e; bf16 %.1e %.1e %.1e; %d redrawn\n", "",
               w->fresh_f32[VALUE], w->fresh_f32[GRADIENT], w->fresh_f32[SECOND], w->fresh_tf32[VALUE],
               w->fresh_tf32[GRADIENT], w->fresh_tf32[SECOND], w->fresh_bf16[VALUE], w->fresh_bf16[GRADIENT],
               w->fresh_bf16[SECOND], w->redrawn);
}

/* The cases of a group stand together in the registry. Grows *count, and the run's failures. */
static void run_cases(run *r, const char *pattern, const fresh *f, int *count)
{
    group_worst worst = {0};
    gan_file *file = NULL;
    for (int i = 0; i < op_case_count; i++) {
        const op_case *c = &op_cases[i];
        char name[128];
        snprintf(name, sizeof name, "%s.%s", c->group, c->name);
        if (pattern && !strstr(name, pattern))
            continue;
        if (!worst.name || strcmp(worst.name, c->group) != 0) {
            if (worst.name)
                print_worst(&worst, f);
            worst = (group_worst){.name = c->group};
            gan_file_close(file);
            file = c->golden ? open_golden(c->group) : NULL;
        }
        if (c->golden && !file) {
            r->failures++;
            continue;
        }
        r->c = c;
        r->worst = &worst;
        check_case(r, file, f);
        ++*count;
    }
    if (worst.name)
        print_worst(&worst, f);
    gan_file_close(file);
}

/* Returns how many checks failed; *count grows. `seed` NULL: no fresh inputs. */
static int run_device(const char *device, const char *pattern, const uint64_t *seed, int *count)
{
    run r = {.device = device,
             .one = open_context(device, GAN_PRECISION_F32, 1),
             .two = open_context(device, GAN_PRECISION_F32, 2),
             .bf16 = open_context(device, GAN_PRECISION_BF16, 2)};
    fresh f;
    printf("%s\n", gan_context_device(r.two));
    if (seed) {
        open_fresh(&f, device, *seed);
        printf("fresh inputs: --seed %llu\n", (unsigned long long)*seed);
    }
    run_cases(&r, pattern, seed ? &f : NULL, count);
    if (seed)
        close_fresh(&f);
    gan_context_destroy(r.one);
    gan_context_destroy(r.two);
    gan_context_destroy(r.bf16);
    return r.failures;
}

/* Every function of a header that gives a tensor must be in some case. Returns how many are not. */
static int check_coverage(const char *header)
{
    static const char mark[] = "GAN_API gan_tensor *";
    char path[4096], line[512];
    snprintf(path, sizeof path, "%s/../sdk/include/gan/%s", TEST_SOURCE_DIR, header);
    FILE *f = fopen(path, "r");
    int missing = f ? 0 : 1;
    while (f && fgets(line, sizeof line, f)) {
        char *name = line + sizeof mark - 1, *end;
        if (strncmp(line, mark, sizeof mark - 1) != 0 || !(end = strchr(name, '(')))
            continue;
        end[1] = '\0'; /* "gan_add(", so that it is not found in "gan_add_scalar(" */
        bool found = false;
        for (int i = 0; i < op_case_count && !found; i++)
            found = strstr(op_cases[i].expression, name);
        if (!found)
            printf("FAIL %s...) of <gan/%s> has no case in registry.def\n", name, header);
        missing += !found;
    }
    if (f)
        fclose(f);
    return missing;
}

int main(int argc, char **argv)
{
    const char *device = "cpu", *pattern = NULL;
    uint64_t seed = 1;
    bool with_fresh = true;
    for (int i = 1; i < argc; i++) {
        char *end = "";
        if (!strcmp(argv[i], "--device") && i + 1 < argc)
            device = argv[++i];
        else if (!strcmp(argv[i], "--seed") && i + 1 < argc)
            seed = strtoull(argv[++i], &end, 10);
        else if (!strcmp(argv[i], "--no-fresh"))
            with_fresh = false;
        else
            pattern = argv[i];
        if (*end) {
            fprintf(stderr, "test_ops: --seed takes a whole number, not \"%.40s\"\n", argv[i]);
            return 2;
        }
    }
    with_fresh = with_fresh && strcmp(device, "cpu") != 0;
    int count = 0, failures = run_device(device, pattern, with_fresh ? &seed : NULL, &count);
    if (!pattern)
        failures += check_coverage("ops.h") + check_coverage("loss.h");
    printf("%d cases, %d failures\n", count, failures);
    return failures == 0 && count > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
