import type { ProbeReport } from '../kernel/probe-report.ts'
import type { ExecutorReport } from './select.ts'

const clip = (text: string, chars: number): string => text.slice(0, chars)

/** What the owner may read later of the probes at start: one report for each executor, the last one where it was tried again. */
export function probeReports(found: readonly ExecutorReport[]): readonly ProbeReport[] {
  const last = new Map(found.map((report) => [report.kind, report]))
  return [...last.values()].map(({ kind, label, ok, reason, conformance, golden, speed }) => ({
    kind,
    label: clip(label, 120),
    ok,
    checks: (conformance?.checks ?? []).slice(0, 32).map(({ name, ok, detail }) => ({
      name: clip(name, 80),
      ok,
      ...(detail === undefined ? {} : { detail: clip(detail, 200) }),
    })),
    golden: golden.slice(0, 64).map(({ op, ok }) => ({ op: clip(op, 80), ok })),
    ...(reason === undefined ? {} : { reason: clip(reason, 300) }),
    ...(conformance === undefined ? {} : { max_iterations: conformance.max_iterations }),
    ...(speed === undefined ? {} : { speed: Math.min(Math.max(speed, Number.MIN_VALUE), 1e12) }),
  }))
}
