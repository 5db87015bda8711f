/*
 * Element-wise functions of strided arrays of any types: broadcasting, views, conversions. Each thread has UNITS units
 * of each input in flight, of 4 elements along the last dimension where every array allows it (so that a bias [C] on
 * [N, H, W, C] is read 16 bytes at a time, mostly from the cache), else of one element.
 *
 * Blocks of 256 threads, a grid that strides over the units; deterministic: each element has one thread.
 */
#include "map.cuh"

template <int WIDTH> struct units {
    static const int count = WIDTH == 4 ? 2 : 4;
};

/* The bits of a unit, or of the one element that is repeated in it. They are widened in a second step, so that all
 * loads of a thread are on their way before one is waited for. */
template <int WIDTH>
static __device__ __forceinline__ void load_bits(const void *data, gan_dtype dtype, bool repeats, int64_t offset,
                                                 uint32_t *word)
{
    const uint8_t *bytes = static_cast<const uint8_t *>(data);
    bool four = WIDTH == 4 && !repeats;
    GAN__UNROLL
    for (int j = 0; j < WIDTH; j++)
        word[j] = 0;
    if (dtype == GAN_F32 || dtype == GAN_I32) {
        if (four) {
            uint4 q = *reinterpret_cast<const uint4 *>(bytes + 4 * offset);
            word[0] = q.x, word[1 % WIDTH] = q.y, word[2 % WIDTH] = q.z, word[3 % WIDTH] = q.w;
        } else {
            word[0] = *reinterpret_cast<const uint32_t *>(bytes + 4 * offset);
        }
    } else if (dtype == GAN_BF16) {
        if (four) {
            uint2 q = *reinterpret_cast<const uint2 *>(bytes + 2 * offset);
            word[0] = q.x, word[1 % WIDTH] = q.y;
        } else {
            word[0] = *reinterpret_cast<const uint16_t *>(bytes + 2 * offset);
        }
    } else {
        word[0] = four ? *reinterpret_cast<const uint32_t *>(bytes + offset) : bytes[offset];
    }
}

template <int WIDTH>
static __device__ __forceinline__ void widen(const uint32_t *word, gan_dtype dtype, bool repeats, float *x)
{
    if (dtype == GAN_F32) {
        GAN__UNROLL
        for (int j = 0; j < WIDTH; j++)
            x[j] = gan__of_bits(word[j]);
    } else if (dtype == GAN_BF16) {
        GAN__UNROLL
        for (int j = 0; j < WIDTH; j++)
            x[j] = gan__of_bits(j % 2 ? word[j / 2] & 0xffff0000u : word[j / 2] << 16);
    } else if (dtype == GAN_I32) {
        GAN__UNROLL
        for (int j = 0; j < WIDTH; j++)
            x[j] = (float)(int32_t)word[j];
    } else {
        GAN__UNROLL
        for (int j = 0; j < WIDTH; j++)
            x[j] = (float)(word[0] >> 8 * j & 0xffu);
    }
    GAN__UNROLL
    for (int j = 1; j < WIDTH; j++)
        x[j] = repeats ? x[0] : x[j];
}

static __device__ __forceinline__ void store4(void *data, gan_dtype dtype, int64_t offset, const float *x)
{
    switch (dtype) {
    case GAN_F32:
        *reinterpret_cast<float4 *>(static_cast<float *>(data) + offset) = make_float4(x[0], x[1], x[2], x[3]);
        break;
    case GAN_BF16:
        *reinterpret_cast<uint2 *>(static_cast<gan__bf16 *>(data) + offset) =
            make_uint2((uint32_t)gan__to_bf16(x[0]) | (uint32_t)gan__to_bf16(x[1]) << 16,
                       (uint32_t)gan__to_bf16(x[2]) | (uint32_t)gan__to_bf16(x[3]) << 16);
        break;
    case GAN_I32:
        *reinterpret_cast<int4 *>(static_cast<int32_t *>(data) + offset) =
            make_int4(gan__to_i32(x[0]), gan__to_i32(x[1]), gan__to_i32(x[2]), gan__to_i32(x[3]));
        break;
    default:
        *reinterpret_cast<uint32_t *>(static_cast<uint8_t *>(data) + offset) =
            (uint32_t)gan__to_u8(x[0]) | (uint32_t)gan__to_u8(x[1]) << 8 | (uint32_t)gan__to_u8(x[2]) << 16 |
            (uint32_t)gan__to_u8(x[3]) << 24;
    }
}

template <class F, int WIDTH> static __global__ void __launch_bounds__(GAN__MAP_THREADS) map_strided(gan__map_strided x)
{
    const int count = units<WIDTH>::count, out = F::inputs;
    float p[4] = {x.p[0], x.p[1], x.p[2], x.p[3]};
    uint32_t threads = gridDim.x * blockDim.x;
    for (uint32_t first = blockIdx.x * blockDim.x + threadIdx.x; first < x.n; first += threads * count) {
        int64_t offset[count][GAN__WALK_ARRAYS];
        uint32_t word[count][3][WIDTH];
        /* What is past the end is read where the last unit is, so that no load waits for a branch. */
        GAN__UNROLL
        for (int u = 0; u < count; u++) {
            uint32_t index = first + (uint32_t)u * threads;
            GAN__UNROLL
            for (int k = 0; k <= out; k++)
                offset[u][k] = 0;
            gan__map_locate(x, out + 1, index < x.n ? index : x.n - 1, offset[u]);
        }
        GAN__UNROLL
        for (int k = 0; k < out; k++) {
            GAN__UNROLL
            for (int u = 0; u < count; u++)
                load_bits<WIDTH>(x.data[k], x.dtype[k], x.repeats[k], offset[u][k], word[u][k]);
        }
        GAN__UNROLL
        for (int u = 0; u < count; u++) {
            float in[3][WIDTH], y[WIDTH];
            GAN__UNROLL
            for (int k = 0; k < out; k++)
                widen<WIDTH>(word[u][k], x.dtype[k], x.repeats[k], in[k]);
            GAN__UNROLL
            for (int j = 0; j < WIDTH; j++)
                y[j] = F::at(out > 0 ? in[0][j] : 0.0f, out > 1 ? in[1][j] : 0.0f, out > 2 ? in[2][j] : 0.0f, p);
            if (first + (uint32_t)u * threads < x.n) {
                if (WIDTH == 4)
                    store4(x.data[out], x.dtype[out], offset[u][out], y);
                else
                    gan__store_any(x.data[out], x.dtype[out], offset[u][out], y[0]);
            }
        }
    }
}

template <class F, int WIDTH> static gan_status launch(gan__cuda *cu, const gan__map_strided *x)
{
    return GAN__LAUNCH(cu, (map_strided<F, WIDTH>), gan__grid_for(cu, x->n, GAN__MAP_THREADS, 1), GAN__MAP_THREADS, 0,
                       *x);
}

gan_status gan__map_launch_strided(gan__cuda *cu, gan__map_op op, int width, const gan__map_strided *x)
{
    typedef gan_status (*launcher)(gan__cuda *, const gan__map_strided *);
#define GAN__ENTRY(name, arity, formula) {launch<gan__map_##name, 1>, launch<gan__map_##name, 4>},
    static const launcher table[GAN__MAP_COUNT][2] = {GAN__MAP_OPS(GAN__ENTRY)};
#undef GAN__ENTRY
    return table[op][width == 4](cu, x);
}
