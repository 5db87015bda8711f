#include "winograd.h"

/* What the tiles of one part of a batch may take; larger batches are done in parts, which then fit a cache. */
#define GAN__WINOGRAD_PART ((int64_t)12 << 20)
/* Fewer multiplications than this are not worth the detour. */
#define GAN__WINOGRAD_LEAST ((int64_t)16 << 20)

typedef struct scheme {
    int outputs, taps, points, step; /* m, r, T; distance of a window's pixels in x and w */
} scheme;

static const scheme schemes[GAN__WINOGRAD_SCHEMES] = {
    [GAN__WINOGRAD_43] = {4, 3, 6, 1},
    [GAN__WINOGRAD_42] = {4, 2, 5, 2},
    [GAN__WINOGRAD_22] = {2, 2, 3, 2},
};

typedef struct plan {
    gan__cpu *cpu;
    const gan__conv_args *args;
    int id; /* of the scheme */
    scheme scheme;
    int64_t rows, cols, tiles; /* of an image */
    int64_t points;            /* T² */
    int64_t images, in, out;   /* channels */
    int64_t wide;              /* in, times phases */
    int64_t part;              /* images done at a time */
    /* floats from one point to the next; odd multiples of a cache line, so that points do not share cache sets */
    int64_t stride_x, stride_y, stride_w;
} plan;

static int64_t ceil_div(int64_t a, int64_t b)
{
    return (a + b - 1) / b;
}

/* Of the whole batch. */
static int64_t tiles_of(const gan__conv_args *a, const scheme *s)
{
    return a->y.dim[0] * ceil_div(a->y.dim[1], s->outputs) * ceil_div(a->y.dim[2], s->outputs);
}

/* Multiplications of a scheme, per pair of channels. */
static int64_t multiplications(const gan__conv_args *a, const scheme *s)
{
    return tiles_of(a, s) * s->points * s->points * s->step * s->step;
}

/* The scheme for these shapes, -1 if there is none. */
static int choose(gan__direction direction, const gan__conv_args *a)
{
    int64_t kernel = a->w.dim[1], in = a->w.dim[3], out = a->w.dim[0];
    if (a->w.dim[2] != kernel || in % GAN__WINOGRAD_LANES != 0 || out % GAN__WINOGRAD_LANES != 0 || in < 32 || out < 32)
        return -1;
    int first, last; /* candidates */
    if (kernel == 3 && a->stride == 1)
        first = last = GAN__WINOGRAD_43;
    else if (a->stride == 2 && (kernel == 4 || (kernel == 3 && direction == GAN__WEIGHT)))
        first = GAN__WINOGRAD_42, last = GAN__WINOGRAD_22; /* a 3x3 kernel is a 4x4 one with zeros */
    else
        return -1;
    int64_t direct = a->y.dim[0] * a->y.dim[1] * a->y.dim[2] * kernel * kernel;
    if (direct * in < GAN__WINOGRAD_LEAST / out)
        return -1;
    /* The transformed weights are as much work as some tiles, more where they are operands and not the result. */
    int64_t weights = direction == GAN__WEIGHT ? 16 : 48;
    int best = -1;
    int64_t least = INT64_MAX;
    for (int id = first; id <= last; id++) {
        int64_t cost = multiplications(a, &schemes[id]);
        if (cost > direct * 3 / 4)
            continue;
        cost += cost * weights / tiles_of(a, &schemes[id]);
        if (cost < least) {
            least = cost;
            best = id;
        }
    }
    return best;
}

bool gan__winograd_fits(gan__direction direction, const gan__conv_args *a)
{
    return a->compute == GAN_F32 && a->x.dtype == GAN_F32 && a->w.dtype == GAN_F32 && a->y.dtype == GAN_F32 &&
           choose(direction, a) >= 0;
}

static int64_t spread(int64_t floats)
{
    return floats / 16 % 2 == 0 ? floats + 16 : floats;
}

