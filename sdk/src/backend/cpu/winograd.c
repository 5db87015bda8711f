#include "winograd.h"

/* What the tiles of one part of a batch may take; larger batches are done in parts, which then fit a cache. */
#define GAN__WINOGRAD_PART ((int64_t)12 << 20)
/* The fewest terms of a product's sums, in bf16. */
#define GAN__WINOGRAD_TERMS 256
/* Fewer multiplications than this are not worth the detour. */
#define GAN__WINOGRAD_LEAST ((int64_t)16 << 20)

typedef struct scheme {
    int outputs, taps, points, step; /* m, r, T; distance of a window's pixels in x and w */
    gan_dtype dtype;                 /* of x and y, and of what is multiplied; products are f32 */
} scheme;

static const scheme schemes[GAN__WINOGRAD_SCHEMES] = {
    [GAN__WINOGRAD_43] = {4, 3, 6, 1, GAN_F32},       [GAN__WINOGRAD_42] = {4, 2, 5, 2, GAN_F32},
    [GAN__WINOGRAD_22] = {2, 2, 3, 2, GAN_F32},       [GAN__WINOGRAD_23_BF16] = {2, 3, 4, 1, GAN_BF16},
    [GAN__WINOGRAD_22_BF16] = {2, 2, 3, 2, GAN_BF16},
};

/* What is gathered of x, y or w, or is to be scattered to it: at each point a matrix. */
typedef struct points {
    char *data;
    gan_dtype dtype;
    int64_t width;  /* channels, times phases */
    int64_t stride; /* elements from one point to the next */
} points;

typedef struct plan {
    gan__cpu *cpu;
    const gan__conv_args *args;
    gan__direction direction;
    int id; /* of the scheme */
    scheme scheme;
    int64_t rows, cols, tiles; /* of an image */
    int64_t count;             /* of points, T² */
    int64_t images, part;      /* in all, and those done at a time */
    points of[GAN__TILE_KINDS];
    float *sums; /* where the images of a part are added up, if x is not f32 */
} plan;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Whether a scheme is made for the kernel. A 3x3 kernel is a 4x4 one with zeros, which saves enough only where oneDNN
 * is slow: in the weight gradient. */
static bool suits(const scheme *s, gan__direction direction, int64_t kernel, int stride)
{
    int64_t covers = s->taps * s->step;
    return stride == s->step && (kernel == covers || (kernel == covers - 1 && stride == 2 && direction == GAN__WEIGHT));
}

/* What a scheme costs in multiplications per pair of channels; INT64_MAX if it saves too little. */
static int64_t cost_of(int id, gan__direction direction, const gan__conv_args *a)
{
    const scheme *s = &schemes[id];
    int64_t tiles = a->y.dim[0] * ceil_div(a->y.dim[1], s->outputs) * ceil_div(a->y.dim[2], s->outputs);
    int64_t direct = a->y.dim[0] * a->y.dim[1] * a->y.dim[2] * a->w.dim[1] * a->w.dim[2];
    int64_t in = a->w.dim[3], out = a->w.dim[0];
    /* Products in bf16 are so fast that writing their f32 results counts, unless each sums up many terms. */
    int64_t terms = direction == GAN__FORWARD ? in * s->step * s->step : direction == GAN__DATA ? out : tiles;
    if (direct * in < GAN__WINOGRAD_LEAST / out || (s->dtype == GAN_BF16 && terms < GAN__WINOGRAD_TERMS))
        return INT64_MAX;
    int64_t cost = tiles * s->points * s->points * s->step * s->step;
    /* The transformed weights are as much work as some tiles, more where they are operands and not the result. */
    cost += cost * (direction == GAN__WEIGHT ? 16 : 48) / tiles;
    return cost <= direct * 4 / 5 ? cost : INT64_MAX;
}

/* The scheme for these shapes, -1 if there is none. */
static int choose(gan__direction direction, const gan__conv_args *a)
{
    int64_t kernel = a->w.dim[1], in = a->w.dim[3], out = a->w.dim[0];
    if (a->w.dim[2] != kernel || in % GAN__WINOGRAD_LANES != 0 || out % GAN__WINOGRAD_LANES != 0 || in < 32 ||
        out < 32 || a->x.dtype != a->compute || a->y.dtype != a->compute || a->w.dtype != GAN_F32)
        return -1;
    int best = -1;
    int64_t least = INT64_MAX;
    for (int id = 0; id < GAN__WINOGRAD_SCHEMES; id++) {
        if (schemes[id].dtype != a->compute || !suits(&schemes[id], direction, kernel, a->stride))
            continue;
        int64_t cost = cost_of(id, direction, a);
        if (cost < least) {
            least = cost;
            best = id;
        }
    }
    return best;
}

