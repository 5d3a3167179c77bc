'use client'

import { useTheme } from 'next-themes'
import { useEffect, useRef } from 'react'
import type { ChartSpec } from '../../../kernel/ops/op.ts'
import { formatNumber } from '../../data/format.ts'

type HeatmapSpec = Extract<ChartSpec, { kind: 'heatmap' }>

const NEGATIVE = [28, 92, 170] as const
const POSITIVE = [196, 68, 20] as const

/** A matrix as a picture: blue below zero, vermilion above, the sheet's colour at zero. */
export function Heatmap({ spec }: { readonly spec: HeatmapSpec }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const { resolvedTheme } = useTheme()
  const { rows, columns, values } = spec
  let low = 0
  let high = 0
  for (const value of values) {
    low = Math.min(low, value)
    high = Math.max(high, value)
  }
  const bound = Math.max(-low, high) || 1

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context) return
    const paper = resolvedTheme === 'dark' ? [22, 26, 27] : [253, 252, 249]
    const image = context.createImageData(columns, rows)
    for (let i = 0; i < rows * columns; i++) {
      const value = (values[i] ?? 0) / bound
      const ink = value < 0 ? NEGATIVE : POSITIVE
      const share = Math.sqrt(Math.min(1, Math.abs(value)))
      for (let channel = 0; channel < 3; channel++) {
        const from = paper[channel] ?? 0
        image.data[i * 4 + channel] = from + ((ink[channel] ?? 0) - from) * share
      }
      image.data[i * 4 + 3] = 255
    }
    context.putImageData(image, 0, 0)
  }, [rows, columns, values, bound, resolvedTheme])

  return (
    <figure>
      <canvas
        ref={canvas}
        width={columns}
        height={rows}
        role="img"
        aria-label={`${spec.title}: ${rows} by ${columns} cells from ${formatNumber(low)} to ${formatNumber(high)}.`}
        className="aspect-square w-full max-w-md border border-line [image-rendering:pixelated]"
      />
      <figcaption className="num mt-2 text-xs text-muted">
        {formatNumber(low)} (blue) … 0 … {formatNumber(high)} (vermilion)
      </figcaption>
    </figure>
  )
}
