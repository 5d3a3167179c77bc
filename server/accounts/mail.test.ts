import { type AddressInfo, createServer, type Server } from 'node:net'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createLog } from '../core/log.ts'
import { createMailer } from './mail.ts'

/** A mail server reduced to what a client needs (RFC 5321); it keeps what it is handed. */
const received: string[] = []
let server: Server
let smtpUrl: string

beforeAll(async () => {
  server = createServer((socket) => {
    const say = (line: string) => socket.write(`${line}\r\n`)
    let data: string[] | undefined
    say('220 test')
    createInterface({ input: socket }).on('line', (line) => {
      if (data !== undefined) {
        if (line !== '.') data.push(line)
        else {
          received.push(data.join('\n'))
          data = undefined
          say('250 kept')
        }
      } else if (line.startsWith('RCPT TO:<full@')) say('452 no room')
      else if (line === 'DATA') {
        data = []
        say('354 go on')
      } else if (line === 'QUIT') socket.end('221 bye\r\n')
      else say('250 ok')
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve))
  smtpUrl = `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

const FROM = 'Forge Pool <no-reply@pool.example>'
const MAIL = { to: 'ada@people.example', subject: 'Hello', text: 'https://pool.example/secret-link\n' }

describe('mail', () => {
  it('goes to the server of SMTP_URL', async () => {
    const mailer = createMailer({ smtpUrl, from: FROM, log: createLog('debug', () => {}) })
    mailer.post(MAIL)
    await mailer.close()
    expect(received).toHaveLength(1)
    for (const part of [FROM, MAIL.to, `Subject: ${MAIL.subject}`, MAIL.text.trim()])
      expect(received[0]).toContain(part)
  })

  it('that a server refuses is an error in the log, without its text', async () => {
    const lines: string[] = []
    const mailer = createMailer({ smtpUrl, from: FROM, log: createLog('warn', (line) => lines.push(line)) })
    mailer.post({ ...MAIL, to: 'full@people.example' })
    await mailer.close()
    expect(lines.join()).toContain('mail.failed')
    expect(lines.join()).not.toContain('secret-link')
  })

  it('is in the log when there is no server', () => {
    const lines: string[] = []
    const log = createLog('info', (line) => lines.push(line))
    createMailer({ smtpUrl: undefined, from: FROM, log }).post(MAIL)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ event: 'mail.not_sent', ...MAIL })
  })
})