bool gan__winograd_fits(gan__direction direction, const gan__conv_args *a)
{
    return choose(direction, a) >= 0;
}

/* ---- the plan ---- */

/* An odd multiple of a cache line, so that the points of a tile do not share cache sets. */
static int64_t spread(int64_t elements, gan_dtype dtype)
{
    int64_t line = 64 / (int64_t)gan__cpu_dtype_size(dtype);
    int64_t lines = ceil_div(elements, line);
    return (lines % 2 == 0 ? lines + 1 : lines) * line;
}

static plan make_plan(gan__cpu *cpu, gan__direction direction, const gan__conv_args *a)
{
    static const int result[] = {[GAN__FORWARD] = GAN__TILE_Y, [GAN__DATA] = GAN__TILE_X, [GAN__WEIGHT] = GAN__TILE_W};
    plan p = {.cpu = cpu, .args = a, .direction = direction, .id = choose(direction, a)};
    p.scheme = schemes[p.id];
    p.rows = ceil_div(a->y.dim[1], p.scheme.outputs);
    p.cols = ceil_div(a->y.dim[2], p.scheme.outputs);
    p.tiles = p.rows * p.cols;
    p.count = p.scheme.points * p.scheme.points;
    p.images = a->y.dim[0];
    int64_t in = a->w.dim[3] * p.scheme.step * p.scheme.step, out = a->w.dim[0];
    int64_t bytes = p.tiles * p.count * (in + out) * (int64_t)gan__cpu_dtype_size(p.scheme.dtype);
    p.part = ceil_div(p.images, ceil_div(p.images * bytes, GAN__WINOGRAD_PART));
    int64_t height[] = {p.part * p.tiles, p.part * p.tiles, out}, width[] = {in, out, in};
    for (int kind = 0; kind < GAN__TILE_KINDS; kind++) {
        points *o = &p.of[kind];
        o->dtype = kind == result[direction] ? GAN_F32 : p.scheme.dtype;
        o->width = width[kind];
        o->stride = spread(height[kind] * width[kind], o->dtype);
    }
    return p;
}

/* Floats of a part's images of x. */
static int64_t part_of_x(const plan *p)
{
    const gan__array *x = &p->args->x;
    return p->part * x->dim[1] * x->dim[2] * x->dim[3];
}

/* One workspace for everything; p->of[0].data is its beginning. */
static gan_status reserve(plan *p)
{
    int64_t bytes = 0, at[GAN__TILE_KINDS];
    for (int kind = 0; kind < GAN__TILE_KINDS; kind++) {
        at[kind] = bytes;
        bytes += p->count * p->of[kind].stride * (int64_t)gan__cpu_dtype_size(p->of[kind].dtype);
    }
    int64_t sums = bytes;
    bool summed = p->direction == GAN__DATA && p->args->x.dtype != GAN_F32;
    if (summed)
        bytes += part_of_x(p) * (int64_t)sizeof(float);
    char *data = gan__workspace(p->cpu->base.ctx, (size_t)bytes);
    if (!data)
        return gan__cpu_no_memory(p->cpu, (size_t)bytes);
    for (int kind = 0; kind < GAN__TILE_KINDS; kind++)
        p->of[kind].data = data + at[kind];
    p->sums = summed ? (float *)(data + sums) : NULL;
    return GAN_OK;
}

/* ---- tiles of a part of the batch: images [first, first + n) ---- */

static void *element(const points *o, int64_t index)
{
    return o->data + index * (int64_t)gan__cpu_dtype_size(o->dtype);
}

