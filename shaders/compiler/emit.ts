import binaryen from 'binaryen'
import { BOUND_MAX, type Bound } from './bounds.ts'
import { LANE_NUMBERS } from './emit-lane-values.ts'
import { LaneEmitter } from './emit-lanes.ts'
import { UniformEmitter } from './emit-uniform.ts'
import { PARAMETERS } from './emit-values.ts'
import type { Kernel } from './ir.ts'
import { HEADER, type MemoryPlan, planMemory } from './memory-plan.ts'
import { ITERATIONS_MAX, type Proof } from './prove.ts'
import { uniformityOf } from './uniformity.ts'

const WORD_MAX = 0xffffffff

/**
 * The module that runs a kernel. It imports `env.memory` and exports
 *   run(first, end, y)   executes the invocations (first .. end - 1, y, 0); first is a multiple of 4;
 *   admit()              0 when the uniform keeps to what the proofs assume; n + 1 when its word n leaves its range; -1
 *                        when an invocation could run more loop iterations than are allowed;
 *   heap                 the first byte that the host may place buffers at.
 */
export function emitScalar(kernel: Kernel, proof: Proof, optimise = true): Uint8Array {
  const m = new binaryen.Module()
  try {
    const features = binaryen.Features.MVP
    m.setFeatures(features)
    const plan = planMemory(kernel, 1)
    addMemory(m, plan)
    const types: binaryen.Type[] = kernel.locals.map(() => binaryen.i32)
    const emitter = new UniformEmitter(m, kernel, plan, types)
    const body = emitter.statements(kernel.body)
    const x = PARAMETERS
    const next = m.i32.add(m.local.get(x, binaryen.i32), m.i32.const(1))
    const invocations = m.block('done', [
      m.loop(
        'next',
        m.block(null, [
          m.br_if('done', m.i32.ge_u(m.local.get(x, binaryen.i32), m.local.get(1, binaryen.i32))),
          body,
          m.local.set(x, next),
          m.br('next'),
        ]),
      ),
    ])
    const begin = [
      m.local.set(x, m.local.get(0, binaryen.i32)),
      m.local.set(x + 1, m.local.get(2, binaryen.i32)),
    ]
    return finish(
      m,
      plan,
      m.block(null, [...emitter.prologue(), ...begin, invocations]),
      types,
      kernel,
      proof,
      optimise,
      features,
    )
  } finally {
    m.dispose()
  }
}

/** The same with four invocations side by side. */
export function emitLanes(kernel: Kernel, proof: Proof, optimise = true): Uint8Array {
  const m = new binaryen.Module()
  try {
    const features = binaryen.Features.SIMD128
    m.setFeatures(features)
    const plan = planMemory(kernel, 4)
    addMemory(m, plan)
    const uniformity = uniformityOf(kernel)
    const types: binaryen.Type[] = kernel.locals.map((_, local) =>
      uniformity.varying.has(local) ? binaryen.v128 : binaryen.i32,
    )
    const emitter = new LaneEmitter(m, kernel, plan, types, uniformity)
    const body = emitter.statements(kernel.body)
    const at = () => m.local.get(emitter.first, binaryen.i32)
    const end = () => m.local.get(1, binaryen.i32)
    const id = PARAMETERS
    const left = () => m.i32.sub(end(), at())
    const invocations = m.block('done', [
      m.loop(
        'next',
        m.block(null, [
          m.br_if('done', m.i32.ge_u(at(), end())),
          m.local.set(id, m.i32x4.add(m.i32x4.splat(at()), m.v128.const(LANE_NUMBERS))),
          m.local.set(emitter.active, m.i32x4.lt_u(m.local.get(id, binaryen.v128), m.i32x4.splat(end()))),
          m.local.set(
            emitter.last,
            m.select(m.i32.gt_u(left(), m.i32.const(3)), m.i32.const(3), m.i32.sub(left(), m.i32.const(1))),
          ),
          ...emitter.groupPrologue(),
          body,
          m.local.set(emitter.first, m.i32.add(at(), m.i32.const(4))),
          m.br('next'),
        ]),
      ),
    ])
    const begin = [
      m.if(m.i32.and(m.local.get(0, binaryen.i32), m.i32.const(3)), m.unreachable()),
      m.local.set(emitter.first, m.local.get(0, binaryen.i32)),
      m.local.set(id + 1, m.local.get(2, binaryen.i32)),
    ]
    return finish(
      m,
      plan,
      m.block(null, [...emitter.prologue(), ...begin, invocations]),
      types,
      kernel,
      proof,
      optimise,
      features,
    )
  } finally {
    m.dispose()
  }
}

/**
 * A module with `admit` alone, for hosts that run the kernel on a device. It expects the address of the uniform in the
 * first word of `env.memory`, as the other modules do.
 */
