import { fromBase64, toBase64 } from '../base64.ts'
import { consistencyProof } from '../merkle-proof.ts'
import type { EvidenceBundle } from './bundle.ts'
import type { CheckId } from './checklist.ts'
import { reenvelop, relog, reseal, resignReceipt, restate } from './reseal.test-support.ts'
import { checkpointAt, fileOf, makeKey, makeSample, pastOf, type Sample } from './sample.test-support.ts'
import type { Pins } from './verify.ts'

/**
 * Files that must be rejected. Each is made of the honest sample by whoever could make it: somebody on the way, who has no
 * key; an agent; a hub that signs and logs what is not true; a log that shows another past.
 */

export interface ForgedFile {
  readonly file: string | Uint8Array
  readonly pins?: Pins
}

export interface Forgery {
  readonly name: string
  /** The first check that fails, which is the reason given. */
  readonly fails: CheckId
  readonly make: (sample: Sample) => Promise<ForgedFile>
}

type Bundle = EvidenceBundle
type Edit = (bundle: Bundle, sample: Sample) => void

const FORGERIES: Forgery[] = []

/** A changed copy of the file's object. */
function changed(fails: CheckId, name: string, edit: Edit, pins?: (sample: Sample) => Pins | Promise<Pins>) {
  FORGERIES.push({
    name,
    fails,
    make: async (sample) => {
      const bundle = structuredClone(sample.bundle)
      edit(bundle, sample)
      return { file: fileOf(bundle), ...(pins === undefined ? {} : { pins: await pins(sample) }) }
    },
  })
}

/** Another text of the file. */
function written(fails: CheckId, name: string, edit: (file: string) => string | Uint8Array) {
  FORGERIES.push({ name, fails, make: async ({ bundle }) => ({ file: edit(fileOf(bundle)) }) })
}

/** A file that somebody with keys makes anew. */
function signed(fails: CheckId, name: string, make: (sample: Sample) => Promise<Bundle>) {
  FORGERIES.push({ name, fails, make: async (sample) => ({ file: fileOf(await make(sample)) }) })
}

const flip64 = (text: string, at: number): string => {
  const bytes = fromBase64(text)
  bytes[at] = (bytes[at] as number) ^ 1
  return toBase64(bytes)
}
const flipHex = (text: string): string => `${text[0] === '0' ? '1' : '0'}${text.slice(1)}`
/** Sets what the types forbid. */
const put = (target: object, name: string, value: unknown): void => {
  Object.assign(target, { [name]: value })
}
const row = (bundle: Bundle): string => bundle.digests?.[0] ?? ''
const proofLines = (bundle: Bundle, edit: (lines: string[]) => void): void => {
  const lines = bundle.log.proof.split('\n')
  edit(lines)
  bundle.log.proof = lines.join('\n')
}
const receiptOf = (bundle: Bundle, at = 0): Bundle['receipts'][number] =>
  bundle.receipts[at] as Bundle['receipts'][number]
const signatureOf = (bundle: Bundle): Bundle['envelope']['signatures'][number] =>
  bundle.envelope.signatures[0] as Bundle['envelope']['signatures'][number]
/** Spare bits of the last letter before the padding. */
const spareBit = (text: string): string => {
  const at = text.indexOf('=') - 1
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return `${text.slice(0, at)}${letters[letters.indexOf(text[at] as string) + 1]}${text.slice(at + 1)}`
}
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
/** The same signature with S + L. */
const malleable = (text: string): string => {
  const bytes = fromBase64(text)
  const s = BigInt(`0x${Buffer.from(bytes.subarray(32)).reverse().toString('hex')}`) + ORDER
  bytes.set(Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse(), 32)
  return toBase64(bytes)
}
const IDENTITY = toBase64(Uint8Array.of(1, ...new Uint8Array(31)))
/** Under a key of small order this is a signature of everything. */
const FOR_ALL = toBase64(Uint8Array.of(1, ...new Uint8Array(63)))

