'use client'

import { Download } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ChartSpec } from '../../../kernel/ops/op.ts'
import { Button } from '../ui/button.tsx'

type PictureSpec = Extract<ChartSpec, { kind: 'image' }>

const CHANNELS = 4

/** Fetches the pixels by their digest. @throws Error that says why there is no picture */
async function pixelsOf(
  digest: string,
  width: number,
  height: number,
  signal: AbortSignal,
): Promise<ImageData> {
  const response = await fetch(`/api/v0/blobs/${digest}`, { signal })
  if (!response.ok) throw new Error(`the site answered ${response.status}`)
  const bytes = new Uint8ClampedArray(await response.arrayBuffer())
  if (bytes.length !== width * height * CHANNELS)
    throw new Error(`${bytes.length} bytes are not ${width} by ${height} pixels`)
  return new ImageData(bytes, width, height)
}

/** An RGBA artifact as a picture, and as a PNG file for keeping. */
export function Picture({ spec }: { readonly spec: PictureSpec }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const [shown, setShown] = useState<'loading' | 'drawn' | { readonly failure: string }>('loading')
  const { digest, width, height } = spec

  useEffect(() => {
    const stop = new AbortController()
    pixelsOf(digest, width, height, stop.signal).then(
      (image) => {
        canvas.current?.getContext('2d')?.putImageData(image, 0, 0)
        setShown('drawn')
      },
      (error: unknown) => {
        if (!stop.signal.aborted)
          setShown({ failure: error instanceof Error ? error.message : String(error) })
      },
    )
    return () => stop.abort()
  }, [digest, width, height])

  const save = () =>
    canvas.current?.toBlob((blob) => {
      if (blob === null) return
      const url = URL.createObjectURL(blob)
      const link = document.createElement('a')
      link.href = url
      link.download = `${digest.slice(0, 12)}.png`
      link.click()
      URL.revokeObjectURL(url)
    }, 'image/png')

  return (
    <figure>
      <canvas
        ref={canvas}
        width={width}
        height={height}
        role="img"
        aria-label={spec.description}
        className="h-auto max-w-full border border-line"
      />
      <figcaption className="mt-2 flex flex-wrap items-start justify-between gap-3 text-xs text-muted">
        <span className="min-w-0 flex-1">
          {spec.description}
          {typeof shown === 'object' ? (
            <span role="alert" className="block">
              The picture could not be loaded: {shown.failure}.
            </span>
          ) : null}
        </span>
        <Button size="small" disabled={shown !== 'drawn'} onClick={save}>
          <Download aria-hidden />
          PNG
        </Button>
      </figcaption>
    </figure>
  )
}
