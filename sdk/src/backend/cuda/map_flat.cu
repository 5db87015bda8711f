/*
 * Element-wise functions of dense arrays of one type, y[i] = f(a[i], b[i], c[i]): each thread has two packs of 16 bytes
 * of each input in flight. An input may be one element, read once by each thread.
 *
 * Blocks of 256 threads, a grid that strides over the packs; the elements after the last pack are taken one by a
 * thread. Deterministic: each element has one thread.
 */
#include "map.cuh"

#define PACKS 2

template <typename T> static __device__ __forceinline__ gan__pack16<T> widened(const uint4 &bits)
{
    const uint32_t word[4] = {bits.x, bits.y, bits.z, bits.w};
    gan__pack16<T> x;
    GAN__UNROLL
    for (int j = 0; j < x.width; j++)
        x.value[j] = gan__of_bits(sizeof(T) == 4 ? word[j % 4] : j % 2 ? word[j / 2] & 0xffff0000u : word[j / 2] << 16);
    return x;
}

template <class F, typename T> static __global__ void __launch_bounds__(GAN__MAP_THREADS, 4) map_flat(gan__map_flat x)
{
    typedef gan__pack16<T> pack;
    const int arrays = F::inputs > 0 ? F::inputs : 1;
    float p[4] = {x.p[0], x.p[1], x.p[2], x.p[3]};
    float scalar[arrays];
    GAN__UNROLL
    for (int k = 0; k < F::inputs; k++)
        scalar[k] = x.scalar[k] ? gan__load_any(x.in[k], x.dtype[k], 0) : 0.0f;
    int64_t packs = x.n / pack::width, threads = (int64_t)gridDim.x * blockDim.x;
    int64_t thread = (int64_t)blockIdx.x * blockDim.x + threadIdx.x;
    T *out = static_cast<T *>(x.out);
    for (int64_t first = thread; first < packs; first += threads * PACKS) {
        /* Bits are loaded first and widened afterwards, so that all loads are on their way before one is waited for.
         * What is past the end is read where the last pack is. */
        uint4 bits[arrays][PACKS];
        GAN__UNROLL
        for (int k = 0; k < F::inputs; k++) {
            GAN__UNROLL
            for (int u = 0; u < PACKS; u++) {
                int64_t at = first + u * threads < packs ? first + u * threads : packs - 1;
                bits[k][u] = make_uint4(0, 0, 0, 0);
                if (!x.scalar[k])
                    bits[k][u] = static_cast<const uint4 *>(x.in[k])[at];
            }
        }
        pack in[arrays][PACKS];
        GAN__UNROLL
        for (int k = 0; k < F::inputs; k++) {
            GAN__UNROLL
            for (int u = 0; u < PACKS; u++) {
                in[k][u] = widened<T>(bits[k][u]);
                GAN__UNROLL
                for (int j = 0; j < pack::width; j++)
                    in[k][u].value[j] = x.scalar[k] ? scalar[k] : in[k][u].value[j];
            }
        }
        GAN__UNROLL
        for (int u = 0; u < PACKS; u++) {
            pack y;
            GAN__UNROLL
            for (int j = 0; j < pack::width; j++)
                y.value[j] = F::at(F::inputs > 0 ? in[0][u].value[j] : 0.0f,
                                   F::inputs > 1 ? in[F::inputs > 1 ? 1 : 0][u].value[j] : 0.0f,
                                   F::inputs > 2 ? in[F::inputs > 2 ? 2 : 0][u].value[j] : 0.0f, p);
            if (first + u * threads < packs)
                gan__store16(out + (first + u * threads) * pack::width, y);
        }
    }
    int64_t i = packs * pack::width + thread;
    if (i < x.n) {
        float in[3] = {0.0f, 0.0f, 0.0f};
        GAN__UNROLL
        for (int k = 0; k < F::inputs; k++)
            in[k] = x.scalar[k] ? scalar[k] : gan__load(static_cast<const T *>(x.in[k]) + i);
        gan__store(out + i, F::at(in[0], in[1], in[2], p));
    }
}

template <class F, typename T> static gan_status launch(gan__cuda *cu, const gan__map_flat *x)
{
    int64_t packs = (x->n + gan__pack16<T>::width - 1) / gan__pack16<T>::width;
    return GAN__LAUNCH(cu, (map_flat<F, T>), gan__grid_for(cu, packs, GAN__MAP_THREADS, 1), GAN__MAP_THREADS, 0, *x);
}

gan_status gan__map_launch_flat(gan__cuda *cu, gan__map_op op, gan_dtype dtype, const gan__map_flat *x)
{
    typedef gan_status (*launcher)(gan__cuda *, const gan__map_flat *);
#define GAN__ENTRY(name, arity, formula) {launch<gan__map_##name, float>, launch<gan__map_##name, gan__bf16>},
    static const launcher table[GAN__MAP_COUNT][2] = {GAN__MAP_OPS(GAN__ENTRY)};
#undef GAN__ENTRY
    return table[op][dtype == GAN_BF16](cu, x);
}
