#!/usr/bin/env python3
"""Writes the frozen tables of kernel/numerics/tables with mpmath at 60 decimal digits.

    python3 scripts/tables/generate.py            write the modules
    python3 scripts/tables/generate.py --check    fail when a committed module differs

A table is a sequence of little-endian u32 words, four a row (a vec4<u32> on the GPU), stored as base64 next to
its SHA-256. The bytes are part of every replay key: a released table never changes; a better one gets a new name.

normal-quantile, 512 rows (|c0|, |c1|, |c2|, 0), Q24. Row 16 e + s covers n in 2^e (1 + s/16 + [0, 1/16]), where
p = n / 2^33 is the smaller tail. z = -quantile(p) = c0 - (c1 - c2 x) x with x in [0, 1] across the row: the
degree-2 least-squares polynomial over 64 Chebyshev nodes, which is the truncated discrete Chebyshev series.
Every row is filled for every e, although the small e reach only a few of them.

exp2, 256 rows (c0, c1, c2, 0), Q30. Row i covers 2^(i/256 + [0, 1/256]) = c0 + (c1 + c2 x) x, x in [0, 1]. c0 is
the exact value at x = 0 rounded, so 2^0 is exactly 2^30. c1 and c2 are the least-squares fit over 64 Chebyshev
nodes with that c0 fixed. c1 then carries 3/2 units more, so that the mean error over a row is about zero: 1/2 for
the truncation of c2 x, and 1 for the last truncation, which loses half a unit where x is 1/2 on average.

log2, 256 rows (c0, c1, c2, 0), c0 in Q31, c1 and c2 in Q39. Row i covers log2(1 + i/256 + [0, 1/256]) =
c0 + (c1 - c2 x) x, x in [0, 1]. c0 is the exact value at x = 0 rounded, so the logarithm of a power of two is exact.
c1 and c2 are the least-squares fit over 64 Chebyshev nodes with that c0 fixed; c1 carries 2^8 units more, half a unit
of Q31 where x is 1/2, which the truncation of the product loses.
"""
import base64
import hashlib
import pathlib
import struct
import sys

from mpmath import mp, mpf

mp.dps = 60
NODES = 64
TARGET = pathlib.Path(__file__).resolve().parents[2] / 'kernel' / 'numerics' / 'tables'

ANGLES = [(k + mpf(1) / 2) * mp.pi / NODES for k in range(NODES)]
# Ascending in [0, 1]: t = 2 x - 1 = -cos(angle).
POINTS = [(1 - mp.cos(a)) / 2 for a in ANGLES]


def nearest(value):
    """The nearest integer. No coefficient is a tie (asserted), so the rule for ties does not matter."""
    floor = int(mp.floor(value))
    rest = value - floor
    assert abs(rest - mpf(1) / 2) > mpf(10) ** -20, value
    return floor + (1 if rest > mpf(1) / 2 else 0)


def upper_quantile(p, start):
    """z >= 0 with P(Z > z) = p, by Newton's method on log P from a nearby start."""
    z = start
    target = mp.log(p)
    for _ in range(60):
        tail = mp.erfc(z / mp.sqrt(2)) / 2
        density = mp.exp(-z * z / 2) / mp.sqrt(2 * mp.pi)
        step = (mp.log(tail) - target) * tail / density
        z += step
        if abs(step) < mpf(10) ** -45:
            return z
    raise ArithmeticError(f'no convergence at p = {p}')


def normal_quantile_rows():
    rows = []
    z = mpf('6.3')
    for e in range(32):
        for s in range(16):
            values = []
            for x in POINTS:
                p = mpf(2) ** e * (1 + (s + x) / 16) / mpf(2) ** 33
                z = upper_quantile(p, z)
                values.append(z)
            # Discrete Chebyshev coefficients; T_j(t) = cos(j acos(t)), acos(-cos a) = pi - a.
            a = [
                mpf(2 if j else 1) / NODES * mp.fsum(v * mp.cos(j * (mp.pi - g)) for v, g in zip(values, ANGLES))
                for j in range(3)
            ]
            c0, c1, c2 = a[0] - a[1] + a[2], 2 * a[1] - 8 * a[2], 8 * a[2]
            assert c0 >= 0 >= c1 and c2 >= 0
            rows.append([nearest(c0 * 2**24), nearest(-c1 * 2**24), nearest(c2 * 2**24), 0])
    return rows


