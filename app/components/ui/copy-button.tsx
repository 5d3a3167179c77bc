'use client'

import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { toast } from 'sonner'
import { Button } from './button.tsx'

/** Copies `text`; `what` names it for the screen reader: "Copy replay key". */
export function CopyButton({
  text,
  what,
  label,
}: {
  readonly text: string
  readonly what: string
  /** Visible text; without it the button is an icon. */
  readonly label?: string
}) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1800)
    return () => clearTimeout(timer)
  }, [copied])

  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      setCopied(true)
    } catch {
      toast.error(`The browser does not let this page copy the ${what}. Select the text and copy it by hand.`)
    }
  }

  return (
    <>
      <Button
        tone={label === undefined ? 'quiet' : 'plain'}
        size={label === undefined ? 'icon' : 'small'}
        aria-label={label === undefined ? `Copy ${what}` : undefined}
        onClick={copy}
      >
        {copied ? <Check aria-hidden className="text-ok" /> : <Copy aria-hidden />}
        {label}
      </Button>
      <span role="status" className="sr-only">
        {copied ? `${what} copied` : ''}
      </span>
    </>
  )
}
