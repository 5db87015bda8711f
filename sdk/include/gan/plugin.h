/*
 * plugin.h - the contract between ganhost and a GAN variant.
 *
 * A plugin is a shared object that exports one symbol, gan_plugin_entry, and hides everything else. The symbol is a
 * function that returns a constant table, the gan_plugin. The host reads the identity prefix first and nothing else
 * until it has accepted it: the magic matches, abi_major is the host's, needs_minor is not above the host's
 * abi_minor, and struct_size covers at least the body of version 1.0. After the prefix the table is append-only.
 *
 * Threads and order. The host calls every function of the table from one thread, in the order
 *     build, then any sequence of d_step, g_step, sample, get_extension, then destroy,
 * for each model; several models may be alive. Around each call the host opens a scope (context.h), so tensors that
 * the plugin makes are released afterwards unless kept.
 *
 * A plugin never exits, aborts, installs signal handlers, writes to standard output or error, or lets a C++
 * exception cross the boundary. It reports errors with gan_raise and a negative status; outputs are then untouched.
 */
#ifndef GAN_PLUGIN_H
#define GAN_PLUGIN_H

#include "loss.h"
#include "autograd.h"
#include "graph.h"
#include "model.h"
#include "networks.h"
#include "pool.h"
#include "random.h"
#include "style.h"

