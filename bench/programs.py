"""The benchmark's programs: what each trains. Both sides take their settings from here.

`settings` are plugin_step's words: data.* and train.* as in a config file, and the plugin's own options. Only
torch_programs.py reads them besides, so a setting that it does not know has to keep its default.
"""


class Program:
    def __init__(self, executable, words, settings=None, convolutional=True, precisions=("f32", "bf16"), loops=("tuned",)):
        self.executable = executable
        self.words = words  # the executable's own, in front of the settings
        self.settings = settings or {}
        self.convolutional = convolutional
        self.precisions = precisions
        self.loops = loops  # of PyTorch that are worth comparing

    def command(self, changes):
        """Words of the executable; `changes` are settings in place of those here."""
        settings = {**self.settings, **changes}
        return [self.executable, *self.words, *(f"{name}={value}" for name, value in settings.items())]


def images(resolution, channels, batch, classes=0, d_steps=1):
    return {"data.resolution": resolution, "data.channels": channels, "data.classes": classes, "train.batch": batch,
            "train.d_steps": d_steps}


PROGAN = {**images(64, 3, batch=16), "fmap_base": 1024, "fmap_max": 64, "latent": 64}
STYLEGAN2 = {**images(64, 3, batch=16), "fmap_base": 1024, "fmap_max": 64, "latent": 64, "w_width": 64, "mapping_layers": 8}

PROGRAMS = {
    "gan": Program("plugin_step", ["gan"], images(28, 1, batch=100), convolutional=False, precisions=("f32",)),
    "dcgan": Program("plugin_step", ["dcgan"], images(64, 3, batch=64)),
    "cgan": Program("plugin_step", ["cgan"], images(28, 1, batch=100, classes=10), convolutional=False,
                    precisions=("f32",)),
    "cgan-conv": Program("plugin_step", ["cgan"], {**images(64, 3, batch=32, classes=10), "networks": "conv"}),
    "wgan_gp": Program("plugin_step", ["wgan_gp"], images(64, 3, batch=32, d_steps=5)),
    "wgan_gp-resnet": Program("plugin_step", ["wgan_gp"], {**images(32, 3, batch=8, d_steps=5), "networks": "resnet",
                                                          "g_width": 128, "d_width": 128}),
    "wgan": Program("plugin_step", ["wgan_gp"], {**images(64, 3, batch=32, d_steps=5), "lipschitz": "clip"}),
    "sngan": Program("plugin_step", ["sngan"], images(32, 3, batch=8, d_steps=5)),
    # With the plugin's 600 kimg of each phase 64x64 is faded in from 4,200 kimg on.
    "progan": Program("plugin_step", ["progan"], {**PROGAN, "train.shown_kimg": 5000}),
    "progan-fading": Program("plugin_step", ["progan"], {**PROGAN, "train.shown_kimg": 4500}),
    "stylegan": Program("plugin_step", ["stylegan"], {**PROGAN, "train.shown_kimg": 5000, "w_width": 64,
                                                      "mapping_layers": 8}),
    "stylegan2": Program("plugin_step", ["stylegan2"], {**STYLEGAN2, "r1_interval": 0, "path_interval": 0}),
    "stylegan2-regularized": Program("plugin_step", ["stylegan2"], {**STYLEGAN2, "r1_interval": 1, "path_interval": 1}),
    "cyclegan": Program("plugin_step", ["cyclegan"], {**images(128, 3, batch=1), "pool": 50}, loops=("batched", "tuned")),
    "cyclegan-256": Program("plugin_step", ["cyclegan"], {**images(256, 3, batch=1), "pool": 50}, loops=("batched", "tuned")),
}
