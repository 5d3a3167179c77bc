import type { Figure } from '../../kernel/ops/op.ts'

/** One fixed locale, so that the server's HTML and the browser's agree. */
const LOCALE = 'en-GB'
const integer = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat(LOCALE, { maximumFractionDigits: 1 })
const dateTime = new Intl.DateTimeFormat(LOCALE, {
  dateStyle: 'medium',
  timeStyle: 'medium',
  timeZone: 'UTC',
})

export function formatCount(value: number): string {
  return integer.format(value)
}

/** `1 shard`, `2 shards`. */
export function plural(count: number, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${count === 1 ? one : many}`
}

/** A quantity whose precision is unknown: 7 significant digits, exponent where the digits would be zeros. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return integer.format(value)
  if (value !== 0 && (Math.abs(value) < 1e-4 || Math.abs(value) >= 1e15)) return value.toExponential(5)
  return new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 7 }).format(value)
}

/** For the ticks of an axis: `64k`, `1.5M`. */
export function formatCompact(value: number): string {
  if (Math.abs(value) >= 1e9) return `${short.format(value / 1e9)}G`
  if (Math.abs(value) >= 1e6) return `${short.format(value / 1e6)}M`
  if (Math.abs(value) >= 1e4) return `${short.format(value / 1e3)}k`
  return formatNumber(value)
}

/** Value and half-width with the same decimals: two significant digits of the half-width decide. */
export function formatWithError(value: number, plusMinus: number): { value: string; plusMinus: string } {
  if (!(plusMinus > 0) || !Number.isFinite(plusMinus)) return { value: formatNumber(value), plusMinus: '0' }
  const decimals = Math.min(12, Math.max(0, 1 - Math.floor(Math.log10(plusMinus))))
  const format = new Intl.NumberFormat(LOCALE, {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
  return { value: format.format(value), plusMinus: format.format(plusMinus) }
}

export function formatFigureValue(figure: Figure): string {
  if (typeof figure.value === 'string') return figure.value
  return figure.plus_minus === undefined
    ? formatNumber(figure.value)
    : formatWithError(figure.value, figure.plus_minus).value
}

export function formatBytes(bytes: number): string {
  if (bytes < 1024) return plural(bytes, 'byte')
  if (bytes < 1024 ** 2) return `${short.format(bytes / 1024)} KiB`
  return `${short.format(bytes / 1024 ** 2)} MiB`
}

/** Work units are about one microsecond of one CPU core each. */
export function formatCpuTime(workUnits: number): string {
  return formatDuration(workUnits / 1000)
}

export function formatDuration(ms: number): string {
  if (ms < 1000) return `${integer.format(ms)} ms`
  if (ms < 60_000) return `${short.format(ms / 1000)} s`
  if (ms < 3_600_000)
    return `${integer.format(Math.floor(ms / 60_000))} min ${integer.format((ms % 60_000) / 1000)} s`
  return `${integer.format(Math.floor(ms / 3_600_000))} h ${integer.format(Math.floor((ms % 3_600_000) / 60_000))} min`
}

export function formatDate(iso: string): string {
  return `${dateTime.format(new Date(iso))} UTC`
}

export function formatRate(perSecond: number): string {
  return perSecond >= 100 ? integer.format(perSecond) : short.format(perSecond)
}

export function formatPercent(part: number, whole: number): string {
  if (whole <= 0) return '0 %'
  const percent = (100 * part) / whole
  // Never "100 %" before it is done.
  return `${part < whole ? short.format(Math.min(99.9, percent)) : '100'} %`
}

const percent = new Intl.NumberFormat(LOCALE, { style: 'percent', maximumSignificantDigits: 2 })

/** A share of one: `5 %` as the locale writes it; tiny ones with an exponent. */
export function formatShare(share: number): string {
  return share > 0 && share < 1e-5 ? share.toExponential(1) : percent.format(share)
}
