#!/usr/bin/env python3
"""Known answers of tensor@1/matmul.v1, by Python integers and the definition of the product and of the plan.

    python3 kernel/ops/tensor-matmul/testdata/generate.py > kernel/ops/tensor-matmul/testdata/golden.json
"""
import hashlib
import json
import struct


def operand(count, fill, salt):
    """`fill` for every element, or bits 16 to 23 of (i + salt) * 2654435761 as int8."""
    if fill is not None:
        return [fill] * count
    values = [((((i + salt) * 2654435761) & 0xFFFFFFFF) >> 16) & 0xFF for i in range(count)]
    return [v - 256 if v > 127 else v for v in values]


def log2_ceil(n):
    return (n - 1).bit_length()


def tile_sides(rows, depth, columns):
    """docs/spec/contract.md, plan of tensor@1/matmul.v1."""
    area = min(16, 26 - log2_ceil(depth))
    rows_log2 = max(2, log2_ceil(rows))
    columns_log2 = max(2, log2_ceil(columns))
    tile_columns_log2 = min(columns_log2, max((area + 1) // 2, area - rows_log2))
    tile_rows_log2 = min(rows_log2, area - tile_columns_log2)
    return 1 << tile_rows_log2, 1 << tile_columns_log2


def sha256(values):
    return hashlib.sha256(struct.pack(f"<{len(values)}i", *values)).hexdigest()


def case(rows, depth, columns, fill_a=None, fill_b=None):
    a = operand(rows * depth, fill_a, 1)
    b = operand(depth * columns, fill_b, 77)
    columns_of_b = [b[j::columns] for j in range(columns)]
    c = [
        [sum(x * y for x, y in zip(a[i * depth : (i + 1) * depth], column)) for column in columns_of_b]
        for i in range(rows)
    ]
    tile_rows, tile_columns = tile_sides(rows, depth, columns)
    tiles = [
        sha256([v for row in c[i : i + tile_rows] for v in row[j : j + tile_columns]])
        for i in range(0, rows, tile_rows)
        for j in range(0, columns, tile_columns)
    ]
    flat = [v for row in c for v in row]
    return {
        "rows": rows,
        "depth": depth,
        "columns": columns,
        "fill_a": fill_a,
        "fill_b": fill_b,
        "tile_rows": tile_rows,
        "tile_columns": tile_columns,
        "tiles": tiles,
        "digest": sha256(flat),
        "min": min(flat),
        "max": max(flat),
        "sum": str(sum(flat)),
        "frobenius_squared": str(sum(v * v for v in flat)),
        "trace": sum(c[i][i] for i in range(rows)) if rows == columns else None,
        "first": flat[0],
        "last": flat[-1],
    }


cases = [
    case(1, 1, 1),
    case(1, 1, 1, -128, -128),
    case(3, 5, 7),
    case(7, 6, 3),
    case(1, 300, 9),
    case(33, 131, 70),
    case(100, 100, 100),
    case(300, 17, 290),
    case(20, 40000, 66),
    case(2, 131071, 3, -128, -128),
    case(3, 131071, 2, -128, 127),
    case(1, 4097, 2, 127, -127),
]
print(json.dumps({"source": "testdata/generate.py", "cases": cases}, indent=1))
