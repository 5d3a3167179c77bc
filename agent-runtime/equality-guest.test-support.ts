import { sha256Hex } from '../kernel/digest.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { WGSL_KERNELS } from '../shaders/generated/wgsl/index.ts'
import { kernelSource } from '../shaders/sources.ts'
import { familyJob, measureSpeed } from './benchmark.ts'
import { systemClock } from './clock.ts'
import { EQUALITY_CASES } from './equality-cases.test-support.ts'
import { asForgeError } from './failure.ts'
import { floatPayoffs, floatProgram } from './float-demo.ts'
import { probeConformance } from './probe.ts'
import { type ExecutorReport, selectExecutor } from './select.ts'
import { VerifiedExecutor } from './verified-executor.ts'
import { WasmExecutor } from './wasm/executor.ts'
import { WebGpuExecutor } from './webgpu/executor.ts'

/** Runs inside a WebGPU host: a page's worker, Dawn, Deno. Plain JSON in and out. */

const never = new AbortController().signal
let opened: Promise<WebGpuExecutor> | undefined

function executor(): Promise<WebGpuExecutor> {
  opened ??= WebGpuExecutor.open(navigator.gpu)
  return opened
}

export async function describeDevice() {
  const { label } = await executor()
  const conformance = await probeConformance(await executor(), never)
  return { label, checks: [...conformance.checks], max_iterations: conformance.max_iterations }
}

/** Every kernel's complaints under this host's WGSL compiler. */
export async function compileAll() {
  const adapter = await navigator.gpu.requestAdapter()
  const device = await adapter?.requestDevice()
  const packed = navigator.gpu.wgslLanguageFeatures?.has('packed_4x8_integer_dot_product') ?? false
  const results: { kernel: string; errors: string[] }[] = []
  for (const kernel of Object.keys(WGSL_KERNELS)) {
    if (device === undefined || (kernel.endsWith('.dp4a') && !packed)) continue
    const { wgsl: code } = await kernelSource(kernel)
    device.pushErrorScope('validation')
    const info = await device.createShaderModule({ code }).getCompilationInfo()
    const errors = info.messages.filter(({ type }) => type === 'error').map(({ message }) => message)
    const scope = await device.popErrorScope()
    results.push({ kernel, errors: scope === null ? errors : [...errors, scope.message] })
  }
  device?.destroy()
  return results
}

/** A case's digests, twice on one runner: the second run finds used buffers and another dispatch size. */
export async function runCase({ index }: { index: number }) {
  const found = EQUALITY_CASES[index]
  if (found === undefined) throw new Error(`no case ${index}`)
  const { job, inputs } = found.prepare()
  const runner = await (await executor()).prepare(job, inputs)
  const rounds: string[][] = []
  try {
    for (let round = 0; round < 2; round++) {
      const digests: string[] = []
      for await (const { leaf } of runner.run(found.first, found.count, never)) digests.push(sha256Hex(leaf))
      rounds.push(digests)
    }
  } finally {
    runner.close()
  }
  return rounds
}

/** A case's digests by each variant of its op's kernel that this host can run. */
export async function runVariants({ index }: { index: number }) {
  const found = EQUALITY_CASES[index]
  if (found === undefined) throw new Error(`no case ${index}`)
  const { job, inputs } = found.prepare()
  const { variants = [], ...normative } = job.gpu()
  const results: Record<string, string[]> = {}
  for (const variant of variants) {
    if (variant.needs !== undefined && navigator.gpu.wgslLanguageFeatures?.has(variant.needs) !== true)
      continue
    const digests: string[] = []
    for (let shard = found.first; shard < found.first + found.count; shard++) {
      const leaf = await (await executor()).runProgram({ ...normative, ...variant }, inputs, never, shard)
      digests.push(sha256Hex(leaf))
    }
    results[variant.kernel] = digests
  }
  return results
}

export async function golden() {
  const checks: { op: string; ok: boolean }[] = []
  const verified = new VerifiedExecutor(await executor(), OPS, systemClock, ({ op, ok }) =>
    checks.push({ op, ok }),
  )
  for (const { id } of OPS.list()) await verified.verify(id)
  return checks
}

/** What this host says of a job whose uniform leaves the range that its kernel was proven for. */
export async function admission() {
  const found = EQUALITY_CASES.find(({ prepare }) => prepare().job.op === 'mc@1/gbm.v1')?.prepare()
  if (found === undefined) throw new Error('no case of mc@1/gbm.v1')
  const program = found.job.gpu()
  const words = program.words.slice()
  // `steps`, at most 4096.
  words[6] = 4097
  try {
    await (await executor()).runProgram({ ...program, words }, found.inputs, never)
    return { code: 'none', message: '' }
  } catch (error) {
    const { code, message } = asForgeError(error)
    return { code, message }
  }
}