/* Tile number i of the part, as a window of x or y. */
static gan__isa_tile tile_of(const plan *p, int kind, int64_t first, int64_t i)
{
    const gan__conv_args *a = p->args;
    const gan__array *array = kind == GAN__TILE_X ? &a->x : &a->y;
    int64_t row = i % p->tiles / p->cols * p->scheme.outputs, col = i % p->cols * p->scheme.outputs;
    gan__isa_tile t = {
        .height = array->dim[1], .width = array->dim[2], .channels = array->dim[3], .row = row, .col = col};
    if (kind == GAN__TILE_X) {
        t.row = row * a->stride - a->pad;
        t.col = col * a->stride - a->pad;
    }
    t.to = t.channels;
    int64_t pixels = t.height * t.width * t.channels;
    if (kind == GAN__TILE_X && p->sums)
        t.image = p->sums + i / p->tiles * pixels;
    else
        t.image = (char *)array->data + (first + i / p->tiles) * pixels * (int64_t)gan__cpu_dtype_size(array->dtype);
    t.tile = element(&p->of[kind], i * p->of[kind].width);
    t.stride = p->of[kind].stride;
    return t;
}

/* Ask for the pixels of a window: the kernels read them a channel block at a time, in an order that the processor does
 * not foresee. */
static void prefetch(const gan__isa_tile *t, int64_t side, int64_t size)
{
    int64_t left = t->col > 0 ? t->col : 0, right = t->col + side < t->width ? t->col + side : t->width;
    for (int64_t row = t->row > 0 ? t->row : 0; row < t->row + side && row < t->height; row++) {
        const char *from = (const char *)t->image + (row * t->width + left) * t->channels * size;
        for (int64_t i = 0; i < (right - left) * t->channels * size; i += 64)
            __builtin_prefetch(from + i, 0, 2);
    }
}

static void gather(const plan *p, int kind, int64_t first, int64_t n)
{
    void (*kernel)(const gan__isa_tile *) = p->cpu->isa.gather[p->id][kind];
    int64_t side = kind == GAN__TILE_X ? p->scheme.points * p->scheme.step : p->scheme.outputs;
    int64_t size = (int64_t)gan__cpu_dtype_size(p->scheme.dtype);
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t i = 0; i < n * p->tiles; i++) {
        gan__isa_tile t = tile_of(p, kind, first, i);
        if (i + 1 < n * p->tiles) {
            gan__isa_tile next = tile_of(p, kind, first, i + 1);
            prefetch(&next, side, size);
        }
        kernel(&t);
    }
}

static void scatter_y(const plan *p, int64_t first, int64_t n)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t i = 0; i < n * p->tiles; i++) {
        gan__isa_tile t = tile_of(p, GAN__TILE_Y, first, i);
        p->cpu->isa.scatter[p->id][GAN__TILE_Y](&t);
    }
}

/* Windows of x overlap: threads share out images and, where those are few, channels; each adds in the same order. */
static void scatter_x(const plan *p, int64_t first, int64_t n)
{
    int64_t threads = p->cpu->base.threads, channels = p->args->x.dim[3];
    int64_t slices = n >= threads ? 1 : ceil_div(threads, n);
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t job = 0; job < n * slices; job++) {
        int64_t image = job / slices, from, to;
        gan__cpu_part(channels, GAN__WINOGRAD_LANES, slices, job % slices, &from, &to);
        gan__isa_tile t = tile_of(p, GAN__TILE_X, first, image * p->tiles);
        for (int64_t pixel = 0; pixel < t.height * t.width; pixel++)
            memset((float *)t.image + pixel * channels + from, 0, (size_t)(to - from) * sizeof(float));
        for (int64_t i = 0; i < p->tiles; i++) {
            t = tile_of(p, GAN__TILE_X, first, image * p->tiles + i);
            t.from = from;
            t.to = to;
            p->cpu->isa.scatter[p->id][GAN__TILE_X](&t);
        }
    }
    const gan__array *x = &p->args->x;
    int64_t pixels = x->dim[1] * x->dim[2] * channels;
    if (p->sums)
        gan__cpu_convert(p->cpu, GAN_F32, p->sums, x->dtype,
                         (char *)x->data + first * pixels * (int64_t)gan__cpu_dtype_size(x->dtype), n * pixels);
}

/* ---- weights: at each point a matrix [out, in and phases] ---- */

static gan__isa_tile tile_of_w(const plan *p, int64_t o)
{
    const gan__array *w = &p->args->w;
    const points *to = &p->of[GAN__TILE_W];
    return (gan__isa_tile){.image = (float *)w->data + o * w->dim[1] * w->dim[2] * w->dim[3],
                           .height = w->dim[1],
                           .width = w->dim[2],
                           .channels = w->dim[3],
                           .to = w->dim[3],
                           .tile = element(to, o * to->width),
                           .stride = to->stride};
}

