import type { ChartSpec } from '../../../kernel/ops/op.ts'
import { Band } from './band.tsx'
import { Heatmap } from './heatmap.tsx'
import { Histogram } from './histogram.tsx'
import { Picture } from './picture.tsx'

/** A chart of an op's summary, by its kind. */
export function Chart({ spec }: { readonly spec: ChartSpec }) {
  switch (spec.kind) {
    case 'histogram':
      return <Histogram spec={spec} />
    case 'band':
      return <Band spec={spec} />
    case 'heatmap':
      return <Heatmap spec={spec} />
    case 'image':
      return <Picture spec={spec} />
    default:
      return spec satisfies never
  }
}
