import { readFileSync } from 'node:fs'

/** The real series beside this file, and what the demo takes from them. */

const DATA = new URL('./data/', import.meta.url)

function rows(file: string): string[][] {
  const [, ...lines] = readFileSync(new URL(file, DATA), 'utf8').trim().split(/\r?\n/)
  return lines.map((line) => line.split(','))
}

const positive = (text: string | undefined, where: string): number => {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${where}: ${JSON.stringify(text)} is not a price`)
  return value
}

const logReturns = (prices: readonly number[]): number[] =>
  prices.slice(1).map((price, index) => Math.log(price / (prices[index] ?? price)))

export interface IndexFacts {
  readonly spot: number
  /** Standard deviation of monthly log returns, by the square root of 12: per year. */
  readonly volatility: number
  readonly from: string
  readonly to: string
}

/** The S&P 500's last level and its historical volatility, rounded to four decimals as a quote would be. */
export function sp500(): IndexFacts {
  const series = rows('sp500.csv')
  const prices = series.map(([date, price]) => positive(price, `sp500.csv, ${date}`))
  const returns = logReturns(prices)
  const mean = returns.reduce((sum, r) => sum + r, 0) / returns.length
  const variance = returns.reduce((sum, r) => sum + (r - mean) ** 2, 0) / (returns.length - 1)
  return {
    spot: prices.at(-1) ?? 0,
    volatility: Math.round(Math.sqrt(variance * 12) * 1e4) / 1e4,
    from: series[0]?.[0] ?? '',
    to: series.at(-1)?.[0] ?? '',
  }
}

export interface ReturnsMatrix {
  readonly symbols: readonly string[]
  /** Months that all stocks have. */
  readonly months: number
  /** int8, row-major, [months, symbols]: log return times `scale`, rounded. */
  readonly values: Int8Array
  readonly scale: number
}

/** Monthly log returns of all stocks over their common months, scaled so that the largest is 127. */
export function stockReturns(): ReturnsMatrix {
  const bySymbol = new Map<string, Map<string, number>>()
  for (const [symbol = '', date = '', price] of rows('stocks.csv')) {
    const prices = bySymbol.get(symbol) ?? new Map<string, number>()
    prices.set(date, positive(price, `stocks.csv, ${symbol} ${date}`))
    bySymbol.set(symbol, prices)
  }
  const symbols = [...bySymbol.keys()]
  const dates = [...(bySymbol.get(symbols[0] ?? '') ?? new Map<string, number>()).keys()].filter((date) =>
    symbols.every((symbol) => bySymbol.get(symbol)?.has(date)),
  )
  const returns = symbols.map((symbol) =>
    logReturns(dates.map((date) => bySymbol.get(symbol)?.get(date) ?? 0)),
  )
  const scale = 127 / Math.max(...returns.flat().map(Math.abs))
  const months = dates.length - 1
  const values = new Int8Array(months * symbols.length)
  for (let month = 0; month < months; month++) {
    for (let column = 0; column < symbols.length; column++) {
      values[month * symbols.length + column] = Math.round((returns[column]?.[month] ?? 0) * scale)
    }
  }
  return { symbols, months, values, scale }
}

/** int8 [rows, columns] to its transpose. */
export function transpose(values: Int8Array, rowCount: number, columnCount: number): Int8Array {
  const result = new Int8Array(values.length)
  for (let row = 0; row < rowCount; row++) {
    for (let column = 0; column < columnCount; column++) {
      result[column * rowCount + row] = values[row * columnCount + column] ?? 0
    }
  }
  return result
}
