import { expose } from 'comlink'
import { claimChallenge } from '../kernel/claim.ts'
import { OPS } from '../kernel/ops/registry.ts'
import { Agent } from './agent.ts'
import { httpBlobs } from './blobs.ts'
import { systemClock } from './clock.ts'
import { webSocketTransport } from './hub-transport.ts'
import { hubTrust, memoryPins } from './hub-trust.ts'
import { keptIdentity, signClaim } from './identity.ts'
import { indexedDbKeyStore, orForThisVisit } from './identity-browser.ts'
import { beginRotation } from './key-rotation.ts'
import { prove } from './prove.ts'
import type { ExecutorHost } from './select.ts'
import { ReportedSensors } from './sensors.ts'
import type { AgentStatus } from './status.ts'
import { installErrorTransfer } from './transfer-errors.ts'
import { SOFTWARE } from './version.ts'
import { spawnWorkerThread } from './wasm/spawn-browser.ts'
import { ThreadedWasmExecutor } from './wasm/threaded-executor.ts'
import type { AgentWorkerApi } from './worker-api.ts'

/** Entry of the agent's module worker in a browser. It does nothing until the page calls it. */

const STATUS_INTERVAL_MS = 100

const sensors = new ReportedSensors()
const executors: ExecutorHost = {
  gpu: navigator.gpu,
  noGpuReason: 'this browser offers no WebGPU to this page',
  makeCpu: async (threads) => new ThreadedWasmExecutor(spawnWorkerThread, threads),
}

const keys = indexedDbKeyStore(indexedDB)
const pins = memoryPins()

const agent = new Agent({
  executors,
  cores: navigator.hardwareConcurrency,
  sensors,
  keys: (siteKey) => (siteKey === undefined ? keys : orForThisVisit(indexedDbKeyStore(indexedDB, siteKey))),
  registry: OPS,
  clock: systemClock,
  random: Math.random,
  software: SOFTWARE,
  transport: (url) => webSocketTransport({ url }),
  reachesOtherHubs: false,
  blobs: (origin) => httpBlobs(origin),
  // The page's code comes from the same site: what a tab could remember of it is worth no more than the site itself.
  trust: (origin) => hubTrust(origin, { pins }),
})

let unsubscribe: () => void = () => {}

const api: AgentWorkerApi = {
  start: (options) => agent.start(options),
  pause: () => agent.pause(),
  resume: () => agent.resume(),
  stop: () => agent.stop(),
  configure: (settings) => agent.configure(settings),
  subscribe(changed) {
    unsubscribe()
    unsubscribe = agent.subscribe(thinned(changed))
  },
  sense: (reading) => sensors.report(reading),
  async claim(challenge) {
    const identity = await keptIdentity(keys)
    return identity === undefined ? undefined : signClaim(identity, claimChallenge.parse(challenge))
  },
  rotateKey: () => beginRotation(keys),
  agentId: async () => (await keptIdentity(keys))?.keyId,
  prove: () => prove(executors, OPS, systemClock, new AbortController().signal),
}

/** Shards may end by the thousand a second; the page is told in steps, and always of the last state. */
function thinned(changed: (status: AgentStatus) => void): (status: AgentStatus) => void {
  let latest: AgentStatus | undefined
  return (status) => {
    if (latest === undefined) {
      setTimeout(() => {
        const due = latest
        latest = undefined
        if (due !== undefined) changed(due)
      }, STATUS_INTERVAL_MS)
    }
    latest = status
  }
}

installErrorTransfer()
expose(api)
