import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { runCommand } from './command.test-support.ts'
import { jobCommand } from './steer.ts'

const ID = '0d4c7a52-3f0e-4b52-8f5e-9f1f2b3c4d5e'
const KEY = `fpak_${'k'.repeat(43)}`

let server: Server
let site: string
let asked: {
  readonly method: string | undefined
  readonly url: string | undefined
  readonly key: string | undefined
}[]
let answer: { readonly status: number; readonly body: object }
beforeEach(async () => {
  asked = []
  server = createServer(({ method, url, headers }, response) => {
    asked.push({ method, url, key: headers.authorization })
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  site = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  vi.stubEnv('FORGE_KEY', KEY)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await new Promise((resolve) => server.close(resolve))
})

describe('forge job', () => {
  it.each([
    ['pause', { paused: true }, 'The job is paused.'],
    ['resume', { paused: false }, 'The job goes on.'],
    ['cancel', { state: 'cancelled' }, 'The job is cancelled.'],
  ])('asks the site to %s it, with the key of its owner', async (verb, body, says) => {
    answer = { status: 200, body }
    const run = await runCommand(jobCommand, verb, ID, '--site', site)
    expect(run).toEqual({ code: 0, out: `${says}\n`, err: '' })
    expect(asked).toEqual([{ method: 'POST', url: `/api/v0/jobs/${ID}/${verb}`, key: `Bearer ${KEY}` }])
  })

  it('gives the site’s reason where it refuses', async () => {
    answer = { status: 404, body: { error: { message: 'there is no such job', hint: 'Check the address.' } } }
    const run = await runCommand(jobCommand, 'pause', ID, '--site', site)
    expect(run).toMatchObject({ code: 1, err: 'there is no such job. Check the address.\n' })
  })

  it('asks nothing with wrong options, and never shows the key', async () => {
    answer = { status: 200, body: {} }
    for (const argv of [
      ['stop', ID, '--site', site],
      ['pause', '--site', site],
      ['pause', ID],
      ['pause', ID, '--site', 'ftp://x'],
    ])
      expect((await runCommand(jobCommand, ...argv)).code).toBe(2)
    vi.stubEnv('FORGE_KEY', 'secret')
    const run = await runCommand(jobCommand, 'pause', ID, '--site', site)
    expect(run.code).toBe(2)
    expect(run.err).not.toContain('secret')
    expect(asked).toEqual([])
  })
})
