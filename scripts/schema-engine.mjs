#!/usr/bin/env node
// Stands in for the native schema engine that the Prisma CLI would download: it speaks the same JSON-RPC over stdio,
// runs the engine that npm carries as WebAssembly, and reaches PostgreSQL through node-postgres. prisma.config.ts
// names it in PRISMA_SCHEMA_ENGINE_BINARY, so `prisma migrate …` works offline and on every platform.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import readline from 'node:readline'
import { PrismaPg } from '@prisma/adapter-pg'
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils'
import * as engineBindings from '@prisma/schema-engine-wasm/schema_engine_bg'
import pg from 'pg'

/** PostgreSQL's type "char" (one byte), which pg_catalog is full of. */
const OID_CHAR = 18
const OID_TEXT = 25

const wasmFolder = path.dirname(createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm'))
const args = process.argv.slice(2)

/** @param {string} name @returns {string[]} the values of a repeatable option */
const option = (name) => args.flatMap((arg, at) => (arg === name ? [args[at + 1] ?? ''] : []))

/**
 * Fields, never a connection string: pg lets a connection string win over `database`, which would point the shadow
 * database at the real one.
 * @param {string} text
 * @returns {pg.ClientConfig & {database: string}}
 */
function connectionFields(text) {
  const url = new URL(text)
  const sslmode = url.searchParams.get('sslmode') ?? 'disable'
  return {
    host: decodeURIComponent(url.searchParams.get('host') ?? url.hostname).replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 5432),
    user: decodeURIComponent(url.username),
    ...(url.password === '' ? {} : { password: decodeURIComponent(url.password) }),
    database: decodeURIComponent(url.pathname.slice(1)),
    ...(sslmode === 'disable' ? {} : { ssl: { rejectUnauthorized: sslmode !== 'no-verify' } }),
  }
}

/** @returns {ReturnType<typeof connectionFields> & {schema: string | null}} */
function connection() {
  const [source] = option('--datasource')
  const text = /** @type {{url?: string}} */ (JSON.parse(source ?? '{}')).url ?? process.env.DATABASE_URL
  if (text === undefined) throw new Error('no database URL: set DATABASE_URL')
  return { ...connectionFields(text), schema: new URL(text).searchParams.get('schema') }
}

/** @param {string} sql @param {string} database */
async function runOn(database, sql) {
  const { schema: _, ...fields } = connection()
  const client = new pg.Client({ ...fields, database })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}

/**
 * adapter-pg 7.10 refuses the type "char": hand the column over as text and mark it as a character afterwards. And it
 * cuts a migration at every semicolon, also inside a function's body: send the script whole, as the native engine does.
 * @template {object} A
 * @param {A} adapter
 * @returns {A}
 */
function mended(adapter) {
  const inner =
    /** @type {{performIO(q: object): Promise<{fields: {dataTypeID: number}[]}>, queryRaw(q: object): Promise<{columnTypes: number[]}>, executeScript(script: string): Promise<void>, client: pg.Client, onError(error: unknown): never}} */ (
      /** @type {unknown} */ (adapter)
    )
  const performIO = inner.performIO.bind(adapter)
  const queryRaw = inner.queryRaw.bind(adapter)
  /** @type {WeakMap<object, boolean[]>} */
  const charColumns = new WeakMap()
  inner.performIO = async (query) => {
    const answer = await performIO(query)
    charColumns.set(
      query,
      answer.fields.map((field) => field.dataTypeID === OID_CHAR),
    )
    for (const field of answer.fields) if (field.dataTypeID === OID_CHAR) field.dataTypeID = OID_TEXT
    return answer
  }
  inner.queryRaw = async (query) => {
    const answer = await queryRaw(query)
    charColumns.get(query)?.forEach((isChar, at) => {
      if (isChar) answer.columnTypes[at] = ColumnTypeEnum.Character
    })
    return answer
  }
  inner.executeScript = async (script) => {
    await inner.client.query(script).catch((error) => inner.onError(error))
  }
  return adapter
}