static plan make_plan(gan__cpu *cpu, gan__direction direction, const gan__conv_args *a)
{
    plan p = {.cpu = cpu, .args = a, .id = choose(direction, a)};
    p.scheme = schemes[p.id];
    p.rows = ceil_div(a->y.dim[1], p.scheme.outputs);
    p.cols = ceil_div(a->y.dim[2], p.scheme.outputs);
    p.tiles = p.rows * p.cols;
    p.points = p.scheme.points * p.scheme.points;
    p.images = a->y.dim[0];
    p.in = a->w.dim[3];
    p.out = a->w.dim[0];
    p.wide = p.in * p.scheme.step * p.scheme.step;
    int64_t bytes = p.tiles * p.points * (p.wide + p.out) * (int64_t)sizeof(float);
    int64_t parts = ceil_div(p.images * bytes, GAN__WINOGRAD_PART);
    p.part = ceil_div(p.images, parts);
    p.stride_x = spread(p.part * p.tiles * p.wide);
    p.stride_y = spread(p.part * p.tiles * p.out);
    p.stride_w = spread(p.out * p.wide);
    return p;
}

/* ---- tiles of a part of the batch: images [first, first + n) ---- */

/* Tile number i of the part, as a window of x or y; its values begin at `tiles`. */
static gan__isa_tile tile_of(const plan *p, int kind, int64_t first, int64_t i, float *tiles)
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
    t.image = (float *)array->data + (first + i / p->tiles) * t.height * t.width * t.channels;
    t.tile = tiles + i * (kind == GAN__TILE_X ? p->wide : p->out);
    t.stride = kind == GAN__TILE_X ? p->stride_x : p->stride_y;
    return t;
}

/* Ask for the pixels of a window: the kernels read them a channel block at a time, in an order that the processor does
 * not foresee. */
static void prefetch(const gan__isa_tile *t, int64_t side)
{
    int64_t left = t->col > 0 ? t->col : 0, right = t->col + side < t->width ? t->col + side : t->width;
    for (int64_t row = t->row > 0 ? t->row : 0; row < t->row + side && row < t->height; row++) {
        const float *from = t->image + (row * t->width + left) * t->channels;
        for (int64_t i = 0; i < (right - left) * t->channels; i += 16)
            __builtin_prefetch(from + i, 0, 2);
    }
}

static void gather(const plan *p, int kind, int64_t first, int64_t n, float *tiles)
{
    void (*kernel)(const gan__isa_tile *) = p->cpu->isa.gather[p->id][kind];
    int64_t side = kind == GAN__TILE_X ? p->scheme.points * p->scheme.step : p->scheme.outputs;
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t i = 0; i < n * p->tiles; i++) {
        gan__isa_tile t = tile_of(p, kind, first, i, tiles);
        if (i + 1 < n * p->tiles) {
            gan__isa_tile next = tile_of(p, kind, first, i + 1, tiles);
            prefetch(&next, side);
        }
        kernel(&t);
    }
}

static void scatter_y(const plan *p, int64_t first, int64_t n, float *tiles)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t i = 0; i < n * p->tiles; i++) {
        gan__isa_tile t = tile_of(p, GAN__TILE_Y, first, i, tiles);
        p->cpu->isa.scatter[p->id][GAN__TILE_Y](&t);
    }
}

/* Windows of x overlap: threads share out images and, where those are few, channels; each adds in the same order. */
static void scatter_x(const plan *p, int64_t first, int64_t n, float *tiles)
{
    int64_t threads = p->cpu->base.threads;
    int64_t slices = n >= threads ? 1 : ceil_div(threads, n);
#pragma omp parallel for num_threads((int)threads) schedule(static)
    for (int64_t job = 0; job < n * slices; job++) {
        int64_t image = job / slices, from, to;
        gan__cpu_part(p->in, GAN__WINOGRAD_LANES, slices, job % slices, &from, &to);
        gan__isa_tile t = tile_of(p, GAN__TILE_X, first, image * p->tiles, tiles);
        for (int64_t pixel = 0; pixel < t.height * t.width; pixel++)
            memset(t.image + pixel * t.channels + from, 0, (size_t)(to - from) * sizeof(float));
        for (int64_t i = 0; i < p->tiles; i++) {
            t = tile_of(p, GAN__TILE_X, first, image * p->tiles + i, tiles);
            t.from = from;
            t.to = to;
            p->cpu->isa.scatter[p->id][GAN__TILE_X](&t);
        }
    }
}

/* ---- weights: point by point a matrix [out, wide] ---- */

static gan__isa_tile tile_of_w(const plan *p, int64_t o, float *points)
{
    int64_t kernel = p->args->w.dim[1];
    return (gan__isa_tile){.image = (float *)p->args->w.data + o * kernel * kernel * p->in,
                           .height = kernel,
                           .width = kernel,
                           .channels = p->in,
                           .to = p->in,
                           .tile = points + o * p->wide,
                           .stride = p->stride_w};
}