// The file as a text.
written('format', 'empty file', () => '')
written('format', 'cut in half', (file) => file.slice(0, file.length / 2))
written('format', 'trailing data', (file) => `${file}{}`)
written('format', 'trailing NUL', (file) => `${file}\0`)
written('format', 'byte order mark', (file) => `\ufeff${file}`)
written('format', 'UTF-16', (file) => new Uint8Array(Buffer.from(file, 'utf16le')))
written(
  'format',
  'a byte that is not UTF-8',
  (file) =>
    new Uint8Array(
      Buffer.concat([Buffer.from(file.slice(0, -2)), Buffer.of(0xff), Buffer.from(file.slice(-2))]),
    ),
)
written(
  'format',
  'overlong UTF-8',
  (file) =>
    new Uint8Array(
      Buffer.concat([Buffer.from(file.slice(0, 2)), Buffer.of(0xc1, 0xa6), Buffer.from(file.slice(3))]),
    ),
)
written('format', 'a key twice', (file) => file.replace('{"forge":1,', '{"forge":1,"forge":1,'))
written('format', 'a key twice, once escaped', (file) =>
  file.replace('"result":', '"resul\\u0074":"{}","result":'),
)
written('format', 'two results', (file) => `${file.slice(0, -1)},"result":"{}"}`)
written('format', 'single quotes', (file) => file.replace('"forge"', "'forge'"))
written('format', 'a comment', (file) => `${file}//`)
written('format', 'a trailing comma', (file) => `${file.slice(0, -1)},}`)
written('format', 'NaN', (file) => file.replace('"forge":1', '"forge":NaN'))
written('format', 'a leading zero', (file) => file.replace('"forge":1', '"forge":01'))
written('format', 'a leading plus', (file) => file.replace('"forge":1', '"forge":+1'))
written('format', 'a number out of range', (file) => file.replace('"forge":1', '"forge":1e999'))
written('format', 'a number of 5,000 digits', (file) =>
  file.replace('"forge":1', `"forge":${'9'.repeat(5000)}`),
)
written('format', 'another version', (file) => file.replace('"forge":1', '"forge":2'))
written('format', 'a version that is a text', (file) => file.replace('"forge":1', '"forge":"1"'))
written('format', 'a version that is true', (file) => file.replace('"forge":1', '"forge":true'))
written('format', 'nested 100,000 deep', () => '['.repeat(100_000) + ']'.repeat(100_000))
written('format', 'nested 33 deep', (file) => `${file.slice(0, -1)},"x":${'['.repeat(32)}${']'.repeat(32)}}`)
written('format', 'an array around it', (file) => `[${file}]`)
written('format', 'null', () => 'null')
written('format', 'half a surrogate pair', (file) => file.replace('"contract":"', '"contract":"\\ud800'))
written('format', 'a control character in a string', (file) => file.replace('"result":"', '"result":"\n'))
written('format', 'a key of look-alike letters', (file) => file.replace('"result":', '"r\u0435sult":'))
written('format', '__proto__', (file) => `${file.slice(0, -1)},"__proto__":{}}`)
changed('format', 'an unknown field', (bundle) => put(bundle, 'note', 'verified'))
changed('format', 'no trace', (bundle) => Reflect.deleteProperty(bundle, 'trace'))
changed('format', 'receipts null', (bundle) => put(bundle, 'receipts', null))
changed('format', 'no signatures', (bundle) => put(bundle.envelope, 'signatures', []))
changed('format', 'another payload type', (bundle) => put(bundle.envelope, 'payloadType', 'application/json'))
changed('format', 'a key id in upper case', (bundle) => {
  signatureOf(bundle).keyid = signatureOf(bundle).keyid.toUpperCase()
})
changed('format', 'base 64 with spare bits', (bundle) => {
  signatureOf(bundle).sig = spareBit(signatureOf(bundle).sig)
})
changed('format', 'base 64 of the URL alphabet', (bundle) => {
  bundle.digests = [`-_${row(bundle).slice(2)}`]
})
changed('format', 'base 64 with a line break', (bundle) => {
  bundle.envelope.payload = `${bundle.envelope.payload.slice(0, 4)}\n${bundle.envelope.payload.slice(4)}`
})
changed('format', 'base 64 without padding', (bundle) => {
  bundle.keys.hub = bundle.keys.hub.replace('=', '')
})
changed('format', 'a receipt key of 31 bytes', (bundle) => {
  receiptOf(bundle).key = toBase64(fromBase64(receiptOf(bundle).key).subarray(1))
})

