import { ForgeError } from '../../kernel/errors.ts'
import { AGENT_LIMITS } from '../limits.ts'

/** Invocations of a workgroup, unless the adapter allows fewer: half of what compatibility devices must allow. */
export const WORKGROUP_SIZE = 64

export interface DeviceOptions {
  /** Passed to `requestAdapter`, as is. */
  readonly adapter?: GPURequestAdapterOptions
}

/** A device and what the executor needs to know about it. */
export interface OpenDevice {
  readonly device: GPUDevice
  /** Adapter as the browser names it; many name nothing. */
  readonly label: string
  readonly limits: DeviceLimits
  /** Features of WGSL that a kernel may use: of the language, not of the device. */
  readonly languageFeatures: ReadonlySet<string>
  /** Set once the device is lost, with the browser's reason. */
  lost: string | undefined
  /** Called once with that reason. A run adds itself and leaves; a chain on `device.lost` would grow for ever. */
  readonly lossListeners: Set<(reason: string) => void>
}

export interface DeviceLimits {
  /** Invocations of a workgroup: a power of two. */
  readonly workgroup_size: number
  readonly storage_buffer_bytes: number
  readonly workgroups_per_dimension: number
  readonly storage_buffers: number
}

/** Limits worth raising above the defaults, when the adapter has more. */
const RAISED = ['maxStorageBufferBindingSize', 'maxBufferSize', 'maxStorageBuffersPerShaderStage'] as const

/** @throws ForgeError EXECUTOR_FAILED: no adapter, a limit too low, no device */
export async function openDevice(gpu: GPU, options: DeviceOptions = {}): Promise<OpenDevice> {
  const adapter = await gpu.requestAdapter(options.adapter).catch((cause: unknown) => {
    throw failed('the browser refused a WebGPU adapter', cause)
  })
  if (adapter === null) throw failed('the browser offers no WebGPU adapter')
  const { limits } = adapter
  const widest = Math.min(
    WORKGROUP_SIZE,
    limits.maxComputeInvocationsPerWorkgroup,
    limits.maxComputeWorkgroupSizeX,
  )
  const requiredLimits: Record<string, number> = {}
  for (const name of RAISED) requiredLimits[name] = limits[name]
  const device = await adapter.requestDevice({ requiredLimits }).catch((cause: unknown) => {
    throw failed('the adapter gave no device', cause)
  })
  const opened: OpenDevice = {
    device,
    label: labelOf(adapter),
    limits: {
      workgroup_size: 2 ** Math.floor(Math.log2(widest)),
      storage_buffer_bytes: Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize),
      workgroups_per_dimension: device.limits.maxComputeWorkgroupsPerDimension,
      storage_buffers: device.limits.maxStorageBuffersPerShaderStage,
    },
    languageFeatures: new Set(gpu.wgslLanguageFeatures ?? []),
    lost: undefined,
    lossListeners: new Set(),
  }
  void device.lost.then((info) => {
    opened.lost = info.message === '' ? `the device was lost (${info.reason})` : info.message
    for (const listener of opened.lossListeners) listener(opened.lost)
    opened.lossListeners.clear()
  })
  return opened
}

/** @returns the error of this executor, with the cause's message in its own */
export function failed(what: string, cause?: unknown): ForgeError {
  const detail = cause instanceof Error && cause.message !== '' ? `: ${cause.message.slice(0, 400)}` : ''
  return new ForgeError('EXECUTOR_FAILED', `WebGPU: ${what}${detail}`, {
    hint: 'The CPU executor computes the same results.',
    cause,
  })
}

/**
 * Runs `work` and reports what the device found wrong with it. WebGPU does not throw for an invalid call: it poisons
 * the object and tells an error scope.
 * @throws ForgeError EXECUTOR_FAILED with the device's message
 */
export async function scoped<T>(device: GPUDevice, what: string, work: () => T | Promise<T>): Promise<T> {
  device.pushErrorScope('out-of-memory')
  device.pushErrorScope('validation')
  let value: T | undefined
  let thrown: unknown
  try {
    const pending = work()
    // Scopes are a stack in call order: they are popped before anything is awaited.
    const scopes = popScopes(device)
    const outcome = await Promise.allSettled([pending, scopes])
    if (outcome[1].status === 'rejected') thrown = outcome[1].reason
    else if (outcome[1].value !== undefined) thrown = new Error(outcome[1].value)
    else if (outcome[0].status === 'rejected') thrown = outcome[0].reason
    else value = outcome[0].value
  } catch (error) {
    thrown = error
    await popScopes(device).catch(() => undefined)
  }
  if (thrown !== undefined) throw failed(what, thrown)
  return value as T
}

/** @returns the message of the first error of the two open scopes */
export async function popScopes(device: GPUDevice): Promise<string | undefined> {
  const [validation, memory] = await Promise.all([device.popErrorScope(), device.popErrorScope()])
  return validation?.message ?? memory?.message
}

function labelOf(adapter: GPUAdapter): string {
  const { vendor, architecture, device, description } = adapter.info
  const words =
    description !== '' ? description : [vendor, architecture, device].filter((word) => word !== '').join(' ')
  return (words === '' ? 'unnamed WebGPU adapter' : words)
    .replace(/[^\x20-\x7e]/g, '')
    .slice(0, AGENT_LIMITS.label_chars)
}
