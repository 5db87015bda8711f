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

static __device__ __forceinline__ void load4(const void *data, gan_dtype dtype, int64_t offset, float *x)
{
    switch (dtype) {
    case GAN_F32: {
        float4 q = *reinterpret_cast<const float4 *>(static_cast<const float *>(data) + offset);
        x[0] = q.x, x[1] = q.y, x[2] = q.z, x[3] = q.w;
        break;
    }
    case GAN_BF16: {
        uint2 q = *reinterpret_cast<const uint2 *>(static_cast<const gan__bf16 *>(data) + offset);
        x[0] = gan__of_bits(q.x << 16), x[1] = gan__of_bits(q.x & 0xffff0000u);
        x[2] = gan__of_bits(q.y << 16), x[3] = gan__of_bits(q.y & 0xffff0000u);
        break;
    }
    case GAN_I32: {
        int4 q = *reinterpret_cast<const int4 *>(static_cast<const int32_t *>(data) + offset);
        x[0] = (float)q.x, x[1] = (float)q.y, x[2] = (float)q.z, x[3] = (float)q.w;
        break;
    }
    default: {
        uint32_t q = *reinterpret_cast<const uint32_t *>(static_cast<const uint8_t *>(data) + offset);
        x[0] = (float)(q & 0xffu), x[1] = (float)(q >> 8 & 0xffu);
        x[2] = (float)(q >> 16 & 0xffu), x[3] = (float)(q >> 24);
    }
    }
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

template <int WIDTH>
static __device__ __forceinline__ void load_unit(const gan__map_strided &x, int k, int64_t offset, float *to)
{
    if (WIDTH == 1 || x.repeats[k]) {
        float value = gan__load_any(x.data[k], x.dtype[k], offset);
        GAN__UNROLL
        for (int j = 0; j < WIDTH; j++)
            to[j] = value;
    } else {
        load4(x.data[k], x.dtype[k], offset, to);
    }
}

template <class F, int WIDTH> static __global__ void __launch_bounds__(GAN__MAP_THREADS) map_strided(gan__map_strided x)
{
    const int count = units<WIDTH>::count, out = F::inputs;
    float p[4] = {x.p[0], x.p[1], x.p[2], x.p[3]};
    uint32_t threads = gridDim.x * blockDim.x;
    for (uint32_t first = blockIdx.x * blockDim.x + threadIdx.x; first < x.n; first += threads * count) {
        int64_t offset[count][GAN__WALK_ARRAYS];
        float in[count][3][WIDTH];
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
                load_unit<WIDTH>(x, k, offset[u][k], in[u][k]);
        }
        GAN__UNROLL
        for (int u = 0; u < count; u++) {
            float y[WIDTH];
            GAN__UNROLL
            for (int j = 0; j < WIDTH; j++)
                y[j] =
                    F::at(out > 0 ? in[u][0][j] : 0.0f, out > 1 ? in[u][1][j] : 0.0f, out > 2 ? in[u][2][j] : 0.0f, p);
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