export function emitAdmission(kernel: Kernel, proof: Proof): Uint8Array {
  const m = new binaryen.Module()
  try {
    m.setFeatures(binaryen.Features.MVP)
    m.setMemory(1, 65536, null, [], false, false, '0')
    m.addMemoryImport('0', 'env', 'memory')
    m.addFunction('admit', binaryen.none, binaryen.i32, [], admission(m, kernel, proof))
    m.addFunctionExport('admit', 'admit')
    if (m.validate() !== 1) throw new Error('the emitted module is not valid WASM')
    return m.emitBinary()
  } finally {
    m.dispose()
  }
}

function addMemory(m: binaryen.Module, plan: MemoryPlan): void {
  const segments = [...plan.constants.values()].map(({ base, words }) => ({
    offset: m.i32.const(base),
    data: new Uint8Array(Uint32Array.from(words).buffer),
    passive: false,
  }))
  m.setMemory(1, 65536, null, segments, false, false, '0')
  m.addMemoryImport('0', 'env', 'memory')
}

function finish(
  m: binaryen.Module,
  plan: MemoryPlan,
  body: number,
  types: binaryen.Type[],
  kernel: Kernel,
  proof: Proof,
  optimise: boolean,
  features: number,
): Uint8Array {
  m.addFunction(
    'run',
    binaryen.createType([binaryen.i32, binaryen.i32, binaryen.i32]),
    binaryen.none,
    types,
    body,
  )
  m.addFunctionExport('run', 'run')
  m.addFunction('admit', binaryen.none, binaryen.i32, [], admission(m, kernel, proof))
  m.addFunctionExport('admit', 'admit')
  m.addGlobal('heap', binaryen.i32, false, m.i32.const(plan.end))
  m.addGlobalExport('heap', 'heap')
  if (m.validate() !== 1) throw new Error('the emitted module is not valid WASM')
  const plain = m.emitBinary()
  if (!optimise) return plain
  // Loads that the builder makes carry a flag "signed" that means nothing for whole words, until the optimiser widens one
  // and believes it (binaryen 132). Bytes carry no such flag: optimise what is read back from them.
  const read = binaryen.readBinary(plain)
  try {
    read.setFeatures(features)
    binaryen.setOptimizeLevel(3)
    binaryen.setShrinkLevel(0)
    read.optimize()
    return read.emitBinary()
  } finally {
    read.dispose()
  }
}

function admission(m: binaryen.Module, kernel: Kernel, proof: Proof): number {
  const word = (index: number) => m.i32.load(4 * index, 4, m.i32.load(HEADER.bases, 4, m.i32.const(0)))
  const checks = kernel.uniform.flatMap(({ low, high }, index) => {
    if (low === 0 && high === WORD_MAX) return []
    const beyond = m.i32.gt_u(m.i32.sub(word(index), m.i32.const(low | 0)), m.i32.const((high - low) | 0))
    return [m.if(beyond, m.return(m.i32.const(index + 1)))]
  })
  if (!proof.proven) {
    const many = m.i64.gt_u(boundCode(m, proof.iterations, word), m.i64.const(BigInt(ITERATIONS_MAX)))
    checks.push(m.if(many, m.return(m.i32.const(-1))))
  }
  return m.block(null, [...checks, m.i32.const(0)], binaryen.i32)
}

/**
 * A bound in 64 bits. Every part is at most BOUND_MAX < 2^32 by its declared range or is cut to it, so that no sum or
 * product of two leaves 64 bits.
 */
function boundCode(m: binaryen.Module, bound: Bound, word: (index: number) => number): number {
  const of = (part: Bound) => boundCode(m, part, word)
  switch (bound.k) {
    case 'const':
      return m.i64.const(BigInt(bound.value))
    case 'uniform':
      return m.i64.extend_u(word(bound.word))
    case 'ceil':
      return m.i64.div_u(
        m.i64.add(of(bound.a), m.i64.const(BigInt(bound.by - 1))),
        m.i64.const(BigInt(bound.by)),
      )
    case 'add':
      return cut(m, m.i64.add(of(bound.a), of(bound.b)), m.i64.add(of(bound.a), of(bound.b)))
    case 'mul':
      return cut(m, m.i64.mul(of(bound.a), of(bound.b)), m.i64.mul(of(bound.a), of(bound.b)))
    case 'max':
      return m.select(m.i64.gt_u(of(bound.a), of(bound.b)), of(bound.a), of(bound.b))
  }
}

/** The lesser of a value and BOUND_MAX. @param again the same value, as code of its own */
function cut(m: binaryen.Module, value: number, again: number): number {
  const limit = () => m.i64.const(BigInt(BOUND_MAX))
  return m.select(m.i64.lt_u(value, limit()), again, limit())
}