/** Work units per second of the timing job. */
export async function speed() {
  return measureSpeed(await executor(), familyJob(OPS, 'mc'), systemClock, never)
}

export async function float() {
  const bytes = await (await executor()).runProgram(floatProgram(), new Map(), never)
  return { here: sha256Hex(bytes), cpu: sha256Hex(floatPayoffs()) }
}

/** Aborts after the first leaf, then runs the rest on the same runner. */
export async function abort({ index }: { index: number }) {
  const found = EQUALITY_CASES[index]
  if (found === undefined) throw new Error(`no case ${index}`)
  const { job, inputs } = found.prepare()
  const runner = await (await executor()).prepare(job, inputs)
  const stop = new AbortController()
  let leaves = 0
  let code = 'none'
  try {
    for await (const _ of runner.run(found.first, found.count, stop.signal)) {
      leaves++
      stop.abort('paused')
    }
  } catch (error) {
    code = asForgeError(error).code
  }
  const digests: string[] = []
  for await (const { leaf } of runner.run(found.first, found.count, never)) digests.push(sha256Hex(leaf))
  runner.close()
  return { leaves, code, digests }
}

/** Destroys the device after the first leaf of each of the first `losses` runs of the loop. */
export async function lose({ index, losses }: { index: number; losses: number }) {
  const found = EQUALITY_CASES[index]
  if (found === undefined) throw new Error(`no case ${index}`)
  const { job, inputs } = found.prepare()
  const devices: GPUDevice[] = []
  let left = losses
  const gpu = watchedGpu((device) => {
    devices.push(device)
    // A device lost before its first leaf: the second one of a run.
    if (devices.length > 1 && left > 0) {
      left--
      device.destroy()
    }
  })
  const watched = await WebGpuExecutor.open(gpu)
  const runner = await watched.prepare(job, inputs)
  const digests: string[] = []
  let failure: { code: string; message: string } | null = null
  try {
    for await (const { leaf } of runner.run(found.first, found.count, never)) {
      digests.push(sha256Hex(leaf))
      if (digests.length === 1 && left > 0) {
        left--
        devices[0]?.destroy()
      }
    }
  } catch (error) {
    const { code, message } = asForgeError(error)
    failure = { code, message }
  }
  await watched.close()
  return { devices: devices.length, digests, failure }
}

/** What comes of the choice between the CPU and a device whose compiler puts `to` for `from` in kernels that begin with `only`. */
export async function chooseBeside({ only, from, to }: { only: string; from: string; to: string }) {
  const gpu = watchedGpu((device) => {
    const right = device.createShaderModule.bind(device)
    device.createShaderModule = (descriptor) => {
      const { code } = descriptor
      return right({ ...descriptor, code: code.startsWith(only) ? code.replaceAll(from, to) : code })
    }
  })
  const reports: ExecutorReport[] = []
  const { executor: chosen, why } = await selectExecutor(
    { choice: 'auto', threads: () => 1, known: new Map() },
    { gpu, noGpuReason: 'there is one', makeCpu: async () => new WasmExecutor() },
    OPS,
    systemClock,
    (report) => reports.push(report),
    never,
  )
  const { kind } = chosen
  await chosen.close()
  const webgpu = reports.find((report) => report.kind === 'webgpu')
  return { kind, why, ok: webgpu?.ok ?? null, reason: webgpu?.reason ?? null }
}

/** The host's GPU, telling of each device that it gives. */
function watchedGpu(gave: (device: GPUDevice) => void): GPU {
  const { gpu } = navigator
  const bind = <T extends object>(target: T, overrides: Partial<Record<string, unknown>>): T =>
    new Proxy(target, {
      get(object, name) {
        const override = typeof name === 'string' ? overrides[name] : undefined
        if (override !== undefined) return override
        const value: unknown = Reflect.get(object, name, object)
        return typeof value === 'function' ? value.bind(object) : value
      },
    })
  return bind(gpu, {
    requestAdapter: async (options?: GPURequestAdapterOptions) => {
      const adapter = await gpu.requestAdapter(options)
      if (adapter === null) return null
      return bind(adapter, {
        requestDevice: async (descriptor?: GPUDeviceDescriptor) => {
          const device = await adapter.requestDevice(descriptor)
          gave(device)
          return device
        },
      })
    },
  })
}