#ifdef __cplusplus
extern "C" {
#endif

#define GAN_PLUGIN_MAGIC 0x4e494755504e4147ull /* "GANPUGIN" in memory */
#define GAN_ABI_MAJOR    1
#define GAN_ABI_MINOR    0

/* flags */
#define GAN_PLUGIN_HAS_CUDA   1u /* contains CUDA kernels of its own */
#define GAN_PLUGIN_NEEDS_CUDA 2u /* cannot run on the CPU */
#define GAN_PLUGIN_NO_CAPTURE 4u /* its steps cannot be captured into CUDA graphs */

/* What the data must have. */
#define GAN_NEEDS_LABELS      1u
#define GAN_NEEDS_TWO_DOMAINS 2u
#define GAN_NEEDS_IMAGES      4u /* refuses vector data such as builtin:ring8 */

/* A chart of the run's plot: a title, the y axis, and the metrics that it shows. A table ends with title NULL. */
#define GAN_CHART_SERIES 8
typedef struct gan_chart {
    const char *title;
    const char *y_label;
    const char *series[GAN_CHART_SERIES]; /* metric names; NULL after the last */
} gan_chart;

/* A default for one of the host's own options, such as {"train.batch", "100"}. Ends with option NULL. */
typedef struct gan_default {
    const char *option;
    const char *value;
} gan_default;

/* What build gets. Valid only during the call, except ctx. */
typedef struct gan_build {
    uint32_t struct_size;
    gan_context *ctx;
    const gan_options *options; /* the plugin's own table, validated */
    const gan_data_info *data;  /* what the batches will look like */
    int64_t batch;              /* samples per batch */
} gan_build;

/* What sample gets. */
typedef struct gan_sample_request {
    uint32_t struct_size;
    int64_t n;
    const uint64_t *seeds; /* [n]: one latent each, see gan_randn_of_seeds */
    gan_tensor *labels;    /* I32 [n], or NULL: the plugin chooses, i mod classes */
} gan_sample_request;

/* What a conditional model samples: the request's labels, or each class in turn where it leaves them to the plugin. */
GAN_API gan_tensor *gan_request_labels(gan_context *ctx, const gan_sample_request *request, int64_t classes);

typedef struct gan_plugin {
    /* ---- identity prefix: the same in every version of the interface ---- */
    uint64_t magic;
    uint32_t struct_size; /* sizeof(gan_plugin) at the plugin's compile time */
    uint16_t abi_major, abi_minor;
    uint16_t needs_minor; /* the lowest host minor that it works with */
    uint16_t reserved;    /* 0 */
    uint32_t flags;
    const char *built_with; /* SDK version and compiler: GAN_BUILT_WITH */
    const char *id;         /* lower case letters, digits, '_': the name of the folder and of the file */
    const char *version;    /* the plugin's own, "1.0.0" */

    /* ---- body of version 1.0; append-only after it ---- */
    const char *title;   /* "Generative adversarial network" */
    const char *paper;   /* "Goodfellow et al., 2014, arXiv:1406.2661" */
    const char *summary; /* one or two sentences */
    uint32_t needs;      /* GAN_NEEDS_... */
    const gan_option *options;
    const gan_default *defaults;
    const gan_chart *charts;

    /* Make networks, optimizers and state. On success *out is owned by the host, which ends it with destroy. */
    gan_status (*build)(const gan_build *build, gan_model **out);
    void (*destroy)(gan_model *model);
    /* One update of the discriminator on a batch; one of the generator. Both report their metrics. g_step gets the
     * batch of the last d_step. */
    gan_status (*d_step)(gan_model *model, const gan_batch *batch, gan_metrics *out);
    gan_status (*g_step)(gan_model *model, const gan_batch *batch, gan_metrics *out);
    /* Generate: *images becomes [n, H, W, C] in the current scope, in the range of batch images. Networks are in
     * evaluation mode and nothing is recorded. NULL in a plugin of two domains that has nothing to generate but
     * translations (gan.translate/1). */
    gan_status (*sample)(gan_model *model, const gan_sample_request *request, gan_tensor **images);
    /* Optional abilities by name and version, such as "gan.translate/1"; NULL for names it does not know. May be
     * NULL itself. */
    const void *(*get_extension)(gan_model *model, const char *name);
} gan_plugin;

/* ---- extensions: tables that get_extension gives for a name. Each begins with its size and grows at its end ---- */

/* "gan.schedule/1": a plan that varies over the run. */
#define GAN_SCHEDULE_EXTENSION "gan.schedule/1"
typedef struct gan_schedule_extension {
    uint32_t struct_size;
    /* Discriminator steps before the next generator step, when `g_steps` of those have been taken and the config asks
     * for `configured`; at least 1. May be NULL: as configured. */
    int64_t (*d_steps)(gan_model *model, int64_t g_steps, int64_t configured);
    /* The batches of the iteration that begins after `kimg` thousand images, for a network that grows. *batch and
     * *resolution come in as configured and may be lowered: samples per batch, and the side of its images, a power of
     * two part of the data's (every pixel is then the mean of the square that it stands for, rounded to a byte). A
     * function of kimg alone. May be NULL: as configured. */
    void (*batches)(gan_model *model, double kimg, int64_t *batch, int64_t *resolution);
} gan_schedule_extension;

/* "gan.capture/1": for a plugin whose steps are not all alike. On a CUDA device steps are recorded once and replayed
 * (graph.h says what that asks of them); a plugin that cannot have that sets GAN_PLUGIN_NO_CAPTURE instead. */
#define GAN_CAPTURE_EXTENSION "gan.capture/1"
typedef struct gan_capture_extension {
    uint32_t struct_size;
    gan_prepare_function prepare; /* may be NULL */
} gan_capture_extension;

/* "gan.style/1": a generator of two parts, a mapping from z to w and a synthesis that takes a style w for each of its
 * layers, coarse to fine. Host commands that truncate, mix, interpolate and search w are made of these. Networks are in
 * evaluation mode. A function may be called in any scope; its result is in the current one. */
#define GAN_STYLE_EXTENSION "gan.style/1"
typedef struct gan_style_info {
    uint32_t struct_size;
    int64_t latent; /* width of z */
    int64_t width;  /* of w */
    int64_t layers; /* that take a style */
} gan_style_info;
typedef struct gan_style_extension {
    uint32_t struct_size;
    void (*info)(gan_model *model, gan_style_info *out); /* out->struct_size is set */
    /* z [n, latent] (gan_randn_of_seeds) and labels (I32 [n], or NULL: the plugin chooses, i mod classes) to w [n,
     * layers, width], not truncated. */
    gan_status (*map)(gan_model *model, gan_tensor *z, gan_tensor *labels, gan_tensor **w);
    /* The mean of w, [width], that truncation pulls to. */
    gan_status (*average)(gan_model *model, gan_tensor **w);
    /* w [n, layers, width] to images [n, H, W, C] as `sample` gives them; can be differentiated with respect to w. */
    gan_status (*synthesize)(gan_model *model, gan_tensor *w, gan_style_noise noise, gan_tensor **images);
} gan_style_extension;

/* "gan.translate/1": networks that turn images of one domain into images of the other. Asked of every model of two
 * domains. Networks are in evaluation mode, and nothing is recorded; a function may be called in any scope, and its
 * result is in the current one. */
#define GAN_TRANSLATE_EXTENSION "gan.translate/1"
typedef enum gan_direction { GAN_A_TO_B = 0, GAN_B_TO_A = 1 } gan_direction;
typedef struct gan_translate_extension {
    uint32_t struct_size;
    /* Sides of the images that `translate` takes: multiples of this, and at least that, in pixels; both at least 1. */
    int64_t multiple, least;
    /* images [n, H, W, C], of any such H and W, in the range of batch images, to images of the same shape. What becomes
     * of one does not depend on the others. */
    gan_status (*translate)(gan_model *model, gan_direction direction, gan_tensor *images, gan_tensor **out);
} gan_translate_extension;

#define GAN_BUILT_WITH "SDK " GAN_VERSION_STRING ", compiler " __VERSION__

/* The identity prefix of a plugin that needs nothing later than this header's interface, for its table's initialiser:
 *     static const gan_plugin plugin = {GAN_PLUGIN_IDENTITY("gan", "1.0.0"), .title = ...};
 *     GAN_PLUGIN_ENTRY(plugin) */
#define GAN_PLUGIN_IDENTITY(id_, version_)                                                                             \
    .magic = GAN_PLUGIN_MAGIC, .struct_size = sizeof(gan_plugin), .abi_major = GAN_ABI_MAJOR,                          \
    .abi_minor = GAN_ABI_MINOR, .needs_minor = GAN_ABI_MINOR, .built_with = GAN_BUILT_WITH, .id = (id_),               \
    .version = (version_)
#define GAN_PLUGIN_ENTRY(table_)                                                                                       \
    const gan_plugin *gan_plugin_entry(void)                                                                           \
    {                                                                                                                  \
        return &(table_);                                                                                              \
    }

/* The one symbol of a plugin. */
typedef const gan_plugin *(*gan_plugin_entry_fn)(void);
#define GAN_PLUGIN_ENTRY_NAME "gan_plugin_entry"
GAN_API const gan_plugin *gan_plugin_entry(void);

/* The layout of version 1.0 on 64-bit machines, frozen. */
#if UINTPTR_MAX == 0xffffffffffffffffu && !defined(__cplusplus)
_Static_assert(offsetof(gan_plugin, magic) == 0, "frozen");
_Static_assert(offsetof(gan_plugin, struct_size) == 8, "frozen");
_Static_assert(offsetof(gan_plugin, abi_major) == 12, "frozen");
_Static_assert(offsetof(gan_plugin, abi_minor) == 14, "frozen");
_Static_assert(offsetof(gan_plugin, needs_minor) == 16, "frozen");
_Static_assert(offsetof(gan_plugin, flags) == 20, "frozen");
_Static_assert(offsetof(gan_plugin, built_with) == 24, "frozen");
_Static_assert(offsetof(gan_plugin, id) == 32, "frozen");
_Static_assert(offsetof(gan_plugin, version) == 40, "frozen");
_Static_assert(offsetof(gan_plugin, title) == 48, "frozen");
_Static_assert(offsetof(gan_plugin, needs) == 72, "frozen");
_Static_assert(offsetof(gan_plugin, options) == 80, "frozen");
_Static_assert(offsetof(gan_plugin, build) == 104, "frozen");
_Static_assert(offsetof(gan_plugin, get_extension) == 144, "frozen");
#endif
#define GAN_PLUGIN_SIZE_1_0 152u

#ifdef __cplusplus
}
#endif
#endif
