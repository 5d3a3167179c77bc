import { ForgeError } from '../kernel/errors.ts'
import { generateKey, type KeyStore, type StoredKey } from './identity.ts'

const DATABASE = 'forge-agent'
const STORE = 'keys'
const KEY = 'identity'
const SEED_NOTE =
  'This browser has no Ed25519 of its own: the key is kept as bytes that scripts of this site could read.'

/**
 * Keeps the key in IndexedDB, which stores a non-extractable CryptoKey without ever showing its bytes. All tabs of a
 * site in one browser profile are one agent key.
 */
export function indexedDbKeyStore(factory: IDBFactory): KeyStore {
  return {
    generate: generateKey,
    note: (key) => (key.kind === 'seed' ? SEED_NOTE : undefined),
    async load() {
      const database = await openDatabase(factory)
      try {
        const value: unknown = await settled(
          database.transaction(STORE, 'readonly').objectStore(STORE).get(KEY),
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
        const present: unknown = await settled(store.get(KEY))
        if (isStoredKey(present)) return present
        await settled(store.put(key, KEY))
        return key
      } finally {
        database.close()
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