static void gather_w(const plan *p)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t o = 0; o < p->args->w.dim[0]; o++) {
        gan__isa_tile t = tile_of_w(p, o);
        p->cpu->isa.gather[p->id][GAN__TILE_W](&t);
    }
}

static void scatter_w(const plan *p, bool add)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t o = 0; o < p->args->w.dim[0]; o++) {
        gan__isa_tile t = tile_of_w(p, o);
        t.add = add;
        p->cpu->isa.scatter[p->id][GAN__TILE_W](&t);
    }
}

/* ---- the three directions ---- */

/* One of the three from the other two, at every point, for n images. */
static gan_status multiply(const plan *p, int64_t n)
{
    static const struct {
        int a, b, c;
        bool transpose_a, transpose_b;
    } forms[] = {[GAN__FORWARD] = {GAN__TILE_X, GAN__TILE_W, GAN__TILE_Y, false, true},
                 [GAN__DATA] = {GAN__TILE_Y, GAN__TILE_W, GAN__TILE_X, false, false},
                 [GAN__WEIGHT] = {GAN__TILE_Y, GAN__TILE_X, GAN__TILE_W, true, false}};
    int a = forms[p->direction].a, b = forms[p->direction].b, c = forms[p->direction].c;
    int64_t height[] = {n * p->tiles, n * p->tiles, p->args->w.dim[0]};
    gan__matmul_args m = {.compute = p->scheme.dtype,
                          .transpose_a = forms[p->direction].transpose_a,
                          .transpose_b = forms[p->direction].transpose_b,
                          .batch = p->count,
                          .m = height[c],
                          .n = p->of[c].width,
                          .k = forms[p->direction].transpose_a ? height[a] : p->of[a].width,
                          .a = {.data = p->of[a].data, .dtype = p->of[a].dtype},
                          .b = {.data = p->of[b].data, .dtype = p->of[b].dtype},
                          .c = {.data = p->of[c].data, .dtype = p->of[c].dtype},
                          .stride_a = p->of[a].stride,
                          .stride_b = p->of[b].stride,
                          .stride_c = p->of[c].stride};
    return gan__cpu_matmul(&p->cpu->base, &m);
}

/* Bias and activation of the images just made, which are still in a cache. */
static void finish(const plan *p, int64_t first, int64_t n)
{
    const gan__conv_args *a = p->args;
    if (p->direction == GAN__WEIGHT || (!a->bias && a->activation.kind == GAN_LINEAR))
        return;
    const gan__array *to = p->direction == GAN__FORWARD ? &a->y : &a->x;
    int64_t channels = to->dim[3], pixels = to->dim[1] * to->dim[2];
    char *begin = (char *)to->data + first * pixels * channels * (int64_t)gan__cpu_dtype_size(to->dtype);
    gan__cpu_bias_act(p->cpu, to->dtype, begin, n * pixels, channels, a->bias, a->activation);
}

static gan_status run_part(const plan *p, int64_t first, int64_t n)
{
    if (p->direction != GAN__DATA)
        gather(p, GAN__TILE_X, first, n);
    if (p->direction != GAN__FORWARD)
        gather(p, GAN__TILE_Y, first, n);
    gan_status status = multiply(p, n);
    if (status != GAN_OK)
        return status;
    if (p->direction == GAN__FORWARD)
        scatter_y(p, first, n);
    else if (p->direction == GAN__DATA)
        scatter_x(p, first, n);
    else
        scatter_w(p, first > 0);
    finish(p, first, n);
    return GAN_OK;
}

gan_status gan__winograd(gan__cpu *cpu, gan__direction direction, const gan__conv_args *args)
{
    plan p = make_plan(cpu, direction, args);
    gan_status status = reserve(&p);
    if (status != GAN_OK)
        return status;
    if (direction != GAN__WEIGHT)
        gather_w(&p);
    for (int64_t first = 0; first < p.images && status == GAN_OK; first += p.part)
        status = run_part(&p, first, p.images - first < p.part ? p.images - first : p.part);
    gan__workspace_free(cpu->base.ctx, p.of[0].data);
    return status;
}
