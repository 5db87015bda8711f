/*
 * Optimizer and moving-average steps over many tensors: a table of them travels in the kernel's parameters, and the
 * elements of all are cut into chunks, one for a block. One launch takes TENSORS tensors.
 *
 * Blocks of 256 threads; four elements of each array at a time where the tensor is aligned to 16 bytes. Deterministic:
 * each element has one thread.
 */
#include "kernel.cuh"

#define THREADS 256
#define TENSORS 60 /* what fits the 4096 bytes of a kernel's parameters */

typedef struct tensor_table {
    gan__update tensor[TENSORS];
    uint32_t end[TENSORS]; /* number of chunks of the tensors up to and with this one */
    bool aligned[TENSORS];
    int n;
    uint32_t chunk; /* elements, a multiple of 4 * THREADS */
    gan__update_kind kind;
    gan__cuda_update_values values;
    const gan__cuda_update_values *slot; /* in device memory, instead of values: replays change it; or NULL */
} tensor_table;

static_assert(sizeof(tensor_table) <= 4096, "a kernel's parameters have 4096 bytes");

/* One element: parameter, moments, gradient. The arithmetic of the CPU's loops (cpu/isa/update.c). */
static __device__ __forceinline__ void adam(const gan__cuda_update_values &k, float *p, float *m, float *v, float g)
{
    *m = k.b1 * *m + k.c1 * g;
    *v = k.b2 * *v + k.c2 * (g * g);
    *p -= k.step * *m / (gan__sqrtf(*v) * k.root + k.eps);
}

static __device__ __forceinline__ void rmsprop(const gan__cuda_update_values &k, float *p, float *v, float g)
{
    *v = k.b2 * *v + k.c2 * (g * g);
    *p -= k.step * g / (gan__sqrtf(*v) + k.eps);
}

static __device__ __forceinline__ void sgd(const gan__cuda_update_values &k, bool momentum, float *p, float *m, float g)
{
    *m = momentum ? k.b1 * *m + g : g;
    *p -= k.step * *m;
}

static __device__ __forceinline__ void apply(const gan__cuda_update_values &k, gan__update_kind kind, bool momentum,
                                             float *p, float *m, float *v, float g)
{
    switch (kind) {
    case GAN__UPDATE_ADAM:
        adam(k, p, m, v, g);
        break;
    case GAN__UPDATE_RMSPROP:
        rmsprop(k, p, v, g);
        break;
    case GAN__UPDATE_SGD:
        sgd(k, momentum, p, m, g);
        break;
    case GAN__UPDATE_EMA:
        *p = k.b1 * *p + k.c1 * g;
        break;
    }
}

static __device__ __forceinline__ float4 load4(const float *x, int64_t i)
{
    return *reinterpret_cast<const float4 *>(x + i);
}

static __device__ __forceinline__ void update_four(const gan__cuda_update_values &k, gan__update_kind kind,
                                                   const gan__update &t, int64_t i)
{
    bool has_m = t.m && (kind == GAN__UPDATE_ADAM || kind == GAN__UPDATE_SGD);
    bool has_v = kind == GAN__UPDATE_ADAM || kind == GAN__UPDATE_RMSPROP;
    float4 zero = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
    float4 g = load4(t.g, i), p = load4(t.p, i), m = has_m ? load4(t.m, i) : zero, v = has_v ? load4(t.v, i) : zero;
    apply(k, kind, has_m, &p.x, &m.x, &v.x, g.x);
    apply(k, kind, has_m, &p.y, &m.y, &v.y, g.y);
    apply(k, kind, has_m, &p.z, &m.z, &v.z, g.z);
    apply(k, kind, has_m, &p.w, &m.w, &v.w, g.w);
    *reinterpret_cast<float4 *>(t.p + i) = p;
    if (has_m)
        *reinterpret_cast<float4 *>(t.m + i) = m;
    if (has_v)
        *reinterpret_cast<float4 *>(t.v + i) = v;
}

