# Compiled by numba, whose types are not those of Python.
# mypy: ignore-errors
# ruff: noqa: ANN001, ANN201, ANN202
"""An exponential and a logarithm for inner loops of compiled code that LLVM vectorises.

In float32 they are polynomials, where the C library's would be a call a number; in float64 they are the C library's.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from rankkit.compilation import PART


@intrinsic
def _nearest_integer(typing_context, x):
    """The integer nearest to a float32, as a float32; np.rint would be a call."""

    def generate(context, builder, signature, arguments):
        rint = builder.module.declare_intrinsic("llvm.rint", [ir.FloatType()])
        return builder.call(rint, arguments)

    return types.float32(types.float32), generate


@intrinsic
def _power_of_two(typing_context, exponent):
    """2 to a whole float32 from -126 to 127: the exponent goes straight into the bits of the result."""

    def generate(context, builder, signature, arguments):
        int32 = ir.IntType(32)
        whole = builder.fptosi(arguments[0], int32)
        bits = builder.shl(builder.add(whole, ir.Constant(int32, 127)), ir.Constant(int32, 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.float32), generate


def fast_exp(x):
    """exp(x) for x <= 87, relative error below 2e-7 in float32; below -87 it stays at exp(-87)."""
    raise NotImplementedError


def fast_log1p(x, reciprocal):
    """log(1 + x) for 0 <= x <= 1, given 1 / (2 + x); relative error below 2e-7 in float32."""
    raise NotImplementedError


_LOG2_E = np.float32(1 / math.log(2))
_LN_2 = np.float32(math.log(2))
_LOWEST = np.float32(-87)
# exp(r) on [-ln(2) / 2, ln(2) / 2], interpolated at Chebyshev nodes: relative error 3e-9.
_E0, _E1, _E2 = np.float32(1), np.float32(1), np.float32(0.5)
_E3, _E4 = np.float32(0.16666415333747864), np.float32(0.04166635125875473)
_E5, _E6 = np.float32(0.00837512593716383), np.float32(0.0013941108481958508)
# 2 atanh(z) / z in z^2 on [0, 1 / 9], the same way: relative error 4e-9.
_L0, _L1, _L2 = np.float32(2), np.float32(0.6666632294654846), np.float32(0.4002459645271301)
_L3, _L4 = np.float32(0.27965158224105835), np.float32(0.28157779574394226)


@overload(fast_exp, jit_options={**PART, "fastmath": {"contract"}, "error_model": "numpy"})
def _compile_exp(x):
    if x != types.float32:
        return lambda x: math.exp(x)

    def exp(x):
        x = x if x > _LOWEST else _LOWEST
        whole = _nearest_integer(x * _LOG2_E)
        r = x - whole * _LN_2
        power = _E0 + r * (_E1 + r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * _E6)))))
        return power * _power_of_two(whole)

    return exp


@overload(fast_log1p, jit_options={**PART, "fastmath": {"contract"}, "error_model": "numpy"})
def _compile_log1p(x, reciprocal):
    if x != types.float32:
        return lambda x, reciprocal: math.log1p(x)

    def log1p(x, reciprocal):
        z = x * reciprocal
        u = z * z
        return z * (_L0 + u * (_L1 + u * (_L2 + u * (_L3 + u * _L4))))

    return log1p