// The contract.
changed('contract', 'contract with spaces', (bundle) => {
  bundle.contract = bundle.contract.replace(',', ', ')
})
changed('contract', 'contract with another order of keys', (bundle) => {
  bundle.contract = bundle.contract.replace(/^\{(.*),"contract":1,/, '{"contract":1,$1,')
})
changed('contract', '1.0', (bundle) => {
  bundle.contract = bundle.contract.replace('"contract":1', '"contract":1.0')
})
changed('contract', '1e0', (bundle) => {
  bundle.contract = bundle.contract.replace('"contract":1', '"contract":1e0')
})
changed('contract', 'an escape that is not needed', (bundle) => {
  bundle.contract = bundle.contract.replace('"mc"', '"\\u006dc"')
})
changed('contract', 'a default left out', (bundle) => {
  bundle.contract = bundle.contract.replace('"min_agents":1,', '')
})
changed('contract', 'a ctx', (bundle) => {
  bundle.contract = bundle.contract.replace('"contract":1,', '"contract":1,"ctx":{},')
})
changed('contract', 'contract version 2', (bundle) => {
  bundle.contract = bundle.contract.replace('"contract":1', '"contract":2')
})
changed('contract-hash', 'another seed', (bundle) => {
  bundle.contract = bundle.contract.replace('"42"', '"43"')
})
changed('contract-hash', 'a weaker verification asked for', (bundle) => {
  bundle.contract = bundle.contract.replace(/"verify":\{[^}]*\}/, '"verify":{"mode":"none"}')
})

// The envelope and its statement.
changed('envelope', 'a byte of the payload', (bundle) => {
  bundle.envelope.payload = flip64(bundle.envelope.payload, 40)
})
for (const at of [0, 31, 32, 63])
  changed('envelope', `byte ${at} of the hub's signature`, (bundle) => {
    signatureOf(bundle).sig = flip64(signatureOf(bundle).sig, at)
  })
changed('envelope', 'another key id', (bundle) => {
  signatureOf(bundle).keyid = flipHex(signatureOf(bundle).keyid)
})
changed('envelope', "S + L in the hub's signature", (bundle) => {
  signatureOf(bundle).sig = malleable(signatureOf(bundle).sig)
})
FORGERIES.push({
  name: 'a record signed by another key, which the file names',
  fails: 'envelope',
  make: async (sample) => {
    const hub = makeKey()
    const bundle = await reseal(sample, () => undefined, undefined, hub)
    return { file: fileOf({ ...bundle, keys: { ...bundle.keys, hub: toBase64(hub.publicKey) } }) }
  },
})
FORGERIES.push({
  name: 'a key of small order, unpinned',
  fails: 'envelope',
  make: async (sample) => {
    const keyid = Buffer.from(
      await crypto.subtle.digest('SHA-256', Uint8Array.from(fromBase64(IDENTITY))),
    ).toString('hex')
    const bundle = await relog(sample, { ...sample.bundle.envelope, signatures: [{ keyid, sig: FOR_ALL }] })
    return { file: fileOf({ ...bundle, keys: { ...bundle.keys, hub: IDENTITY } }), pins: {} }
  },
})
signed('statement', 'statement with spaces', (sample) => restate(sample, (text) => text.replace(',', ', ')))
signed('statement', 'a work count of 1e3', (sample) =>
  restate(sample, (text) => text.replace(/"work_units":[0-9]+/, '"work_units":1e3')),
)
signed('statement', 'credits of -0', (sample) =>
  restate(sample, (text) => text.replace(/"credits":[0-9]+/, '"credits":-0')),
)
signed('statement', 'credits beyond 2^53', (sample) =>
  restate(sample, (text) => text.replace(/"credits":[0-9]+/, '"credits":9007199254740992')),
)
signed('statement', 'a key twice in the record', (sample) =>
  restate(sample, (text) => text.replace('"credits":', '"credits":0,"credits":')),
)
signed('statement', 'another subject', (sample) =>
  restate(sample, (text) => text.replace('"name":"result"', '"name":"resu1t"')),
)
signed('statement', "the subject's digest is another", (sample) =>
  restate(sample, (text) => text.replace(/"sha256":"[0-9a-f]{64}"/, `"sha256":"${'0'.repeat(64)}"`)),
)
signed('statement', 'another predicate type', (sample) =>
  restate(sample, (text) => text.replace('job-record:v1', 'job-record:v2')),
)
signed('statement', 'an accent in two code points', (sample) =>
  restate(sample, (text) =>
    text.replace('"op":"mc@1/', '"op":"mc@1/e\u0301').replace('"salt"', '"sa\u0301lt"'),
  ),
)
signed('statement', 'a record of the 31st of an unknown month', (sample) =>
  restate(sample, (text) => text.replace('2026-11-26', '2026-13-31')),
)
signed('statement', 'a payload that is not UTF-8', (sample) =>
  reenvelop(sample, Uint8Array.of(0x7b, 0xff, 0x7d)),
)
signed('statement', 'a payload with a byte order mark', (sample) =>
  restate(sample, (text) => `\ufeff${text}`),
)
signed('statement', 'a payload that is null', (sample) => restate(sample, () => 'null'))

