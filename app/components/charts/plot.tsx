'use client'

import { useTheme } from 'next-themes'
import { useEffect, useRef } from 'react'
import uPlot from 'uplot'

export interface PlotInk {
  readonly ink: string
  readonly muted: string
  readonly line: string
  readonly accent: string
  readonly accentWash: string
  readonly info: string
}

interface PlotProps {
  /** Says in words what the picture shows. */
  readonly label: string
  readonly data: uPlot.AlignedData
  /** Everything but size; made again when the theme changes. */
  readonly options: (ink: PlotInk) => Omit<uPlot.Options, 'width' | 'height'>
  readonly height?: number
}

const FONT_PX = 11

function readInk(): PlotInk {
  const style = getComputedStyle(document.documentElement)
  const read = (name: string) => style.getPropertyValue(name).trim()
  const accent = read('--accent')
  return {
    ink: read('--ink'),
    muted: read('--muted'),
    line: read('--line'),
    accent,
    accentWash: `color-mix(in srgb, ${accent} 22%, transparent)`,
    info: read('--info'),
  }
}

/** An axis in the page's ink; `label` carries the unit. */
export function axis(ink: PlotInk, label: string, more: uPlot.Axis = {}): uPlot.Axis {
  return {
    stroke: ink.muted,
    font: `${FONT_PX}px "JetBrains Mono Variable", monospace`,
    labelFont: `${FONT_PX}px "Inter Variable", sans-serif`,
    label,
    labelSize: 20,
    labelGap: 0,
    gap: 4,
    grid: { stroke: ink.line, width: 1 },
    ticks: { stroke: ink.line, width: 1, size: 4 },
    ...more,
  }
}

/** A uPlot chart that follows its container's width, the theme and new data. */
export function Plot({ label, data, options, height = 240 }: PlotProps) {
  const host = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const latest = useRef(data)
  const { resolvedTheme } = useTheme()
  latest.current = data

  // biome-ignore lint/correctness/useExhaustiveDependencies: a theme change alters the computed colours that readInk reads
  useEffect(() => {
    const element = host.current
    if (element === null) return
    let frame = 0
    const make = () => {
      chart.current?.destroy()
      chart.current = new uPlot(
        { ...options(readInk()), width: Math.max(200, element.clientWidth), height },
        latest.current,
        element,
      )
    }
    // The theme's class is set by an effect of the provider, which runs after this one.
    frame = requestAnimationFrame(make)
    const observer = new ResizeObserver(() => {
      chart.current?.setSize({ width: Math.max(200, element.clientWidth), height })
    })
    observer.observe(element)
    return () => {
      cancelAnimationFrame(frame)
      observer.disconnect()
      chart.current?.destroy()
      chart.current = null
    }
  }, [options, height, resolvedTheme])

  useEffect(() => {
    chart.current?.setData(data)
  }, [data])

  return <div ref={host} role="img" aria-label={label} className="min-h-40 w-full min-w-0 overflow-hidden" />
}
