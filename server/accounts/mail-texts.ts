import type { Mail } from './mail.ts'

/** What the site writes to people. Names are the reader's own; a stranger's words never stand in a mail. */

type Text = Omit<Mail, 'to'>

export function verifyText(link: string): Text {
  return {
    subject: 'Your address at Forge Pool',
    text: `Somebody, probably you, has created an account at Forge Pool with this address.

To show that it is yours, open this link within an hour:

${link}

If it was not you, do nothing.
`,
  }
}

export function existingAccountText(origin: string): Text {
  return {
    subject: 'You already have an account at Forge Pool',
    text: `Somebody, probably you, has tried to create an account at Forge Pool with this address. You have one already; it
has not been changed. Sign in, or set a new password there:

${origin}/sign-in

If it was not you, do nothing.
`,
  }
}

export function resetText(link: string): Text {
  return {
    subject: 'A new password for Forge Pool',
    text: `Somebody, probably you, has asked for a new password for your account at Forge Pool.

To choose one, open this link within an hour. You are then signed out everywhere else:

${link}

If it was not you, do nothing: your password stays as it is.
`,
  }
}

export function passwordChangedText(origin: string): Text {
  return {
    subject: 'Your password at Forge Pool was changed',
    text: `The password of your account at Forge Pool was changed, and you were signed out everywhere.

If it was not you, set a new one at once:

${origin}/sign-in
`,
  }
}