// What the record says about the contract.
signed('contract-hash', 'a record about another contract', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record, 'contract_hash', flipHex(record.contract_hash)),
  ),
)
signed('contract-hash', 'a record that names another op', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record, 'op', 'mc@1/gbm.v1'),
  ),
)
signed('contract-hash', 'a record that claims a quorum of three', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record.verification, 'asked', { mode: 'quorum', k: 3 }),
  ),
)
changed('replay-key', 'a byte of the replay key material', (bundle) => {
  bundle.replay_key_material = bundle.replay_key_material.replace('"replay_key":1', '"replay_key":2')
})
signed('replay-key', 'wrong kernel digest', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record, 'kernel', flipHex(record.kernel)),
  ),
)
signed('replay-key', 'wrong table digest', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record, 'tables', { ...record.tables, 'normal-tail': '0'.repeat(64) }),
  ),
)
signed('replay-key', 'wrong semantics', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record, 'kernel_semantics', record.kernel_semantics + 1),
  ),
)
signed('replay-key', 'material of another seed', (sample) =>
  reseal(sample, (draft) => {
    draft.material = draft.material.replace('"42"', '"43"')
  }),
)
signed('replay-key', 'material that is null', (sample) =>
  reseal(sample, (draft) => {
    draft.material = 'null'
  }),
)
signed('replay-key', 'material with a field more', (sample) =>
  reseal(sample, (draft) => {
    draft.material = `{"a":1,${draft.material.slice(1)}`
  }),
)
signed('replay-key', 'a plan that is null', (sample) =>
  reseal(sample, (draft) => {
    draft.material = draft.material.replace(/"plan":\{.*\},"replay_key"/, '"plan":null,"replay_key"')
  }),
)
signed('replay-key', 'another number of shards planned', (sample) =>
  reseal(
    sample,
    () => undefined,
    (record) => put(record.shards, 'planned', record.shards.planned + 1),
  ),
)
signed('replay-key', 'a result of the first shards only', (sample) =>
  reseal(
    sample,
    (draft) => {
      draft.digests = draft.digests.subarray(32)
    },
    (record) => put(record.shards, 'accepted', record.shards.accepted - 1),
  ),
)

