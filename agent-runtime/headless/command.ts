import { availableParallelism } from 'node:os'
import process from 'node:process'
import { WebSocket } from 'ws'
import { ForgeError } from '../../kernel/errors.ts'
import { OPS } from '../../kernel/ops/registry.ts'
import { WIRE_LIMITS } from '../../kernel/wire-encoder.ts'
import { Agent } from '../agent.ts'
import { httpBlobs } from '../blobs.ts'
import { systemClock } from '../clock.ts'
import { asForgeError } from '../failure.ts'
import { webSocketTransport } from '../hub-transport.ts'
import { hubTrust } from '../hub-trust.ts'
import { beginRotation } from '../key-rotation.ts'
import { ReportedSensors } from '../sensors.ts'
import { SOFTWARE } from '../version.ts'
import { ThreadedWasmExecutor } from '../wasm/threaded-executor.ts'
import { filePins } from './hub-pins-file.ts'
import { fileKeyStore } from './identity-file.ts'
import { loadGpu } from './load-gpu.ts'
import { type HeadlessOptions, headlessOptions, usage } from './options.ts'
import { spawnNodeThread } from './spawn-node.ts'

/** Frames over the protocol's limit are refused before they are decoded. */
class HubSocket extends WebSocket {
  constructor(url: string | URL) {
    super(url, { maxPayload: WIRE_LIMITS.frame_bytes, perMessageDeflate: false })
  }
}

async function takePart(options: HeadlessOptions): Promise<number> {
  const keys = fileKeyStore(options.keyFile)
  if (options.rotateKey && (await beginRotation(keys)) === undefined)
    throw new ForgeError('NOT_FOUND', `there is no key in ${options.keyFile} to take over from`, {
      hint: 'Without --rotate-key a new one is made.',
    })
  const gpu = await loadGpu(options.webgpuModule)
  const agent = new Agent({
    executors: {
      gpu: gpu.gpu,
      noGpuReason: gpu.reason,
      makeCpu: async (threads) => new ThreadedWasmExecutor(spawnNodeThread, threads),
    },
    cores: availableParallelism(),
    sensors: new ReportedSensors(),
    keys: () => keys,
    registry: OPS,
    clock: systemClock,
    random: Math.random,
    software: SOFTWARE,
    transport: (url) =>
      webSocketTransport({ url, WebSocket: HubSocket as unknown as typeof globalThis.WebSocket }),
    reachesOtherHubs: true,
    blobs: (origin) => httpBlobs(origin),
    trust: (origin) =>
      hubTrust(origin, { pins: filePins(`${options.keyFile}.hubs`), renew: options.trustHub }),
  })
  const { intensity, threads } = options
  agent.configure({ intensity, ...(threads === undefined ? {} : { threads }) })

  let told = 0
  const ended = new Promise<number>((resolve) => {
    agent.subscribe((status) => {
      for (const { id, at, text } of status.events.filter((event) => event.id > told)) {
        console.log(`${new Date(at).toISOString()} ${options.name}: ${text}`)
        told = id
      }
      if (status.state === 'failed') resolve(1)
    })
    let stopping = false
    const stop = () => {
      if (stopping) process.exit(130)
      stopping = true
      void agent.stop().then(() => resolve(0))
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
    process.on('disconnect', stop)
    const { executor, hubUrl, nodeToken, causes, name } = options
    agent.start({ executor, hubUrl, ownerToken: nodeToken, causes, name })
  })
  return ended
}

/**
 * The agent in Node: the same session, executors and governor as in a tab.
 * @param name of the command, as its user typed it
 * @returns exit code: 0 after SIGTERM or SIGINT, or when the process that started it goes away; 1 when it cannot go on;
 * 2 for wrong flags
 */
export async function agentCommand(name: string, argv: readonly string[]): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(usage(name))
    return 0
  }
  let options: HeadlessOptions
  try {
    options = headlessOptions(argv, process.env)
  } catch (thrown) {
    process.stderr.write(`${asForgeError(thrown).message}\n\n${usage(name)}`)
    return 2
  }
  try {
    return await takePart(options)
  } catch (thrown) {
    const { message, hint } = asForgeError(thrown)
    process.stderr.write(`${hint === undefined ? message : `${message}. ${hint}`}\n`)
    return 1
  }
}