/** @returns {import('@prisma/driver-adapter-utils').SqlMigrationAwareDriverAdapterFactory} */
function adapterFactory() {
  const { schema, ...fields } = connection()
  const options = schema === null ? {} : { schema }
  const base = new PrismaPg(fields, options)
  return {
    provider: 'postgres',
    adapterName: base.adapterName,
    connect: async () => mended(await base.connect()),
    /** An empty database in which the migrations are played to see what schema they give. */
    connectToShadowDb: async () => {
      const database = `prisma_migrate_shadow_db_${crypto.randomUUID()}`
      await runOn('postgres', `CREATE DATABASE "${database}"`)
      const adapter = mended(await new PrismaPg({ ...fields, database }, options).connect())
      const dispose = adapter.dispose.bind(adapter)
      adapter.dispose = async () => {
        await dispose()
        await runOn('postgres', `DROP DATABASE IF EXISTS "${database}" WITH (FORCE)`)
      }
      return adapter
    },
  }
}

/** The sub-command `cli can-connect-to-database | create-database`. */
async function runCli() {
  const { database } = connection()
  try {
    if (args.includes('create-database')) {
      await runOn('postgres', `CREATE DATABASE "${database.replaceAll('"', '""')}"`)
    } else {
      await runOn(database, 'SELECT 1')
    }
  } catch (error) {
    const { message, code } = /** @type {Error & {code?: string}} */ (error)
    const fields = { is_panic: false, message, error_code: code === '3D000' ? 'P1003' : 'P1001' }
    // The CLI drops the first line and reads JSON log lines from the second on.
    process.stderr.write(`\n${JSON.stringify({ level: 'ERROR', target: 'schema_engine::logger', fields })}\n`)
    process.exitCode = 1
  }
}

/** The JSON-RPC loop: requests are answered one after another, in order. */
function serve() {
  const module = new WebAssembly.Module(readFileSync(path.join(wasmFolder, 'schema_engine_bg.wasm')))
  const instance = new WebAssembly.Instance(module, { './schema_engine_bg.js': engineBindings })
  engineBindings.__wbg_set_wasm(instance.exports)
  const start = /** @type {() => void} */ (instance.exports.__wbindgen_start)
  start()

  const datamodels = option('--datamodels').map(
    (file) => /** @type {[string, string]} */ ([file, readFileSync(file, 'utf8')]),
  )
  /** @typedef {Record<string, (params: unknown) => Promise<unknown>>} Engine */
  /** @returns {Promise<Engine>} */
  const open = async () => {
    const factory = bindMigrationAwareSqlAdapterFactory(adapterFactory())
    const options = { datamodels: datamodels.length === 0 ? undefined : datamodels }
    const opened = await engineBindings.SchemaEngine.new(options, () => {}, factory)
    return /** @type {Engine} */ (/** @type {unknown} */ (opened))
  }
  /** @type {Promise<Engine> | undefined} */
  let engine
  /** @param {object} message */
  const send = (message) => process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)

  /** @param {{id: unknown, method?: string, params?: unknown}} request */
  const answer = async ({ id, method, params }) => {
    if (method === undefined) return // the CLI's reply to our own `print`
    try {
      engine ??= open()
      const opened = await engine
      const call = opened[method === 'getDatabaseVersion' ? 'version' : method]
      if (call === undefined) throw new Error(`the schema engine has no method ${method}`)
      const result = /** @type {{stdout?: string | null}} */ ((await call.call(opened, params)) ?? {})
      if (method === 'diff' && result.stdout != null) {
        send({ id: 'print', method: 'print', params: { content: result.stdout } })
      }
      send({ id, result })
    } catch (error) {
      const { message, code, meta } = /** @type {Error & {code?: string, meta?: object}} */ (error)
      const data = { is_panic: false, message, error_code: code, meta: meta ?? {} }
      send({
        id,
        error: { code: 4466, message: 'An error happened. Check the data field for details.', data },
      })
    }
  }

  let queue = Promise.resolve()
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', (line) => {
    queue = queue.then(() => answer(JSON.parse(line)))
  })
  lines.on('close', () => queue.then(() => process.exit(0)))
}

if (args.includes('--version') || args.includes('-V')) {
  const { version } = JSON.parse(readFileSync(path.join(wasmFolder, 'package.json'), 'utf8'))
  console.log(`schema-engine-wasm ${version}`)
} else if (args.includes('cli')) {
  await runCli()
} else {
  serve()
}
