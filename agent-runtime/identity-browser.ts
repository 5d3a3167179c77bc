import { ForgeError } from '../kernel/errors.ts'
import { generateKey, type KeyStore, type StoredKey } from './identity.ts'

const DATABASE = 'forge-agent'
const STORE = 'keys'
/** The record of the site's own agent; an agent in a partner's page has one under its site key. */
const OWN_KEY = 'identity'
const SEED_NOTE =
  'This browser has no Ed25519 of its own: the key is kept as bytes that scripts of this site could read.'

/**
 * Keeps the key in IndexedDB, which stores a non-extractable CryptoKey without ever showing its bytes. All tabs of a
 * site in one browser profile are one agent key.
 * @param record name of the key, where there are several: a partner's site key
 */
export function indexedDbKeyStore(factory: IDBFactory, record: string = OWN_KEY): KeyStore {
  const nextRecord = `${record} next`
  const next = singleKey(factory, nextRecord)
  return {
    ...singleKey(factory, record),
    next: {
      load: next.load,
      keep: next.keep,
      async promote() {
        const database = await openDatabase(factory)
        try {
          // One transaction: of two tabs the second one finds nothing to promote.
          const store = database.transaction(STORE, 'readwrite').objectStore(STORE)
          const key: unknown = await settled(store.get(nextRecord))
          if (!isStoredKey(key)) return
          await settled(store.put(key, record))
          await settled(store.delete(nextRecord))
        } finally {
          database.close()
        }
      },
    },
  }
}

function singleKey(factory: IDBFactory, record: string): KeyStore {
  return {
    generate: generateKey,
    note: (key) => (key.kind === 'seed' ? SEED_NOTE : undefined),
    async load() {
      const database = await openDatabase(factory)
      try {
        const value: unknown = await settled(
          database.transaction(STORE, 'readonly').objectStore(STORE).get(record),
        )
        return isStoredKey(value) ? value : undefined
      } finally {
        database.close()
      }
    },
    async keep(key) {
      const database = await openDatabase(factory)
      try {
        // Read and write in one transaction: of two tabs that start at once, the first one's key stays.
        const store = database.transaction(STORE, 'readwrite').objectStore(STORE)
        const present: unknown = await settled(store.get(record))
        if (isStoredKey(present)) return present
        await settled(store.put(key, record))
        return key
      } finally {
        database.close()
      }
    },
  }
}

/**
 * Keeps a key for as long as this worker lives, where the browser refuses storage to a frame of another site: the agent
 * then has a new key in each visit.
 */
export function orForThisVisit(store: KeyStore): KeyStore {
  let visit: StoredKey | undefined
  return {
    generate: store.generate,
    note: (key) =>
      key === visit ? 'This browser keeps no key here: it lasts for this visit.' : store.note(key),
    load: () => store.load().catch(() => visit),
    async keep(key) {
      try {
        return await store.keep(key)
      } catch {
        visit ??= key
        return visit
      }
    },
  }
}

function isStoredKey(value: unknown): value is StoredKey {
  if (typeof value !== 'object' || value === null || !('kind' in value)) return false
  if (value.kind === 'seed')
    return 'seed' in value && value.seed instanceof Uint8Array && value.seed.length === 32
  return (
    value.kind === 'webcrypto' &&
    'privateKey' in value &&
    value.privateKey instanceof CryptoKey &&
    'publicKey' in value &&
    value.publicKey instanceof CryptoKey
  )
}

function openDatabase(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(DATABASE, 1)
  request.onupgradeneeded = () => request.result.createObjectStore(STORE)
  return settled(request)
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result)
    request.onerror = () => {
      reject(
        new ForgeError(
          'UNAVAILABLE',
          `the browser's storage refused the agent's key: ${request.error?.message ?? 'unknown'}`,
          {
            hint: 'Allow this site to store data, or leave private browsing.',
            cause: request.error,
          },
        ),
      )
    }
  })
}