static void gather_w(const plan *p, float *points)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t o = 0; o < p->out; o++) {
        gan__isa_tile t = tile_of_w(p, o, points);
        p->cpu->isa.gather[p->id][GAN__TILE_W](&t);
    }
}

static void scatter_w(const plan *p, float *points, bool add)
{
#pragma omp parallel for num_threads(p->cpu->base.threads) schedule(static)
    for (int64_t o = 0; o < p->out; o++) {
        gan__isa_tile t = tile_of_w(p, o, points);
        t.add = add;
        p->cpu->isa.scatter[p->id][GAN__TILE_W](&t);
    }
}

/* ---- the three directions ---- */

static gan__array matrix(float *data)
{
    return (gan__array){.data = data, .dtype = GAN_F32};
}

/* One of the three operands from the other two, at every point, for n images. */
static gan_status multiply(const plan *p, gan__direction direction, int64_t n, float *x, float *y, float *w)
{
    int64_t rows = n * p->tiles;
    gan__matmul_args m = {.compute = GAN_F32, .batch = p->points};
    if (direction == GAN__FORWARD) { /* y = x wT */
        m.transpose_b = true;
        m.m = rows, m.n = p->out, m.k = p->wide;
        m.a = matrix(x), m.b = matrix(w), m.c = matrix(y);
        m.stride_a = p->stride_x, m.stride_b = p->stride_w, m.stride_c = p->stride_y;
    } else if (direction == GAN__DATA) { /* x = y w */
        m.m = rows, m.n = p->wide, m.k = p->out;
        m.a = matrix(y), m.b = matrix(w), m.c = matrix(x);
        m.stride_a = p->stride_y, m.stride_b = p->stride_w, m.stride_c = p->stride_x;
    } else { /* w = yT x */
        m.transpose_a = true;
        m.m = p->out, m.n = p->wide, m.k = rows;
        m.a = matrix(y), m.b = matrix(x), m.c = matrix(w);
        m.stride_a = p->stride_y, m.stride_b = p->stride_x, m.stride_c = p->stride_w;
    }
    return gan__cpu_matmul(&p->cpu->base, &m);
}

static gan_status run_part(const plan *p, gan__direction direction, int64_t first, int64_t n, float *x, float *y,
                           float *w)
{
    if (direction != GAN__DATA)
        gather(p, GAN__TILE_X, first, n, x);
    if (direction != GAN__FORWARD)
        gather(p, GAN__TILE_Y, first, n, y);
    gan_status status = multiply(p, direction, n, x, y, w);
    if (status != GAN_OK)
        return status;
    if (direction == GAN__FORWARD)
        scatter_y(p, first, n, y);
    else if (direction == GAN__DATA)
        scatter_x(p, first, n, x);
    else
        scatter_w(p, w, first > 0);
    return GAN_OK;
}

/* Bias and activation of the images just made, which are still in a cache. */
static void finish(const plan *p, gan__direction direction, int64_t first, int64_t n)
{
    const gan__conv_args *a = p->args;
    if (direction == GAN__WEIGHT || (!a->bias && a->activation.kind == GAN_LINEAR))
        return;
    const gan__array *to = direction == GAN__FORWARD ? &a->y : &a->x;
    int64_t channels = to->dim[3], pixels = to->dim[1] * to->dim[2];
    gan__cpu_bias_act(p->cpu, GAN_F32, (float *)to->data + first * pixels * channels, n * pixels, channels, a->bias,
                      a->activation);
}

gan_status gan__winograd(gan__cpu *cpu, gan__direction direction, const gan__conv_args *args)
{
    plan p = make_plan(cpu, direction, args);
    size_t floats = (size_t)(p.points * (p.stride_x + p.stride_y + p.stride_w));
    float *x = gan__workspace(cpu->base.ctx, floats * sizeof(float));
    if (!x)
        return gan__cpu_no_memory(cpu, floats * sizeof(float));
    float *y = x + p.points * p.stride_x, *w = y + p.points * p.stride_y;
    if (direction != GAN__WEIGHT)
        gather_w(&p, w);
    gan_status status = GAN_OK;
    for (int64_t first = 0; first < p.images && status == GAN_OK; first += p.part) {
        int64_t n = p.images - first < p.part ? p.images - first : p.part;
        status = run_part(&p, direction, first, n, x, y, w);
        if (status == GAN_OK)
            finish(&p, direction, first, n);
    }
    gan__workspace_free(cpu->base.ctx, x);
    return status;
}
