#!/usr/bin/env python3
"""The rule of src/base/random.h written a second time: prints the values that tests/test_base.c holds it to."""
import math

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(z):
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


class Stream:
    def __init__(self, seed, purpose, epoch, sample):
        self.key = 0
        for part in (seed, purpose, epoch, sample):
            self.key = mix(((self.key ^ part) + GOLDEN) & MASK)
        self.draws = 0

    def next(self):
        self.draws += 1
        return mix((self.key + self.draws * GOLDEN) & MASK)

    def below(self, n):
        return self.next() * n >> 64

    def uniform(self, low, high):
        return low + (high - low) * ((self.next() >> 11) * 2.0 ** -53)

    def normal(self):
        u1, u2 = self.uniform(0, 1), self.uniform(0, 1)
        return math.sqrt(-2 * math.log(1 - u1)) * math.cos(2 * math.pi * u2)

    def shuffle(self, items):
        for i in range(len(items) - 1, 0, -1):
            k = self.below(i + 1)
            items[i], items[k] = items[k], items[i]


if __name__ == "__main__":
    r = Stream(42, 3, 7, 123)
    print("KEY_42_3_7_123", r.key)
    print("DRAW_0", r.next())
    print("BELOW_1", r.below(1000))
    print("UNIFORM_2", repr(r.uniform(-2, 3)))
    print("NORMAL_3", repr(r.normal()))
    items = list(range(10))
    Stream(3, 2, 1, 0).shuffle(items)
    print("SHUFFLED", ", ".join(map(str, items)))
