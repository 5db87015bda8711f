"""ganhost's random numbers in NumPy: Philox 4x32-10 (Salmon et al., SC 2011) and Box-Muller, as in
sdk/include/gan/random.h. Element i of a draw comes from block counter + i / 4, word i % 4."""
import numpy

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_MASK = numpy.uint64(0xFFFFFFFF)


def philox(seed, stream, counter, blocks):
    """Words [blocks, 4] (uint32) of the blocks that begin at `counter`."""
    index = numpy.arange(blocks, dtype=numpy.uint64) + numpy.uint64(counter)
    c0, c1 = index & _MASK, index >> numpy.uint64(32)
    c2 = numpy.full(blocks, stream & 0xFFFFFFFF, numpy.uint64)
    c3 = numpy.full(blocks, stream >> 32, numpy.uint64)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * numpy.uint64(_M0), c2 * numpy.uint64(_M1)
        c0, c1, c2, c3 = ((p1 >> numpy.uint64(32)) ^ c1 ^ numpy.uint64(k0), p1 & _MASK,
                          (p0 >> numpy.uint64(32)) ^ c3 ^ numpy.uint64(k1), p0 & _MASK)
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return numpy.stack((c0, c1, c2, c3), axis=1).astype(numpy.uint32)


def philox_uniform(seed, counter, n, stream=0):
    """float32 in [0, 1), exact: 24 bits of each word."""
    words = philox(seed, stream, counter, (n + 3) // 4).reshape(-1)[:n]
    return ((words >> numpy.uint32(8)).astype(numpy.float64) * 2.0**-24).astype(numpy.float32)


def philox_integer(seed, counter, n, high, stream=0):
    """int32 in [0, high): the upper half of word * high."""
    words = philox(seed, stream, counter, (n + 3) // 4).reshape(-1)[:n].astype(numpy.uint64)
    return (words * numpy.uint64(high) >> numpy.uint64(32)).astype(numpy.int32)


def philox_normal(seed, counter, n, stream=0):
    """float32 standard normal numbers by Box-Muller; computed in float64, so they differ from ganhost's by f32
    rounding. The angle is the second word as a fraction of a turn: two bits of quadrant, 24 bits within it, centred."""
    words = philox(seed, stream, counter, (n + 3) // 4).astype(numpy.int64).reshape(-1, 2)
    radius = numpy.sqrt(-2 * numpy.log(((words[:, 0] >> 8) + 1) * 2.0**-24))
    angle = numpy.pi * ((words[:, 1] >> 30) * 0.5 + (((words[:, 1] >> 6) & 0xFFFFFF) - 0x800000) * 2.0**-25)
    values = numpy.stack((radius * numpy.cos(angle), radius * numpy.sin(angle)), axis=1)
    return values.reshape(-1)[:n].astype(numpy.float32)


class ImagePool:
    """The list of older images of sdk/include/gan/pool.h, with the decisions of sdk/src/nn/pool.c."""

    def __init__(self, seed, name, size):
        hashed = 0xCBF29CE484222325  # FNV-1a
        for byte in name.encode():
            hashed = (hashed ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
        self.seed, self.stream, self.size = seed, hashed | 1 << 63, size
        self.images, self.drawn = [], 0

    def exchange(self, image):
        """What is given for one image; those of a batch come one after another."""
        if self.size == 0:
            return image
        words = philox(self.seed, self.stream, self.drawn, 1)[0]
        self.drawn += 1
        if len(self.images) < self.size:
            self.images.append(image)
        elif words[0] >= 1 << 31:
            slot = int(words[1]) * self.size >> 32
            self.images[slot], image = image, self.images[slot]
        return image


if __name__ == "__main__":  # the known-answer vectors of Random123
    ones = 0xFFFFFFFFFFFFFFFF
    answers = {(0, 0, 0): "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
               (ones, ones, ones): "408f276d 41c83b0e a20bc7c6 6d5451fd",
               (0x299F31D0A4093822, 0x0370734413198A2E, 0x85A308D3243F6A88): "d16cfe09 94fdcceb 5001e420 24126ea1"}
    for (key, stream, counter), answer in answers.items():
        found = " ".join(f"{int(w):08x}" for w in philox(key, stream, counter, 1)[0])
        assert found == answer, (found, answer)
    print("Philox 4x32-10 gives the known answers")
    pool = ImagePool(ones, "fakes_b", 5)  # as in tests/unit/test_pool.c
    given = [pool.exchange(i) for i in range(24)]
    assert given == [0, 1, 2, 3, 4, 1, 6, 5, 8, 2, 10, 11, 3, 9, 13, 15, 14, 12, 17, 7, 20, 21, 22, 23], given
    print("a pool of images gives the known ones")
