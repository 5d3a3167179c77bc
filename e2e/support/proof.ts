import { systemClock } from '../../agent-runtime/clock.ts'
import { prove } from '../../agent-runtime/prove.ts'
import { WasmExecutor } from '../../agent-runtime/wasm/executor.ts'
import { OPS } from '../../kernel/ops/registry.ts'

/** The digest that “Prove it here” must show on every device: this process executes the same shard. */
export async function proofDigest(): Promise<string> {
  const host = { gpu: undefined, noGpuReason: 'not asked for', makeCpu: async () => new WasmExecutor() }
  const { exact } = await prove(host, OPS, systemClock, new AbortController().signal)
  if (!exact.cpu.ok) throw new Error(exact.cpu.reason)
  return exact.cpu.digest
}
