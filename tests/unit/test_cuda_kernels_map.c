/* The CUDA backend's element-wise maps, copies, random numbers, updates and table rows against the CPU's, on whatever
 * library GAN_CUDA_LIBRARY names: whole buffers are compared, with what lies between and around the elements. */
#include "backend_cases.h"

#include <stdio.h>

static gan_context *other; /* on the CUDA device */
static gan__backend *cuda;

static gan_status open_both(gan_message *message)
{
    gan_context_options options = {.struct_size = sizeof options, .device = "cpu", .threads = 1};
    gan_status status = gan_context_create(&options, &ctx, message);
    options.device = "cuda";
    if (status == GAN_OK)
        status = gan_context_create(&options, &other, message);
    if (status != GAN_OK)
        return status;
    be = ctx->backend;
    cuda = other->backend;
    state = 88172645463325252u;
    return GAN_OK;
}

static void open_contexts(void)
{
    gan_message message;
    ck_assert_msg(open_both(&message) == GAN_OK, "%s", message.text);
}

static void close_contexts(void)
{
    gan_context_destroy(other);
    gan_context_destroy(ctx);
}

/* A buffer on both devices. */
typedef struct twin {
    char *host, *device, *result;
    size_t bytes;
} twin;

static twin twin_of(void *host, size_t bytes)
{
    twin t = {host, cuda->ops->allocate(cuda, bytes), malloc(bytes), bytes};
    ck_assert(t.device && t.result);
    ck_assert_int_eq(cuda->ops->copy_in(cuda, t.device, host, bytes), GAN_OK);
    return t;
}

static twin random_twin(gan_dtype dtype, int64_t n)
{
    return twin_of(random_buffer(dtype, n), (size_t)n * size_of(dtype));
}

static void fetch(const twin *t)
{
    ck_assert_msg(cuda->ops->copy_out(cuda, t->result, t->device, t->bytes) == GAN_OK, "%s", cuda->error.text);
}

static void twin_free(twin *t)
{
    cuda->ops->deallocate(cuda, t->device, t->bytes);
    free(t->host);
    free(t->result);
}

static gan__array on_device(const twin *t, gan__array a)
{
    a.data = t->device + ((char *)a.data - t->host);
    return a;
}

/* Equal up to `tolerance`, relative above 1; a bf16 may round the other way, an integer too. */
static void assert_same(const twin *t, gan_dtype dtype, double tolerance, const char *what, int number)
{
    fetch(t);
    if (dtype == GAN_BF16 && tolerance > 0)
        tolerance = 0x1p-7;
    for (int64_t i = 0; i < (int64_t)(t->bytes / size_of(dtype)); i++) {
        double got = get(t->result, dtype, i), want = get(t->host, dtype, i);
        double allowed = dtype == GAN_I32 || dtype == GAN_U8 ? (tolerance > 0 ? 1 + tolerance * fabs(want) : 0)
                                                             : tolerance * fmax(fabs(want), 1);
        ASSERT_NEAR(got, want, allowed, "%s %d, element %lld: %.9g, not %.9g", what, number, (long long)i);
    }
}

static void assert_bits(const twin *t, const char *what, int number)
{
    fetch(t);
    for (size_t i = 0; i < t->bytes; i++)
        ck_assert_msg(t->result[i] == t->host[i], "%s %d: byte %zu differs", what, number, i);
}

/* ---- maps ---- */

static const int arity[] = {
#define ARITY(name, inputs, formula) inputs,
    GAN__MAP_OPS(ARITY)};

static void compare_map(gan__map_op op, const gan__array *in, twin *twins, const gan__array *out, twin *result,
                        int number)
{
    const float p[4] = {0.3f, 1.5f, 0, 0};
    gan__array device[3], to = on_device(result, *out);
    for (int k = 0; k < arity[op]; k++)
        device[k] = on_device(&twins[k], in[k]);
    ck_assert_int_eq(be->ops->map(be, op, p, arity[op], in, out), GAN_OK);
    ck_assert_int_eq(cuda->ops->map(cuda, op, p, arity[op], device, &to), GAN_OK);
    if (op == GAN__MAP_COPY && in[0].dtype == out->dtype)
        assert_bits(result, "copy", number);
    else
        assert_same(result, out->dtype, 3e-6, "function", op);
}

