/*
 * onednn_version.h - the difference between oneDNN 2.x and 3.x; nothing else depends on the version. Internal.
 *
 * In 2.x a memory descriptor is a structure and an operation is described by one, from which a primitive descriptor
 * is made; in 3.x memory descriptors are handles and primitive descriptors are made directly.
 */
#ifndef GAN__CPU_ONEDNN_VERSION_H
#define GAN__CPU_ONEDNN_VERSION_H

#include <dnnl.h>
#include <stdint.h>

typedef dnnl_memory_desc_t gan__md; /* owned */

typedef struct gan__conv_geometry {
    dnnl_dims_t stride, dilation, pad;
} gan__conv_geometry;

#if DNNL_VERSION_MAJOR >= 3

typedef const_dnnl_memory_desc_t gan__md_ref;

static inline gan__md_ref gan__md_of(const gan__md *md)
{
    return md ? *md : NULL;
}

static inline dnnl_status_t gan__md_strided(gan__md *md, int ndim, const dnnl_dims_t dims, dnnl_data_type_t type,
                                            const dnnl_dims_t strides)
{
    return dnnl_memory_desc_create_with_strides(md, ndim, dims, type, strides);
}

static inline dnnl_status_t gan__md_any(gan__md *md, int ndim, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(md, ndim, dims, type, dnnl_format_tag_any);
}

static inline void gan__md_free(gan__md *md)
{
    dnnl_memory_desc_destroy(*md);
}

/* The members that make up a blocked layout. Returns the number of inner blocks. */
static inline int gan__md_layout(gan__md_ref md, int *ndim, dnnl_data_type_t *type, const dnnl_dim_t **dims,
                                 const dnnl_dim_t **strides, const dnnl_dim_t **blocks, const dnnl_dim_t **indices)
{
    const dnnl_dims_t *d = NULL, *s = NULL, *b = NULL, *i = NULL;
    int n = 0;
    dnnl_memory_desc_query(md, dnnl_query_ndims_s32, ndim);
    dnnl_memory_desc_query(md, dnnl_query_data_type, type);
    dnnl_memory_desc_query(md, dnnl_query_padded_dims, &d);
    dnnl_memory_desc_query(md, dnnl_query_strides, &s);
    dnnl_memory_desc_query(md, dnnl_query_inner_nblks_s32, &n);
    dnnl_memory_desc_query(md, dnnl_query_inner_blks, &b);
    dnnl_memory_desc_query(md, dnnl_query_inner_idxs, &i);
    *dims = *d;
    *strides = *s;
    *blocks = *b;
    *indices = *i;
    return n;
}

static inline dnnl_status_t gan__append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, kind, alpha, 0.0f);
}

static inline dnnl_status_t gan__matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *a,
                                           const gan__md *b, const gan__md *bias, const gan__md *c,
                                           const_dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, *a, *b, gan__md_of(bias), *c, attr);
}

static inline dnnl_status_t gan__forward_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                            const gan__md *w, const gan__md *bias, const gan__md *y,
                                            const gan__conv_geometry *g, const_dnnl_primitive_attr_t attr)
{
    return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_training, dnnl_convolution_direct,
                                                          *x, *w, gan__md_of(bias), *y, g->stride, g->dilation, g->pad,
                                                          g->pad, attr);
}

static inline dnnl_status_t gan__data_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                         const gan__md *w, const gan__md *y, const gan__conv_geometry *g,
                                         const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
    return dnnl_convolution_backward_data_primitive_desc_create(pd, engine, dnnl_convolution_direct, *x, *w, *y,
                                                                g->stride, g->dilation, g->pad, g->pad, hint, attr);
}

static inline dnnl_status_t gan__weight_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                           const gan__md *w, const gan__md *y, const gan__conv_geometry *g,
                                           const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
    return dnnl_convolution_backward_weights_primitive_desc_create(
        pd, engine, dnnl_convolution_direct, *x, *w, NULL, *y, g->stride, g->dilation, g->pad, g->pad, hint, attr);
}

#else

typedef const dnnl_memory_desc_t *gan__md_ref;

static inline gan__md_ref gan__md_of(const gan__md *md)
{
    return md;
}

static inline dnnl_status_t gan__md_strided(gan__md *md, int ndim, const dnnl_dims_t dims, dnnl_data_type_t type,
                                            const dnnl_dims_t strides)
{
    return dnnl_memory_desc_init_by_strides(md, ndim, dims, type, strides);
}

static inline dnnl_status_t gan__md_any(gan__md *md, int ndim, const dnnl_dims_t dims, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(md, ndim, dims, type, dnnl_format_tag_any);
}

static inline void gan__md_free(gan__md *md)
{
    (void)md;
}

/* The members that make up a blocked layout. Returns the number of inner blocks. */
static inline int gan__md_layout(gan__md_ref md, int *ndim, dnnl_data_type_t *type, const dnnl_dim_t **dims,
                                 const dnnl_dim_t **strides, const dnnl_dim_t **blocks, const dnnl_dim_t **indices)
{
    *ndim = md->ndims;
    *type = md->data_type;
    *dims = md->padded_dims;
    *strides = md->format_desc.blocking.strides;
    *blocks = md->format_desc.blocking.inner_blks;
    *indices = md->format_desc.blocking.inner_idxs;
    return md->format_desc.blocking.inner_nblks;
}

static inline dnnl_status_t gan__append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t kind, float alpha)
{
    return dnnl_post_ops_append_eltwise(ops, 1.0f, kind, alpha, 0.0f);
}

static inline dnnl_status_t gan__matmul_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *a,
                                           const gan__md *b, const gan__md *bias, const gan__md *c,
                                           const_dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t d;
    dnnl_status_t status = dnnl_matmul_desc_init(&d, a, b, bias, c);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

static inline dnnl_status_t gan__forward_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                            const gan__md *w, const gan__md *bias, const gan__md *y,
                                            const gan__conv_geometry *g, const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t status = dnnl_dilated_convolution_forward_desc_init(
        &d, dnnl_forward_training, dnnl_convolution_direct, x, w, bias, y, g->stride, g->dilation, g->pad, g->pad);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}

static inline dnnl_status_t gan__data_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                         const gan__md *w, const gan__md *y, const gan__conv_geometry *g,
                                         const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t status = dnnl_dilated_convolution_backward_data_desc_init(&d, dnnl_convolution_direct, x, w, y,
                                                                            g->stride, g->dilation, g->pad, g->pad);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : status;
}

static inline dnnl_status_t gan__weight_pd(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, const gan__md *x,
                                           const gan__md *w, const gan__md *y, const gan__conv_geometry *g,
                                           const_dnnl_primitive_desc_t hint, const_dnnl_primitive_attr_t attr)
{
    dnnl_convolution_desc_t d;
    dnnl_status_t status = dnnl_dilated_convolution_backward_weights_desc_init(
        &d, dnnl_convolution_direct, x, w, NULL, y, g->stride, g->dilation, g->pad, g->pad);
    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, hint) : status;
}

#endif
#endif
