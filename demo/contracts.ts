import type { ContractInput } from '../kernel/contract.ts'
import { bytesToHex, sha256 } from '../kernel/digest.ts'
import {
  arithmeticAsianCall,
  blackScholesCall,
  geometricAsianCall,
  type Option,
} from './checks/option-prices.ts'
import { noise, schoolbookProduct } from './checks/product.ts'
import { type IndexFacts, type ReturnsMatrix, sp500, stockReturns, transpose } from './market.ts'

/** One contract of the demo: what to submit, and how to check the answer without the network. */
export interface DemoContract {
  readonly title: string
  readonly contract: ContractInput
  /** Operands to upload before. */
  readonly blobs: readonly Uint8Array[]
  check(answer: Answer): Promise<Check>
}

export interface Answer {
  readonly result: Readonly<Record<string, unknown>>
  /** Bytes of an artifact by its name. */
  artifact(name: string): Promise<Uint8Array>
}

export interface Check {
  readonly kind: string
  readonly expected: number | string
  readonly actual: number | string
  readonly tolerance: number
  readonly ok: boolean
  /** The comparison in a line for people. */
  readonly line: string
}

const VERIFY = { mode: 'quorum', k: 2 } as const
const STEPS = 52
const EUROPEAN_PATHS = 2 ** 22
const ASIAN_PATHS = 2 ** 21
const SIDE = 1024

export function demoContracts(): readonly DemoContract[] {
  const index = sp500()
  return [europeanCall(index), asianCall(index), squareProduct(), crossProduct(stockReturns())]
}

function optionOn(index: IndexFacts): Option {
  return {
    spot: index.spot,
    strike: index.spot,
    rate: 0.03,
    dividend_yield: 0.018,
    volatility: index.volatility,
    maturity_years: 1,
  }
}

function gbmContract(option: Option, style: 'european' | 'asian', paths: number): ContractInput {
  return {
    contract: 1,
    op: { name: 'mc', version: 1, profile: 'gbm.v1' },
    args: { ...option, steps: STEPS, paths, style, right: 'call' },
    seed: { mode: 'explicit', value: 'forge-pool demo' },
    verify: VERIFY,
  }
}

function number(result: Answer['result'], field: string): number {
  const value = result[field]
  if (typeof value !== 'number') throw new Error(`the result has no number "${field}"`)
  return value
}

function europeanCall(index: IndexFacts): DemoContract {
  const option = optionOn(index)
  return {
    title: `European call on the S&P 500, at the money ${index.spot}, 1 year, volatility ${index.volatility} (${index.from} – ${index.to})`,
    contract: gbmContract(option, 'european', EUROPEAN_PATHS),
    blobs: [],
    async check({ result }) {
      const expected = blackScholesCall(option)
      const actual = number(result, 'price')
      const tolerance = 4 * number(result, 'standard_error')
      return {
        kind: 'black-scholes',
        expected,
        actual,
        tolerance,
        ok: Math.abs(actual - expected) <= tolerance,
        line: `${actual.toFixed(4)} against Black–Scholes ${expected.toFixed(4)}, allowed ±${tolerance.toFixed(4)}`,
      }
    },
  }
}

function asianCall(index: IndexFacts): DemoContract {
  const option = optionOn(index)
  return {
    title: `Arithmetic Asian call on the same, ${STEPS} weekly averages`,
    contract: gbmContract(option, 'asian', ASIAN_PATHS),
    blobs: [],
    async check({ result }) {
      const sampled = arithmeticAsianCall(option, STEPS, 200_000, 20_100_301)
      const floor = geometricAsianCall(option, STEPS)
      const actual = number(result, 'price')
      const tolerance = 4 * Math.hypot(number(result, 'standard_error'), sampled.standard_error)
      return {
        kind: 'float64-monte-carlo-above-kemna-vorst',
        expected: sampled.price,
        actual,
        tolerance,
        ok: Math.abs(actual - sampled.price) <= tolerance && actual > floor,
        line: `${actual.toFixed(4)} against float64 Monte Carlo ${sampled.price.toFixed(4)}, allowed ±${tolerance.toFixed(4)}; above Kemna–Vorst ${floor.toFixed(4)}`,
      }
    },
  }
}

function productContract(
  title: string,
  a: Int8Array,
  b: Int8Array,
  rows: number,
  depth: number,
  columns: number,
): DemoContract {
  const bytesOf = (values: Int8Array) => new Uint8Array(values.buffer, values.byteOffset, values.length)
  const operand = (values: Int8Array, shape: [number, number]) => ({
    digest: bytesToHex(sha256(bytesOf(values))),
    dtype: 'int8' as const,
    shape,
  })
  return {
    title,
    contract: {
      contract: 1,
      op: { name: 'tensor', version: 1, profile: 'matmul.v1' },
      args: {},
      inputs: { a: operand(a, [rows, depth]), b: operand(b, [depth, columns]) },
      seed: { mode: 'derived' },
      verify: VERIFY,
    },
    blobs: [bytesOf(a), bytesOf(b)],
    async check(answer) {
      const slow = schoolbookProduct(a, b, rows, depth, columns)
      const expected = bytesToHex(sha256(new Uint8Array(slow.buffer)))
      const actual = bytesToHex(sha256(await answer.artifact('c')))
      return {
        kind: 'schoolbook-product',
        expected,
        actual,
        tolerance: 0,
        ok: actual === expected,
        line: `${rows}×${columns} int32, SHA-256 ${actual.slice(0, 16)}… ${actual === expected ? 'equals' : 'differs from'} the schoolbook product's`,
      }
    },
  }
}

function squareProduct(): DemoContract {
  const [a, b] = [noise(SIDE * SIDE, 1), noise(SIDE * SIDE, 2)]
  return productContract(`int8 matrix product, ${SIDE}³`, a, b, SIDE, SIDE, SIDE)
}

function crossProduct(returns: ReturnsMatrix): DemoContract {
  const { symbols, months, values } = returns
  const title = `Cross-product matrix of ${months} monthly returns of ${symbols.join(', ')}, int8`
  return productContract(
    title,
    transpose(values, months, symbols.length),
    values,
    symbols.length,
    months,
    symbols.length,
  )
}