START_TEST(any_view_and_type_of_map)
{
    for (int round = 0; round < 600; round++) {
        gan__map_op op = round % 3 ? (gan__map_op)pick(0, GAN__MAP_COUNT - 1) : GAN__MAP_COPY;
        int ndim = (int)pick(0, GAN_MAX_DIMS);
        int64_t dim[GAN_MAX_DIMS];
        for (int i = 0; i < ndim; i++)
            dim[i] = round % 4 ? pick(1, 5) : 4 * pick(1, 2);
        if (ndim > 0 && round % 50 == 7)
            dim[ndim - 1] = pick(1000, 4000);
        gan_dtype same = (gan_dtype)pick(0, 3);
        bool mixed = pick(0, 1);
        gan__array in[3], out;
        twin twins[4];
        for (int k = 0; k < 4; k++) {
            void *buffer;
            gan__array *a = k < 3 ? &in[k] : &out;
            *a = random_view(mixed ? (gan_dtype)pick(0, 3) : same, ndim, dim, k < 3, &buffer);
            int64_t last = (char *)a->data - (char *)buffer;
            for (int i = 0; i < ndim; i++)
                last += (dim[i] - 1) * a->stride[i] * (int64_t)size_of(a->dtype);
            twins[k] = twin_of(buffer, (size_t)last + size_of(a->dtype));
        }
        compare_map(op, in, twins, &out, &twins[3], round);
        for (int k = 0; k < 4; k++)
            twin_free(&twins[k]);
    }
}
END_TEST

/* Every function on dense arrays, of lengths about the ends of packs, in place and with a scalar. */
START_TEST(dense_maps)
{
    static const int64_t length[] = {1, 7, 8, 4099};
    gan__map_op op = _i;
    for (size_t l = 0; l < sizeof length / sizeof *length; l++) {
        for (int form = 0; form < 4; form++) {
            gan_dtype dtype = form % 2 ? GAN_BF16 : GAN_F32;
            gan__array in[3], out;
            twin twins[3];
            for (int k = 0; k < 3; k++) {
                twins[k] = random_twin(dtype, length[l]);
                in[k] = DENSE(twins[k].host, dtype, length[l]);
            }
            out = in[0];
            if (form >= 2 && arity[op] > 1)
                in[1].stride[0] = 0;
            compare_map(op, in, twins, &out, &twins[0], form);
            for (int k = 0; k < 3; k++)
                twin_free(&twins[k]);
        }
    }
}
END_TEST

/* out[a, c, b] = in[a, b, c] and back, through tiles of every shape. */
START_TEST(transposed_copies)
{
    static const int64_t shape[][3] = {{1, 70, 130}, {2, 300, 3}, {3, 3, 300}, {2, 16, 16}, {5, 2, 2}, {1, 1025, 64}};
    for (size_t s = 0; s < sizeof shape / sizeof *shape; s++) {
        int64_t a = shape[s][0], b = shape[s][1], c = shape[s][2];
        for (gan_dtype dtype = GAN_F32; dtype <= GAN_U8; dtype++) {
            twin from = random_twin(dtype, a * b * c), to = random_twin(dtype, a * b * c);
            gan__array in = DENSE(from.host, dtype, a, c, b), out = DENSE(to.host, dtype, a, c, b);
            in.stride[1] = 1;
            in.stride[2] = c;
            compare_map(GAN__MAP_COPY, &in, &from, &out, &to, (int)s);
            twin_free(&from);
            twin_free(&to);
        }
    }
}
END_TEST

/* More elements than the threads of a grid take at once: dense, broadcast, converted, of odd length, moved, transposed.
 */
