import { fromBase64, toBase64 } from '../base64.ts'
import {
  FOR_ALL,
  flip64,
  flipHex,
  forgeries,
  IDENTITY,
  malleable,
  put,
  receiptOf,
  row,
  signatureOf,
  spareBit,
} from './forgery.test-support.ts'
import { reenvelop, relog, reseal, restate } from './reseal.test-support.ts'
import { fileOf, makeKey } from './sample.test-support.ts'

/** Forged files: texts, contracts, envelopes and statements. */
export const FILE_FORGERIES = forgeries(({ changed, written, signed, add }) => {
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
  written(
    'format',
    'nested 33 deep',
    (file) => `${file.slice(0, -1)},"x":${'['.repeat(32)}${']'.repeat(32)}}`,
  )
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
  changed('format', 'another payload type', (bundle) =>
    put(bundle.envelope, 'payloadType', 'application/json'),
  )
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
  add({
    name: 'a record signed by another key, which the file names',
    fails: 'envelope',
    make: async (sample) => {
      const hub = makeKey()
      const bundle = await reseal(sample, () => undefined, undefined, hub)
      return { file: fileOf({ ...bundle, keys: { ...bundle.keys, hub: toBase64(hub.publicKey) } }) }
    },
  })
  add({
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
})