def exp2_rows():
    rows = []
    for i in range(256):
        scale = mpf(2) ** (30 + mpf(i) / 256)
        c0 = nearest(scale) if i else 2**30
        # Minimise sum (y - c1 x - c2 x^2)^2 over the nodes, y = value - c0: the 2 x 2 normal equations.
        y = [scale * mpf(2) ** (x / 256) - c0 for x in POINTS]
        s2, s3, s4 = (mp.fsum(x**k for x in POINTS) for k in (2, 3, 4))
        b1 = mp.fsum(x * v for x, v in zip(POINTS, y))
        b2 = mp.fsum(x * x * v for x, v in zip(POINTS, y))
        det = s2 * s4 - s3 * s3
        c1 = (b1 * s4 - b2 * s3) / det
        c2 = (s2 * b2 - s3 * b1) / det
        rows.append([c0, nearest(c1 + mpf(3) / 2), nearest(c2), 0])
    return rows


def log2_rows():
    rows = []
    s2, s3, s4 = (mp.fsum(x**k for x in POINTS) for k in (2, 3, 4))
    det = s2 * s4 - s3 * s3
    for i in range(256):
        exact = 2**31 * mp.log(1 + mpf(i) / 256, 2)
        c0 = nearest(exact) if i else 0
        y = [2**31 * mp.log(1 + (i + x) / 256, 2) - c0 for x in POINTS]
        b1 = mp.fsum(x * v for x, v in zip(POINTS, y))
        b2 = mp.fsum(x * x * v for x, v in zip(POINTS, y))
        c1 = (b1 * s4 - b2 * s3) / det
        c2 = (s3 * b1 - s2 * b2) / det
        rows.append([c0, nearest(2**8 * c1 + 2**8), nearest(2**8 * c2), 0])
        assert 0 <= rows[-1][2] < rows[-1][1] < 2**32
    return rows


def module(name, constant, about, rows):
    data = b''.join(struct.pack('<4I', *row) for row in rows)
    text = base64.b64encode(data).decode()
    lines = '\n'.join(text[i : i + 108] for i in range(0, len(text), 108))
    return (
        f'// Generated by scripts/tables/generate.py: {about}\n'
        f'// {len(rows)} rows of four little-endian u32. Frozen: the digest is part of every replay key.\n'
        '\n'
        f"export const {constant}_SHA256 = '{hashlib.sha256(data).hexdigest()}'\n"
        '\n'
        f'export const {constant}_BASE64 = `\n{lines}\n`\n'
    )


def main():
    files = {
        'normal-quantile.ts': module(
            'normal-quantile', 'NORMAL_QUANTILE', '|c0|, |c1|, |c2|, 0 in Q24.', normal_quantile_rows()
        ),
        'exp2.ts': module('exp2', 'EXP2', 'c0, c1, c2, 0 in Q30.', exp2_rows()),
        'log2.ts': module('log2', 'LOG2', 'c0 in Q31; c1, c2 in Q39; 0.', log2_rows()),
    }
    stale = [f for f, t in files.items() if not (TARGET / f).exists() or (TARGET / f).read_text() != t]
    if '--check' in sys.argv[1:]:
        for name in stale:
            print(f'stale: kernel/numerics/tables/{name}', file=sys.stderr)
        sys.exit(1 if stale else 0)
    TARGET.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (TARGET / name).write_text(text)
        print(f'kernel/numerics/tables/{name}', 'written' if name in stale else 'unchanged')


if __name__ == '__main__':
    main()