START_TEST(loops_of_a_grid)
{
    enum { N = 480000 };
    twin x = random_twin(GAN_F32, N), y = random_twin(GAN_F32, N), b = random_twin(GAN_BF16, N);
    gan__array in[2] = {DENSE(x.host, GAN_F32, N), DENSE(y.host, GAN_F32, N)}, out = in[1];
    twin twins[2] = {x, y};
    compare_map(GAN__MAP_ADD, in, twins, &out, &y, N);
    gan__array rows[2] = {DENSE(x.host, GAN_F32, N / 6, 6), DENSE(y.host, GAN_F32, N / 6, 6)};
    rows[0].stride[0] = 0;
    compare_map(GAN__MAP_MUL, rows, twins, &rows[1], &y, 6);
    gan__array odd = DENSE(y.host, GAN_F32, N - 1), narrow = DENSE(b.host, GAN_BF16, N - 1);
    compare_map(GAN__MAP_COPY, &odd, &y, &narrow, &b, N - 1);
    odd.dim[0] = narrow.dim[0] = N;
    compare_map(GAN__MAP_COPY, &odd, &y, &narrow, &b, N);
    gan__array from = DENSE(y.host, GAN_F32, 2, N / 8, 4), to = DENSE(x.host, GAN_F32, 2, N / 8, 3);
    from.dim[2] = 3;
    compare_map(GAN__MAP_COPY, &from, &y, &to, &x, 3);
    from = DENSE(y.host, GAN_F32, 2, N / 8, 4), to = from;
    to.data = x.host;
    from.stride[1] = 1, from.stride[2] = N / 8;
    compare_map(GAN__MAP_COPY, &from, &y, &to, &x, 4);
    ck_assert_int_eq(be->ops->random(be, GAN__RANDOM_INT, 5, 6, 7, 0, 1e6f, N, x.host), GAN_OK);
    ck_assert_int_eq(cuda->ops->random(cuda, GAN__RANDOM_INT, 5, 6, 7, 0, 1e6f, N, x.device), GAN_OK);
    assert_bits(&x, "integers", N);
    gan__update_args args = {GAN__UPDATE_EMA, 0, 0.9, 0, 0, 1};
    gan__update host = {(float *)y.host, NULL, NULL, (float *)y.host, N}, device = host;
    device.p = (float *)y.device, device.g = device.p;
    ck_assert_int_eq(be->ops->update(be, &args, &host, 1), GAN_OK);
    ck_assert_int_eq(cuda->ops->update(cuda, &args, &device, 1), GAN_OK);
    assert_same(&y, GAN_F32, 2e-6, "average", N);
    twin_free(&x);
    twin_free(&y);
    twin_free(&b);
}
END_TEST

START_TEST(extreme_values_convert)
{
    static const float value[] = {NAN,   INFINITY, -INFINITY, 0.5f,  1.5f,  2.5f,   254.5f,       255.5f,
                                  -0.5f, -1.5f,    3e9f,      -3e9f, 1e38f, 1e-40f, 2147483520.f, -2147483648.f};
    enum { N = sizeof value / sizeof *value };
    for (gan_dtype dtype = GAN_F32; dtype <= GAN_U8; dtype++) {
        for (int n = N - 1; n <= N; n++) {
            void *copy = malloc(sizeof value);
            memcpy(copy, value, sizeof value);
            twin from = twin_of(copy, sizeof value), to = random_twin(dtype, N);
            gan__array in = DENSE(from.host, GAN_F32, n), out = DENSE(to.host, dtype, n);
            ck_assert_int_eq(be->ops->map(be, GAN__MAP_COPY, NULL, 1, &in, &out), GAN_OK);
            gan__array on = on_device(&from, in), target = on_device(&to, out);
            ck_assert_int_eq(cuda->ops->map(cuda, GAN__MAP_COPY, NULL, 1, &on, &target), GAN_OK);
            assert_bits(&to, "conversion to type", dtype);
            twin_free(&from);
            twin_free(&to);
        }
    }
}
END_TEST

/* ---- random numbers ---- */

