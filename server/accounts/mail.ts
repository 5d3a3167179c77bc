import { createTransport } from 'nodemailer'
import type { Log } from '../core/log.ts'
import { ACCOUNT_LIMITS } from './limits.ts'

export interface Mail {
  readonly to: string
  readonly subject: string
  /** Plain text. */
  readonly text: string
}

/** Takes mail to be sent some time soon. Whoever hands it over never waits: how long it takes tells who has an account. */
export interface Mailer {
  post(mail: Mail): void
  /** Waits for what is on its way. */
  close(): Promise<void>
}

export interface MailerOptions {
  /** `smtp://user:password@host:587` or `smtps://…`. Without one, mail is written to the log instead. */
  readonly smtpUrl: string | undefined
  /** `Forge Pool <no-reply@pool.example>` */
  readonly from: string
  readonly log: Log
}

export function createMailer({ smtpUrl, from, log }: MailerOptions): Mailer {
  if (smtpUrl === undefined) {
    return {
      post: ({ to, subject, text }) =>
        log.info('mail.not_sent', { why: 'SMTP_URL is not set', to, subject, text }),
      close: async () => {},
    }
  }
  const transport = createTransport(smtpUrl, { from, disableFileAccess: true, disableUrlAccess: true })
  const underway = new Set<Promise<void>>()
  const send = async (mail: Mail): Promise<void> => {
    try {
      await transport.sendMail(mail)
      log.debug('mail.sent', { subject: mail.subject })
    } catch (error) {
      // Its text holds a secret link: it does not go to the log here.
      log.error('mail.failed', { subject: mail.subject, error })
    }
  }
  return {
    post(mail) {
      if (underway.size >= ACCOUNT_LIMITS.mails_underway) {
        log.error('mail.failed', { subject: mail.subject, why: 'too many mails are on their way' })
        return
      }
      const sent = send(mail)
      underway.add(sent)
      void sent.finally(() => underway.delete(sent))
    },
    async close() {
      await Promise.all(underway)
      transport.close()
    },
  }
}