// Results.
changed('result', 'another result', (bundle) => {
  bundle.result = bundle.result.replace('78539816', '78539817')
})
changed('result', 'a result with spaces', (bundle) => {
  bundle.result = bundle.result.replace(':', ': ')
})
signed('result', 'a signed result that is not canonical', (sample) =>
  reseal(sample, (draft) => {
    draft.result = draft.result.replace(':', ':1e0,"a":')
  }),
)
changed('shards', 'a bit of a digest', (bundle) => {
  bundle.digests = [flip64(row(bundle), 33)]
})
changed('shards', 'two shards swapped', (bundle) => {
  const bytes = fromBase64(row(bundle))
  const first = bytes.slice(0, 32)
  bytes.copyWithin(0, 32, 64)
  bytes.set(first, 32)
  bundle.digests = [toBase64(bytes)]
})
changed('shards', 'a digest less', (bundle) => {
  bundle.digests = [toBase64(fromBase64(row(bundle)).subarray(32))]
})
changed('shards', 'a digest more', (bundle) => {
  bundle.digests = [toBase64(Uint8Array.from([...fromBase64(row(bundle)), ...new Uint8Array(32)]))]
})
changed('shards', 'digests in rows of another length', (bundle) => {
  const bytes = fromBase64(row(bundle))
  bundle.digests = [toBase64(bytes.subarray(0, 32)), toBase64(bytes.subarray(32))]
})
changed('shards', 'no digest at all', (bundle) => {
  bundle.digests = []
})

// The trace.
changed('trace', 'another executor in the trace', (bundle) => {
  bundle.trace = bundle.trace.replace('webgpu', 'wasm')
})
changed('trace', 'a trace with spaces', (bundle) => {
  bundle.trace = bundle.trace.replace(':', ': ')
})
signed('trace', 'a shard that no run covers', (sample) =>
  reseal(sample, ({ trace }) => {
    const last = trace.runs.at(-1)
    if (last !== undefined) last.first++
  }),
)
signed('trace', 'a shard that two runs cover', (sample) =>
  reseal(sample, ({ trace }) => {
    const last = trace.runs.at(-1)
    if (last !== undefined) last.first--
  }),
)
signed('trace', 'an agent without a name', (sample) =>
  reseal(sample, ({ trace }) => {
    trace.agents.pop()
  }),
)
signed('trace', 'an agent without a copy', (sample) =>
  reseal(sample, ({ trace }) => {
    trace.agents.push('0'.repeat(64))
  }),
)
signed('trace', 'a referee with an owner', (sample) =>
  reseal(sample, ({ trace }) => {
    trace.runs[0]?.copies.push([-1, 0, 'wasm'])
  }),
)
for (const [name, claim] of [
  ['methods', { single: 0, quorum: 1, referee: 0 }],
  ['copies', 1_000_000],
  ['keys', 1000],
  ['owners', 1000],
] as const)
  signed('trace', `a wrong count of ${name}`, (sample) =>
    reseal(
      sample,
      () => undefined,
      (record) => put(record.verification, name, claim),
    ),
  )

// Receipts.
changed('receipts', 'receipts in another order', (bundle) => {
  bundle.receipts.reverse()
})
changed('receipts', 'a receipt dropped', (bundle) => {
  bundle.receipts.pop()
})
changed('receipts', 'a receipt twice', (bundle) => {
  bundle.receipts.push(receiptOf(bundle))
})
changed('receipts', "a byte of an agent's signature", (bundle) => {
  receiptOf(bundle).signature = flip64(receiptOf(bundle).signature, 5)
})
changed('receipts', "S + L in an agent's signature", (bundle) => {
  receiptOf(bundle).signature = malleable(receiptOf(bundle).signature)
})
changed('receipts', 'differs outside the lease', (bundle) => {
  receiptOf(bundle).differs = [[1_000_000, '0'.repeat(64)]]
})
signed('receipts', 'a signature by another agent', (sample) =>
  reseal(sample, ({ receipts }) => {
    const [first, second] = receipts
    if (first !== undefined && second !== undefined) first.key = second.key
  }),
)
signed('receipts', "S + L in an agent's signature, signed by the hub", (sample) =>
  reseal(sample, ({ receipts }) => {
    for (const receipt of receipts) receipt.signature = malleable(receipt.signature)
  }),
)
signed('receipts', 'an agent whose key has small order', (sample) =>
  reseal(sample, ({ receipts }) => {
    for (const receipt of receipts) Object.assign(receipt, { key: IDENTITY, signature: FOR_ALL })
  }),
)
for (const [name, fields] of [
  ['a receipt of another contract', { contract_hash: '0'.repeat(64) }],
  ['a receipt of another plan', { plan_digest: '0'.repeat(64) }],
  ['a receipt of other results', { result_root: '0'.repeat(64) }],
  ['a receipt for shards that do not exist', { first: 4000 }],
  ['a receipt of no shards', { count: 0 }],
  ['a receipt with a field more', { verified: true }],
] as const)
  signed('receipts', name, (sample) =>
    reseal(sample, ({ receipts }) => {
      receipts[0] = resignReceipt(sample, 0, fields)
    }),
  )