static __device__ __forceinline__ void update_one(const gan__cuda_update_values &k, gan__update_kind kind,
                                                  const gan__update &t, int64_t i)
{
    bool has_m = t.m && (kind == GAN__UPDATE_ADAM || kind == GAN__UPDATE_SGD);
    bool has_v = kind == GAN__UPDATE_ADAM || kind == GAN__UPDATE_RMSPROP;
    float p = t.p[i], m = has_m ? t.m[i] : 0.0f, v = has_v ? t.v[i] : 0.0f;
    apply(k, kind, has_m, &p, &m, &v, t.g[i]);
    t.p[i] = p;
    if (has_m)
        t.m[i] = m;
    if (has_v)
        t.v[i] = v;
}

static __global__ void __launch_bounds__(THREADS) update_tensors(tensor_table x)
{
    gan__cuda_update_values k = x.slot ? *x.slot : x.values;
    int low = 0, high = x.n - 1; /* the first tensor that ends after this block's chunk */
    while (low < high) {
        int middle = (low + high) / 2;
        if (x.end[middle] <= blockIdx.x)
            low = middle + 1;
        else
            high = middle;
    }
    const gan__update t = x.tensor[low];
    int64_t begin = (int64_t)(blockIdx.x - (low > 0 ? x.end[low - 1] : 0)) * x.chunk;
    int64_t end = begin + x.chunk < t.n ? begin + x.chunk : t.n, fours = x.aligned[low] ? end - end % 4 : begin;
    for (int64_t i = begin + 4 * threadIdx.x; i < fours; i += 4 * THREADS)
        update_four(k, x.kind, t, i);
    for (int64_t i = fours + threadIdx.x; i < end; i += THREADS)
        update_one(k, x.kind, t, i);
}

gan__cuda_update_values gan__cuda_update_values_of(const gan__update_args *args)
{
    gan__cuda_update_values k;
    k.step = (float)args->lr;
    k.root = 1.0f;
    if (args->kind == GAN__UPDATE_ADAM) {
        k.step = (float)(args->lr / (1.0 - pow(args->b1, (double)args->step)));
        k.root = (float)(1.0 / sqrt(1.0 - pow(args->b2, (double)args->step)));
    }
    k.b1 = (float)args->b1;
    k.b2 = (float)args->b2;
    k.eps = (float)args->eps;
    k.c1 = (float)(1.0 - args->b1);
    k.c2 = (float)(1.0 - args->b2);
    return k;
}

/* Few elements are spread over many blocks; what is several times more than the device has threads for is taken in
 * longer chunks, with fewer searches. */
static uint32_t chunk_for(const gan__cuda *cu, const gan__update *tensors, int n)
{
    int64_t total = 0;
    int64_t threads = (int64_t)cu->properties.multiProcessorCount * cu->properties.maxThreadsPerMultiProcessor;
    for (int t = 0; t < n; t++)
        total += tensors[t].n;
    return total > 16 * threads ? 16 * THREADS : 4 * THREADS;
}

gan_status gan__cuda_update(gan__backend *be, const gan__update_args *args, const gan__update *tensors, int n)
{
    gan__cuda *cu = gan__cuda_of(be);
    tensor_table x;
    memset(&x, 0, sizeof x);
    gan_status status = GAN_OK;
    x.slot = gan__cuda_update_slot(cu, &status);
    x.values = gan__cuda_update_values_of(args);
    x.kind = args->kind;
    x.chunk = chunk_for(cu, tensors, n);
    for (int t = 0; t < n && status == GAN_OK; t++) {
        const gan__update *from = &tensors[t];
        if (from->n > 0) {
            uint32_t before = x.n > 0 ? x.end[x.n - 1] : 0;
            uintptr_t all = (uintptr_t)from->p | (uintptr_t)from->m | (uintptr_t)from->v | (uintptr_t)from->g;
            x.tensor[x.n] = *from;
            x.aligned[x.n] = all % 16 == 0;
            x.end[x.n++] = before + (uint32_t)((from->n + x.chunk - 1) / x.chunk);
        }
        if (x.n == TENSORS || (t == n - 1 && x.n > 0)) {
            status = GAN__LAUNCH(cu, update_tensors, x.end[x.n - 1], THREADS, 0, x);
            x.n = 0;
        }
    }
    return status;
}