START_TEST(random_numbers)
{
    static const int64_t length[] = {1, 3, 4, 1023, 9000};
    for (gan__random_kind kind = GAN__RANDOM_UNIFORM; kind <= GAN__RANDOM_INT; kind++) {
        for (size_t l = 0; l < sizeof length / sizeof *length; l++) {
            for (int offset = 0; offset < 2; offset++) {
                twin t = random_twin(GAN_F32, length[l] + 2);
                float a = kind == GAN__RANDOM_INT ? 0 : -1.0f, b = kind == GAN__RANDOM_INT ? 1000.0f : 3.0f;
                uint64_t counter = UINT64_C(0xfffffff0) + l;
                ck_assert_int_eq(be->ops->random(be, kind, 12, 34, counter, a, b, length[l], (float *)t.host + offset),
                                 GAN_OK);
                ck_assert_int_eq(
                    cuda->ops->random(cuda, kind, 12, 34, counter, a, b, length[l], (float *)t.device + offset),
                    GAN_OK);
                if (kind == GAN__RANDOM_INT)
                    assert_bits(&t, "integers, length", (int)length[l]);
                else
                    assert_same(&t, GAN_F32, 2e-6, "kind", kind);
                twin_free(&t);
            }
        }
    }
}
END_TEST

/* ---- updates ---- */

#define TENSORS 130 /* of more than one launch */

START_TEST(updates_of_many_tensors)
{
    for (gan__update_kind kind = GAN__UPDATE_ADAM; kind <= GAN__UPDATE_EMA; kind++) {
        twin twins[4] = {random_twin(GAN_F32, 50000), random_twin(GAN_F32, 50000), random_twin(GAN_F32, 50000),
                         random_twin(GAN_F32, 50000)};
        for (int64_t i = 0; i < 50000; i++)
            ((float *)twins[2].host)[i] = fabsf(((float *)twins[2].host)[i]);
        ck_assert_int_eq(cuda->ops->copy_in(cuda, twins[2].device, twins[2].host, twins[2].bytes), GAN_OK);
        gan__update host[TENSORS], device[TENSORS];
        int64_t at = 0;
        for (int t = 0; t < TENSORS; t++) {
            int64_t n = t == 3 ? 0 : t == 5 ? 20001 : pick(1, 200);
            bool plain = kind == GAN__UPDATE_EMA || (kind == GAN__UPDATE_SGD && t % 2);
            at += t % 3 ? (4 - at % 4) % 4 : 0;
            host[t] = (gan__update){(float *)twins[0].host + at, plain ? NULL : (float *)twins[1].host + at,
                                    plain ? NULL : (float *)twins[2].host + at, (float *)twins[3].host + at, n};
            device[t] = (gan__update){(float *)twins[0].device + at, plain ? NULL : (float *)twins[1].device + at,
                                      plain ? NULL : (float *)twins[2].device + at, (float *)twins[3].device + at, n};
            at += n;
        }
        ck_assert_int_le(at, 50000);
        for (int step = 1; step <= 2; step++) {
            gan__update_args args = {kind, 0.01, 0.9, 0.999, 1e-8, step};
            ck_assert_int_eq(be->ops->update(be, &args, host, TENSORS), GAN_OK);
            ck_assert_int_eq(cuda->ops->update(cuda, &args, device, TENSORS), GAN_OK);
        }
        for (int k = 0; k < 4; k++) {
            assert_same(&twins[k], GAN_F32, 2e-6, "kind", kind);
            twin_free(&twins[k]);
        }
    }
}
END_TEST

/* ---- table rows ---- */

static void compare_rows(int64_t n, int64_t rows, int64_t width)
{
    int32_t *index = malloc((size_t)n * sizeof *index);
    for (int64_t i = 0; i < n; i++)
        index[i] = (int32_t)pick(0, rows - 1);
    twin indices = twin_of(index, (size_t)n * sizeof *index), table = random_twin(GAN_F32, rows * width);
    twin out = random_twin(GAN_F32, n * width);
    ck_assert_int_eq(be->ops->gather_rows(be, (float *)table.host, rows, width, index, n, (float *)out.host), GAN_OK);
    ck_assert_int_eq(cuda->ops->gather_rows(cuda, (float *)table.device, rows, width, (int32_t *)indices.device, n,
                                            (float *)out.device),
                     GAN_OK);
    assert_bits(&out, "rows gathered, width", (int)width);
    ck_assert_int_eq(be->ops->scatter_rows(be, (float *)out.host, index, n, width, rows, (float *)table.host), GAN_OK);
    ck_assert_int_eq(cuda->ops->scatter_rows(cuda, (float *)out.device, (int32_t *)indices.device, n, width, rows,
                                             (float *)table.device),
                     GAN_OK);
    assert_bits(&table, "rows scattered, width", (int)width);
    twin_free(&indices);
    twin_free(&table);
    twin_free(&out);
}