signed('receipts', 'two receipts for one lease', (sample) =>
  reseal(sample, ({ receipts }) => {
    receipts.push(receipts[0] as Bundle['receipts'][number])
  }),
)

// What is claimed about verification.
signed('verification', 'a copy without its receipt', (sample) =>
  reseal(sample, ({ receipts }) => {
    receipts.pop()
  }),
)
signed('verification', 'a receipt of another executor', (sample) =>
  reseal(sample, ({ receipts }) => {
    receipts[0] = resignReceipt(sample, 0, { executor: 'cpu' })
  }),
)
signed('verification', 'a quorum of one copy', (sample) =>
  reseal(sample, ({ trace }) => {
    for (const run of trace.runs) Object.assign(run, { method: 'quorum', copies: run.copies.slice(0, 1) })
    trace.agents = trace.agents.filter((_, at) => trace.runs.some(({ copies }) => copies[0]?.[0] === at))
    const places = [...new Set(trace.runs.map(({ copies }) => copies[0]?.[0]))]
    for (const { copies } of trace.runs) for (const copy of copies) copy[0] = places.indexOf(copy[0])
  }),
)
signed('verification', 'two keys of one owner', (sample) =>
  reseal(sample, ({ trace }) => {
    for (const { method, copies } of trace.runs)
      for (const copy of copies) Object.assign(copy, { 1: copy[1] < 0 ? -1 : 0, length: method ? 3 : 3 })
  }),
)
signed('verification', 'one key under two owners', (sample) =>
  reseal(sample, ({ trace }) => {
    const [first] = trace.runs
    const [agent, , executor] = first?.copies[0] ?? [0, 0, 'wasm']
    if (first === undefined) return
    first.copies.push([agent, 7, executor], [agent, 8, executor])
    first.copies = first.copies.filter(([other]) => other === agent)
    const used = new Set(trace.runs.flatMap(({ copies }) => copies.map(([at]) => at)))
    const kept = trace.agents.filter((_, at) => used.has(at))
    for (const { copies } of trace.runs)
      for (const copy of copies) if (copy[0] >= 0) copy[0] = kept.indexOf(trace.agents[copy[0]] as string)
    trace.agents = kept
    for (const run of trace.runs) run.method = run.copies.some(([at]) => at < 0) ? run.method : 'quorum'
  }),
)
signed('verification', 'a referee without a copy', (sample) =>
  reseal(sample, ({ trace }) => {
    for (const run of trace.runs) run.method = 'referee'
  }),
)