START_TEST(table_rows)
{
    static const int64_t width[] = {1, 3, 64, 300};
    for (size_t w = 0; w < sizeof width / sizeof *width; w++) {
        compare_rows(1, 1, width[w]);
        compare_rows(50, 7, width[w]);
        compare_rows(50, 80, width[w]);
        compare_rows(1, 9, width[w]);
    }
    compare_rows(2500, 5, 4);
    compare_rows(2500, 2600, 2);
}
END_TEST

/* gather, scatter with a block for each row, scatter with a block for each index */
START_TEST(index_outside_the_table)
{
    for (int form = 0; form < 3; form++) {
        int64_t rows = form == 2 ? 100 : 5, n = 20;
        int32_t *index = calloc((size_t)n, sizeof *index);
        index[17] = form == 1 ? -1 : (int32_t)rows;
        twin indices = twin_of(index, (size_t)n * sizeof *index), table = random_twin(GAN_F32, rows * 4);
        twin out = random_twin(GAN_F32, n * 4);
        gan_status status;
        if (form == 0)
            status = cuda->ops->gather_rows(cuda, (float *)table.device, rows, 4, (int32_t *)indices.device, n,
                                            (float *)out.device);
        else
            status = cuda->ops->scatter_rows(cuda, (float *)out.device, (int32_t *)indices.device, n, 4, rows,
                                             (float *)table.device);
        if (status == GAN_OK)
            status = cuda->ops->copy_out(cuda, out.result, out.device, out.bytes);
        char named[24];
        snprintf(named, sizeof named, "index %d", (int)index[17]);
        ck_assert_int_ne(status, GAN_OK);
        ck_assert_msg(strstr(cuda->error.text, named) != NULL, "%s", cuda->error.text);
        fetch(&out); /* told once */
        twin_free(&indices);
        twin_free(&table);
        twin_free(&out);
    }
}
END_TEST

START_TEST(scalars_gathered)
{
    twin f = random_twin(GAN_F32, GAN__GATHER_MAX), h = random_twin(GAN_BF16, GAN__GATHER_MAX);
    twin out = random_twin(GAN_F32, GAN__GATHER_MAX + 1);
    gan__array host[GAN__GATHER_MAX], device[GAN__GATHER_MAX];
    for (int i = 0; i < GAN__GATHER_MAX; i++) {
        const twin *t = i % 3 ? &f : &h;
        gan_dtype dtype = i % 3 ? GAN_F32 : GAN_BF16;
        host[i] = (gan__array){.data = t->host + (size_t)i * size_of(dtype), .dtype = dtype};
        device[i] = on_device(t, host[i]);
    }
    ck_assert_int_eq(be->ops->gather_scalars(be, GAN__GATHER_MAX, host, (float *)out.host), GAN_OK);
    ck_assert_int_eq(cuda->ops->gather_scalars(cuda, GAN__GATHER_MAX, device, (float *)out.device), GAN_OK);
    assert_bits(&out, "scalars", GAN__GATHER_MAX);
    twin_free(&f);
    twin_free(&h);
    twin_free(&out);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("cuda_kernels_map");
    TCase *t = tcase_create("kernels");
    tcase_add_checked_fixture(t, open_contexts, close_contexts);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, any_view_and_type_of_map);
    tcase_add_loop_test(t, dense_maps, 0, GAN__MAP_COUNT);
    tcase_add_test(t, transposed_copies);
    tcase_add_test(t, loops_of_a_grid);
    tcase_add_test(t, extreme_values_convert);
    tcase_add_test(t, random_numbers);
    tcase_add_test(t, updates_of_many_tensors);
    tcase_add_test(t, table_rows);
    tcase_add_test(t, index_outside_the_table);
    tcase_add_test(t, scalars_gathered);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    setenv("GAN_CUDA_LIBRARY", EMULATED_LIBRARY, 0);
    return test_main(suite());
}