// The ledger.
changed('inclusion', 'another index', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(1, 1, 'index 256')),
)
changed('inclusion', 'an index beyond the log', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(1, 1, 'index 300')),
)
changed('inclusion', 'an index of 20 digits', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(1, 1, 'index 18446744073709551873')),
)
changed('inclusion', 'an index with a sign', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(1, 1, 'index +257')),
)
changed('inclusion', 'a proof cut short', (bundle) => proofLines(bundle, (lines) => lines.splice(2, 1)))
changed('inclusion', 'a proof made longer', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(2, 0, lines[2] as string)),
)
changed('inclusion', 'a byte of the proof', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(3, 1, flip64(lines[3] as string, 7))),
)
changed('inclusion', 'spare bits in the proof', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(3, 1, spareBit(lines[3] as string))),
)
changed('inclusion', 'lines that end in CR LF', (bundle) => {
  bundle.log.proof = bundle.log.proof.replaceAll('\n', '\r\n')
})
changed('inclusion', 'another header', (bundle) =>
  proofLines(bundle, (lines) => lines.splice(0, 1, 'proof@v2')),
)
changed('inclusion', 'a checkpoint without signatures', (bundle) => {
  bundle.log.proof = bundle.log.proof.slice(0, bundle.log.proof.indexOf('\n\n— ') + 1)
})
changed('inclusion', 'the root of another tree', (bundle) => {
  bundle.log.proof = bundle.log.proof.replace(
    /(\n300\n)(.)/,
    (_, size: string, letter: string) => `${size}${letter === 'A' ? 'B' : 'A'}`,
  )
})
FORGERIES.push({
  name: 'a record that is not the one in the ledger',
  fails: 'inclusion',
  make: async (sample) => {
    const bundle = await reseal(
      sample,
      () => undefined,
      (record) => put(record, 'credits', 1),
    )
    return { file: fileOf({ ...bundle, log: sample.bundle.log }) }
  },
})
const signatureLine = (bundle: Bundle, name: string, edit: (bytes: Uint8Array) => void): void =>
  proofLines(bundle, (lines) => {
    const at = lines.findIndex((line) => line.startsWith(`— ${name} `))
    const bytes = fromBase64((lines[at] as string).split(' ')[2] as string)
    edit(bytes)
    lines[at] = `— ${name} ${toBase64(bytes)}`
  })
changed('checkpoint', "a byte of the log's signature", (bundle, { logKey }) =>
  signatureLine(bundle, logKey.name, (bytes) => bytes.set([(bytes[10] as number) ^ 1], 10)),
)
changed('checkpoint', 'the key id of another log', (bundle, { logKey }) =>
  signatureLine(bundle, logKey.name, (bytes) => bytes.set([(bytes[0] as number) ^ 1], 0)),
)
changed(
  'checkpoint',
  'signed by another log key, which is not the pinned one',
  () => undefined,
  (sample) => ({
    logKey: { ...sample.logKey, publicKey: makeKey().publicKey },
  }),
)
changed('witnesses', 'a cosignature at another time', (bundle, { witnessKey }) =>
  signatureLine(bundle, witnessKey.name, (bytes) => bytes.set([(bytes[11] as number) ^ 1], 11)),
)
changed('witnesses', 'a byte of a cosignature', (bundle, { witnessKey }) =>
  signatureLine(bundle, witnessKey.name, (bytes) => bytes.set([(bytes[40] as number) ^ 1], 40)),
)
changed('witnesses', 'the cosignature left out', (bundle, { witnessKey }) =>
  proofLines(bundle, (lines) =>
    lines.splice(
      lines.findIndex((line) => line.startsWith(`— ${witnessKey.name} `)),
      1,
    ),
  ),
)
changed(
  'witnesses',
  'one witness where two were asked for',
  () => undefined,
  ({ witnessKey }) => ({
    witnesses: { keys: [witnessKey], needed: 2 },
  }),
)
const known = async (sample: Sample, of: Sample, size: number): Promise<Pins> => ({
  checkpoint: await checkpointAt(of.bundle.envelope, size, sample),
})
changed(
  'consistency',
  'a fork of the log',
  () => undefined,
  async (sample) => known(sample, await makeSample(), 300),
)
changed(
  'consistency',
  'a log that was rolled back',
  () => undefined,
  (sample) => known(sample, sample, 301),
)
changed(
  'consistency',
  'a checkpoint of before, and no proof',
  () => undefined,
  (sample) => known(sample, sample, 259),
)
changed(
  'consistency',
  'a past that was rewritten',
  (bundle) => {
    const hashes = consistencyProof(259, 300, pastOf(bundle.envelope)).map(toBase64)
    bundle.log.consistency = { old: 259, hashes }
  },
  async (sample) => known(sample, await makeSample(), 259),
)
changed(
  'consistency',
  'a consistency proof cut short',
  (bundle) => {
    const hashes = consistencyProof(259, 300, pastOf(bundle.envelope)).map(toBase64)
    bundle.log.consistency = { old: 259, hashes: hashes.slice(1) }
  },
  (sample) => known(sample, sample, 259),
)

export { FORGERIES }
